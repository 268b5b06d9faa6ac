"""A calendar that reads the real one and writes nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from contact_manager.domain.meeting import (
    Attendee,
    CalendarEvent,
    EventMemory,
    EventUpdate,
    MeetingKey,
    MeetingPlan,
)
from contact_manager.ports import Calendar


class DryRunCalendar:
    """Answers every write with the event as it would be afterwards; a new one has no id and no links."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar

    async def find_events(self, key: MeetingKey) -> tuple[CalendarEvent, ...]:
        """Return what the real calendar holds."""
        return await self._calendar.find_events(key)

    async def find_event(self, event_id: str) -> CalendarEvent | None:
        """Return what the real calendar holds."""
        return await self._calendar.find_event(event_id)

    async def adopt_event(self, event: CalendarEvent, key: MeetingKey, memory: EventMemory) -> CalendarEvent:
        """Return the event with key and memory, unless it has the key already."""
        return event if event.key == key.value else replace(event, key=key.value, memory=memory)

    async def create_event(self, plan: MeetingPlan) -> CalendarEvent:
        """Return the event that would be created."""
        new = CalendarEvent("", "", plan.start, plan.end, "", hide_attendees=False)
        return replace(_as_planned(new, plan), memory=EventMemory(part=plan.part))

    async def update_content(self, event: CalendarEvent, update: EventUpdate) -> CalendarEvent:
        """Return the event with the plan's content and the people it has now."""
        memory = update.before or update.after or event.memory
        return replace(_as_planned(event, update.plan), attendees=event.attendees, memory=memory)

    async def update_attendees(self, event: CalendarEvent, attendees: Sequence[Attendee]) -> CalendarEvent:
        """Return the event with these attendees."""
        return replace(event, attendees=tuple(attendees))

    async def remember(self, event: CalendarEvent, memory: EventMemory) -> CalendarEvent:
        """Return the event with this memory."""
        return replace(event, memory=memory)

    async def cancel_event(self, event: CalendarEvent, comment: str) -> None:
        """Leave the event where it is."""


def _as_planned(event: CalendarEvent, plan: MeetingPlan) -> CalendarEvent:
    return replace(
        event,
        subject=plan.subject,
        start=plan.start,
        end=plan.end,
        location=plan.location,
        hide_attendees=plan.hide_attendees,
        attendees=plan.attendees,
    )
