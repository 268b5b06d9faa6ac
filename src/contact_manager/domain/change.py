"""A planned change, the same whatever dialect its file was written in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

_CHANGE_TYPE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class ChangeKind(StrEnum):
    """What is announced: a technical change, or one of the announcement types."""

    CHANGE = "change"
    CIC = "cic"
    FINOPS = "finops"
    INNERSOURCE = "innersource"
    GENERAL = "general"

    @property
    def is_announcement(self) -> bool:
        """Whether this is an announcement and not a technical change."""
        return self is not ChangeKind.CHANGE


MAX_SUBJECT_LENGTH = 255
"""EWS Subject: 255 characters (Exchange Web Services reference), counted by :func:`subject_length`."""


class AttendeeRole(StrEnum):
    """Whether a person is needed in the meeting."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    RESOURCE = "resource"
    """A room or device; only ever added by the organizer."""


@dataclass(frozen=True, slots=True)
class ManualAttendee:
    """A person whom the author of the change names; ``address`` as written."""

    address: str
    role: AttendeeRole = AttendeeRole.REQUIRED


@dataclass(frozen=True, slots=True)
class RecordedMeeting:
    """The meeting that a change's record names, whichever program made it.

    Attributes:
        event_id: The vendor's id of the event.
        attendees: Folded addresses of the people whom that program invited; None when there is no list.
        organizer: Folded address of the mailbox, or None when the record does not name it.
    """

    event_id: str
    attendees: frozenset[str] | None = None
    organizer: str | None = None


@dataclass(frozen=True, slots=True)
class MeetingRequest:
    """What the author says about the meeting itself; None where nothing is said.

    Attributes:
        wanted: An explicit yes or no.
        title: Replaces the subject.
        start: Aware, in the change's zone.
        duration: Positive.
        location: Free text.
        attendees: People to invite besides the subscribers.
    """

    wanted: bool | None = None
    title: str | None = None
    start: datetime | None = None
    duration: timedelta | None = None
    location: str | None = None
    attendees: tuple[ManualAttendee, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A planned change or an announcement.

    Attributes:
        change_id: As written, or None.
        kind: Technical change or announcement type.
        title: One line.
        customers: Folded codes, each once, in the file's order; never empty.
        time_zone: IANA name in which people read the times.
        implementation_start: Aware, in ``time_zone``; None when the file has none.
        implementation_end: Aware, in ``time_zone``; None when the file has none.
        meeting: What is said about the meeting itself.
        reason, implementation_plan, test_plan, customer_impact, rollback_plan: Plain text, may be empty.
        summary, content: Plain text of an announcement, may be empty.
        service_now_ticket, jira_ticket: Ticket numbers, may be empty.
        status: Life-cycle word as written, lower case, may be empty.
        version: Version number or text as written, may be empty.
        change_type: Sort of a technical change in lower case, as templates are named after it; may be empty.
        recorded_meeting: The meeting that there is already, as the record says; no part of the request.
        warnings: What the reader had to decide for the author (an ambiguous local time).
        record: The whole JSON object as read, unknown keys included.
    """

    change_id: str | None
    kind: ChangeKind
    title: str
    customers: tuple[str, ...]
    time_zone: str
    implementation_start: datetime | None = None
    implementation_end: datetime | None = None
    meeting: MeetingRequest = field(default_factory=MeetingRequest)
    reason: str = ""
    implementation_plan: str = ""
    test_plan: str = ""
    customer_impact: str = ""
    rollback_plan: str = ""
    summary: str = ""
    content: str = ""
    service_now_ticket: str = ""
    jira_ticket: str = ""
    status: str = ""
    version: str = ""
    change_type: str = ""
    recorded_meeting: RecordedMeeting | None = field(default=None, repr=False)
    warnings: tuple[str, ...] = field(default=(), compare=False)
    record: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def meeting_start(self) -> datetime | None:
        """The meeting's own start if one is given, else the implementation start."""
        return self.meeting.start or self.implementation_start

    def meeting_end(self, default_duration: timedelta) -> datetime | None:
        """Start plus the given duration, else the implementation end, else start plus the default."""
        start = self.meeting_start
        if start is None:
            return None
        if self.meeting.duration is None and self.implementation_end is not None:
            return self.implementation_end
        return add_elapsed(start, self.meeting.duration or default_duration)

    @property
    def subject(self) -> str:
        """The calendar entry's subject: the given meeting title, else the title with its prefix."""
        if self.meeting.title:
            return self.meeting.title
        if self.kind.is_announcement:
            return f"{self.kind.upper()} Event: {self.title}"
        return f"Change Implementation: {self.title}"


def subject_length(subject: str) -> int:
    """Return the length in UTF-16 code units, which Exchange stores: an emoji is two."""
    return len(subject.encode("utf-16-le")) // 2


def fold_change_type(raw: str) -> str:
    """Return the name under which templates for a sort of change are kept, or ``""`` if it makes no name.

    Letters become lower case, white space becomes hyphens: ``Network Change`` is ``network-change``.
    """
    folded = "-".join(raw.lower().split())
    return folded if _CHANGE_TYPE.fullmatch(folded) else ""


def add_elapsed(start: datetime, duration: timedelta) -> datetime:
    """Return the moment ``duration`` of real time after ``start``, in the same zone.

    Plain ``start + duration`` counts wall time and is an hour off across a clock change.
    """
    return datetime.fromtimestamp(start.timestamp() + duration.total_seconds(), tz=start.tzinfo)
