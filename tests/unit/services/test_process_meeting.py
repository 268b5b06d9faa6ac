"""The meeting of a change that arrives as events: one run sees to it, whoever else is at it."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from contact_manager.domain.meeting import CalendarEvent, MeetingKey, MeetingPlan
from contact_manager.domain.processing import MeetingResult, ProcessReport, Verdict
from contact_manager.errors import RemoteServiceError
from contact_manager.formats.ledger_json import Claim, Lease, dump_claim, load_claim
from contact_manager.services.change_meeting import MeetingRun
from contact_manager.services.change_record import ChangeRecord, ChangeTask
from tests.fakes.worlds import NOW, InMemoryCalendar
from tests.unit.services.change_world import LEASE, ChangeWorld, listed

CLAIM = "claims/CHG-1.json"
PEOPLE = {"ann@example.com", "cat@example.org"}


@pytest.fixture
def world() -> ChangeWorld:
    return ChangeWorld({"hts": listed("ann@example.com"), "acme": listed("cat@example.org")})


def invited(world: ChangeWorld) -> set[str]:
    assert len(world.calendar.events) <= 1
    return {one.address for event in world.calendar.events.values() for one in event.attendees}


async def read(world: ChangeWorld) -> tuple[ChangeRecord, ChangeTask]:
    record = ChangeRecord(world.store, "CHG-1", time_zone="UTC")
    found = await record.fetch()
    assert found is not None
    task = record.understand(found)
    assert task is not None
    return record, task


async def run(world: ChangeWorld, customer: str = "hts", *, again: bool = False) -> MeetingResult:
    record, task = await read(world)
    services = world.services()
    meeting = MeetingRun(
        record, services.meeting, services.leases, services.organizer, services.role, customer
    )
    return await meeting.bring_about(task, again=again)


async def claim_by_another(world: ChangeWorld, doing: str, customer: str = "acme", **more: Any) -> None:
    claim = Claim(Lease("another", NOW + LEASE), doing=doing, customer=customer, **more)
    await world.store.write(CLAIM, dump_claim(claim), etag=None)


async def test_what_was_done_is_done_again_only_when_asked(world: ChangeWorld) -> None:
    world.submit()
    first, second = await run(world), await run(world)
    assert first.report is not None
    assert second.report is None
    third = await run(world, again=True)
    assert third.report is not None
    assert world.calendar.writes.count("create") == 1
    assert Counter(world.calendar.notices) == Counter(("invitation", person) for person in PEOPLE)


async def test_a_meeting_that_another_run_makes_is_left_to_it(world: ChangeWorld) -> None:
    world.submit()
    _, task = await read(world)
    await claim_by_another(world, task.wish)
    result = await run(world)
    assert (result.report, result.errors, result.comes_again) == (None, (), False)
    assert world.calendar.events == {}


async def test_a_run_with_another_task_is_waited_for_and_then_it_comes_again(world: ChangeWorld) -> None:
    world.submit()
    await claim_by_another(world, "1:submitted:other")
    began = asyncio.get_running_loop().time()
    result = await run(world)
    assert [error.type for error in result.errors] == ["Busy"]
    assert (result.comes_again, result.is_waiting) == (True, True)
    assert asyncio.get_running_loop().time() - began >= 10
    assert world.calendar.events == {}


async def test_a_run_that_died_is_taken_over_when_its_lease_has_ended(world: ChangeWorld) -> None:
    world.submit()
    _, task = await read(world)
    await claim_by_another(world, task.wish)
    world.clock.move(LEASE)
    await run(world)
    assert invited(world) == PEOPLE


async def test_the_customer_whose_run_died_goes_on_itself(world: ChangeWorld) -> None:
    world.submit()
    _, task = await read(world)
    await claim_by_another(world, task.wish, customer="hts")
    world.clock.move(LEASE)
    await run(world, "hts")
    assert invited(world) == PEOPLE


async def test_mails_of_a_cancellation_wait_for_the_run_that_is_at_the_meeting(world: ChangeWorld) -> None:
    world.move_to("approved")
    await world.deliver_until_done()
    world.mailer.sent.clear()
    world.move_to("cancelled", version="2")
    _, task = await read(world)
    world.store.objects.pop(CLAIM)
    await claim_by_another(world, task.wish, is_approved=True)
    report = await world.deliver("hts")
    assert report.verdict is Verdict.RETRY
    assert world.mailer.sent == []
    world.clock.move(LEASE)
    await world.deliver_until_done()
    assert set(world.mails.values()) == {1}
    assert invited(world) == set()


class HangingCalendar(InMemoryCalendar):
    """Never answers a read."""

    hangs = True

    async def find_events(self, key: MeetingKey) -> tuple[CalendarEvent, ...]:
        if self.hangs:
            await asyncio.sleep(timedelta(days=365).total_seconds())
        return await super().find_events(key)


async def test_a_calendar_that_never_answers_ends_before_the_lease_does(world: ChangeWorld) -> None:
    world.calendar = calendar = HangingCalendar()
    world.submit()
    began = asyncio.get_running_loop().time()
    result = await run(world)
    assert [error.type for error in result.errors] == ["Timeout"]
    assert result.comes_again
    assert asyncio.get_running_loop().time() - began < LEASE.total_seconds()
    calendar.hangs = False
    await world.deliver_until_done()
    assert invited(world) == PEOPLE


class FailingCalendar(InMemoryCalendar):
    """Refuses to make an event, so often."""

    failures = 1

    async def create_event(self, plan: MeetingPlan) -> CalendarEvent:
        if self.failures:
            self.failures -= 1
            raise RemoteServiceError("no", service="graph", operation="CreateEvent", code="ErrorOdd")
        return await super().create_event(plan)


async def test_a_meeting_that_failed_is_made_by_the_run_that_failed_and_not_by_all(
    world: ChangeWorld,
) -> None:
    world.calendar = FailingCalendar()
    world.submit()
    reports = [await world.deliver(code) for code in ("hts", "acme")]
    assert [report.verdict for report in reports] == [Verdict.RETRY, Verdict.DONE]
    assert invited(world) == set()
    assert load_claim(world.store.objects[CLAIM]).customer == "hts"
    assert (await world.deliver("hts")).verdict is Verdict.DONE
    assert invited(world) == PEOPLE
    assert set(world.mails.values()) == {1}


async def test_nobody_waits_for_ever_for_a_run_that_failed_and_does_not_come_again(
    world: ChangeWorld,
) -> None:
    world.calendar = FailingCalendar()
    world.submit()
    await world.deliver("hts")
    world.clock.move(LEASE)
    await run(world, "acme")
    assert invited(world) == PEOPLE


@pytest.mark.parametrize(
    "edits",
    [
        pytest.param(
            {"implementationStart": "2029-05-10T18:00:00Z", "implementationEnd": "2029-05-10T20:00:00Z"},
            id="a start in the past",
        ),
        pytest.param({"implementationStart": None, "implementationEnd": None}, id="no start"),
    ],
)
async def test_a_meeting_that_cannot_be_made_fails_alone(world: ChangeWorld, edits: dict[str, Any]) -> None:
    world.submit(**edits)
    reports: list[ProcessReport] = []
    for _ in range(2):
        reports += [await world.deliver(code) for code in world.lists]
    assert {address for address, _ in world.mails} == PEOPLE
    assert set(world.mails.values()) == {1}
    assert any(report.errors for report in reports)
    assert invited(world) == set()


async def test_an_event_that_is_gone_is_no_obstacle_to_a_cancellation(world: ChangeWorld) -> None:
    world.move_to("approved")
    await world.deliver_until_done()
    world.calendar.events.clear()
    world.move_to("cancelled", version="2")
    await world.deliver_until_done()
    assert "meeting_metadata" not in world.record
    assert world.entries["meeting_cancelled", None] == 1


async def test_a_record_that_goes_meanwhile_ends_the_run(world: ChangeWorld) -> None:
    world.submit()
    record, task = await read(world)
    del world.store.objects["archive/CHG-1.json"]
    services = world.services()
    meeting = MeetingRun(record, services.meeting, services.leases, services.organizer, services.role, "hts")
    result = await meeting.bring_about(task)
    assert result.is_superseded
    assert world.calendar.events == {}


async def test_a_record_that_becomes_wrong_meanwhile_is_told_and_comes_not_again(world: ChangeWorld) -> None:
    world.submit()
    record, task = await read(world)
    world.submit(changeTitle="")
    services = world.services()
    meeting = MeetingRun(record, services.meeting, services.leases, services.organizer, services.role, "hts")
    result = await meeting.bring_about(task)
    assert result.errors
    assert not result.comes_again


async def test_a_bucket_that_is_down_is_told_and_comes_again(world: ChangeWorld) -> None:
    world.submit()
    record, task = await read(world)
    world.store.is_down = True
    services = world.services()
    meeting = MeetingRun(record, services.meeting, services.leases, services.organizer, services.role, "hts")
    result = await meeting.bring_about(task)
    assert result.comes_again
    assert result.errors
