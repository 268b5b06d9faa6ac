from __future__ import annotations

import asyncio
import re
import ssl
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest

from contact_manager.adapters.aws.credentials import AssumedRoles, Caller, Role, role_session_name
from contact_manager.adapters.aws.errors import Asked
from contact_manager.adapters.aws.retries import Patience
from contact_manager.adapters.aws.signed_http import Answer, AwsRequest, Credentials, Endpoint, SignedHttp
from contact_manager.errors import RemoteServiceError

START = datetime(2030, 1, 1, tzinfo=UTC)
ROLE = Role("arn:aws:iam::111111111111:role/reader")
REFUSED = RemoteServiceError("no", service="sts", operation="AssumeRole")


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("CHG-1", "ccm-CHG-1"),
        ("CHG 1/ä: x", "ccm-CHG-1-x"),
        ("a@b=c,d.e+f_g", "ccm-a@b=c,d.e+f_g"),
        ("", "ccm"),
        ("///", "ccm"),
    ],
)
def test_a_session_is_named_after_its_change(label: str, name: str) -> None:
    assert role_session_name(label) == name


def test_a_long_label_still_gives_a_valid_session_name() -> None:
    assert re.fullmatch(r"[\w+=,.@-]{2,64}", role_session_name("x" * 500), re.ASCII)


def test_the_account_is_read_from_the_role() -> None:
    assert ROLE.account_id == "111111111111"
    assert Role("reader").account_id == ""


def test_secrets_do_not_show() -> None:
    assert "hush" not in repr(Credentials("AKIA", "hush", "hush"))


class Sts(SignedHttp):
    """Assumes every role for a quarter of an hour of its own clock."""

    def __init__(self) -> None:
        super().__init__(ssl.create_default_context(), connections=1)
        self.now = START
        self.asked: list[str] = []
        self.refusals: list[RemoteServiceError] = []

    async def send(
        self, asked: Asked, request: AwsRequest, endpoint: Endpoint, credentials: Credentials
    ) -> Answer:
        await asyncio.sleep(0)
        self.asked.append(parse_qs(request.body.decode())["RoleArn"][0])
        if self.refusals:
            raise self.refusals.pop()
        expiration = (self.now + timedelta(minutes=15)).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = (
            '<R xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Credentials>'
            f"<AccessKeyId>ASIA{len(self.asked)}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
            f"<SessionToken>t</SessionToken><Expiration>{expiration}</Expiration></Credentials></R>"
        )
        return Answer(body.encode(), "")


@pytest.fixture
def sts() -> Sts:
    return Sts()


@pytest.fixture
def roles(sts: Sts) -> AssumedRoles:
    async def endpoint(near: str) -> Endpoint:
        return Endpoint("http://127.0.0.1", near, "sts")

    async def own() -> Credentials:
        return Credentials("AKIA", "secret")

    return AssumedRoles(
        Caller(endpoint, own), sts, session_name="ccm", patience=Patience(attempts=1), now=lambda: sts.now
    )


async def test_a_role_is_assumed_once_however_many_ask_at_the_same_time(
    sts: Sts, roles: AssumedRoles
) -> None:
    got = await asyncio.gather(*(roles.fetch(ROLE, near="eu-west-1") for _ in range(20)))
    assert len(sts.asked) == 1
    assert all(one is got[0] for one in got)


async def test_another_external_id_is_another_session(sts: Sts, roles: AssumedRoles) -> None:
    await roles.fetch(ROLE, near="eu-west-1")
    await roles.fetch(Role(ROLE.arn, "word"), near="eu-west-1")
    assert len(sts.asked) == 2


@pytest.mark.parametrize(("minutes", "calls"), [(9, 1), (10, 2), (16, 2)])
async def test_a_session_is_renewed_five_minutes_before_it_ends(
    sts: Sts, roles: AssumedRoles, minutes: int, calls: int
) -> None:
    await roles.fetch(ROLE, near="eu-west-1")
    sts.now += timedelta(minutes=minutes)
    await roles.fetch(ROLE, near="eu-west-1")
    assert len(sts.asked) == calls


async def test_a_forgotten_session_is_renewed_once(sts: Sts, roles: AssumedRoles) -> None:
    old = await roles.fetch(ROLE, near="eu-west-1")
    roles.forget(ROLE, old)
    new = await roles.fetch(ROLE, near="eu-west-1")
    roles.forget(ROLE, old)
    assert await roles.fetch(ROLE, near="eu-west-1") is new
    assert len(sts.asked) == 2


async def test_a_refusal_is_told_to_all_who_wait_and_not_remembered(sts: Sts, roles: AssumedRoles) -> None:
    sts.refusals.append(REFUSED)
    told = await asyncio.gather(
        *(roles.fetch(ROLE, near="eu-west-1") for _ in range(3)), return_exceptions=True
    )
    assert told == [REFUSED] * 3
    assert (await roles.fetch(ROLE, near="eu-west-1")).credentials.access_key == "ASIA2"


async def test_closing_ends_a_call_under_way(roles: AssumedRoles) -> None:
    waiting = asyncio.create_task(roles.fetch(ROLE, near="eu-west-1"))
    await asyncio.sleep(0)
    await roles.close()
    (outcome,) = await asyncio.gather(waiting, return_exceptions=True)
    assert isinstance(outcome, asyncio.CancelledError)
