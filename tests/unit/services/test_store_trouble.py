"""Whatever the bucket answers to any write, nobody is mailed twice and there is one meeting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from contact_manager.domain.customer import Customer
from contact_manager.domain.notification import Mail
from contact_manager.domain.processing import Verdict
from contact_manager.errors import RemoteServiceError
from contact_manager.services import change_meeting
from contact_manager.services.notify import CHUNK_SIZE
from contact_manager.services.update_object import MAX_ATTEMPTS
from tests.fakes.memory_mailer import MemoryMailer
from tests.fakes.memory_store import Interruption, MemoryStore, conflict, outage
from tests.unit.services.change_world import ChangeWorld

WRITES = 14
"""Of a clean run; a test counts them."""


@dataclass
class BreakingMailer(MemoryMailer):
    """With each mail the bucket goes down."""

    breaks: MemoryStore = field(default_factory=MemoryStore)

    async def send(self, customer: Customer, mail: Mail) -> None:
        await super().send(customer, mail)
        self.breaks.is_down = True


class Crash(BaseException):
    """What no code of ours expects."""


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda *_: 0.0)
    monkeypatch.setattr(change_meeting, "CLAIM_POLL_INTERVAL", timedelta(0))


@pytest.fixture
def world() -> ChangeWorld:
    world = ChangeWorld()
    world.submit()
    return world


@pytest.fixture
async def clean() -> ChangeWorld:
    world = ChangeWorld()
    world.submit()
    await world.deliver_until_done()
    return world


def nothing() -> None:
    pass


def raising(error: BaseException) -> Interruption:
    def interrupt() -> None:
        raise error

    return interrupt


def interrupt(world: ChangeWorld, at: int, trouble: Interruption, *, after: bool, times: int = 1) -> None:
    interruptions = world.store.after_write if after else world.store.before_write
    interruptions[:] = [nothing] * at + [trouble] * times


async def test_a_clean_run_writes_so_often(clean: ChangeWorld) -> None:
    assert len(clean.store.writes) == WRITES
    assert clean.outcome["meetings"] == 1
    assert len(clean.mails) == sum(len(found.contacts) for found in clean.lists.values())


@pytest.mark.parametrize("times", [1, 2, 5])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("make", [conflict, outage])
@pytest.mark.parametrize("at", range(WRITES))
async def test_a_write_that_is_refused_or_fails_does_nothing_twice(
    world: ChangeWorld,
    clean: ChangeWorld,
    at: int,
    make: Callable[[], RemoteServiceError],
    times: int,
    *,
    after: bool,
) -> None:
    interrupt(world, at, raising(make()), after=after, times=times)
    await world.deliver_until_done()
    assert world.outcome == clean.outcome
    assert set(world.mails.values()) == {1}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("make", [conflict, outage])
@pytest.mark.parametrize("at", range(WRITES))
async def test_customers_that_are_worked_on_at_once_are_in_no_danger_either(
    world: ChangeWorld, clean: ChangeWorld, at: int, make: Callable[[], RemoteServiceError], *, after: bool
) -> None:
    interrupt(world, at, raising(make()), after=after, times=2)
    await world.deliver_until_done(at_once=True)
    assert world.outcome == clean.outcome
    assert set(world.mails.values()) == {1}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("make", [conflict, outage])
@pytest.mark.parametrize("at", range(WRITES))
async def test_trouble_without_end_brings_the_message_back_and_repeats_one_chunk_at_most(
    world: ChangeWorld, clean: ChangeWorld, at: int, make: Callable[[], RemoteServiceError], *, after: bool
) -> None:
    interrupt(world, at, raising(make()), after=after, times=MAX_ATTEMPTS + 5)
    await world.deliver_until_done()
    assert world.outcome == clean.outcome
    assert_one_chunk_repeated_at_most(world)


@pytest.mark.parametrize("crash", [Crash(), asyncio.CancelledError(), ZeroDivisionError()])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(WRITES))
async def test_a_crash_at_any_write_repeats_one_chunk_at_most(
    world: ChangeWorld, clean: ChangeWorld, at: int, crash: BaseException, *, after: bool
) -> None:
    interrupt(world, at, raising(crash), after=after)
    with pytest.raises(type(crash)):
        await world.deliver_until_done()
    world.store.before_write.clear()
    world.store.after_write.clear()
    world.clock.move(timedelta(minutes=5))
    await world.deliver_until_done()
    assert world.outcome == clean.outcome
    assert_one_chunk_repeated_at_most(world)


def assert_one_chunk_repeated_at_most(world: ChangeWorld) -> None:
    assert set(world.mails.values()) <= {1, 2}
    assert sum(number - 1 for number in world.mails.values()) <= CHUNK_SIZE


async def test_a_store_that_goes_down_after_the_first_mails_is_an_error_and_no_second_mail_once_it_is_up(
    world: ChangeWorld,
) -> None:
    world.mailer = BreakingMailer(breaks=world.store)
    report = await world.deliver("hts")
    assert report.verdict is Verdict.RETRY
    assert len(world.mailer.sent) == CHUNK_SIZE
    world.mailer.breaks = MemoryStore()
    world.store.is_down = False
    world.clock.move(timedelta(minutes=5))
    await world.deliver_until_done()
    assert_one_chunk_repeated_at_most(world)


@pytest.mark.parametrize("skew", [timedelta(days=-30), timedelta(hours=5)])
async def test_two_runs_at_once_with_clocks_that_differ_do_nothing_twice(
    world: ChangeWorld, clean: ChangeWorld, skew: timedelta
) -> None:
    right = world.clock
    runs = []
    for code in world.lists:
        for clock in (right, type(right)(right.now() + skew)):
            services = world.services()
            services.leases._clock = clock
            runs.append(world.deliver(code, services))
    await asyncio.gather(*runs)
    await world.deliver_until_done()
    assert world.outcome == clean.outcome
    assert set(world.mails.values()) == {1}
