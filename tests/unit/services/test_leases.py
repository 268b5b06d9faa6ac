"""A note belongs to one run at a time, and to nobody for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from contact_manager.errors import RemoteServiceError
from contact_manager.formats.ledger_json import Claim, Lease, Ledger, load_claim, load_ledger
from contact_manager.services.leases import Leases
from tests.fakes.memory_store import MemoryStore
from tests.fakes.moving_clock import MovingClock
from tests.fakes.worlds import NOW

KEY = "ledger/CHG-1/3/hts/announcement.json"
DURATION = timedelta(minutes=5)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
def mine(store: MemoryStore, clock: MovingClock) -> Leases:
    return Leases(store, clock, owner="mine", duration=DURATION)


@pytest.fixture
def other(store: MemoryStore, clock: MovingClock) -> Leases:
    return Leases(store, clock, owner="other", duration=DURATION)


async def test_a_note_that_is_not_there_is_an_empty_one(mine: Leases) -> None:
    assert (await mine.read_ledger(KEY)).note == Ledger()
    assert (await mine.read_claim(KEY)).note == Claim()


async def test_what_is_kept_is_written_with_the_lease(mine: Leases, store: MemoryStore) -> None:
    held = await mine.read_ledger(KEY)
    assert await mine.keep(held, replace(held.note, sent=frozenset({"x"})))
    assert load_ledger(store.objects[KEY]) == held.note
    assert held.note == Ledger(Lease("mine", NOW + DURATION), frozenset({"x"}))


async def test_only_one_of_two_runs_gets_the_note(mine: Leases, other: Leases) -> None:
    first, second = await mine.read_claim(KEY), await other.read_claim(KEY)
    assert await mine.keep(first, first.note)
    assert not await other.keep(second, second.note)


async def test_a_conflict_writes_nothing_and_changes_nothing(
    mine: Leases, other: Leases, store: MemoryStore
) -> None:
    first, second = await mine.read_claim(KEY), await other.read_claim(KEY)
    await mine.keep(first, replace(first.note, doing="task"))
    before = store.objects[KEY]
    assert not await other.release(second, replace(second.note, done="task"))
    assert store.objects[KEY] == before
    assert second.note == Claim()


async def test_a_run_writes_its_note_again_and_again(mine: Leases, store: MemoryStore) -> None:
    held = await mine.read_ledger(KEY)
    for mark in ("a", "b", "c"):
        assert await mine.keep(held, replace(held.note, sent=held.note.sent | {mark}))
    assert load_ledger(store.objects[KEY]).sent == {"a", "b", "c"}


async def test_a_note_is_taken_for_others_until_its_end(
    mine: Leases, other: Leases, clock: MovingClock
) -> None:
    held = await mine.read_ledger(KEY)
    await mine.keep(held, held.note)
    assert other.is_taken(await other.read_ledger(KEY))
    assert not mine.is_taken(await mine.read_ledger(KEY))
    clock.move(DURATION)
    assert not other.is_taken(await other.read_ledger(KEY))


async def test_keeping_a_note_prolongs_its_lease(mine: Leases, other: Leases, clock: MovingClock) -> None:
    held = await mine.read_ledger(KEY)
    await mine.keep(held, held.note)
    clock.move(DURATION / 2)
    await mine.keep(held, held.note)
    clock.move(DURATION / 2)
    assert other.is_taken(await other.read_ledger(KEY))


async def test_a_run_whose_note_was_taken_over_notices_it(
    mine: Leases, other: Leases, clock: MovingClock
) -> None:
    held = await mine.read_ledger(KEY)
    await mine.keep(held, held.note)
    clock.move(DURATION)
    taken = await other.read_ledger(KEY)
    assert await other.keep(taken, taken.note)
    assert not await mine.keep(held, held.note)


async def test_a_released_note_is_free_at_once(mine: Leases, other: Leases) -> None:
    held = await mine.read_ledger(KEY)
    await mine.keep(held, held.note)
    assert await mine.release(held, held.note)
    free = await other.read_ledger(KEY)
    assert not other.is_taken(free)
    assert not other.is_left(free)


async def test_a_left_note_is_free_and_shows_that_it_was_left(
    mine: Leases, other: Leases, clock: MovingClock
) -> None:
    held = await mine.read_claim(KEY)
    await mine.leave(held, replace(held.note, doing="task"))
    left = await other.read_claim(KEY)
    assert left.note.doing == "task"
    assert other.is_left(left)
    assert not other.is_taken(left)
    clock.move(DURATION)
    assert not other.is_left(left)


@pytest.mark.parametrize(
    "data", [b"", b"not JSON", b"[]", b'{"expires_at": "2030-01-01T00:00:00"}', b'{"expires_at": 7}']
)
async def test_what_is_no_note_is_told_with_its_key(mine: Leases, store: MemoryStore, data: bytes) -> None:
    store.objects[KEY] = data
    for read in (mine.read_claim, mine.read_ledger):
        with pytest.raises(RemoteServiceError, match=KEY) as caught:
            await read(KEY)
        assert caught.value.code == "MalformedObject"
        assert not caught.value.retryable


async def test_a_store_that_is_down_is_no_conflict(mine: Leases, store: MemoryStore) -> None:
    held = await mine.read_claim(KEY)
    store.is_down = True
    with pytest.raises(RemoteServiceError, match="down"):
        await mine.keep(held, held.note)


async def test_a_claim_tells_what_was_done(mine: Leases, store: MemoryStore) -> None:
    held = await mine.read_claim(KEY)
    await mine.release(held, replace(held.note, done="3:approved:x", is_approved=True))
    assert load_claim(store.objects[KEY]) == Claim(is_approved=True, done="3:approved:x")
