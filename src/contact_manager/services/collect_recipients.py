"""Read the contact lists of all customers at the same time: the only fan-out."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from contact_manager.domain.change import ManualAttendee
from contact_manager.domain.customer import Customer
from contact_manager.domain.outcome import CustomerOutcome, CustomerStatus
from contact_manager.domain.recipients import Recipients, TopicSelection, allowed_besides, decide_recipients
from contact_manager.domain.subscription import ContactList
from contact_manager.errors import RemoteServiceError
from contact_manager.ports import ContactDirectory
from contact_manager.settings import Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom to gather.

    Attributes:
        customers: Folded codes, each once.
        selection: Topics whose subscribers are invited.
        manual: People named besides.
        organizer: Folded address that is left out, or None.
    """

    customers: tuple[str, ...]
    selection: TopicSelection
    manual: tuple[ManualAttendee, ...] = ()
    organizer: str | None = None


@dataclass(frozen=True, slots=True)
class Collected:
    """Everybody who was decided about, and how reading each customer ended, in the audience's order."""

    recipients: Recipients
    customers: tuple[CustomerOutcome, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Reading:
    """How one customer was read: either the list is there, or the outcome tells why not."""

    outcome: CustomerOutcome
    customer: Customer | None = None
    contact_list: ContactList | None = None


async def collect_recipients(
    audience: Audience,
    settings: Settings,
    directory: ContactDirectory,
    *,
    on_read: Callable[[CustomerOutcome], None] | None = None,
) -> Collected:
    """Read every customer's list and decide about every contact.

    A customer that fails, takes too long or is not configured never keeps the others from being read;
    its outcome says so.

    Args:
        audience: Whom to gather.
        settings: Customers and limits.
        directory: Where contact lists are read.
        on_read: Called as soon as a customer is done, in no fixed order.
    """
    readings = await _read_customers(audience, settings, directory, on_read)
    recipients = decide_recipients(
        [(one.customer, one.contact_list) for one in readings if one.customer and one.contact_list],
        audience.selection,
        manual=audience.manual,
        allowed=allowed_besides(_configured(audience, settings)),
        organizer=audience.organizer,
    )
    return Collected(recipients, _with_counts(readings, recipients), _grouped_warnings(readings))


def _configured(audience: Audience, settings: Settings) -> list[Customer]:
    return [settings.customers[code] for code in audience.customers if code in settings.customers]


async def _read_customers(
    audience: Audience,
    settings: Settings,
    directory: ContactDirectory,
    on_read: Callable[[CustomerOutcome], None] | None,
) -> list[_Reading]:
    slots = asyncio.Semaphore(settings.meeting.max_customer_concurrency)
    time_limit = settings.meeting.customer_timeout

    async def read(code: str) -> _Reading:
        async with slots:
            reading = await _read_customer(
                code, settings.customers.get(code), directory, audience.selection.all_topics, time_limit
            )
        if on_read is not None:
            on_read(reading.outcome)
        return reading

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(read(code)) for code in audience.customers]
    return [task.result() for task in tasks]


async def _read_customer(
    code: str,
    customer: Customer | None,
    directory: ContactDirectory,
    topics: Sequence[str],
    time_limit: timedelta,
) -> _Reading:
    if customer is None or not customer.role_arn:
        return _not_configured(code, customer)
    loop = asyncio.get_running_loop()
    started_at = loop.time()
    contact_list, error_type, message = None, "", ""
    try:
        contact_list = await directory.fetch_contacts(customer, topics)
    except RemoteServiceError as error:
        error_type, message = error.code or type(error).__name__, str(error)
    except TimeoutError:
        error_type = "Timeout"
        message = (
            f"no complete answer within {time_limit.total_seconds():g} s; run again, or check the account"
        )
    if contact_list is None:
        _log.info("customer.unreadable customer=%s error=%s", code, error_type)
    outcome = CustomerOutcome(
        code,
        customer.name,
        CustomerStatus.FAILED if contact_list is None else CustomerStatus.OK,
        contacts=len(contact_list.contacts) if contact_list else 0,
        error_type=error_type,
        error_message=message,
        duration=timedelta(seconds=loop.time() - started_at),
    )
    return _Reading(outcome, customer, contact_list)


def _not_configured(code: str, customer: Customer | None) -> _Reading:
    place = f"customer_mappings.{code}"
    message = f"{place} has no ses_role_arn" if customer else f"{place} is missing in the configuration"
    name = customer.name if customer else code
    _log.info("customer.unreadable customer=%s error=NotConfigured", code)
    outcome = CustomerOutcome(
        code, name, CustomerStatus.NOT_CONFIGURED, error_type="NotConfigured", error_message=message
    )
    return _Reading(outcome)


def _grouped_warnings(readings: Iterable[_Reading]) -> tuple[str, ...]:
    """Return each warning once, with the customers it is about."""
    codes: dict[str, list[str]] = {}
    for one in readings:
        for text in one.contact_list.warnings if one.contact_list else ():
            codes.setdefault(text, []).append(one.outcome.code)
    return tuple(f"{', '.join(about)}: {text}" for text, about in codes.items())


def _with_counts(readings: Iterable[_Reading], recipients: Recipients) -> tuple[CustomerOutcome, ...]:
    counts = Counter(code for recipient in recipients.invited for code in recipient.customers)
    return tuple(replace(one.outcome, recipients=counts[one.outcome.code]) for one in readings)
