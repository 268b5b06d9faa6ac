"""Find the meeting of a change in the calendar: by its key, and by the event that the record names."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from contact_manager.domain.adoption import memory_of_adopted
from contact_manager.domain.change import RecordedMeeting
from contact_manager.domain.meeting import CalendarEvent, MeetingKey, MeetingPlan
from contact_manager.errors import RemoteServiceError
from contact_manager.ports import Calendar

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FoundMeeting:
    """What the calendar holds of a meeting.

    Attributes:
        events: The live events with the key, oldest first.
        recorded: The event that the record names, if it is live, the organizer's, and has no key yet.
        warnings: Why the event that the record names is not the meeting.
    """

    events: tuple[CalendarEvent, ...] = ()
    recorded: CalendarEvent | None = None
    warnings: tuple[str, ...] = ()

    @property
    def all_events(self) -> tuple[CalendarEvent, ...]:
        """Every event of the meeting, whether it has the key or not."""
        return (*self.events, self.recorded) if self.recorded else self.events

    def as_ours(self, plan: MeetingPlan) -> tuple[CalendarEvent, ...]:
        """Return every event of the meeting as it is once the recorded one is adopted."""
        if self.recorded is None:
            return self.events
        memory = memory_of_adopted(plan, self.recorded)
        return (*self.events, replace(self.recorded, key=plan.key.value, memory=memory))


async def find_meeting(
    calendar: Calendar, key: MeetingKey, organizer: str, recorded: RecordedMeeting | None
) -> FoundMeeting:
    """Return the live events of the meeting; the record is believed only as far as the event proves it.

    An event that is gone, or that is the meeting of another change, is not this meeting: a warning says so.

    Args:
        calendar: The organizer's.
        key: Of the change.
        organizer: Folded address of the mailbox.
        recorded: What the change's record names, or None.

    Raises:
        ConflictError: The calendar could not be read as it was.
        RemoteServiceError: The calendar cannot be read, or somebody else organizes the recorded event.
    """
    found = FoundMeeting(await calendar.find_events(key))
    ids = {event.event_id for event in found.events}
    if recorded is None or recorded.event_id in ids:
        return found
    event = await calendar.find_event(recorded.event_id)
    if event is None:
        _log.info("meeting.recorded_not_found key=%s", key.value)
        return replace(found, warnings=(_gone(recorded, organizer),))
    if event.event_id in ids:
        return found
    if event.key and event.key != key.value:
        _log.warning("meeting.recorded_twice key=%s other_key=%s", key.value, event.key)
        return replace(found, warnings=(_of_another_change(event),))
    if not event.is_organizer or event.organizer != organizer:
        raise _not_organizer(event, organizer)
    if event.key:
        return replace(found, events=(*found.events, event))
    return replace(found, recorded=event)


def _gone(recorded: RecordedMeeting, organizer: str) -> str:
    text = f"the meeting that the record names is not, or no longer, in the calendar of {organizer}"
    if recorded.organizer in (None, organizer):
        return text
    return f"{text}; the record names {recorded.organizer} as its organizer: it may still stand there"


def _of_another_change(event: CalendarEvent) -> str:
    return (
        f"the meeting that the record names is that of another change ({event.key}): it is left alone; "
        "take meeting_metadata out of the record that is wrong"
    )


def _not_organizer(event: CalendarEvent, organizer: str) -> RemoteServiceError:
    message = (
        f"the meeting that the record names is organized by {event.organizer or 'somebody else'}, not by "
        f"{organizer}: nothing was changed; use that organizer, or take meeting_metadata out of the record"
    )
    return RemoteServiceError(message, service="calendar", operation="find_event", code="NotOrganizer")
