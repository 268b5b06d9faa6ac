"""Contact lists that are read once for many changes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from contact_manager.adapters.shared_calls import SharedCalls
from contact_manager.domain.customer import Customer
from contact_manager.domain.subscription import ContactList
from contact_manager.errors import RemoteServiceError
from contact_manager.ports import ContactDirectory

READING_LIFETIME = timedelta(minutes=10)
"""How long a reading counts, counted from its end. A failed one counts as long: a customer who does not
answer costs its time limit once and not once for every change."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """How reading a customer ended, and when on the loop's clock."""

    ended_at: float
    result: ContactList | RemoteServiceError | TimeoutError


class CachedContactDirectory:
    """Asks another directory once for each customer and choice of topics. Implements ``ContactDirectory``.

    Whoever asks while a reading is under way waits for the same one; that somebody gives up waiting does not
    end it. A reading that waits for others to end has not begun, so that none of its time limit is used up.

    Args:
        directory: Where is read.
        max_concurrency: Readings under way at the same time; the others wait for their start.
    """

    def __init__(self, directory: ContactDirectory, *, max_concurrency: int) -> None:
        self._directory = directory
        self._slots = asyncio.Semaphore(max_concurrency)
        self._readings = SharedCalls[tuple[str, tuple[str, ...]], _Reading](is_fresh=_is_fresh)

    async def fetch_contacts(self, customer: Customer, topics: Sequence[str]) -> ContactList:
        """Return the customer's list, read less than ``READING_LIFETIME`` ago.

        Raises:
            TopicMissingError: The list does not have ``topics[0]``.
            RemoteServiceError: The account cannot be read.
            TimeoutError: The reading took longer than its time limit.
        """
        key = (customer.code, tuple(topics))
        reading = await self._readings.fetch(key, lambda: self._read(customer, topics))
        if isinstance(reading.result, Exception):
            raise reading.result
        return reading.result

    async def close(self) -> None:
        """End readings that nobody waits for any more."""
        await self._readings.close()

    async def _read(self, customer: Customer, topics: Sequence[str]) -> _Reading:
        result: ContactList | RemoteServiceError | TimeoutError
        try:
            async with self._slots:
                result = await self._directory.fetch_contacts(customer, topics)
        except (RemoteServiceError, TimeoutError) as error:
            result = error
        return _Reading(asyncio.get_running_loop().time(), result)


def _is_fresh(reading: _Reading) -> bool:
    return asyncio.get_running_loop().time() - reading.ended_at <= READING_LIFETIME.total_seconds()
