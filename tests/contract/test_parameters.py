from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from contact_manager.adapters.aws.parameters import fetch_parameters
from contact_manager.adapters.aws.session import AwsAccess
from contact_manager.errors import RemoteServiceError
from tests.fakes.aws_access import impatient_access, lead_to
from tests.fakes.aws_fake import AwsFake, refuse


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AwsFake]:
    fake = AwsFake()
    async with fake.make_server() as server:
        lead_to(monkeypatch, str(server.make_url("")))
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield fake


@pytest.fixture
async def access() -> AsyncIterator[AwsAccess]:
    async with impatient_access("CHG-1 é/1") as access:
        yield access


async def test_parameters_are_read_in_one_call_and_decrypted(fake: AwsFake, access: AwsAccess) -> None:
    fake.parameters.update({"/b": "two", "/a": "one"})
    assert await fetch_parameters(access, ["/b", "/a"]) == {"/a": "one", "/b": "two"}
    assert fake.requests["GetParameters"] == [{"Names": ["/b", "/a"], "WithDecryption": True}]


async def test_parameters_that_are_missing_are_named_and_values_are_not(
    fake: AwsFake, access: AwsAccess
) -> None:
    fake.parameters["/there"] = "hush"
    with pytest.raises(RemoteServiceError, match=r"no parameter /gone in us-east-1") as caught:
        await fetch_parameters(access, ["/there", "/gone"])
    assert caught.value.code == "InvalidParameters"
    assert "hush" not in str(caught.value)


async def test_a_denied_parameter_is_told_with_the_permission(fake: AwsFake, access: AwsAccess) -> None:
    fake.interrupt("GetParameters", refuse(400, "AccessDeniedException"))
    with pytest.raises(RemoteServiceError, match=r"your own role or user lacks ssm:GetParameters") as caught:
        await fetch_parameters(access, ["/there"])
    assert (caught.value.service, caught.value.code) == ("ssm", "AccessDeniedException")
