"""A change out of a JSON object, by the layout of its dialect."""

from __future__ import annotations

from collections.abc import Callable
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
from contact_manager.formats.change_json.schedule import read_schedule
from contact_manager.formats.plain_text import many_lines, one_line, quote


def assemble(reader: Reader, layout: Layout, *, default_time_zone: str) -> Change:
    """Return the change; it may be used only if ``reader.problems`` is empty afterwards."""
    reader.require_objects(layout.objects)
    schedule = read_schedule(reader, layout, default_time_zone=default_time_zone)
    change = Change(
        change_id=reader.read(layout.change_id, _short(values.text_or_number)),
        kind=_kind(reader, layout),
        title=_title(reader, layout),
        customers=read_customers(reader, layout.customer_holders, layout.customers),
        time_zone=schedule.time_zone,
        implementation_start=schedule.start,
        implementation_end=schedule.end,
        meeting=MeetingRequest(
            wanted=_wanted(reader, layout.wanted),
            title=reader.read(layout.meeting_title, one_line),
            start=schedule.meeting_start,
            duration=reader.read(layout.meeting_duration, values.duration),
            location=reader.read(layout.meeting_location, _short(one_line)),
            attendees=_people(reader, layout),
        ),
        reason=_text(reader, layout.reason),
        implementation_plan=_text(reader, layout.implementation_plan),
        test_plan=_text(reader, layout.test_plan),
        customer_impact=_text(reader, layout.customer_impact),
        rollback_plan=_text(reader, layout.rollback_plan),
        summary=_text(reader, layout.summary),
        content=_text(reader, layout.content),
        service_now_ticket=reader.read(layout.service_now_ticket, one_line) or "",
        jira_ticket=reader.read(layout.jira_ticket, one_line) or "",
        status=reader.read(layout.status, values.status) or "",
        version=reader.read(layout.version, values.text_or_number) or "",
        change_type=reader.read(layout.change_type, values.change_type) or "",
        warnings=tuple(reader.warnings),
        record=reader.document,
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


def _title(reader: Reader, layout: Layout) -> str:
    if reader.find(layout.title) is None:
        reader.refuse(reader.path(layout.title), "there is no title")
    return reader.read(layout.title, one_line) or ""


def _text(reader: Reader, places: Places) -> str:
    return reader.read(places, many_lines) or ""


def _people(reader: Reader, layout: Layout) -> tuple[ManualAttendee, ...]:
    named = (*read_attendees(reader, layout.attendees), *read_optional(reader, layout.optional))
    return tuple(dict.fromkeys(named))


def _wanted(reader: Reader, groups: tuple[Places, ...]) -> bool | None:
    """Return what the first group says that says anything; a no wins over a yes beside it."""
    for places in groups:
        answers = [reader.read((place,), values.yes_or_no) for place in places]
        given = [answer for answer in answers if answer is not None]
        if given:
            return all(given)
    return None


def _check_subject(reader: Reader, layout: Layout, change: Change) -> None:
    length = subject_length(change.subject)
    if length > MAX_SUBJECT_LENGTH:
        place = layout.meeting_title if change.meeting.title else layout.title
        message = (
            f"the subject {quote(change.subject)} would have {length} characters; {MAX_SUBJECT_LENGTH} fit"
        )
        reader.refuse(reader.path(place), message)
