"""A note belongs to one run at a time, and to nobody for ever."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from contact_manager.errors import ConflictError, RemoteServiceError
from contact_manager.formats.ledger_json import (
    Claim,
    Lease,
    Ledger,
    dump_claim,
    dump_ledger,
    load_claim,
    load_ledger,
)
from contact_manager.services.leases import Leases, OldLedger
from contact_manager.services.update_object import MAX_ATTEMPTS
from tests.fakes.memory_store import MemoryStore, conflict, outage
from tests.fakes.moving_clock import MovingClock
from tests.fakes.worlds import NOW

KEY = "ledger/CHG-1/3/hts/announcement.json"
DURATION = timedelta(minutes=5)


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
def store(clock: MovingClock) -> MemoryStore:
    return MemoryStore(clock)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda *_: 0.0)


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
    assert not other.is_left(await other.read_claim(KEY))


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


def raising(error: RemoteServiceError) -> Callable[[], None]:
    def interrupt() -> None:
        raise error

    return interrupt


@pytest.mark.parametrize("times", [1, 3, MAX_ATTEMPTS - 1])
@pytest.mark.parametrize("error", [conflict(), outage()])
@pytest.mark.parametrize("is_written", [False, True])
async def test_a_write_that_is_refused_or_fails_is_repeated_until_it_is_certain(
    mine: Leases, store: MemoryStore, times: int, error: RemoteServiceError, *, is_written: bool
) -> None:
    held = await mine.read_ledger(KEY)
    (store.after_write if is_written else store.before_write)[:] = [raising(error)] * times
    assert await mine.keep(held, replace(held.note, sent=frozenset({"a"})))
    assert await mine.keep(held, replace(held.note, sent=frozenset({"a", "b"})))
    assert load_ledger(store.objects[KEY]).sent == {"a", "b"}


async def test_conflicts_without_end_end_as_an_error(mine: Leases, store: MemoryStore) -> None:
    held = await mine.read_ledger(KEY)
    store.before_write = [raising(conflict())] * (2 * MAX_ATTEMPTS)
    with pytest.raises(ConflictError):
        await mine.keep(held, held.note)
    assert len(store.before_write) == MAX_ATTEMPTS


async def test_a_refusal_for_good_is_not_repeated(mine: Leases, store: MemoryStore) -> None:
    held = await mine.read_ledger(KEY)
    denied = RemoteServiceError("no", service="memory", operation="PutObject", code="AccessDenied")
    store.before_write = [raising(denied)] * 2
    with pytest.raises(RemoteServiceError, match="no"):
        await mine.keep(held, held.note)
    assert len(store.before_write) == 1


async def test_who_was_mailed_is_noted_also_in_a_ledger_that_another_run_has_taken_over(
    mine: Leases, other: Leases, store: MemoryStore, clock: MovingClock
) -> None:
    held = await mine.read_ledger(KEY)
    await mine.keep(held, held.note)
    clock.move(DURATION)
    taken = await other.read_ledger(KEY)
    assert await other.keep(taken, replace(taken.note, sent=frozenset({"b"})))
    assert not await mine.keep(held, Ledger(sent=frozenset({"a"}), refused={"c": "MessageRejected"}))
    note = load_ledger(store.objects[KEY])
    assert note.lease.owner == "other"
    assert note.sent == {"a", "b"}
    assert note.refused == {"c": "MessageRejected"}
    assert await other.keep(taken, replace(taken.note, sent=frozenset({"b", "d"})))
    assert taken.note.sent == {"a", "b", "d"}


async def test_a_ledger_that_was_deleted_meanwhile_is_written_anew(mine: Leases, store: MemoryStore) -> None:
    held = await mine.read_ledger(KEY)
    await mine.keep(held, held.note)
    store.objects.clear()
    assert await mine.keep(held, replace(held.note, sent=frozenset({"a"})))
    assert load_ledger(store.objects[KEY]).sent == {"a"}


@pytest.mark.parametrize("skew", [timedelta(days=-3650), timedelta(minutes=-10), timedelta(hours=3)])
@pytest.mark.parametrize("takes_over", [False, True])
async def test_a_lease_counts_by_the_clock_of_the_store_whatever_the_runs_clocks_say(
    store: MemoryStore, clock: MovingClock, skew: timedelta, *, takes_over: bool
) -> None:
    wrong = Leases(store, MovingClock(NOW + skew), owner="wrong", duration=DURATION)
    right = Leases(store, clock, owner="right", duration=DURATION)
    first, second = (right, wrong) if takes_over else (wrong, right)
    held = await first.read_claim(KEY)
    await first.keep(held, held.note)
    assert second.is_taken(await second.read_claim(KEY))
    clock.move(DURATION - timedelta(seconds=1))
    assert second.is_taken(await second.read_claim(KEY))
    clock.move(timedelta(seconds=1))
    assert not second.is_taken(await second.read_claim(KEY))


async def test_a_lease_that_is_dated_far_ahead_ends_all_the_same(
    mine: Leases, store: MemoryStore, clock: MovingClock
) -> None:
    for lease in (Lease("other", NOW + timedelta(days=9999)), Lease("", NOW + timedelta(days=9999))):
        store.objects.pop(KEY, None)
        await store.write(KEY, dump_claim(Claim(lease)), etag=None)
        held = await mine.read_claim(KEY)
        assert mine.is_taken(held) is not mine.is_left(held)
        clock.move(DURATION)
        held = await mine.read_claim(KEY)
        assert not mine.is_taken(held)
        assert not mine.is_left(held)


OLD = OldLedger("ledger/CHG-1/1_0/hts/announcement.json", "1_0-digest")


async def test_an_old_ledger_is_taken_over_by_one_transition(mine: Leases, store: MemoryStore) -> None:
    store.objects[OLD.key] = dump_ledger(Ledger(sent=frozenset({"a"}), form=1))
    assert (await mine.read_ledger(KEY, OLD)).note == Ledger(sent=frozenset({"a"}))
    assert (await mine.read_ledger(KEY, OLD)).note == Ledger(sent=frozenset({"a"}))
    assert (await mine.read_ledger(KEY, replace(OLD, transition="1_0-other"))).note == Ledger()
    assert load_ledger(store.objects[OLD.key]).sent == {"a"}


async def test_a_ledger_of_today_is_nobodys_old_one(mine: Leases, store: MemoryStore) -> None:
    """A version may be called like the key of another one."""
    today = dump_ledger(Ledger(sent=frozenset({"a"})))
    store.objects[OLD.key] = today
    assert (await mine.read_ledger(KEY, OLD)).note == Ledger()
    assert store.objects[OLD.key] == today


async def test_an_old_ledger_is_not_looked_at_where_there_is_a_new_one(
    mine: Leases, store: MemoryStore
) -> None:
    held = await mine.read_ledger(KEY)
    await mine.keep(held, Ledger(sent=frozenset({"b"})))
    store.objects[OLD.key] = b"not JSON"
    assert (await mine.read_ledger(KEY, OLD)).note.sent == {"b"}


async def test_an_old_ledger_is_left_to_the_release_that_still_sends(
    mine: Leases, store: MemoryStore, clock: MovingClock
) -> None:
    running = Ledger(Lease("old release", NOW + DURATION), frozenset({"a"}), form=1)
    await store.write(OLD.key, dump_ledger(running), etag=None)
    assert mine.is_taken(await mine.read_ledger(KEY, OLD))
    assert load_ledger(store.objects[OLD.key]) == running
    clock.move(DURATION)
    held = await mine.read_ledger(KEY, OLD)
    assert not mine.is_taken(held)
    assert held.note.sent == {"a"}
