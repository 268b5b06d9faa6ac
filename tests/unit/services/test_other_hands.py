"""People and other runs change the meeting while a run is under way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from contact_manager.domain.change import AttendeeRole, Change, ManualAttendee
from contact_manager.domain.change import MeetingRequest as Wish
from contact_manager.domain.meeting import Attendee, CalendarEvent, EventMemory, EventUpdate, MeetingKey
from tests.fakes.worlds import InMemoryCalendar, change, contact_list
from tests.unit.services.meeting_world import World

GUEST = Attendee("guest@example.org")
EVERYBODY = ["ann@example.com", "bob@example.com", "cat@example.com"]
Hand = Callable[["Busy"], None]


@dataclass
class Busy(InMemoryCalendar):
    """Lets somebody's hand in just before a verb of the tool; each time once."""

    hands: dict[str, Hand] = field(default_factory=dict)

    async def find_events(self, key: MeetingKey) -> tuple[CalendarEvent, ...]:
        found = await super().find_events(key)
        self._let_in("after find")
        return found

    async def remember(self, event: CalendarEvent, memory: EventMemory) -> CalendarEvent:
        self._let_in("remember")
        return await super().remember(event, memory)

    async def update_content(self, event: CalendarEvent, update: EventUpdate) -> CalendarEvent:
        self._let_in("content")
        return await super().update_content(event, update)

    def _let_in(self, verb: str) -> None:
        hand = self.hands.pop(verb, None)
        if hand is not None:
            hand(self)


def add_guest(calendar: Busy) -> None:
    [(event_id, event)] = calendar.events.items()
    calendar.events[event_id] = replace(event, attendees=(*event.attendees, GUEST))


@pytest.fixture
async def world() -> World:
    """Return the world in which the meeting was made."""
    made = World()
    made.calendar = Busy()
    await made.run()
    made.calendar.notices.clear()
    made.calendar.writes.clear()
    return made


def people(world: World) -> list[str]:
    [event] = world.calendar.events.values()
    return sorted(one.address for one in event.attendees)


@pytest.mark.parametrize("moment", ["after find", "remember", "content"])
async def test_a_guest_added_while_the_run_is_under_way_stays(world: World, moment: str) -> None:
    world.lists["hts"] = contact_list("ann@example.com", "bob@example.com", "eve@example.com")
    world.calendar.hands = {moment: add_guest}
    report = await world.run(change("hts", "acme", title="Renamed") if moment == "content" else None)
    assert (report.is_ok, report.changes.added) == (True, ("eve@example.com",))
    assert people(world) == [*EVERYBODY, "eve@example.com", "guest@example.org"]
    told = [one for one in world.calendar.notices if one[0] != "update"]
    assert told == [("invitation", "eve@example.com")]


async def test_a_guest_added_while_only_roles_are_to_change_stays(world: World) -> None:
    def with_dan(role: AttendeeRole) -> Change:
        return change("hts", "acme", meeting=Wish(attendees=(ManualAttendee("dan@example.com", role),)))

    await world.run(with_dan(AttendeeRole.REQUIRED))
    world.calendar.hands = {"after find": add_guest}
    report = await world.run(with_dan(AttendeeRole.OPTIONAL))
    assert (report.is_ok, report.changes.fields) == (True, ("attendees",))
    assert people(world) == [*EVERYBODY, "dan@example.com", "guest@example.org"]
