"""The mailer against the sandbox's AWS server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from contact_manager.adapters.aws.ses_mailer import SesMailer
from contact_manager.domain.customer import Customer
from contact_manager.domain.notification import Mail
from contact_manager.errors import (
    MailRejectedError,
    RecipientUnverifiedError,
    RemoteServiceError,
    SendingStoppedError,
)
from contact_manager.sandbox.aws_server import (
    BASE_ACCESS_KEY_ID,
    BASE_SECRET_ACCESS_KEY,
    AwsServer,
    Fault,
    RoleRule,
    SendingRules,
)
from tests.fakes.aws_access import impatient_access, lead_to
from tests.fakes.aws_clients import READER, assume, open_client

ACCOUNT = "111111111111"
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
    return server.counts.get(ACCOUNT, {}).get("SendEmail", 0)


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
async def test_an_address_that_is_refused_is_final_for_this_person_only(
    server: AwsServer, mailer: SesMailer, code: str
) -> None:
    server.add_fault(Fault("ses", "SendEmail", status=400, code=code, message="Illegal address"))
    with pytest.raises(MailRejectedError) as caught:
        await mailer.send(HTS, MAIL)
    assert caught.value.code == code
    await mailer.send(HTS, replace(MAIL, recipient="bob@example.com"))
    assert sendings(server) == 2


@pytest.mark.parametrize("code", ["MessageRejected", "BadRequestException"])
async def test_words_that_nobody_knows_are_final_for_nobody(
    server: AwsServer, mailer: SesMailer, code: str
) -> None:
    server.add_fault(Fault("ses", "SendEmail", status=400, code=code))
    with pytest.raises(RemoteServiceError) as caught:
        await mailer.send(HTS, MAIL)
    assert not isinstance(caught.value, (MailRejectedError, SendingStoppedError))
    await mailer.send(HTS, MAIL)


async def test_an_account_that_is_paused_sends_to_nobody_until_it_is_not(
    server: AwsServer, mailer: SesMailer
) -> None:
    server.set_sending(SendingRules(ACCOUNT, paused=True))
    with pytest.raises(SendingStoppedError, match="Sending paused for this account"):
        await mailer.send(HTS, MAIL)
    assert sendings(server) == 1
    server.set_sending(SendingRules(ACCOUNT))
    await mailer.send(HTS, MAIL)


async def test_an_account_that_is_suspended_sends_to_nobody(server: AwsServer, mailer: SesMailer) -> None:
    server.set_sending(SendingRules(ACCOUNT, suspended=True))
    with pytest.raises(SendingStoppedError) as caught:
        await mailer.send(HTS, MAIL)
    assert caught.value.retry_after is None


async def test_a_sender_that_is_not_verified_is_the_same_for_everybody(
    server: AwsServer, mailer: SesMailer
) -> None:
    server.set_sending(SendingRules(ACCOUNT, unverified=[MAIL.sender]))
    with pytest.raises(SendingStoppedError):
        await mailer.send(HTS, MAIL)


async def test_a_recipient_that_is_not_verified_may_be_later_and_others_are_reached(
    server: AwsServer, mailer: SesMailer
) -> None:
    server.set_sending(SendingRules(ACCOUNT, unverified=[MAIL.recipient]))
    with pytest.raises(RecipientUnverifiedError):
        await mailer.send(HTS, MAIL)
    await mailer.send(HTS, replace(MAIL, recipient="bob@example.com"))


async def test_a_refused_address_is_final(server: AwsServer, mailer: SesMailer) -> None:
    words = "Local address contains control or whitespace"
    server.set_sending(SendingRules(ACCOUNT, refused={MAIL.recipient: words}))
    with pytest.raises(MailRejectedError):
        await mailer.send(HTS, MAIL)


async def test_a_quota_that_is_used_up_is_left_alone_for_an_hour(server: AwsServer) -> None:
    now_s = 0.0
    server.set_sending(SendingRules(ACCOUNT, daily_quota=2))
    async with impatient_access() as access:
        mailer = SesMailer(access, clock=lambda: now_s)
        await mailer.send(HTS, MAIL)
        await mailer.send(HTS, MAIL)
        for _ in range(3):
            with pytest.raises(SendingStoppedError) as caught:
                await mailer.send(HTS, MAIL)
            assert caught.value.retry_after == timedelta(hours=1)
            now_s += 60
        assert sendings(server) == 3
        server.set_sending(SendingRules(ACCOUNT, daily_quota=3))
        now_s += 3600
        await mailer.send(HTS, MAIL)
        await mailer.close()


async def test_a_quota_that_was_used_up_before_is_not_even_tried(server: AwsServer) -> None:
    server.set_sending(SendingRules(ACCOUNT, daily_quota=1))
    async with impatient_access() as access:
        for sent in (1, 0):
            mailer = SesMailer(access)
            if sent:
                await mailer.send(HTS, MAIL)
            else:
                with pytest.raises(SendingStoppedError, match="1 of 1 mails in 24 hours"):
                    await mailer.send(HTS, MAIL)
            await mailer.close()
    assert sendings(server) == 1


async def test_a_quota_of_minus_one_is_none(server: AwsServer, mailer: SesMailer) -> None:
    server.set_sending(SendingRules(ACCOUNT, daily_quota=-1))
    await mailer.send(HTS, MAIL)
    await mailer.send(HTS, MAIL)


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
