"""Read the contact lists of all customers at the same time: the only fan-out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from contact_manager.domain.customer import Customer
from contact_manager.domain.outcome import CustomerOutcome, CustomerStatus
from contact_manager.domain.recipients import Recipients
from contact_manager.domain.subscription import ContactList
from contact_manager.errors import RemoteServiceError
from contact_manager.ports import ContactDirectory

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CustomerReading:
    """How one customer was read: either ``contact_list`` is there, or the outcome tells why not."""

    code: str
    customer: Customer | None
    outcome: CustomerOutcome
    contact_list: ContactList | None = None


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """How much at once, and how long a single customer may take."""

    concurrency: int
    customer_timeout: timedelta


async def read_customers(
    codes: Sequence[str],
    customers: Mapping[str, Customer],
    directory: ContactDirectory,
    *,
    topics: Sequence[str],
    limits: ReadingLimits,
    on_read: Callable[[CustomerReading], None] | None = None,
) -> tuple[CustomerReading, ...]:
    """Read every customer and return one reading each, in the order of ``codes``.

    A customer that fails, takes too long or is not configured never keeps the others from being read.
    """
    slots = asyncio.Semaphore(limits.concurrency)

    async def read(code: str) -> CustomerReading:
        async with slots:
            reading = await _read_customer(
                code, customers.get(code), directory, topics, limits.customer_timeout
            )
        if on_read is not None:
            on_read(reading)
        return reading

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(read(code)) for code in codes]
    return tuple(task.result() for task in tasks)


async def _read_customer(
    code: str,
    customer: Customer | None,
    directory: ContactDirectory,
    topics: Sequence[str],
    time_limit: timedelta,
) -> CustomerReading:
    if customer is None or not customer.role_arn:
        return _not_configured(code, customer)
    loop = asyncio.get_running_loop()
    started_at = loop.time()
    contact_list, error_type, message = None, "", ""
    try:
        async with asyncio.timeout(time_limit.total_seconds()):
            contact_list = await directory.fetch_contacts(customer, topics)
    except RemoteServiceError as error:
        error_type, message = error.code or type(error).__name__, str(error)
    except TimeoutError:
        error_type = "Timeout"
        message = (
            f"no complete answer within {time_limit.total_seconds():g} s; run again, or check the account"
        )
    if contact_list is None:
        _log.warning("customer.unreadable customer=%s error=%s", code, error_type)
    outcome = CustomerOutcome(
        code,
        customer.name,
        CustomerStatus.FAILED if contact_list is None else CustomerStatus.OK,
        contacts=len(contact_list.contacts) if contact_list else 0,
        error_type=error_type,
        error_message=message,
        duration=timedelta(seconds=loop.time() - started_at),
    )
    return CustomerReading(code, customer, outcome, contact_list)


def _not_configured(code: str, customer: Customer | None) -> CustomerReading:
    place = f"customer_mappings.{code}"
    message = f"{place} has no ses_role_arn" if customer else f"{place} is missing in the configuration"
    name = customer.name if customer else code
    outcome = CustomerOutcome(
        code, name, CustomerStatus.NOT_CONFIGURED, error_type="NotConfigured", error_message=message
    )
    return CustomerReading(code, customer, outcome)


def count_recipients(
    readings: Iterable[CustomerReading], recipients: Recipients
) -> tuple[CustomerOutcome, ...]:
    """Return the readings' outcomes with the number of people who come through each customer."""
    counts: dict[str, int] = {}
    for recipient in recipients.invited:
        for code in recipient.customers:
            counts[code] = counts.get(code, 0) + 1
    return tuple(replace(one.outcome, recipients=counts.get(one.code, 0)) for one in readings)
