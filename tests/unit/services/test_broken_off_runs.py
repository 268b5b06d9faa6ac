"""Runs that break off midway, and what the next one makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from contact_manager.domain.change import Change
from contact_manager.domain.meeting import Attendee, CalendarEvent
from contact_manager.errors import RemoteServiceError
from tests.fakes.worlds import START, InMemoryCalendar, change, contact_list
from tests.unit.services.meeting_world import World

REFUSED = RemoteServiceError("no", service="graph", operation="PATCH", code="ErrorInvalidRecipients")


@dataclass
class Refusing(InMemoryCalendar):
    """Takes no attendees while ``refuses`` holds something to raise, one for each time."""

    refuses: list[RemoteServiceError] = field(default_factory=list)

    async def update_attendees(self, event: CalendarEvent, attendees: Sequence[Attendee]) -> CalendarEvent:
        if self.refuses:
            raise self.refuses.pop()
        return await super().update_attendees(event, attendees)


@pytest.fixture
async def world() -> World:
    """Return the world in which the meeting was made."""
    made = World()
    made.calendar = Refusing()
    await made.run()
    made.calendar.notices.clear()
    return made


def at(hours: int) -> Change:
    start = START + timedelta(hours=hours)
    return change("hts", "acme", implementation_start=start, implementation_end=None)


async def test_a_time_written_before_the_people_were_refused_is_not_a_persons(world: World) -> None:
    world.lists["hts"] = contact_list("ann@example.com", "bob@example.com", "eve@example.com")
    world.calendar.refuses = [REFUSED]
    broken = await world.run(at(1), respect_hand=True)
    assert [one.type for one in broken.errors] == ["ErrorInvalidRecipients"]
    report = await world.run(at(2), respect_hand=True)
    assert (report.is_ok, report.changed_by_hand) == (True, ())
    assert report.changes.fields == ("start", "end", "body")
    [event] = world.calendar.events.values()
    assert event.start == START + timedelta(hours=2)


async def test_content_written_before_the_people_were_refused_is_not_sent_again(world: World) -> None:
    world.lists["hts"] = contact_list("ann@example.com", "bob@example.com", "eve@example.com")
    world.calendar.refuses = [REFUSED, REFUSED]
    for _ in range(2):
        await world.run(at(1))
    assert [kind for kind, _ in world.calendar.notices] == ["update"] * 3
