"""What others write while a trigger is worked on, and what runs of the same change do to each other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from contact_manager.domain.customer import Customer
from contact_manager.domain.meeting import Attendee, CalendarEvent, MeetingPlan
from contact_manager.domain.notification import Mail
from contact_manager.domain.processing import Verdict
from contact_manager.domain.subscription import ContactList
from contact_manager.errors import ConflictError
from contact_manager.ports import ContactDirectory
from contact_manager.services.ledger_sending import SendControls
from contact_manager.services.process_change import ProcessServices
from contact_manager.settings import NotificationSettings
from tests.fakes.memory_mailer import MemoryMailer, stopped
from tests.fakes.worlds import START, InMemoryCalendar
from tests.unit.services.change_world import ChangeWorld, listed

HOUR = timedelta(hours=1)


class InterruptedMailer(MemoryMailer):
    """Lets the change be written anew while the first mail is sent."""

    def __init__(self, world: ChangeWorld, edits: dict[str, Any]) -> None:
        super().__init__()
        self._world: ChangeWorld | None = world
        self._edits = edits

    async def send(self, customer: Customer, mail: Mail) -> None:
        world, self._world = self._world, None
        if world is not None:
            world.submit(**self._edits)
        await super().send(customer, mail)


async def test_a_test_run_that_becomes_real_under_way_reaches_everybody() -> None:
    world = ChangeWorld()
    world.mailer = InterruptedMailer(world, {})
    world.submit(testRun=True, submittedBy="sam@example.com")
    await world.deliver_until_done()
    real = {mail.recipient for mail in world.mailer.sent if not mail.subject.startswith("[TEST]")}
    assert real == {contact.address for found in world.lists.values() for contact in found.contacts}


async def test_a_test_run_of_an_approval_approves_nothing() -> None:
    world = ChangeWorld()
    world.submit(version="1", testRun=True, submittedBy="sam@example.com")
    await world.deliver_until_done()
    for version, status in (("2", "submitted"), ("3", "cancelled")):
        world.mailer.sent.clear()
        world.submit(version=version, status=status, modifications=world.record["modifications"])
        await world.deliver_until_done()
    assert world.mailer.sent == []


class SlowDirectory:
    """Takes its time for each customer in turn."""

    def __init__(self, directory: ContactDirectory) -> None:
        self._directory = directory

    async def fetch_contacts(self, customer: Customer, topics: Sequence[str]) -> ContactList:
        await asyncio.sleep(0.1 * int(customer.code.removeprefix("c")))
        return await self._directory.fetch_contacts(customer, topics)


async def test_the_limit_of_a_change_holds_when_its_triggers_come_together() -> None:
    lists = {f"c{code}": listed(*(f"p{n}@c{code}.example.com" for n in range(3))) for code in range(10)}
    world = ChangeWorld(lists, notification=NotificationSettings(max_recipients=20))
    world.submit()
    controls = SendControls()

    def services() -> ProcessServices:
        made = world.services()
        directory = SlowDirectory(made.meeting.directory)
        return replace(made, controls=controls, meeting=replace(made.meeting, directory=directory))

    reports = await asyncio.gather(*(world.deliver(code, services()) for code in lists))
    assert {report.verdict for report in reports} == {Verdict.REJECTED}
    assert world.mailer.sent == []


async def test_a_record_may_grow_by_what_its_own_runs_write() -> None:
    """Thousands of lines of ours must not keep a cancellation from being read."""
    world = ChangeWorld()
    line = {"modification_type": "processed", "customer_code": "hts", "transition": "0:approved"}
    world.submit(
        status="cancelled",
        modifications=[{**line, "content": f"v1:{number:060}"} for number in range(30_000)],
    )
    assert len(world.store.objects["archive/CHG-1.json"]) > 4 * 1024 * 1024
    await world.deliver_until_done()
    assert {subject for _, subject in world.mails} == {"Cancelled"}


class RecordingCalendar(InMemoryCalendar):
    """While it makes our event, another program makes one and records it."""

    world: ChangeWorld | None = None

    async def create_event(self, plan: MeetingPlan) -> CalendarEvent:
        event = await super().create_event(plan)
        world, self.world = self.world, None
        if world is not None:
            people = (Attendee("old@example.com"),)
            other = CalendarEvent("other-1", "Old", START, START + HOUR, "", hide_attendees=False)
            self.put(replace(other, attendees=people, organizer="changes@example.com"))
            record = world.record | {"meeting_metadata": {"meeting_id": "other-1", "attendees": []}}
            world.store.objects["archive/CHG-1.json"] = json.dumps(record).encode()
        return event


async def test_a_meeting_that_is_recorded_while_ours_is_made_leaves_one_meeting() -> None:
    calendar = RecordingCalendar()
    world = ChangeWorld(calendar=calendar)
    calendar.world = world
    world.submit()
    await world.deliver_until_done()
    assert len(calendar.events) == 1
    assert world.record["meeting_metadata"]["meeting_id"] in calendar.events


class FailingCalendar(InMemoryCalendar):
    async def cancel_event(self, event: CalendarEvent, comment: str) -> None:
        raise ConflictError("busy", service="calendar", operation="cancel", code="503", retryable=True)


@pytest.mark.parametrize("fails", [False, True])
async def test_a_meeting_that_failed_does_not_wait_for_a_quota(*, fails: bool) -> None:
    world = ChangeWorld({"hts": listed("ann@example.com")})
    world.submit()
    await world.deliver_until_done()
    if fails:
        failing = FailingCalendar()
        failing.events, failing.keys = world.calendar.events, world.calendar.keys
        world.calendar = failing
    world.mailer.troubles = {"ann@example.com": stopped(HOUR)}
    world.submit(status="cancelled", version="2", modifications=world.record["modifications"])
    report = await world.deliver("hts")
    assert report.verdict is Verdict.RETRY
    assert report.retry_after == (None if fails else HOUR)
