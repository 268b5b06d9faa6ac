"""Runs that break off midway, and what the next one makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from contact_manager.domain.change import Change
from contact_manager.domain.meeting import Attendee, CalendarEvent, EventUpdate
from contact_manager.domain.outcome import Action
from contact_manager.errors import ConflictError, RemoteServiceError
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


class KeepsText(Refusing):
    """Cannot tell our text from the join link, and so writes nothing where only the text differs."""

    async def update_content(self, event: CalendarEvent, update: EventUpdate) -> CalendarEvent:
        assert update.fields == ("body",)
        return replace(event, keeps_old_text=True)


class LosesAnswer(KeepsText):
    """Carries out what it refuses."""

    async def update_attendees(self, event: CalendarEvent, attendees: Sequence[Attendee]) -> CalendarEvent:
        after = await InMemoryCalendar.update_attendees(self, event, attendees)
        if self.refuses:
            raise self.refuses.pop()
        return after


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


async def test_who_was_invited_beside_a_text_that_stays_is_known_though_the_run_broke_off(
    world: World,
) -> None:
    calendar = world.calendar
    world.calendar = LosesAnswer(calendar.events, keys=calendar.keys, refuses=[REFUSED])
    reworded = change("hts", "acme", reason="Another reason")
    world.lists["hts"] = contact_list("ann@example.com", "bob@example.com", "eve@example.com")
    assert not (await world.run(reworded)).is_ok
    world.lists["hts"] = contact_list("ann@example.com", "bob@example.com")
    report = await world.run(reworded)
    assert (report.is_ok, report.changes.removed) == (True, ("eve@example.com",))
    assert any("edit it by hand" in text for text in report.warnings)


def conflict(*, is_undone: bool) -> ConflictError:
    return ConflictError("changed", service="graph", operation="PATCH", is_undone=is_undone)


async def test_a_forced_update_tells_everybody_once_though_the_people_meet_conflicts(world: World) -> None:
    world.lists["acme"] = contact_list("cat@example.com", "eve@example.com")
    world.calendar.refuses = [conflict(is_undone=True), conflict(is_undone=True)]
    report = await world.run(force_update=True)
    assert (report.is_ok, report.changes.added) == (True, ("eve@example.com",))
    assert [kind for kind, _ in world.calendar.notices] == ["update"] * 3 + ["invitation"]


async def test_who_was_removed_by_hand_is_let_in_by_force_though_a_conflict_comes_between(
    world: World,
) -> None:
    [(event_id, event)] = world.calendar.events.items()
    world.calendar.events[event_id] = replace(event, attendees=event.attendees[1:])
    world.calendar.refuses = [conflict(is_undone=True)]
    assert (await world.run(force_update=True)).changes.added == ("ann@example.com",)


@dataclass
class Unsure(InMemoryCalendar):
    """Meets a conflict when content is written; nobody knows whether it is written unless ``is_undone``."""

    is_undone: bool = False
    is_met: bool = False

    async def update_content(self, event: CalendarEvent, update: EventUpdate) -> CalendarEvent:
        if self.is_met:
            return await super().update_content(event, update)
        self.is_met = True
        if not self.is_undone:
            await super().update_content(event, update)
        raise conflict(is_undone=self.is_undone)


@pytest.mark.parametrize("is_undone", [True, False])
async def test_a_forced_update_is_repeated_only_when_it_was_surely_not_sent(
    world: World, *, is_undone: bool
) -> None:
    calendar = world.calendar
    world.calendar = Unsure(calendar.events, keys=calendar.keys, is_undone=is_undone)
    report = await world.run(force_update=True)
    assert (report.action, report.is_ok, report.notifies.all) == (Action.UPDATED, True, True)
    assert [kind for kind, _ in world.calendar.notices] == ["update"] * 3
    assert any("may not have been sent" in text for text in report.warnings) is not is_undone
