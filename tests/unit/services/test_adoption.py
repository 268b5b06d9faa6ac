"""The meeting that the record names and another program made, on fakes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from contact_manager.adapters.dry_run import DryRunCalendar
from contact_manager.domain.change import Change, RecordedMeeting
from contact_manager.domain.meeting import Attendee, CalendarEvent, EventMemory, MeetingKey
from contact_manager.domain.outcome import Action, RunReport
from contact_manager.domain.recipients import TopicSelection
from contact_manager.errors import ConflictError, RemoteServiceError
from contact_manager.formats.rendering import Templates
from contact_manager.services.align_calendar import Guards
from contact_manager.services.cancel_meeting import cancel_meeting
from contact_manager.services.schedule_meeting import MeetingServices, ScheduleRequest
from contact_manager.services.show_meeting import show_meeting
from contact_manager.settings import Settings
from tests.fakes.worlds import (
    START,
    TOPIC,
    FakeDirectory,
    FixedClock,
    InMemoryCalendar,
    change,
    contact_list,
    customer,
)
from tests.unit.services.meeting_world import World

ORGANIZER = "changes@example.com"
OLD_ID = "old-1"
KEY = "chg-1"
GUEST, LEAVER = "guest@example.org", "leaver@example.com"
RECORDED = frozenset({"ann@example.com", "bob@example.com", LEAVER})


def recorded(**more: Any) -> Change:
    """A change whose record names the meeting of the older program."""
    meeting = RecordedMeeting(OLD_ID, RECORDED, ORGANIZER)
    return change("hts", "acme", recorded_meeting=replace(meeting, **more))


def old_event(*addresses: str, **more: Any) -> CalendarEvent:
    """The event as the older program left it; bob was taken out and a guest put in by hand."""
    people = addresses or ("ann@example.com", GUEST, LEAVER)
    event = CalendarEvent(
        OLD_ID,
        "CHG-1: Database upgrade",
        START - timedelta(hours=1),
        START,
        "Online",
        hide_attendees=False,
        attendees=tuple(map(Attendee, people)),
        join_url="https://teams.example.com/old",
        organizer=ORGANIZER,
    )
    return replace(event, **more)


def attendees(event: CalendarEvent) -> list[str]:
    return [person.address for person in event.attendees]


@pytest.fixture
def world() -> World:
    """Ann and bob subscribe at one customer, ann and cat at the other."""
    made = World()
    made.calendar.put(old_event())
    return made


async def test_the_recorded_meeting_becomes_ours_and_follows_the_change(world: World) -> None:
    report = await world.run(recorded())
    [event] = world.calendar.events.values()
    assert (event.event_id, world.calendar.keys) == (OLD_ID, {OLD_ID: KEY})
    assert (event.subject, event.start) == ("Change Implementation: Database upgrade", START)
    assert event.join_url == "https://teams.example.com/old"
    assert attendees(event) == ["ann@example.com", "bob@example.com", "cat@example.com", GUEST]
    assert (report.action, report.is_ok) == (Action.UPDATED, True)
    assert report.changes.removed == (LEAVER,)
    assert report.changes.added == ("bob@example.com", "cat@example.com")
    assert set(report.changes.fields) == {"subject", "start", "end", "location", "hide_attendees", "body"}
    assert report.changed_by_hand == ()
    assert any("adopts it" in warning for warning in report.warnings)


async def test_everybody_who_stays_gets_one_update_and_only_who_comes_or_goes_another_mail(
    world: World,
) -> None:
    await world.run(recorded())
    assert sorted(world.calendar.notices) == [
        ("cancellation", LEAVER),
        ("invitation", "bob@example.com"),
        ("invitation", "cat@example.com"),
        ("update", "ann@example.com"),
        ("update", GUEST),
        ("update", LEAVER),
    ]


async def test_an_adopted_meeting_is_one_of_ours_from_then_on(world: World) -> None:
    await world.run(recorded())
    world.calendar.notices.clear()
    for wanted in (recorded(), change("hts", "acme")):
        report = await world.run(wanted)
        assert (report.action, report.warnings) == (Action.UNCHANGED, ())
    assert world.calendar.notices == []
    world.lists["hts"] = contact_list("ann@example.com")
    assert (await world.run(recorded())).changes.removed == ("bob@example.com",)
    moved = replace(recorded(), implementation_start=START + timedelta(days=1), implementation_end=None)
    assert (await world.run(moved)).changes.fields == ("start", "end", "body")
    assert GUEST in attendees(world.calendar.events[OLD_ID])


async def test_the_key_is_written_before_anything_else(world: World) -> None:
    await world.run(recorded())
    assert world.calendar.writes[0] == "adopt"


async def test_a_dry_run_foretells_the_adoption_and_writes_nothing(world: World) -> None:
    foretold = await world.run(recorded(), dry=True)
    assert (foretold.action, world.calendar.writes, world.calendar.notices) == (Action.WOULD_UPDATE, [], [])
    assert world.calendar.keys == {OLD_ID: ""}
    done = await world.run(recorded())
    assert (foretold.changes, foretold.warnings) == (done.changes, done.warnings)
    assert foretold.notifies == done.notifies


async def test_a_guard_stops_before_the_meeting_is_adopted(world: World) -> None:
    for guards in (Guards(max_removals=0), Guards(max_recipients=1)):
        report = await world.run(recorded(), guards=guards)
        assert [error.kind.value for error in report.errors] == ["guard"]
        assert (world.calendar.writes, world.calendar.keys) == ([], {OLD_ID: ""})


async def test_nobody_is_removed_from_an_adopted_meeting_while_a_customer_cannot_be_read(
    world: World,
) -> None:
    world.failures["acme"] = RemoteServiceError("no", service="sts", operation="AssumeRole", code="Denied")
    report = await world.run(recorded())
    assert (report.changes.added, report.changes.removed) == (("bob@example.com",), ())
    world.failures.clear()
    assert (await world.run(recorded())).changes.removed == (LEAVER,)


async def test_a_record_without_people_takes_the_subscribers_in_the_meeting_as_invited_by_us(
    world: World,
) -> None:
    await world.run(recorded(attendees=None))
    assert LEAVER in attendees(world.calendar.events[OLD_ID])
    world.lists["hts"] = world.lists["acme"] = contact_list("cat@example.com")
    report = await world.run(recorded(attendees=None))
    assert report.changes.removed == ("ann@example.com", "bob@example.com")
    assert attendees(world.calendar.events[OLD_ID]) == ["cat@example.com", GUEST, LEAVER]


async def test_a_forced_update_of_an_adopted_meeting_is_sent_once(world: World) -> None:
    await world.run(recorded(), force_update=True)
    assert world.calendar.writes.count("content") == 1
    assert len(world.calendar.events) == 1


async def test_reconciling_brings_an_adopted_meeting_in_line_and_then_respects_hands(world: World) -> None:
    report = await world.run(recorded(), respect_hand=True)
    assert (report.changed_by_hand, world.calendar.events[OLD_ID].start) == ((), START)
    live = world.calendar.events[OLD_ID]
    world.calendar.events[OLD_ID] = replace(live, subject="Moved by hand")
    report = await world.run(recorded(), respect_hand=True)
    assert report.changed_by_hand == ("subject",)


async def test_an_adopted_meeting_is_the_first_entry_of_several(world: World) -> None:
    world.meeting = replace(world.meeting, attendee_limit=3)
    await world.run(recorded())
    first, second = sorted(world.calendar.events.values(), key=lambda one: one.part)
    assert (first.event_id, second.part, second.location) == (OLD_ID, 2, first.join_url)
    assert sorted([*attendees(first), *attendees(second)]) == [
        "ann@example.com",
        "bob@example.com",
        "cat@example.com",
        GUEST,
    ]
    assert (await world.run(recorded())).action is Action.UNCHANGED


async def test_the_meeting_shown_is_the_recorded_one_with_its_drift(world: World) -> None:
    settings = Settings("config.json", customers={code: customer(code) for code in world.lists})
    services = MeetingServices(
        settings,
        FakeDirectory(world.lists),
        DryRunCalendar(world.calendar),
        FixedClock(),
        is_dry_run=True,
    )
    request = ScheduleRequest(recorded(), ORGANIZER, TopicSelection(TOPIC))
    shown = await show_meeting(request, services)
    assert [event.event_id for event in shown.events] == [OLD_ID]
    assert shown.drift is not None
    assert shown.drift.changes.removed == (LEAVER,)
    assert shown.drift.added_by_hand == (GUEST,)
    assert world.calendar.writes == []


# -- what is not the meeting


async def test_a_recorded_meeting_that_is_gone_is_made_anew_with_a_warning() -> None:
    world = World()
    report = await world.run(recorded())
    assert (report.action, report.is_ok, len(world.calendar.events)) == (Action.CREATED, True, 1)
    [warning] = report.warnings
    assert "no longer, in the calendar of changes@example.com" in warning
    assert (await world.run(recorded())).action is Action.UNCHANGED


async def test_the_organizer_whom_the_record_names_is_named_when_the_meeting_is_not_found() -> None:
    report = await World().run(recorded(organizer="old.changes@example.com"))
    assert "old.changes@example.com" in report.warnings[0]


@pytest.mark.parametrize(
    "other",
    [
        {"organizer": "boss@example.com", "is_organizer": False},
        {"organizer": ORGANIZER, "is_organizer": False},
        {"organizer": "boss@example.com"},
        {"organizer": ""},
    ],
)
async def test_a_meeting_that_somebody_else_organizes_is_not_touched(other: dict[str, Any]) -> None:
    world = World()
    event = world.calendar.put(old_event(**other))
    for report in (await world.run(recorded()), await cancel(world, recorded())):
        [error] = report.errors
        assert error.type == "NotOrganizer"
        assert other["organizer"] in error.message
        assert (world.calendar.events, world.calendar.writes) == ({OLD_ID: event}, [])


async def test_the_meeting_of_another_change_is_left_to_it(world: World) -> None:
    world.calendar.keys[OLD_ID] = "chg-2"
    before = world.calendar.events[OLD_ID]
    report = await world.run(recorded())
    assert (report.action, report.is_ok) == (Action.CREATED, True)
    assert "chg-2" in report.warnings[0]
    cancelled = await cancel(world, recorded())
    assert (cancelled.action, len(cancelled.events)) == (Action.CANCELLED, 1)
    assert world.calendar.events == {OLD_ID: before}


async def test_of_two_changes_that_name_one_meeting_the_first_gets_it(world: World) -> None:
    await world.run(recorded())
    ours = world.calendar.events[OLD_ID]
    report = await world.run(replace(recorded(), change_id="CHG-2"))
    assert (report.action, world.calendar.events[OLD_ID]) == (Action.CREATED, ours)


async def test_beside_a_meeting_with_our_key_the_recorded_one_is_a_duplicate(world: World) -> None:
    await world.run(change("hts", "acme"))
    world.calendar.notices.clear()
    report = await world.run(recorded())
    [event] = world.calendar.events.values()
    assert event.event_id != OLD_ID
    assert attendees(event) == ["ann@example.com", "bob@example.com", "cat@example.com", GUEST]
    assert report.events == (event,)
    assert ("cancellation", LEAVER) in world.calendar.notices
    assert any(
        "a second meeting of this change was found and cancelled" in warning for warning in report.warnings
    )
    assert (await world.run(recorded())).action is Action.UNCHANGED


async def test_a_keyed_meeting_that_a_look_up_by_key_does_not_show_yet_is_found_by_its_id() -> None:
    world = World()
    made = (await world.run()).events[0]
    world.calendar.find_events = nothing_found  # as for some seconds after a write
    report = await world.run(recorded(event_id=made.event_id))
    assert (report.action, report.warnings) == (Action.UNCHANGED, ())


async def nothing_found(_: MeetingKey) -> tuple[CalendarEvent, ...]:
    return ()


class OldIds(InMemoryCalendar):
    """Finds an event under an id of the older form as well, and answers with the one it uses now."""

    async def find_event(self, event_id: str) -> CalendarEvent | None:
        return await super().find_event(event_id.removeprefix("rest-"))


async def test_an_id_of_the_older_form_is_the_same_event() -> None:
    world = World()
    world.calendar = OldIds()
    world.calendar.put(old_event())
    for action in (Action.UPDATED, Action.UNCHANGED):
        report = await world.run(recorded(event_id=f"rest-{OLD_ID}"))
        assert (report.action, len(world.calendar.events)) == (action, 1)
    assert (await cancel(world, recorded(event_id=f"rest-{OLD_ID}"))).notifies.removed == 4


# -- cancelling


async def cancel(world: World, wanted: Change, *, dry: bool = False) -> RunReport:
    calendar = DryRunCalendar(world.calendar) if dry else world.calendar
    return await cancel_meeting(wanted, calendar, organizer=ORGANIZER, templates=Templates(), is_dry_run=dry)


async def test_a_recorded_meeting_is_cancelled_though_it_was_never_adopted(world: World) -> None:
    foretold = await cancel(world, recorded(), dry=True)
    assert (foretold.action, len(world.calendar.events)) == (Action.WOULD_CANCEL, 1)
    report = await cancel(world, recorded())
    assert (report.action, world.calendar.events) == (Action.CANCELLED, {})
    assert report.notifies.removed == foretold.notifies.removed == 3
    assert {kind for kind, _ in world.calendar.notices} == {"cancellation"}
    again = await cancel(world, recorded())
    assert (again.action, again.is_ok) == (Action.NONE, True)


async def test_an_adopted_meeting_is_cancelled_once(world: World) -> None:
    await world.run(recorded())
    report = await cancel(world, recorded())
    assert (report.action, len(report.events), world.calendar.events) == (Action.CANCELLED, 1, {})


# -- when it goes wrong


@dataclass
class Breaking(InMemoryCalendar):
    """Fails once at the adoption, before or after it is done, with a conflict or for good."""

    error: RemoteServiceError | None = None
    is_done: bool = False

    async def adopt_event(self, event: CalendarEvent, key: MeetingKey, memory: EventMemory) -> CalendarEvent:
        error, self.error = self.error, None
        if error is None or self.is_done:
            adopted = await super().adopt_event(event, key, memory)
            if error is None:
                return adopted
        raise error


CONFLICT = ConflictError("meanwhile", service="graph", operation="adopt")
REFUSED = RemoteServiceError("no", service="graph", operation="adopt", code="ErrorAccessDenied")


@pytest.mark.parametrize("is_done", [True, False])
@pytest.mark.parametrize("error", [CONFLICT, REFUSED])
async def test_an_adoption_that_breaks_off_ends_like_one_that_does_not(
    error: RemoteServiceError, *, is_done: bool
) -> None:
    world = World()
    world.calendar = Breaking(error=error, is_done=is_done)
    world.calendar.put(old_event())
    first = await world.run(recorded())
    assert first.is_ok is (error is CONFLICT)
    await world.run(recorded())
    [event] = world.calendar.events.values()
    assert attendees(event) == ["ann@example.com", "bob@example.com", "cat@example.com", GUEST]
    assert world.calendar.writes.count("content") == 1
    assert len(world.calendar.notices) == 6


class TakenMeanwhile(InMemoryCalendar):
    """Another change takes the event just before this one does."""

    async def adopt_event(self, event: CalendarEvent, key: MeetingKey, memory: EventMemory) -> CalendarEvent:
        self.keys[event.event_id] = "chg-2"
        return await super().adopt_event(event, key, memory)


async def test_a_meeting_that_another_change_takes_meanwhile_is_left_to_it() -> None:
    world = World()
    world.calendar = TakenMeanwhile()
    before = world.calendar.put(old_event())
    report = await world.run(recorded())
    assert (report.action, report.is_ok) == (Action.CREATED, True)
    assert world.calendar.events[OLD_ID] == before


async def test_somebody_who_comes_meanwhile_is_kept() -> None:
    class Busy(InMemoryCalendar):
        async def adopt_event(
            self, event: CalendarEvent, key: MeetingKey, memory: EventMemory
        ) -> CalendarEvent:
            live = self.events[event.event_id]
            self.events[event.event_id] = replace(
                live, attendees=(*live.attendees, Attendee("zoe@example.org"))
            )
            return await super().adopt_event(event, key, memory)

    world = World()
    world.calendar = Busy()
    world.calendar.put(old_event())
    await world.run(recorded())
    [event] = world.calendar.events.values()
    assert "zoe@example.org" in attendees(event)
