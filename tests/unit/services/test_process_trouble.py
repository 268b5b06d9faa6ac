"""Something is down, or the change moves on while it is worked on: nobody is lost and nobody mailed twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from contact_manager.domain.meeting import CalendarEvent, MeetingKey
from contact_manager.domain.processing import ProcessReport, Verdict
from contact_manager.errors import RemoteServiceError
from contact_manager.services.process_change import MAX_ROUNDS
from tests.fakes.memory_mailer import outage, rejection
from tests.fakes.memory_store import MemoryStore
from tests.fakes.worlds import InMemoryCalendar
from tests.unit.services.change_world import LEASE, ChangeWorld
from tests.unit.services.small_change_world import (
    ANNOUNCED,
    ASKED,
    CALLED_OFF,
    EVERYBODY,
    HTS,
    go_through,
    invited,
    mailed,
    new_world,
)


@pytest.fixture
def world() -> ChangeWorld:
    return new_world()


async def until_up(world: ChangeWorld, mend: Callable[[], None], *codes: str) -> list[ProcessReport]:
    """Deliver while something is down, mend it, and deliver until all is done."""
    reports = [await world.deliver(code) for code in codes or world.lists]
    mend()
    world.clock.move(LEASE)
    await world.deliver_until_done()
    return reports


@pytest.mark.parametrize("status", ["submitted", "approved", "cancelled", "completed"])
async def test_a_mailer_that_is_down_brings_the_trigger_back_and_loses_nobody(
    world: ChangeWorld, status: str
) -> None:
    await go_through(world, "approved")
    world.mailer.troubles = dict.fromkeys(EVERYBODY, outage())
    world.move_to(status, version="9")
    reports = await until_up(world, world.mailer.troubles.clear)
    assert {report.verdict for report in reports} == {Verdict.RETRY}
    assert all(report.errors for report in reports)
    assert {address for address, _ in world.mails} == EVERYBODY
    assert set(world.mails.values()) == {1}


async def test_one_person_who_cannot_be_mailed_now_is_mailed_later_and_nobody_twice(
    world: ChangeWorld,
) -> None:
    world.mailer.troubles = {"bob@example.com": outage()}
    world.submit()
    reports = await until_up(world, world.mailer.troubles.clear)
    assert [report.verdict for report in reports] == [Verdict.RETRY, Verdict.DONE]
    assert mailed(world, ANNOUNCED) == EVERYBODY


async def test_one_address_that_is_refused_for_good_stops_nobody(world: ChangeWorld) -> None:
    world.mailer.troubles = {"bob@example.com": rejection()}
    world.submit()
    report = await world.deliver("hts")
    assert report.verdict is Verdict.DONE
    assert report.mails is not None
    assert (report.mails.sent, report.mails.refused) == (1, 1)


async def test_a_customer_that_cannot_be_read_is_neither_mailed_nor_forgotten(world: ChangeWorld) -> None:
    world.failures["acme"] = RemoteServiceError("no", service="ses", operation="ListContacts", retryable=True)
    world.submit()
    first = await world.deliver("hts")
    assert first.verdict is Verdict.RETRY
    assert any("acme is missing from the meeting" in error.message for error in first.errors)
    assert invited(world) == HTS
    reports = await until_up(world, world.failures.clear, "acme")
    assert reports[0].verdict is Verdict.RETRY
    assert mailed(world, ANNOUNCED) == EVERYBODY
    assert invited(world) == EVERYBODY


async def test_a_customer_that_fails_later_keeps_its_people_in_the_meeting(world: ChangeWorld) -> None:
    await go_through(world, "approved")
    world.failures["acme"] = RemoteServiceError("no", service="ses", operation="ListContacts", retryable=True)
    world.move_to("approved", version="2", meetingTitle="Another call")
    await until_up(world, world.failures.clear)
    assert invited(world) == EVERYBODY
    assert mailed(world, ANNOUNCED) == EVERYBODY
    assert Counter(kind for kind, _ in world.calendar.notices)["cancellation"] == 0


class BrokenCalendar(InMemoryCalendar):
    """Cannot be read, for now."""

    is_down = True

    async def find_events(self, key: MeetingKey) -> tuple[CalendarEvent, ...]:
        if self.is_down:
            raise RemoteServiceError("down", service="graph", operation="ListEvents", retryable=True)
        return await super().find_events(key)

    def mend(self) -> None:
        self.is_down = False


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_calendar_that_is_down_keeps_no_mail_back_and_has_its_meeting_in_the_end(
    world: ChangeWorld, *, at_once: bool
) -> None:
    world.calendar = calendar = BrokenCalendar()
    world.submit()
    reports = await asyncio.gather(*map(world.deliver, world.lists)) if at_once else []
    reports = reports or [await world.deliver(code) for code in world.lists]
    assert Verdict.RETRY in {report.verdict for report in reports}
    assert mailed(world, ANNOUNCED) == EVERYBODY
    calendar.mend()
    world.clock.move(LEASE)
    await world.deliver_until_done()
    assert mailed(world, ANNOUNCED) == EVERYBODY
    assert invited(world) == EVERYBODY


async def test_a_meeting_that_cannot_be_cancelled_now_is_cancelled_later(world: ChangeWorld) -> None:
    world.calendar = calendar = BrokenCalendar()
    calendar.is_down = False
    await go_through(world, "approved")
    calendar.is_down = True
    world.move_to("cancelled", version="2")
    await until_up(world, calendar.mend)
    assert invited(world) == set()
    assert mailed(world, CALLED_OFF) == EVERYBODY


class CountingStore(MemoryStore):
    """Does not answer one of its calls."""

    calls = 0
    fails_at: int | None = None

    def _expect_up(self, operation: str) -> None:
        self.calls += 1
        if self.calls == self.fails_at:
            raise RemoteServiceError("no answer", service="s3", operation=operation, retryable=True)
        super()._expect_up(operation)


@pytest.mark.parametrize("status", ["submitted", "approved", "cancelled", "completed"])
async def test_a_bucket_that_does_not_answer_any_one_call_loses_nobody_and_mails_nobody_twice(
    status: str,
) -> None:
    number = 0
    while True:
        number += 1
        world = new_world()
        world.store = store = CountingStore(world.clock)
        await go_through(world, "approved")
        world.move_to(status, version="9")
        store.calls, store.fails_at = 0, number
        reports = [await world.deliver(code) for code in world.lists]
        was_reached = store.calls >= number
        store.fails_at = None
        world.clock.move(LEASE)
        await world.deliver_until_done()
        assert {report.verdict for report in reports} <= {Verdict.RETRY, Verdict.DONE}, number
        assert {address for address, _ in world.mails} == EVERYBODY, number
        assert set(world.mails.values()) == {1}, number
        assert invited(world) == (EVERYBODY if status in {"approved", "completed"} else set()), number
        if not was_reached:
            break
    assert number > 10


# the change moves on while it is worked on


class MovingCalendar(InMemoryCalendar):
    """Somebody edits the change whenever it is looked at."""

    def __init__(self, world: ChangeWorld, edits: list[dict[str, Any]]) -> None:
        super().__init__()
        self.world, self.edits = world, edits

    async def find_events(self, key: MeetingKey) -> tuple[CalendarEvent, ...]:
        if self.edits:
            self.world.move_to(**self.edits.pop(0))
        return await super().find_events(key)


@pytest.mark.parametrize(
    ("edits", "word", "meeting"),
    [
        ({"status": "cancelled", "version": "2"}, CALLED_OFF, set()),
        ({"status": "submitted", "version": "2"}, ASKED, set()),
        ({"status": "approved", "version": "2"}, ANNOUNCED, EVERYBODY),
    ],
)
async def test_a_change_that_moves_on_meanwhile_ends_as_its_last_status_asks(
    world: ChangeWorld, edits: dict[str, Any], word: str, meeting: set[str]
) -> None:
    world.calendar = MovingCalendar(world, [edits])
    world.move_to("approved")
    await world.deliver_until_done()
    assert {address for address, kind in world.mails if kind == word} == EVERYBODY
    assert invited(world) == meeting
    assert [key for key in world.store.objects if key.startswith("customers/")] == []


async def test_a_change_that_moves_on_without_end_comes_again(world: ChangeWorld) -> None:
    edits = [{"status": "approved", "version": str(number)} for number in range(2, 30)]
    world.calendar = MovingCalendar(world, edits)
    world.move_to("approved")
    report = await world.deliver("hts")
    assert report.verdict is Verdict.RETRY
    assert len(edits) >= 28 - 2 * MAX_ROUNDS
