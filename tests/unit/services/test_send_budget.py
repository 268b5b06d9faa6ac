"""However many ledgers are worked on at the same time, a crash repeats ten mails at most."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from contact_manager.domain.customer import Customer
from contact_manager.domain.notification import Mail, NotificationKind
from contact_manager.domain.processing import NotifyReport
from contact_manager.formats.ledger_json import address_mark, load_ledger
from contact_manager.ports import StoredObject
from contact_manager.services.leases import Leases
from contact_manager.services.notify import CHUNK_SIZE, Notification, NotifyServices, SendControls, notify
from contact_manager.services.send_budget import MAX_UNNOTED, SendBudget
from tests.fakes.memory_mailer import MemoryMailer, outage
from tests.fakes.memory_store import MemoryStore
from tests.fakes.moving_clock import MovingClock
from tests.fakes.worlds import TOPIC, FakeDirectory, change, contact_list, customer

DURATION = timedelta(minutes=5)


@dataclass
class CountingMailer:
    """Accepts mails in several steps and knows how many stand in no ledger yet.

    Attributes:
        store: Where the ledgers are.
        most_unnoted: The most there ever were.
        most_customers: With how many customers at the same time at most.
        holds: What every mail waits for before it is answered.
    """

    store: MemoryStore
    handed_over: dict[str, str] = field(default_factory=dict)
    repeated: Counter[str] = field(default_factory=Counter)
    most_unnoted: int = 0
    most_customers: int = 0
    holds: Callable[[Mail], asyncio.Event | None] = lambda _mail: None

    async def send(self, customer: Customer, mail: Mail) -> None:
        self.repeated[mail.recipient] += 1
        self.handed_over[address_mark(mail.recipient)] = customer.code
        unnoted = self.unnoted()
        self.most_unnoted = max(self.most_unnoted, len(unnoted))
        self.most_customers = max(self.most_customers, len(set(unnoted.values())))
        for _ in range(3):
            await asyncio.sleep(0)
        event = self.holds(mail)
        if event is not None:
            await event.wait()

    def unnoted(self) -> dict[str, str]:
        noted = {mark for data in self.store.objects.values() for mark in load_ledger(data).sent}
        return {mark: code for mark, code in self.handed_over.items() if mark not in noted}


class SlowStore(MemoryStore):
    """Takes several turns of the loop for a write."""

    async def write(
        self, key: str, data: bytes, *, etag: str | None, keeping: StoredObject | None = None
    ) -> str:
        for _ in range(3):
            await asyncio.sleep(0)
        return await super().write(key, data, etag=etag, keeping=keeping)


@dataclass
class World:
    """Many customers with many subscribers each, one process."""

    customers: int = 12
    people: int = 25
    store: MemoryStore = field(init=False)
    controls: SendControls = field(default_factory=SendControls)
    clock: MovingClock = field(default_factory=MovingClock)

    def __post_init__(self) -> None:
        self.store = SlowStore(self.clock)
        self.mailer = CountingMailer(self.store)
        self.directory = FakeDirectory({code: contact_list(*self.addresses(code)) for code in self.codes})

    @property
    def codes(self) -> list[str]:
        return [f"c{number:02}" for number in range(self.customers)]

    def addresses(self, code: str) -> list[str]:
        return [f"p{number:02}@{code}.example.com" for number in range(self.people)]

    def run(
        self, code: str, mailer: CountingMailer | MemoryMailer | None = None
    ) -> asyncio.Task[NotifyReport]:
        leases = Leases(self.store, self.clock, owner=f"run-{code}-{self.clock.moment}", duration=DURATION)
        services = NotifyServices(
            self.directory, mailer or self.mailer, leases, "changes@example.com", controls=self.controls
        )
        notification = Notification(
            change(*self.codes), NotificationKind.ANNOUNCEMENT, customer(code), TOPIC, self.key(code)
        )
        return asyncio.create_task(notify(notification, services))

    @staticmethod
    def key(code: str) -> str:
        return f"ledger/CHG-1/3/{code}/announcement.json"

    def noted(self) -> int:
        return sum(len(load_ledger(data).sent) for data in self.store.objects.values())


async def turns_until(condition: Callable[[], bool]) -> None:
    """Let the others work until something holds."""
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to that")


@pytest.mark.parametrize("customers", [1, 2, 3, 7, 12, 40])
async def test_never_more_than_ten_mails_stand_in_no_ledger(customers: int) -> None:
    world = World(customers)
    reports = await asyncio.gather(*map(world.run, world.codes))
    assert [report.errors for report in reports] == [()] * customers
    assert world.noted() == customers * world.people == len(world.mailer.repeated)
    assert set(world.mailer.repeated.values()) == {1}
    assert world.mailer.most_unnoted <= MAX_UNNOTED
    assert world.mailer.most_customers >= min(customers, 3)


async def test_a_single_ledger_leaves_room_for_one_that_comes_later() -> None:
    world = World(1)
    await world.run("c00")
    assert world.mailer.most_unnoted == CHUNK_SIZE < MAX_UNNOTED


async def test_a_slow_account_holds_up_no_other_one() -> None:
    world, answer = World(2), asyncio.Event()
    world.mailer.holds = lambda mail: answer if mail.recipient.endswith("c00.example.com") else None
    slow, fast = world.run("c00"), world.run("c01")
    assert (await fast).sent == world.people
    assert not slow.done()
    answer.set()
    assert (await slow).sent == world.people


async def test_what_was_answered_before_a_run_is_cancelled_is_noted_and_its_share_comes_back() -> None:
    world, answer = World(2), asyncio.Event()
    world.mailer.holds = lambda mail: answer if mail.recipient.startswith("p03") else None
    run = world.run("c00")
    await turns_until(lambda: len(world.mailer.repeated) == CHUNK_SIZE)
    run.cancel()
    await asyncio.sleep(0)
    answer.set()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert world.mailer.unnoted() == {}
    assert (await world.run("c00")).sent_before == CHUNK_SIZE
    assert (await world.run("c01")).sent == world.people
    assert set(world.mailer.repeated.values()) == {1}


async def test_a_mail_without_an_answer_is_given_up_soon_when_its_run_is_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("contact_manager.services.ledger_sending.ANSWER_GRACE", timedelta(0))
    world, never = World(1), asyncio.Event()
    world.mailer.holds = lambda mail: never if mail.recipient.startswith("p03") else None
    run = world.run("c00")
    await turns_until(lambda: len(world.mailer.repeated) == CHUNK_SIZE)
    for _ in range(10):
        await asyncio.sleep(0)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert list(world.mailer.unnoted()) == [address_mark("p03@c00.example.com")]
    world.mailer.holds = lambda _mail: None
    assert (await world.run("c00")).errors == ()
    repeated = [address for address, times in world.mailer.repeated.items() if times > 1]
    assert repeated == ["p03@c00.example.com"]


@pytest.mark.parametrize("turns", range(0, 60, 3))
async def test_a_run_that_is_cancelled_at_any_moment_leaves_the_budget_whole(turns: int) -> None:
    world = World(4)
    runs = [world.run(code) for code in world.codes]
    for _ in range(turns):
        await asyncio.sleep(0)
    for run in runs[:3]:
        run.cancel()
    await asyncio.gather(*runs, return_exceptions=True)
    world.clock.move(DURATION)
    reports = await asyncio.gather(*map(world.run, world.codes))
    assert [report.errors for report in reports] == [()] * 4
    assert world.noted() == 4 * world.people
    assert set(world.mailer.repeated.values()) == {1}
    assert world.controls.budget.is_whole


async def test_a_bucket_that_goes_down_repeats_ten_mails_however_many_ledgers_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("contact_manager.services.update_object.MAX_ELAPSED_S", 0.0)
    world = World(12)
    runs = [world.run(code) for code in world.codes]
    await turns_until(lambda: world.noted() >= 3 * MAX_UNNOTED)
    world.store.is_down = True
    reports = await asyncio.gather(*runs)
    assert all(report.errors for report in reports)
    world.store.is_down = False
    world.clock.move(DURATION)
    assert all(not report.errors for report in await asyncio.gather(*map(world.run, world.codes)))
    assert sum(times - 1 for times in world.mailer.repeated.values()) <= MAX_UNNOTED
    assert len(world.mailer.repeated) == 12 * world.people


async def test_a_failing_mailer_gives_its_share_back() -> None:
    world = World(3)
    down = MemoryMailer(troubles={address: outage() for address in world.addresses("c00")})
    assert (await world.run("c00", down)).sent == 0
    assert (await world.run("c01")).sent == world.people


async def test_a_turn_that_comes_at_the_moment_of_the_cancellation_is_passed_on() -> None:
    budget = SendBudget(1)
    assert await budget.take(1) == 1
    first, second = (asyncio.create_task(budget.take(1)) for _ in range(2))
    await asyncio.sleep(0)
    budget.give_back(1)
    first.cancel()
    assert await second == 1
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_turns_come_in_the_order_in_which_they_were_asked_for() -> None:
    budget, order = SendBudget(1), list[int]()

    async def work(number: int) -> None:
        for _ in range(3):
            await budget.take(1)
            order.append(number)
            await asyncio.sleep(0)
            budget.give_back(1)

    await asyncio.gather(*map(work, range(3)))
    assert order == [0, 1, 2] * 3


async def test_a_long_wait_for_a_share_renews_the_lease_before_anything_is_sent() -> None:
    world = World(1)
    taken = await world.controls.budget.take(MAX_UNNOTED)
    assert taken == MAX_UNNOTED
    run = world.run("c00")
    await turns_until(lambda: bool(world.store.writes))
    world.store.objects[world.key("c00")] = b"{}"  # another run took over
    world.controls.budget.failed_notes += 1
    world.controls.budget.give_back(taken)
    report = await run
    assert [error.code for error in report.errors] == ["Busy"]
    assert world.mailer.repeated == {}
    assert replace(report, errors=()) == NotifyReport(TOPIC)
