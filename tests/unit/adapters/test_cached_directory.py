"""Contact lists that are read once for many changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest

from contact_manager.adapters import cached_directory
from contact_manager.adapters.cached_directory import CachedContactDirectory
from contact_manager.domain.customer import Customer
from contact_manager.domain.subscription import ContactList
from contact_manager.errors import RemoteServiceError
from tests.fakes.worlds import TOPIC, contact_list, customer

HTS = customer("hts")


class CountingDirectory:
    """Counts what is asked, and answers when it is let."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.failure: RemoteServiceError | TimeoutError | None = None

    async def fetch_contacts(self, customer: Customer, topics: Sequence[str]) -> ContactList:
        self.asked.append((customer.code, tuple(topics)))
        await self.open.wait()
        if self.failure:
            raise self.failure
        return contact_list("ann@example.com")


@pytest.fixture
def inner() -> CountingDirectory:
    return CountingDirectory()


@pytest.fixture
async def cached(inner: CountingDirectory) -> AsyncIterator[CachedContactDirectory]:
    directory = CachedContactDirectory(inner, max_concurrency=2)
    yield directory
    await directory.close()


async def test_a_customer_is_read_once_for_each_choice_of_topics(
    inner: CountingDirectory, cached: CachedContactDirectory
) -> None:
    first = await cached.fetch_contacts(HTS, [TOPIC])
    assert await cached.fetch_contacts(HTS, [TOPIC]) is first
    await cached.fetch_contacts(HTS, [TOPIC, "other"])
    await cached.fetch_contacts(customer("acme"), [TOPIC])
    assert inner.asked == [("hts", (TOPIC,)), ("hts", (TOPIC, "other")), ("acme", (TOPIC,))]


async def test_who_asks_meanwhile_waits_for_the_same_reading(
    inner: CountingDirectory, cached: CachedContactDirectory
) -> None:
    inner.open.clear()
    waiting = [asyncio.create_task(cached.fetch_contacts(HTS, [TOPIC])) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.gather(waiting[0], return_exceptions=True)
    inner.open.set()
    one, other = await asyncio.gather(*waiting[1:])
    assert one is other
    assert len(inner.asked) == 1


async def test_a_failure_counts_as_long_as_a_reading(
    inner: CountingDirectory, cached: CachedContactDirectory
) -> None:
    inner.failure = RemoteServiceError("denied", service="sts", operation="AssumeRole")
    for _ in range(2):
        with pytest.raises(RemoteServiceError, match="denied"):
            await cached.fetch_contacts(HTS, [TOPIC])
    assert len(inner.asked) == 1


async def test_a_reading_that_hangs_costs_its_time_limit_once(
    inner: CountingDirectory, cached: CachedContactDirectory
) -> None:
    inner.failure = TimeoutError()
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await cached.fetch_contacts(HTS, [TOPIC])
    assert len(inner.asked) == 1


async def test_no_more_customers_are_read_at_a_time_than_allowed(
    inner: CountingDirectory, cached: CachedContactDirectory
) -> None:
    inner.open.clear()
    codes = [f"c{number}" for number in range(5)]
    waiting = [asyncio.create_task(cached.fetch_contacts(customer(one), [TOPIC])) for one in codes]
    for _ in range(5):
        await asyncio.sleep(0)
    assert [code for code, _ in inner.asked] == codes[:2]
    inner.open.set()
    await asyncio.gather(*waiting)
    assert [code for code, _ in inner.asked] == codes


async def test_an_old_reading_is_read_anew(
    inner: CountingDirectory, cached: CachedContactDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cached.fetch_contacts(HTS, [TOPIC])
    monkeypatch.setattr(cached_directory, "READING_LIFETIME", timedelta(seconds=-1))
    await cached.fetch_contacts(HTS, [TOPIC])
    assert len(inner.asked) == 2


async def test_closing_ends_a_reading_that_nobody_waits_for(inner: CountingDirectory) -> None:
    inner.open.clear()
    cached = CachedContactDirectory(inner, max_concurrency=2)
    waiting = asyncio.create_task(cached.fetch_contacts(HTS, [TOPIC]))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await cached.close()
    assert [one for one in asyncio.all_tasks() if one is not asyncio.current_task()] == []
