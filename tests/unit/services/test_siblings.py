"""More people than one calendar entry holds: one meeting in several entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from contact_manager.adapters.dry_run import DryRunCalendar
from contact_manager.domain.meeting import Attendee, CalendarEvent, MeetingPlan
from contact_manager.domain.outcome import Action, Notifies, RunReport
from contact_manager.domain.recipients import TopicSelection
from contact_manager.errors import ConflictError
from contact_manager.formats.rendering import Templates
from contact_manager.services.align_calendar import Guards
from contact_manager.services.cancel_meeting import cancel_meeting
from contact_manager.services.schedule_meeting import MeetingServices, ScheduleRequest, schedule_meeting
from contact_manager.settings import MeetingSettings, Settings
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

LIMIT = 3
HTS = [f"h{i}@example.com" for i in range(3)]
ACME = [f"a{i}@example.com" for i in range(2)]


class World:
    """Two customers whose people need two entries."""

    def __init__(self) -> None:
        self.people = {"hts": list(HTS), "acme": list(ACME)}
        self.calendar = InMemoryCalendar()
        self.limit = LIMIT
        self.change = change("hts", "acme")

    async def run(
        self, *, dry: bool = False, guards: Guards | None = None, respect_hand: bool = False
    ) -> RunReport:
        settings = Settings(
            "config.json",
            customers={code: customer(code) for code in self.people},
            meeting=MeetingSettings(attendee_limit=self.limit),
        )
        services = MeetingServices(
            settings,
            FakeDirectory({code: contact_list(*people) for code, people in self.people.items()}),
            DryRunCalendar(self.calendar) if dry else self.calendar,
            FixedClock(),
            is_dry_run=dry,
        )
        request = ScheduleRequest(
            self.change,
            "changes@example.com",
            TopicSelection(TOPIC),
            guards=guards or Guards(),
            respect_hand=respect_hand,
        )
        return await schedule_meeting(request, services)

    @property
    def seats(self) -> list[list[str]]:
        return [
            sorted(one.address for one in event.attendees)
            for event in sorted(self.calendar.events.values(), key=lambda event: event.part)
        ]


@pytest.fixture
async def world() -> World:
    """Return the world in which the meeting was made, and forget who was told so."""
    made = World()
    report = await made.run()
    assert report.action is Action.CREATED
    made.calendar.notices.clear()
    made.calendar.writes.clear()
    return made


async def test_people_above_the_limit_get_an_entry_of_their_own_with_the_same_link(world: World) -> None:
    assert world.seats == [HTS, ACME]
    first, second = world.calendar.events.values()
    assert (second.location, second.join_url) == (first.join_url, "")
    assert second.subject == first.subject
    report = await world.run()
    assert (report.action, len(report.events), report.join_url) == (Action.UNCHANGED, 2, first.join_url)
    assert world.calendar.writes == []


async def test_a_dry_run_foretells_the_entries() -> None:
    world = World()
    report = await world.run(dry=True)
    assert report.action is Action.WOULD_CREATE
    assert [len(event.attendees) for event in report.events] == [3, 2]
    assert report.changes.added == tuple(sorted(HTS + ACME))
    assert report.is_ok
    assert world.calendar.writes == []


async def test_new_people_take_free_places_and_only_they_are_told(world: World) -> None:
    world.people["hts"].append("h9@example.com")
    report = await world.run()
    assert (report.action, report.changes.added) == (Action.UPDATED, ("h9@example.com",))
    assert world.calendar.notices == [("invitation", "h9@example.com")]
    world.people["acme"].append("a9@example.com")
    await world.run()
    assert world.seats == [HTS, [*ACME, "h9@example.com"], ["a9@example.com"]]


async def test_an_entry_that_nobody_is_left_in_is_cancelled(world: World) -> None:
    world.people["acme"] = []
    report = await world.run()
    assert (report.action, report.changes.removed) == (Action.UPDATED, tuple(ACME))
    assert report.notifies == Notifies(removed=2)
    assert world.seats == [HTS]
    assert len(report.events) == 1
    assert world.calendar.notices == [("cancellation", one) for one in ACME]
    assert (await world.run()).action is Action.UNCHANGED
    world.people["acme"] = list(ACME)
    assert (await world.run()).action is Action.UPDATED
    assert world.seats == [HTS, ACME]


async def test_an_entry_emptied_by_hand_keeps_who_stays_out(world: World) -> None:
    second = next(event for event in world.calendar.events.values() if event.part == 2)
    await world.calendar.update_attendees(second, ())
    world.calendar.writes.clear()
    assert (await world.run()).action is Action.UNCHANGED
    assert world.calendar.writes == []


async def test_a_reschedule_moves_every_entry(world: World) -> None:
    later = world.change.implementation_start
    assert later is not None
    world.change = change("hts", "acme", title="Database upgrade, part 2")
    report = await world.run()
    assert report.changes.fields == ("subject", "body")
    assert report.notifies.all
    assert {event.subject for event in world.calendar.events.values()} == {world.change.subject}
    assert len(world.calendar.notices) == 5


def move_by_hand(calendar: InMemoryCalendar, part: int, hours: int, subject: str) -> None:
    event = next(event for event in calendar.events.values() if event.part == part)
    later = timedelta(hours=hours)
    calendar.events[event.event_id] = replace(
        event, subject=subject, start=event.start + later, end=event.end + later
    )


def appointments(calendar: InMemoryCalendar) -> set[tuple[str, datetime, datetime]]:
    return {(event.subject, event.start, event.end) for event in calendar.events.values()}


async def test_every_entry_follows_the_first_one_where_a_hand_is_respected(world: World) -> None:
    move_by_hand(world.calendar, 1, 3, "Moved by the organizer")
    world.people["acme"] += ["a8@example.com", "a9@example.com"]
    report = await world.run(respect_hand=True)
    moved = ("Moved by the organizer", START + timedelta(hours=3), START + timedelta(hours=5))
    assert (len(world.calendar.events), appointments(world.calendar)) == (3, {moved})
    assert report.changed_by_hand == ("subject", "start", "end")
    assert report.meeting is not None
    assert (report.meeting.subject, report.meeting.start, report.meeting.end) == moved
    assert (await world.run(respect_hand=True)).action is Action.UNCHANGED
    report = await world.run()
    assert appointments(world.calendar) == {(world.change.subject, START, START + timedelta(hours=2))}
    assert report.changed_by_hand == ("subject", "start", "end")


async def test_a_hand_in_a_further_entry_alone_is_set_back_and_that_is_said(world: World) -> None:
    move_by_hand(world.calendar, 2, 1, "Moved by the organizer")
    report = await world.run(respect_hand=True)
    assert appointments(world.calendar) == {(world.change.subject, START, START + timedelta(hours=2))}
    assert [text for text in report.warnings if "set back: subject, start, end" in text]


async def test_removals_are_counted_over_all_entries(world: World) -> None:
    world.people = {"hts": HTS[:2], "acme": ACME[:1]}
    report = await world.run(guards=Guards(max_removals=1))
    assert [one.type for one in report.errors] == ["MaxRemovals"]
    assert world.calendar.writes == []


async def test_a_lower_limit_moves_as_many_as_must_and_that_is_said(world: World) -> None:
    world.limit = 2
    report = await world.run(guards=Guards(max_removals=0))
    assert report.is_ok
    assert [len(one) for one in world.seats] == [2, 2, 1]
    assert (report.changes.added, report.changes.removed) == ((), ())
    assert report.notifies == Notifies(added=1, removed=1)
    assert world.calendar.notices == [("invitation", HTS[2]), ("cancellation", HTS[2])]
    assert any("move to another calendar entry" in text for text in report.warnings)


async def test_a_first_entry_deleted_by_hand_is_made_anew_and_the_others_lead_to_it(world: World) -> None:
    first = next(event for event in world.calendar.events.values() if event.part == 1)
    del world.calendar.events[first.event_id]
    report = await world.run()
    assert report.action is Action.UPDATED
    assert world.seats == [HTS, ACME]
    again, second = sorted(world.calendar.events.values(), key=lambda event: event.part)
    assert again.join_url != first.join_url
    assert second.location == again.join_url
    assert (await world.run()).action is Action.UNCHANGED


async def test_no_meeting_is_made_anew_when_nobody_is_subscribed_any_more(world: World) -> None:
    first = next(event for event in world.calendar.events.values() if event.part == 1)
    del world.calendar.events[first.event_id]
    world.people = {"hts": [], "acme": []}
    report = await world.run()
    assert (report.action, report.is_ok, world.calendar.events) == (Action.UPDATED, True, {})
    assert (await world.run()).action is Action.NONE
    assert world.calendar.notices == [("cancellation", one) for one in ACME]


async def test_a_guest_added_by_hand_keeps_a_meeting_alive(world: World) -> None:
    first, second = sorted(world.calendar.events.values(), key=lambda event: event.part)
    del world.calendar.events[first.event_id]
    guest = Attendee("guest@example.org")
    world.calendar.events[second.event_id] = replace(second, attendees=(*second.attendees, guest))
    world.people = {"hts": [], "acme": []}
    assert (await world.run()).is_ok
    assert world.seats == [[], ["guest@example.org"]]
    again, second = sorted(world.calendar.events.values(), key=lambda event: event.part)
    assert second.location == again.join_url


async def test_an_entry_that_lost_its_memory_is_no_twin(world: World) -> None:
    second = next(event for event in world.calendar.events.values() if event.part == 2)
    world.calendar.events[second.event_id] = replace(second, memory=None)
    report = await world.run()
    assert (report.action, len(report.events)) == (Action.UNCHANGED, 2)
    world.people["acme"].append("a9@example.com")
    assert (await world.run()).changes.added == ("a9@example.com",)
    assert world.seats == [HTS, [*ACME, "a9@example.com"]]
    assert world.calendar.notices == [("invitation", "a9@example.com")]


async def test_cancelling_the_meeting_cancels_every_entry(world: World) -> None:
    report = await cancel_meeting(
        world.change, world.calendar, organizer="changes@example.com", templates=Templates()
    )
    assert (report.action, len(report.events)) == (Action.CANCELLED, 2)
    assert report.meeting is not None
    assert report.meeting.location == "Microsoft Teams"
    assert world.calendar.events == {}


class WithoutLinks(InMemoryCalendar):
    """Graph that never gives a join link."""

    async def create_event(self, plan: MeetingPlan) -> CalendarEvent:
        event = await super().create_event(plan)
        self.events[event.event_id] = bare = CalendarEvent(
            event.event_id,
            event.subject,
            event.start,
            event.end,
            event.location,
            event.hide_attendees,
            event.attendees,
            event.memory,
        )
        return bare


async def test_without_a_link_to_share_no_further_entry_is_made() -> None:
    world = World()
    world.calendar = WithoutLinks()
    report = await world.run()
    assert report.action is Action.CREATED
    assert [one.type for one in report.errors] == ["JoinLinkMissing"]
    assert world.seats == [HTS]


class LosesAnswers(InMemoryCalendar):
    """A calendar whose answer to the next cancellation or attendee update is lost."""

    loses = True

    async def cancel_event(self, event: CalendarEvent, comment: str) -> None:
        await super().cancel_event(event, comment)
        self._lose()

    async def update_attendees(self, event: CalendarEvent, attendees: Sequence[Attendee]) -> CalendarEvent:
        after = await super().update_attendees(event, attendees)
        self._lose()
        return after

    def _lose(self) -> None:
        if self.loses:
            self.loses = False
            raise ConflictError("the answer was lost", service="memory", operation="write")


async def test_an_entry_cancelled_without_an_answer_is_reported_all_the_same() -> None:
    world = World()
    world.calendar = LosesAnswers()
    await world.run()
    world.people["acme"] = []
    report = await world.run()
    assert (report.action, report.changes.removed, report.is_ok) == (Action.UPDATED, tuple(ACME), True)
    assert report.notifies == Notifies(removed=2)


async def test_a_move_whose_answer_is_lost_is_no_removal() -> None:
    world = World()
    await world.run()
    calendar = LosesAnswers(world.calendar.events, keys=world.calendar.keys)
    world.calendar, world.limit = calendar, 2
    report = await world.run()
    assert (report.is_ok, report.changes.added, report.changes.removed) == (True, (), ())
    assert sorted(one for seats in world.seats for one in seats) == sorted(HTS + ACME)
