"""A change out of a JSON object, by the layout of its dialect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from contact_manager.domain.change import (
    MAX_SUBJECT_LENGTH,
    Change,
    ChangeKind,
    ManualAttendee,
    MeetingRequest,
    subject_length,
)
from contact_manager.formats.change_json import values
from contact_manager.formats.change_json.attendees import read_attendees, read_optional
from contact_manager.formats.change_json.customers import read_customers
from contact_manager.formats.change_json.layout import Layout
from contact_manager.formats.change_json.reader import Places, Reader
from contact_manager.formats.change_json.recorded import read_recorded_meeting
from contact_manager.formats.change_json.schedule import Reading, read_schedule
from contact_manager.formats.plain_text import many_lines, one_line, quote


@dataclass(frozen=True, slots=True)
class Context:
    """What is known besides the file.

    Attributes:
        reading: How times are read.
        record_id: Id under which the file is kept; it counts before an id of another system.
        customers: Names of the configured customers, by code; empty when no configuration is known.
    """

    reading: Reading
    record_id: str | None = None
    customers: Mapping[str, str] = field(default_factory=dict)


def assemble(reader: Reader, layout: Layout, context: Context) -> Change:
    """Return the change; it may be used only if ``reader.problems`` is empty afterwards."""
    reader.require_objects(layout.objects)
    wanted = _wanted(reader, layout.wanted)
    schedule = read_schedule(reader, layout, context.reading, has_meeting=wanted is not False)
    change = Change(
        change_id=_change_id(reader, layout, context),
        kind=_kind(reader, layout),
        title=_title(reader, layout),
        customers=read_customers(reader, layout.customer_holders, layout.customers, context.customers),
        time_zone=schedule.time_zone,
        implementation_start=schedule.start,
        implementation_end=schedule.end,
        meeting=MeetingRequest(
            wanted=wanted,
            title=reader.read_agreed(layout.meeting_title, one_line),
            start=schedule.meeting_start,
            duration=_duration(reader, layout.meeting_duration, has_meeting=wanted is not False),
            location=reader.read_agreed(layout.meeting_location, _short(one_line)),
            attendees=_people(reader, layout),
        ),
        reason=_text(reader, layout.reason, layout.other_reasons),
        implementation_plan=_text(reader, layout.implementation_plan),
        test_plan=_text(reader, layout.test_plan),
        customer_impact=_text(reader, layout.customer_impact),
        rollback_plan=_text(reader, layout.rollback_plan),
        summary=_text(reader, layout.summary),
        content=_text(reader, layout.content, layout.other_contents),
        service_now_ticket=reader.read(layout.service_now_ticket, values.text_or_number) or "",
        jira_ticket=reader.read(layout.jira_ticket, values.text_or_number) or "",
        status=reader.read_agreed(layout.status, values.status) or "",
        version=reader.read_agreed(layout.version, values.text_or_number) or "",
        change_type=reader.read(layout.change_type, values.change_type) or "",
        recorded_meeting=read_recorded_meeting(reader),
        warnings=tuple(dict.fromkeys(reader.warnings)),
    )
    _check_subject(reader, layout, change)
    return change


def _short(read: Callable[[Any], str]) -> Callable[[Any], str]:
    """Limit what becomes part of a request's address or of the calendar entry's head."""

    def read_short(value: Any) -> str:
        text = read(value)
        if len(text) > MAX_SUBJECT_LENGTH:
            raise ValueError(f"must be at most {MAX_SUBJECT_LENGTH} characters long, not {len(text)}")
        return text

    return read_short


def _kind(reader: Reader, layout: Layout) -> ChangeKind:
    if not layout.kind:
        return ChangeKind.CHANGE
    if reader.find(layout.kind) is None:
        reader.refuse(f"$.{layout.kind[-1]}", "the announcement has no type")
    return reader.read(layout.kind, values.announcement_kind) or ChangeKind.GENERAL


def _change_id(reader: Reader, layout: Layout, context: Context) -> str | None:
    read = _short(values.text_or_number)
    own = reader.read_agreed(layout.change_id, read)
    return own or context.record_id or reader.read_usable(layout.other_ids, read)


def _title(reader: Reader, layout: Layout) -> str:
    if reader.find(layout.title) is not None:
        return reader.read_agreed(layout.title, one_line) or ""
    title = reader.read_usable(layout.other_titles, one_line)
    if title is None:
        reader.refuse(reader.path(layout.title), "there is no title")
    return title or ""


def _text(reader: Reader, places: Places, others: Places = ()) -> str:
    if reader.find(places) is not None:
        return reader.read(places, many_lines) or ""
    return reader.read_usable(others, many_lines) or ""


def _duration(reader: Reader, places: Places, *, has_meeting: bool) -> timedelta | None:
    """Return how long the meeting takes; a zero says nothing beside another number, or without a meeting."""
    given = reader.find_all(places)
    counted = [found for found in given if not values.is_zero_duration(found.value)]
    return reader.convert_agreed(counted if counted or not has_meeting else given, values.duration)


def _people(reader: Reader, layout: Layout) -> tuple[ManualAttendee, ...]:
    named = (*read_attendees(reader, layout.attendees), *read_optional(reader, layout.optional))
    return tuple(dict.fromkeys(named))


def _wanted(reader: Reader, groups: tuple[Places, ...]) -> bool | None:
    """Return what the first group says that says anything; a no wins over a yes beside it."""
    decided = None
    for places in groups:
        source = reader if decided is None else reader.aside()
        given = [(found, source.convert(found, values.yes_or_no)) for found in reader.find_all(places)]
        said = [(found, answer) for found, answer in given if answer is not None]
        if said and decided is None:
            decided = next((one for one in said if not one[1]), said[0])
        for found, answer in said:
            if decided is not None and answer is not decided[1]:
                reader.contradict(decided[0], found)
    return decided[1] if decided else None


def _check_subject(reader: Reader, layout: Layout, change: Change) -> None:
    length = subject_length(change.subject)
    if length > MAX_SUBJECT_LENGTH:
        place = layout.meeting_title if change.meeting.title else layout.title
        message = (
            f"the subject {quote(change.subject)} would have {length} characters; {MAX_SUBJECT_LENGTH} fit"
        )
        reader.refuse(reader.path(place), message)
