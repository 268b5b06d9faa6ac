"""The mailer against the sandbox's AWS server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from contact_manager.adapters.aws.ses_mailer import SesMailer
from contact_manager.domain.customer import Customer
from contact_manager.domain.notification import Mail
from contact_manager.errors import MailRejectedError, RemoteServiceError
from contact_manager.sandbox.aws_server import (
    BASE_ACCESS_KEY_ID,
    BASE_SECRET_ACCESS_KEY,
    AwsServer,
    Fault,
    RoleRule,
)
from tests.fakes.aws_access import impatient_access, lead_to
from tests.fakes.aws_clients import READER, assume, open_client

HTS = Customer("hts", "HTS", "us-east-1", READER)
MAIL = Mail("changes@example.com", "ann@example.com", "subject", "text", "<p>html</p>")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsServer]:
    with AwsServer() as running:
        lead_to(monkeypatch, running.endpoint_url, BASE_ACCESS_KEY_ID, BASE_SECRET_ACCESS_KEY)
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        running.set_role(RoleRule(READER))
        ses = open_client(running, "sesv2", **assume(running))
        ses.create_email_identity(EmailIdentity=MAIL.sender)
        running.forget_requests()
        yield running


@pytest.fixture
async def mailer(server: AwsServer) -> AsyncIterator[SesMailer]:
    async with impatient_access() as access:
        mailer = SesMailer(access)
        yield mailer
        await mailer.close()


def sendings(server: AwsServer) -> int:
    return server.counts.get("111111111111", {}).get("SendEmail", 0)


async def test_a_mail_is_handed_over_under_the_role_of_the_customer(
    server: AwsServer, mailer: SesMailer
) -> None:
    await mailer.send(HTS, MAIL)
    assert sendings(server) == 1


async def test_the_rate_is_asked_once_for_many_mails(server: AwsServer, mailer: SesMailer) -> None:
    for _ in range(3):
        await mailer.send(HTS, MAIL)
    assert server.counts["111111111111"]["GetAccount"] == 1


async def test_a_role_that_may_not_read_the_rate_still_sends(server: AwsServer, mailer: SesMailer) -> None:
    server.add_fault(Fault("ses", "GetAccount", status=403, code="AccessDeniedException"))
    await mailer.send(HTS, MAIL)
    assert sendings(server) == 1


@pytest.mark.parametrize("code", ["MessageRejected", "BadRequestException"])
async def test_a_message_that_is_refused_for_good_is_told_apart(
    server: AwsServer, mailer: SesMailer, code: str
) -> None:
    server.add_fault(Fault("ses", "SendEmail", status=400, code=code, times=None))
    with pytest.raises(MailRejectedError) as caught:
        await mailer.send(HTS, MAIL)
    assert caught.value.code == code
    assert sendings(server) == 1


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("SendingPausedException", "paused"),
        ("AccountSuspendedException", "suspended"),
        ("MailFromDomainNotVerifiedException", "no"),
        ("LimitExceededException", "quota"),
        ("MessageRejected", "Email address is not verified."),
    ],
)
async def test_trouble_of_the_whole_account_refuses_nobody_for_good(
    server: AwsServer, mailer: SesMailer, code: str, message: str
) -> None:
    server.add_fault(Fault("ses", "SendEmail", status=400, code=code, message=message, times=None))
    with pytest.raises(RemoteServiceError) as caught:
        await mailer.send(HTS, MAIL)
    assert not isinstance(caught.value, MailRejectedError)
    assert caught.value.code == code


async def test_a_throttled_mail_is_sent_later(server: AwsServer, mailer: SesMailer) -> None:
    server.add_fault(Fault("ses", "SendEmail", status=429, code="TooManyRequestsException"))
    await mailer.send(HTS, MAIL)
    assert sendings(server) == 2
