"""Mail through Amazon SES in the customers' accounts, as a ``Mailer``."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import orjson

from contact_manager.adapters.aws.contact_json import MalformedError
from contact_manager.adapters.aws.credentials import Role
from contact_manager.adapters.aws.errors import NO_ANSWER, Asked
from contact_manager.adapters.aws.rate_limit import RateLimiter
from contact_manager.adapters.aws.ses_account import SesAccount
from contact_manager.adapters.aws.session import AwsAccess
from contact_manager.adapters.aws.signed_http import AwsRequest
from contact_manager.adapters.shared_calls import SharedCalls
from contact_manager.domain.customer import Customer
from contact_manager.domain.notification import Mail
from contact_manager.errors import MailRejectedError, RemoteServiceError

_log = logging.getLogger(__name__)

_SEND_PATH = "/v2/email/outbound-emails"
_ACCOUNT_PATH = "/v2/email/account"
_REFUSED_FOR_GOOD = frozenset({"MessageRejected", "BadRequestException"})
"""About one message; what is about the whole account (SendingPausedException, MailFromDomainNotVerified…)
may be mended (Amazon SES API v2, SendEmail, Errors)."""

_NOT_VERIFIED = "not verified"
_CAUTIOUS_RATE = 1.0
"""Mails a second where the account's own rate cannot be read: that of the SES sandbox."""


class SesMailer:
    """Sends under the customers' roles. Implements ``ports.Mailer``.

    Args:
        access: The process's way into AWS; whoever made it closes it.
    """

    def __init__(self, access: AwsAccess) -> None:
        self._access = access
        self._patience = replace(access.patience, is_passing=_was_not_taken)
        self._accounts = SharedCalls[tuple[str, str], SesAccount]()

    async def close(self) -> None:
        """End the calls that still run."""
        await self._accounts.close()

    async def send(self, customer: Customer, mail: Mail) -> None:
        """Hand over one message.

        Raises:
            MailRejectedError: This message can never be sent to this person.
            RemoteServiceError: It was not taken now.
        """
        key = (customer.role_arn, customer.region)
        account = await self._accounts.fetch(key, lambda: self._open(customer))
        asked = account.describe("SendEmail")
        request = AwsRequest("POST", _SEND_PATH, orjson.dumps(message(mail)))
        try:
            await account.fetch(asked, request, lambda _: None, patience=self._patience)
        except RemoteServiceError as error:
            if error.code in _REFUSED_FOR_GOOD and _NOT_VERIFIED not in str(error):
                raise MailRejectedError(
                    str(error),
                    service=error.service,
                    operation=error.operation,
                    code=error.code,
                    request_id=error.request_id,
                ) from error
            raise

    async def _open(self, customer: Customer) -> SesAccount:
        """Return the customer's account at the pace it allows."""
        asked = Asked("ses", "SendEmail", f"customer {customer.code}")
        region = self._access.choose_region(asked, customer.region)
        endpoint = await self._access.fetch_endpoint("sesv2", region)
        role = Role(customer.role_arn, customer.external_id)
        asking = SesAccount(self._access, role, endpoint, RateLimiter(_CAUTIOUS_RATE))
        limiter = RateLimiter(await self._fetch_rate(asking), burst=1)
        return SesAccount(self._access, role, endpoint, limiter)

    async def _fetch_rate(self, account: SesAccount) -> float:
        """Return the account's mails a second; roles of old may not read it."""
        asked = account.describe("GetAccount")
        try:
            return await account.fetch(asked, AwsRequest("GET", _ACCOUNT_PATH), _send_rate)
        except RemoteServiceError as error:
            _log.warning("ses.send_rate_unread operation=%s code=%s", asked.operation, error.code)
            return _CAUTIOUS_RATE


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


def _was_not_taken(error: RemoteServiceError) -> bool:
    """Whether a mail may be sent again at once; without an answer it may be on its way."""
    return error.retryable and error.code != NO_ANSWER


def _send_rate(page: dict[str, Any]) -> float:
    quota = page.get("SendQuota")
    rate = quota.get("MaxSendRate") if isinstance(quota, dict) else None
    if not isinstance(rate, int | float) or rate <= 0:
        raise MalformedError("it has no SendQuota.MaxSendRate")
    return float(rate)
