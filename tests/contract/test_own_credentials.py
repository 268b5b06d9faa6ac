"""The process's own credentials: shared by all who wait, and found when they come later."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contact_manager.adapters.aws.identity import OwnRole
from contact_manager.adapters.aws.parameters import fetch_parameters
from contact_manager.adapters.aws.session import AwsAccess
from contact_manager.errors import RemoteServiceError
from tests.fakes.aws_access import impatient_access, lead_to
from tests.fakes.aws_fake import OWN_KEY, OWN_SECRET, AwsFake
from tests.fakes.imds_fake import ImdsFake, Mood


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AwsFake]:
    fake = AwsFake()
    async with fake.make_server() as server:
        lead_to(monkeypatch, str(server.make_url("")))
        for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "HTTP_PROXY"):
            monkeypatch.delenv(variable)
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        yield fake


@pytest.fixture
async def imds(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ImdsFake]:
    imds = ImdsFake(Mood.DROPPING, key=OWN_KEY, secret=OWN_SECRET)
    async with imds.make_server() as server:
        monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", str(server.make_url("/")))
        yield imds


@pytest.fixture
async def access() -> AsyncIterator[AwsAccess]:
    async with impatient_access() as access:
        yield access


@pytest.mark.parametrize("mood", [mood for mood in Mood if mood is not Mood.UP])
async def test_credentials_of_an_instance_are_found_when_its_metadata_service_answers_later(
    fake: AwsFake, imds: ImdsFake, access: AwsAccess, mood: Mood
) -> None:
    fake.parameters["/a"] = "one"
    imds.mood = mood
    for _ in range(2):
        with pytest.raises(RemoteServiceError, match="instance metadata service") as caught:
            await fetch_parameters(access, ["/a"])
        assert caught.value.code == "NoCredentials"
        with pytest.raises(RemoteServiceError, match="instance metadata service"):
            await access.fetch_own_credentials()
    imds.mood = Mood.UP
    assert await fetch_parameters(access, ["/a"]) == {"/a": "one"}
    assert (await access.fetch_own_credentials()).access_key == OWN_KEY


async def test_a_failing_provider_runs_once_for_all_who_wait(
    fake: AwsFake, access: AwsAccess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    program = tmp_path / "helper.py"
    program.write_text(f"open({str(runs)!r}, 'a').write('x')\nprint('{{}}')\n")
    config = tmp_path / "config"
    config.write_text(f"[default]\ncredential_process = {sys.executable} {program}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    failures = await asyncio.gather(
        *(access.fetch_own_credentials() for _ in range(87)), return_exceptions=True
    )
    assert len({str(failure) for failure in failures}) == 1
    assert runs.read_text() == "x"


async def test_a_provider_that_hangs_is_named_and_ended(
    fake: AwsFake, access: AwsAccess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pipe, config = tmp_path / "pipe", tmp_path / "config"
    os.mkfifo(pipe)
    held = os.open(pipe, os.O_RDWR)  # without a writer cat would not begin to read
    config.write_text(f"[default]\ncredential_process = cat {pipe}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    access.open_session().time_limit_s = 0.2
    with pytest.raises(RemoteServiceError, match=r"the credential_process .* gave no answer in time"):
        await access.fetch_own_credentials()
    os.close(held)
    with pytest.raises(OSError, match="No such device"):
        os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)  # nobody reads any more


async def test_what_was_mended_is_used_without_a_new_start(
    fake: AwsFake, access: AwsAccess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake.parameters["/a"] = "one"
    program, config = tmp_path / "helper.py", tmp_path / "config"
    config.write_text(f"[default]\ncredential_process = {sys.executable} {program}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    printed = {"Version": 1, "AccessKeyId": OWN_KEY, "SecretAccessKey": OWN_SECRET, "SessionToken": "s"}
    soon = (datetime.now(UTC) + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    program.write_text(f"print({json.dumps(printed | {'Expiration': soon})!r})")
    assert await fetch_parameters(access, ["/a"]) == {"/a": "one"}
    program.write_text("print('[]')")
    with pytest.raises(RemoteServiceError, match="credential_process"):
        await fetch_parameters(access, ["/a"])
    program.write_text(f"print({json.dumps(printed)!r})")
    assert await fetch_parameters(access, ["/a"]) == {"/a": "one"}


async def test_an_unknown_identity_is_no_reason_to_stop(fake: AwsFake, access: AwsAccess) -> None:
    assert await OwnRole(access, "arn:aws:iam::111111111111:role/own").fetch_id() == ""


BROKEN_SETTINGS = {
    "services are not there": "[default]\nservices = gone\n",
    "services hold no section": "[default]\nservices = s\n[services s]\nssm = http\n",
    "retry mode": "[default]\nretry_mode = banana\n",
    "attempts": "[default]\nmax_attempts = many\n",
    "defaults mode": "[default]\ndefaults_mode = banana\n",
    "certificates": "[default]\nca_bundle = /no/such/file\n",
    "dual stack": "[default]\nuse_dualstack_endpoint = perhaps\n",
    "nested": "[default]\ns3 = nonsense\nregion =\n",
}


@pytest.mark.parametrize("name", BROKEN_SETTINGS)
async def test_settings_that_botocore_cannot_use_are_an_error_or_no_obstacle(
    fake: AwsFake, access: AwsAccess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    fake.parameters["/a"] = "one"
    config = tmp_path / "config"
    config.write_text(BROKEN_SETTINGS[name])
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", OWN_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", OWN_SECRET)
    message = ""
    try:
        await fetch_parameters(access, ["/a"])
    except RemoteServiceError as error:
        message = str(error)
    for python in ("\n", "object", "invalid literal"):
        assert python not in message
