"""The archive object: the change's record, in which the outcome is written without losing anybody's words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contact_manager.domain.lifecycle import ChangeHistory, ChangeStatus, read_status
from contact_manager.domain.outcome import ReportedMeeting, RunReport
from contact_manager.formats.plain_text import any_text

SCHEDULED, UPDATED, CANCELLED = MEETING_KINDS = ("meeting_scheduled", "meeting_updated", "meeting_cancelled")
PROCESSED = "processed"
_APPROVAL_KEYS = ("approvedAt", "approved_at", "approvedBy", "approved_by")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of ``modifications[]``.

    Attributes:
        kind: One of ``MEETING_KINDS``, or ``PROCESSED``.
        at: Aware.
        role: Who did it: the ARN of the role, or a name.
        customer: Folded code, of ``processed``.
        transition: Which of the change's transitions it belongs to.
        content: Digest of what the change asked for.
    """

    kind: str
    at: datetime
    role: str
    customer: str = ""
    transition: str = ""
    content: str = ""


def load_record(data: bytes) -> dict[str, Any]:
    """Return the whole object, numbers as they are written.

    Raises:
        ValueError: It is no JSON object.
    """
    document = json.loads(data)
    if not isinstance(document, dict):
        raise ValueError("the archive object is no JSON object")  # noqa: TRY004 - a problem of the input
    return document


def dump_record(document: Mapping[str, Any]) -> bytes:
    """Return the object as bytes for people and programs."""
    return json.dumps(document, indent=2, ensure_ascii=False).encode()


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


def processed_for(record: Mapping[str, Any], customer: str) -> frozenset[tuple[str, str]]:
    """Return the transitions that were processed for a customer, each with the digest of its content."""
    return frozenset(
        (any_text(one.get("transition")), any_text(one.get("content")))
        for one in _objects(record.get("modifications"))
        if one.get("modification_type") == PROCESSED and one.get("customer_code") == customer
    )


def read_request_type(record: Mapping[str, Any]) -> str:
    """Return ``request_type`` in lower case, or ``""``."""
    return _word(_find(record, "request_type"))


def is_test_run(record: Mapping[str, Any]) -> bool:
    """Whether the record asks for a rehearsal that reaches nobody but its submitter."""
    value = _find(record, "testRun")
    return value is True or _word(value) in ("true", "yes", "1")


def read_submitter(record: Mapping[str, Any]) -> str:
    """Return who submitted the change as it is written, or ``""``."""
    for key in ("submittedBy", "submitted_by", "createdBy", "created_by", "submitter", "author"):
        text = _find(record, key)
        if isinstance(text, str) and text.strip():
            return text.strip()
    return ""


def with_meeting(record: Mapping[str, Any], report: RunReport) -> dict[str, Any]:
    """Return the record with ``meeting_metadata`` as the calendar is now, without it when there is none."""
    updated = dict(record)
    updated.pop("meeting_metadata", None)
    if report.meeting is not None and report.events:
        updated["meeting_metadata"] = _meeting_metadata(report.meeting, report)
    return updated


def without_meeting(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record without ``meeting_metadata``."""
    return {name: value for name, value in record.items() if name != "meeting_metadata"}


def with_entry(record: Mapping[str, Any], entry: Entry) -> dict[str, Any]:
    """Return the record with one more modification; one that is there already is not written twice."""
    known = _objects(record.get("modifications"))
    if any(_is_same(one, entry) for one in known):
        return dict(record)
    written = record.get("modifications")
    modifications = written if isinstance(written, list) else []
    return {**record, "modifications": [*modifications, _entry(entry)]}


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
    }
    return {name: value for name, value in line.items() if value}


def _is_same(one: Mapping[str, Any], entry: Entry) -> bool:
    return (
        one.get("modification_type") == entry.kind == PROCESSED
        and one.get("customer_code") == entry.customer
        and one.get("transition") == entry.transition
        and one.get("content") == entry.content
    )


def _find(record: Mapping[str, Any], key: str) -> Any:
    """Return a value from the top level, else from the older ``metadata`` or ``changeMetadata`` map."""
    for holder in (record, record.get("metadata"), record.get("changeMetadata")):
        if isinstance(holder, Mapping) and holder.get(key) not in (None, ""):
            return holder[key]
    return None


def _word(value: Any) -> str:
    return any_text(value).strip().lower() if isinstance(value, str) else ""


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
