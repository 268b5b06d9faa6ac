"""The customers' contact lists in Amazon SES, as a ``ContactDirectory``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

from contact_manager.adapters.aws.contact_json import (
    ContactParser,
    parse_list_names,
    parse_suppressed,
    parse_topic_defaults,
)
from contact_manager.adapters.aws.credentials import Role
from contact_manager.adapters.aws.errors import Asked, DeniedError
from contact_manager.adapters.aws.rate_limit import RateLimiter
from contact_manager.adapters.aws.ses_account import PageRequest, SesAccount
from contact_manager.adapters.aws.session import AwsAccess
from contact_manager.adapters.aws.signed_http import AwsRequest
from contact_manager.domain.customer import Customer
from contact_manager.domain.subscription import Contact, ContactList
from contact_manager.errors import RemoteServiceError, TopicMissingError

_log = logging.getLogger(__name__)

_LISTS_PATH = "/v2/email/contact-lists"
_SUPPRESSION_PATH = "/v2/email/suppression/addresses"


@dataclass(frozen=True, slots=True)
class _Suppression:
    """Who gets no mail from the account, as far as the role may know."""

    addresses: frozenset[str]
    warnings: tuple[str, ...] = ()


class SesContactDirectory:
    """Reads contact lists under the customers' roles. Implements ``ports.ContactDirectory``.

    Args:
        access: The process's way into AWS; whoever made it closes it.
        requests_per_second: Pace at each customer's account.
        time_limit: Of reading one customer; None for none.
    """

    def __init__(
        self, access: AwsAccess, *, requests_per_second: float, time_limit: timedelta | None = None
    ) -> None:
        self._access = access
        self._requests_per_second = requests_per_second
        self._time_limit_s = time_limit.total_seconds() if time_limit else None
        self._slots = asyncio.Semaphore(access.max_customers)
        self._limiters: dict[tuple[str, str], RateLimiter] = {}

    async def fetch_contacts(self, customer: Customer, topics: Sequence[str]) -> ContactList:
        """Return every contact of the customer's list with the choices for ``topics``.

        Topics, contacts and suppression list are read at the same time. Nothing is ever created. Waiting for
        connections that others use takes none of the time limit.

        Raises:
            TopicMissingError: The list does not have ``topics[0]``.
            RemoteServiceError: The account cannot be read.
            TimeoutError: It took longer than the time limit.
        """
        async with self._slots, asyncio.timeout(self._time_limit_s):
            return await self._fetch_contacts(customer, topics)

    async def _fetch_contacts(self, customer: Customer, topics: Sequence[str]) -> ContactList:
        account = await self._open_account(customer)
        list_name = customer.contact_list_name or await _find_list_name(account)
        try:
            async with asyncio.TaskGroup() as group:
                defaults = group.create_task(_fetch_topic_defaults(account, list_name, topics))
                contacts = group.create_task(_fetch_all_contacts(account, list_name, topics, customer.code))
                suppression = group.create_task(_fetch_suppression(account, customer.code))
        except ExceptionGroup as failures:
            raise _first_remote(failures) from failures
        missing = _missing_optional(list_name, topics, defaults.result())
        suppressed, warnings = suppression.result().addresses, suppression.result().warnings
        return ContactList(list_name, defaults.result(), contacts.result(), suppressed, (*missing, *warnings))

    async def _open_account(self, customer: Customer) -> SesAccount:
        role = Role(customer.role_arn, customer.external_id)
        asked = Asked("ses", "ListContacts", f"account {role.account_id}", role_arn=role.arn)
        region = self._access.choose_region(asked, customer.region)
        endpoint = await self._access.fetch_endpoint("sesv2", region)
        limiter = self._limiters.setdefault((role.account_id, region), RateLimiter(self._requests_per_second))
        return SesAccount(self._access, role, endpoint, limiter)


async def _fetch_suppression(account: SesAccount, code: str) -> _Suppression:
    """Return who is suppressed; a list that the role may not read becomes a warning.

    Any other failure is the customer's: a run that took the list for empty would invite people whom the
    next one removes.

    Raises:
        RemoteServiceError: It cannot be read now.
    """
    asked = account.describe("ListSuppressedDestinations")
    request = PageRequest(asked.operation, _SUPPRESSION_PATH)
    pages: list[set[str]] = []
    try:
        await account.fetch_pages(asked, request, parse_suppressed, pages)
    except DeniedError as error:
        if error.operation != asked.operation:
            raise
        _log.info("ses.suppression_denied customer=%s code=%s", code, error.code)
        warning = (
            f"the suppression list may not be read ({error.code}), so suppressed people may be invited; "
            f"{error.remedy}"
        )
        return _Suppression(frozenset().union(*pages), (warning,))
    return _Suppression(frozenset().union(*pages))


async def _find_list_name(account: SesAccount) -> str:
    asked = account.describe("ListContactLists")
    request = PageRequest(asked.operation, _LISTS_PATH)
    pages = await account.fetch_pages(asked, request, parse_list_names, [])
    names = [name for page in pages for name in page]
    if not names:
        raise RemoteServiceError(
            f"{asked.where} has no contact list; make one there, or correct region and ses_role_arn",
            service="ses",
            operation=asked.operation,
            code="ContactListMissing",
        )
    return names[0]


async def _fetch_topic_defaults(account: SesAccount, list_name: str, topics: Sequence[str]) -> dict[str, str]:
    asked = account.describe("GetContactList", list_name)
    request = AwsRequest("GET", _list_path(list_name))
    defaults = await account.fetch(asked, request, parse_topic_defaults)
    if topics[0] not in defaults:
        available = ", ".join(sorted(defaults)) or "no topics at all"
        raise TopicMissingError(
            f'the {asked.where} has no topic "{topics[0]}" (it has: {available}); '
            "add the topic there, or name another one with --topic-name",
            service="ses",
            operation=asked.operation,
            code="TopicMissing",
        )
    return defaults


async def _fetch_all_contacts(
    account: SesAccount, list_name: str, topics: Sequence[str], code: str
) -> tuple[Contact, ...]:
    asked = account.describe("ListContacts", list_name)
    request = PageRequest(asked.operation, f"{_list_path(list_name)}/contacts/list", is_post=True)
    contacts: list[Contact] = []
    for page in await account.fetch_pages(asked, request, ContactParser(topics).parse_page, []):
        contacts += page
        _log.debug("ses.page_read customer=%s contacts=%d", code, len(page))
    return tuple(contacts)


def _list_path(list_name: str) -> str:
    return f"{_LISTS_PATH}/{quote(list_name, safe='')}"


def _missing_optional(list_name: str, topics: Sequence[str], defaults: dict[str, str]) -> tuple[str, ...]:
    return tuple(
        f'the contact list "{list_name}" has no topic "{topic}", nobody comes through it'
        for topic in topics[1:]
        if topic not in defaults
    )


def _first_remote(failures: ExceptionGroup[Exception]) -> Exception:
    """Return the failure to report; what is not a service's refusal is a defect and goes first."""
    for error in failures.exceptions:
        if not isinstance(error, RemoteServiceError):
            return error
    return failures.exceptions[0]
