"""Limits that no honest team meets: a list of thousands of strangers stops here, not in their mailboxes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from contact_manager.domain.outcome import ErrorKind, ReportedError

DEFAULT_MAX_RECIPIENTS = 5000
DEFAULT_MAX_RECIPIENTS_PER_CUSTOMER = 2000
TOTAL_KEY, CUSTOMER_KEY = "max_recipients", "max_recipients_per_customer"


@dataclass(frozen=True, slots=True)
class RecipientLimits:
    """How many people may be reached.

    Attributes:
        total: Through all customers of a change together.
        per_customer: Through one customer's list.
        section: Of the configuration, in which the limits stand.
        total_name: What the first one is called where it was set; ``""`` for its key in ``section``.
    """

    total: int
    per_customer: int
    section: str
    total_name: str = ""

    def stops(self, people: Mapping[str, int], total: int) -> tuple[ReportedError, ...]:
        """Return what stops the work for ``people`` by customer, and ``total`` people in all."""
        stops = [
            guard_error(
                "MaxRecipientsPerCustomer",
                f"{number} people of {code}, {self.section}.{CUSTOMER_KEY} is {self.per_customer}",
                customer=code,
            )
            for code, number in people.items()
            if number > self.per_customer
        ]
        if total > self.total:
            name = self.total_name or f"{self.section}.{TOTAL_KEY}"
            stops.append(guard_error("MaxRecipients", f"{total} people in all, {name} is {self.total}"))
        return tuple(stops)


def guard_error(name: str, message: str, *, customer: str = "") -> ReportedError:
    """Return the report's line for a safety rule that stopped the run, perhaps because of one customer."""
    return ReportedError(ErrorKind.GUARD, name, f"stopped: {message}", customer=customer)


def guard_stops(errors: Iterable[ReportedError]) -> tuple[ReportedError, ...]:
    """Return those of ``errors`` that are safety rules: to try again does not help, a person must decide."""
    return tuple(error for error in errors if error.kind is ErrorKind.GUARD)
