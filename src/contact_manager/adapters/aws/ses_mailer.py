"""Mail through Amazon SES in the customers' accounts, as a ``Mailer``."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import orjson

from contact_manager.adapters.aws.contact_json import MalformedError
from contact_manager.adapters.aws.credentials import Role
from contact_manager.adapters.aws.errors import NO_ANSWER, Asked, RefusedError
from contact_manager.adapters.aws.rate_limit import RateLimiter
from contact_manager.adapters.aws.send_refusals import Scope, is_daily_quota, judge
from contact_manager.adapters.aws.sending_pace import SendingPace
from contact_manager.adapters.aws.ses_account import SesAccount
from contact_manager.adapters.aws.session import AwsAccess
from contact_manager.adapters.aws.signed_http import AwsRequest
from contact_manager.adapters.shared_calls import SharedCalls
from contact_manager.domain.customer import Customer
from contact_manager.domain.notification import Mail
from contact_manager.errors import (
    MailRejectedError,
    RecipientUnverifiedError,
    RemoteServiceError,
    SendingStoppedError,
)

_log = logging.getLogger(__name__)

_SEND_PATH = "/v2/email/outbound-emails"
_ACCOUNT_PATH = "/v2/email/account"
QUOTA_REST = timedelta(hours=1)
"""How long an account is left alone whose mails of 24 hours are used up. They come free one by one, as they
were sent (Amazon SES developer guide, "Managing your Amazon SES sending limits": a rolling period)."""

_QUOTA_USED_UP = "DailyQuotaExceeded"
_CAUTIOUS_RATE = 1.0
"""Mails a second where the account's own rate cannot be read: that of the SES sandbox."""


@dataclass(frozen=True, slots=True)
class SendQuota:
    """What an account may send: mails a second, and in 24 hours (None for no limit, or an unknown one)."""

    rate: float
    a_day: float | None = None
    sent: float = 0.0

    @property
    def is_used_up(self) -> bool:
        """Whether nothing is left of the 24 hours."""
        return self.a_day is not None and self.sent >= self.a_day


@dataclass(frozen=True, slots=True)
class _Sender:
    """One customer's account and its pace."""

    account: SesAccount
    pace: SendingPace


class SesMailer:
    """Sends under the customers' roles. Implements ``ports.Mailer``.

    Args:
        access: The process's way into AWS; whoever made it closes it.
    """

    def __init__(self, access: AwsAccess, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._access = access
        self._clock = clock
        self._patience = replace(access.patience, is_passing=_was_not_taken)
        self._senders = SharedCalls[tuple[str, str], _Sender]()

    async def close(self) -> None:
        """End the calls that still run."""
        await self._senders.close()

    async def send(self, customer: Customer, mail: Mail) -> None:
        """Hand over one message.

        Raises:
            MailRejectedError: This message can never be sent to this person.
            RecipientUnverifiedError: The account may not send to this person yet.
            SendingStoppedError: The account sends to nobody now.
            RemoteServiceError: It was not taken now.
        """
        key = (customer.role_arn, customer.region)
        sender = await self._senders.fetch(key, lambda: self._open(customer))
        asked = sender.account.describe("SendEmail")
        request = AwsRequest("POST", _SEND_PATH, orjson.dumps(message(mail)), is_done_by_status=True)
        try:
            await sender.account.send(asked, request, patience=self._patience)
        except RefusedError as refused:
            error = _explained(refused, asked, mail)
            if isinstance(error, SendingStoppedError) and error.retry_after is not None:
                sender.pace.rest(error.retry_after, error)
            if error is refused:
                raise
            raise error from refused

    async def _open(self, customer: Customer) -> _Sender:
        """Return the customer's account at the pace it allows."""
        asked = Asked("ses", "SendEmail", f"customer {customer.code}")
        region = self._access.choose_region(asked, customer.region)
        endpoint = await self._access.fetch_endpoint("sesv2", region)
        role = Role(customer.role_arn, customer.external_id)
        asking = SesAccount(self._access, role, endpoint, RateLimiter(_CAUTIOUS_RATE))
        quota = await self._fetch_quota(asking)
        pace = SendingPace(quota.rate, clock=self._clock)
        account = SesAccount(self._access, role, endpoint, pace)
        if quota.is_used_up:
            pace.rest(QUOTA_REST, _quota_used_up(account.describe("SendEmail"), quota))
        return _Sender(account, pace)

    async def _fetch_quota(self, account: SesAccount) -> SendQuota:
        """Return what the account may send; roles of old may not read it."""
        asked = account.describe("GetAccount")
        try:
            return await account.fetch(asked, AwsRequest("GET", _ACCOUNT_PATH), read_quota)
        except RemoteServiceError as error:
            _log.warning("ses.send_rate_unread operation=%s code=%s", asked.operation, error.code)
            return SendQuota(_CAUTIOUS_RATE)


def message(mail: Mail) -> dict[str, Any]:
    """Return the mail as SendEmail takes it (botocore service model sesv2, ``SendEmailRequest``)."""
    parts: dict[str, Any] = {
        "FromEmailAddress": mail.sender,
        "Destination": {"ToAddresses": [mail.recipient]},
        "Content": {
            "Simple": {
                "Subject": {"Data": mail.subject, "Charset": "UTF-8"},
                "Body": {
                    "Text": {"Data": mail.text, "Charset": "UTF-8"},
                    "Html": {"Data": mail.html, "Charset": "UTF-8"},
                },
            }
        },
    }
    if mail.contact_list is not None:
        options = {"ContactListName": mail.contact_list, "TopicName": mail.topic}
        parts["ListManagementOptions"] = {name: value for name, value in options.items() if value}
    return parts


def read_quota(page: dict[str, Any]) -> SendQuota:
    """Return what GetAccount says about sending; -1 mails mean no limit (Amazon SES API v2, ``SendQuota``).

    Raises:
        MalformedError: There is no rate in it.
    """
    quota = page.get("SendQuota")
    rate, a_day, sent = (
        _figure(quota.get(name)) if isinstance(quota, dict) else None
        for name in ("MaxSendRate", "Max24HourSend", "SentLast24Hours")
    )
    if rate is None:
        raise MalformedError("it has no SendQuota.MaxSendRate")
    return SendQuota(rate, a_day, sent or 0.0)


def _figure(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and value > 0 else None


def _was_not_taken(error: RemoteServiceError) -> bool:
    """Whether a mail may be sent again at once; without an answer it may be on its way."""
    return error.retryable and error.code != NO_ANSWER and not isinstance(error, SendingStoppedError)


def _explained(refused: RefusedError, asked: Asked, mail: Mail) -> RemoteServiceError:
    """Return a refusal as the error that says what it is about, or the refusal itself."""
    if is_daily_quota(asked, refused.refusal):
        return _stopped(refused, f"{refused}; {_NEXT_TRY}", retry_after=QUOTA_REST)
    match judge(refused.refusal, mail):
        case Scope.RECIPIENT:
            return _retold(MailRejectedError, refused)
        case Scope.UNVERIFIED_RECIPIENT:
            return _retold(RecipientUnverifiedError, refused)
        case Scope.ACCOUNT:
            return _stopped(refused, str(refused))
        case Scope.UNKNOWN:
            return refused


_NEXT_TRY = f"no mail is tried through it for the next {QUOTA_REST.total_seconds() / 60:g} minutes"


def _quota_used_up(asked: Asked, quota: SendQuota) -> SendingStoppedError:
    return SendingStoppedError(
        f"{asked} was not tried: {quota.sent:g} of {quota.a_day:g} mails in 24 hours are sent; {_NEXT_TRY}",
        service=asked.service,
        operation=asked.operation,
        code=_QUOTA_USED_UP,
        retryable=True,
        retry_after=QUOTA_REST,
    )


def _stopped(
    refused: RefusedError, message: str, *, retry_after: timedelta | None = None
) -> SendingStoppedError:
    return SendingStoppedError(
        message,
        service=refused.service,
        operation=refused.operation,
        code=refused.code,
        retryable=retry_after is not None,
        request_id=refused.request_id,
        retry_after=retry_after,
    )


def _retold(kind: type[RemoteServiceError], refused: RefusedError) -> RemoteServiceError:
    return kind(
        str(refused),
        service=refused.service,
        operation=refused.operation,
        code=refused.code,
        request_id=refused.request_id,
    )
