"""How many people the customers of a change have subscribed, all together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from contact_manager.domain.customer import Customer
from contact_manager.domain.recipients import TopicSelection, decide_recipients
from contact_manager.errors import RemoteServiceError
from contact_manager.ports import ContactDirectory

SIZE_LIFETIME = timedelta(minutes=10)
READ_TIME = timedelta(seconds=5)
"""How long other customers' lists may keep one customer's mails waiting."""


class AudienceSizes:
    """Remembers how many subscribers a topic has at each customer; one for a process.

    Each trigger mails one customer, and the limit for the whole change needs the others' numbers. They are a
    safety net, not worth a reading for each trigger: a number counts for ``SIZE_LIFETIME``, and a list that
    cannot be read in time counts as empty.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sizes: dict[tuple[str, str], tuple[int, float]] = {}
        self._readings: dict[tuple[str, str], asyncio.Task[None]] = {}

    def note(self, customer: Customer, topic: str, people: int) -> None:
        """Remember a number."""
        self._sizes[customer.code, topic] = (people, self._clock())

    async def count(self, customers: Sequence[Customer], topic: str, directory: ContactDirectory) -> int:
        """Return how many people the customers have, as far as they are known or can be read."""
        unknown = [customer for customer in customers if self._known(customer, topic) is None]
        if unknown:
            readings = [self._begin_reading(customer, topic, directory) for customer in unknown]
            await asyncio.wait(readings, timeout=READ_TIME.total_seconds())
        return sum(self._known(customer, topic) or 0 for customer in customers)

    def _begin_reading(
        self, customer: Customer, topic: str, directory: ContactDirectory
    ) -> asyncio.Task[None]:
        """Return the reading that is under way, or a new one; one that takes too long goes on for others."""
        key = customer.code, topic
        reading = self._readings.get(key)
        if reading is None:
            reading = self._readings[key] = asyncio.create_task(self._read(customer, topic, directory))
            reading.add_done_callback(lambda _done: self._readings.pop(key, None))
        return reading

    async def _read(self, customer: Customer, topic: str, directory: ContactDirectory) -> None:
        try:
            contacts = await directory.fetch_contacts(customer, [topic])
            decided = decide_recipients([(customer, contacts)], TopicSelection(topic))
        except (RemoteServiceError, TimeoutError):
            self.note(customer, topic, 0)
        else:
            self.note(customer, topic, len(decided.invited))

    def _known(self, customer: Customer, topic: str) -> int | None:
        people, since_s = self._sizes.get((customer.code, topic), (0, float("-inf")))
        return people if self._clock() - since_s <= SIZE_LIFETIME.total_seconds() else None
