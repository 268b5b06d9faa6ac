"""Contact lists that are read once for many changes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from contact_manager.domain.customer import Customer
from contact_manager.domain.subscription import ContactList
from contact_manager.ports import ContactDirectory

READING_LIFETIME = timedelta(minutes=10)
"""How long a reading counts, counted from its start. A failed one counts as long: a customer who does not
answer costs its time limit once and not once for every change."""


class CachedContactDirectory:
    """Asks another directory once for each customer and choice of topics. Implements ``ContactDirectory``.

    Whoever asks while a reading is under way waits for the same one; that somebody gives up waiting does not
    end it.

    Args:
        directory: Where is read.
        time_limit: Of one reading.
    """

    def __init__(self, directory: ContactDirectory, *, time_limit: timedelta) -> None:
        self._directory = directory
        self._time_limit = time_limit
        self._readings: dict[tuple[str, tuple[str, ...]], tuple[float, asyncio.Task[ContactList]]] = {}

    async def fetch_contacts(self, customer: Customer, topics: Sequence[str]) -> ContactList:
        """Return the customer's list, read less than ``READING_LIFETIME`` ago.

        Raises:
            TopicMissingError: The list does not have ``topics[0]``.
            RemoteServiceError: The account cannot be read.
            TimeoutError: The reading took longer than its time limit.
        """
        key, now = (customer.code, tuple(topics)), asyncio.get_running_loop().time()
        started_at, reading = self._readings.get(key, (0.0, None))
        if reading is None or now - started_at > READING_LIFETIME.total_seconds():
            reading = asyncio.create_task(self._read(customer, topics))
            self._readings[key] = (now, reading)
        return await asyncio.shield(reading)

    async def close(self) -> None:
        """End readings that nobody waits for any more."""
        readings = [reading for _, reading in self._readings.values()]
        for reading in readings:
            reading.cancel()
        await asyncio.gather(*readings, return_exceptions=True)

    async def _read(self, customer: Customer, topics: Sequence[str]) -> ContactList:
        async with asyncio.timeout(self._time_limit.total_seconds()):
            return await self._directory.fetch_contacts(customer, topics)
