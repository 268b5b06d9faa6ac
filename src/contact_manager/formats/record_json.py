"""The archive object: the change's record, in which the outcome is written without losing anybody's words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parseaddr
from typing import Any

import orjson

from contact_manager.domain.email_address import fold_address
from contact_manager.domain.lifecycle import ChangeHistory, ChangeStatus, read_status
from contact_manager.domain.outcome import ReportedMeeting, RunReport

_NO = ("", "false", "no", "off", "0")
_SAFE_DIGITS = 15
"""Whole numbers of so many digits are written again as they were, by every program."""

SCHEDULED, UPDATED, CANCELLED = MEETING_KINDS = ("meeting_scheduled", "meeting_updated", "meeting_cancelled")
PROCESSED = "processed"
STOPPED = "stopped_by_guard"
_KNOWN_AGAIN_BY = {
    PROCESSED: ("modification_type", "customer_code", "transition", "content"),
    STOPPED: ("modification_type", "customer_code", "transition", "content", "step", "guard"),
}
"""What makes two entries of a kind the same, whenever and by whom they were written; all of it for others."""

_SUBMITTER_KEYS = (
    "submitterEmail",
    "submitter_email",
    "submittedBy",
    "submitted_by",
    "submitter",
    "createdBy",
    "created_by",
    "author",
)
_APPROVAL_KEYS = ("approvedAt", "approved_at", "approvedBy", "approved_by")


@dataclass(frozen=True, slots=True)
class WrittenNumber:
    """A number that Python would write in another way, as it stands in the file: ``1.10``."""

    text: str

    def __bool__(self) -> bool:
        return float(self.text) != 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of ``modifications[]``.

    Attributes:
        kind: One of ``MEETING_KINDS``, ``PROCESSED`` or ``STOPPED``.
        at: Aware.
        role: Who did it: the ARN of the role, or a name.
        customer: Folded code, of ``processed`` and ``stopped_by_guard``.
        transition: Which of the change's transitions it belongs to.
        content: Digest of what the change asked for.
        meeting: The ``meeting_metadata`` of the entry without its people, of whom a record with many entries
            would grow beyond what a change file may be.
        step: What was stopped: ``meeting``, or a kind of mail.
        guard: Name of the safety rule.
        reason: What was too much, in words.
    """

    kind: str
    at: datetime
    role: str
    customer: str = ""
    transition: str = ""
    content: str = ""
    meeting: Mapping[str, Any] = field(default_factory=dict)
    step: str = ""
    guard: str = ""
    reason: str = ""


def load_record(data: bytes) -> dict[str, Any]:
    """Return the whole object, numbers as they are written.

    Raises:
        ValueError: It is no JSON object.
    """
    try:
        document = json.loads(
            data, parse_float=WrittenNumber, parse_int=_whole_number, parse_constant=_refuse_constant
        )
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if not isinstance(document, dict):
        raise ValueError("the archive object is no JSON object")  # noqa: TRY004 - a problem of the input
    return document


def dump_record(document: Mapping[str, Any]) -> bytes:
    """Return the object as bytes for people and programs."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_PASSTHROUGH_DATACLASS
    return orjson.dumps(document, default=_write_number, option=options)


def read_history(record: Mapping[str, Any]) -> ChangeHistory:
    """Return the statuses that the record's ``modifications`` tell of, oldest first."""
    entries = _objects(record.get("modifications"))
    words = [_word(one.get("modification_type")) for one in entries]
    statuses = tuple(status for word in words if (status := read_status(word)) is not None)
    approved = (
        any(_find(record, key) for key in _APPROVAL_KEYS)
        or bool(record.get("meeting_metadata"))
        or any(_word(one.get("transition")).endswith(f":{ChangeStatus.APPROVED}") for one in entries)
    )
    return ChangeHistory(statuses, has_approval=approved)


def tells_of_meeting(record: Mapping[str, Any]) -> bool:
    """Whether there is a meeting, as far as the record knows; writers of it may drop ``meeting_metadata``."""
    kinds = [_word(one.get("modification_type")) for one in _objects(record.get("modifications"))]
    told = [kind for kind in kinds if kind in MEETING_KINDS]
    return bool(record.get("meeting_metadata")) or (bool(told) and told[-1] != CANCELLED)


def recorded_event_id(record: Mapping[str, Any]) -> str:
    """Return the id of the event that the record names, or ``""``."""
    metadata = record.get("meeting_metadata")
    return str(metadata.get("meeting_id") or "") if isinstance(metadata, Mapping) else ""


def processed_for(record: Mapping[str, Any], customer: str) -> frozenset[tuple[str, str]]:
    """Return the transitions that were processed for a customer, each with the digest of its content."""
    return frozenset(
        (transition, str(one.get("content")))
        for one in _objects(record.get("modifications"))
        if one.get("modification_type") == PROCESSED and one.get("customer_code") == customer
        if isinstance(transition := one.get("transition"), str)
    )


def read_request_type(record: Mapping[str, Any]) -> str:
    """Return ``request_type`` in lower case, or ``""``."""
    return _word(_find(record, "request_type"))


def is_test_run(record: Mapping[str, Any]) -> bool:
    """Whether the record asks for a rehearsal that reaches nobody but its submitter.

    Whatever is not a no counts as a yes: a rehearsal that was not understood would reach everybody.
    """
    value = _find(record, "testRun")
    return _word(value) not in _NO if isinstance(value, str) else bool(value)


def read_submitter(record: Mapping[str, Any]) -> str | None:
    """Return the folded address of who submitted the change, or None when none is told."""
    for key in _SUBMITTER_KEYS:
        text = _find(record, key)
        address = fold_address(parseaddr(text)[1]) if isinstance(text, str) else None
        if address is not None:
            return address
    return None


def with_meeting(record: Mapping[str, Any], report: RunReport) -> dict[str, Any]:
    """Return the record with ``meeting_metadata`` as the calendar is now, without it when there is none.

    What others wrote into it stays.
    """
    if report.meeting is None or not report.events:
        return without_meeting(record)
    written = record.get("meeting_metadata")
    known = written if isinstance(written, Mapping) else {}
    return {**record, "meeting_metadata": {**known, **_meeting_metadata(report.meeting, report)}}


def without_meeting(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record without ``meeting_metadata``."""
    return {name: value for name, value in record.items() if name != "meeting_metadata"}


def with_entry(record: Mapping[str, Any], entry: Entry) -> dict[str, Any]:
    """Return the record with one more modification; one that is there already is not written twice.

    What stands there in another shape than a list becomes its first element.
    """
    written = record.get("modifications")
    if any(_is_same(one, entry) for one in _objects(written)):
        return dict(record)
    return {**record, "modifications": [*_listed(written), _entry(entry)]}


def _meeting_metadata(meeting: ReportedMeeting, report: RunReport) -> dict[str, Any]:
    return {
        "meeting_id": report.events[0].event_id,
        "join_url": report.join_url,
        "start_time": meeting.start.isoformat(),
        "end_time": meeting.end.isoformat(),
        "subject": meeting.subject,
        "organizer": meeting.organizer,
        "attendees": [one.address for event in report.events for one in event.attendees],
    }


def _entry(entry: Entry) -> dict[str, Any]:
    line = {
        "timestamp": entry.at.isoformat(timespec="seconds"),
        "user_id": entry.role,
        "modification_type": entry.kind,
        "customer_code": entry.customer,
        "transition": entry.transition,
        "content": entry.content,
        "meeting_metadata": {name: value for name, value in entry.meeting.items() if name != "attendees"},
        "step": entry.step,
        "guard": entry.guard,
        "reason": entry.reason,
    }
    return {name: value for name, value in line.items() if value}


def _is_same(one: Mapping[str, Any], entry: Entry) -> bool:
    line = _entry(entry)
    names = _KNOWN_AGAIN_BY.get(entry.kind)
    return all(one.get(name) == line.get(name) for name in names) if names else one == line


def _find(record: Mapping[str, Any], key: str) -> Any:
    """Return a value from the top level, else from the older ``metadata`` or ``changeMetadata`` map."""
    for holder in (record, record.get("metadata"), record.get("changeMetadata")):
        if isinstance(holder, Mapping) and holder.get(key) not in (None, ""):
            return holder[key]
    return None


def _word(value: Any) -> str:
    return value.strip().lower() if isinstance(value, str) else ""


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in _listed(value) if isinstance(one, Mapping)]


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _whole_number(text: str) -> int | WrittenNumber:
    return int(text) if len(text) <= _SAFE_DIGITS and text != "-0" else WrittenNumber(text)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _write_number(value: Any) -> Any:
    """Return a number as it was written, for orjson."""
    if isinstance(value, WrittenNumber):
        return orjson.Fragment(value.text)
    raise TypeError(f"{type(value).__name__} is no JSON")
