"""Recognising what a change asks for: digests over named fields, in a form that is written out here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from contact_manager.domain.change import Change, MeetingRequest

_LENGTH = 16


def content_digest(change: Change) -> str:
    """Return ``v1:`` and a digest of everything that shapes the meeting or the mails.

    It is kept in claims and records, so the form is part of what is stored: what is not given is left out,
    so that a new field changes the digest of no change that does not use it. The order of customers and
    attendees shapes nothing. Status, warnings and the record are no content.
    """
    content = {
        "change_id": change.change_id,
        "kind": change.kind.value,
        "change_type": change.change_type,
        "version": change.version,
        "title": change.title,
        "customers": sorted(change.customers),
        "time_zone": change.time_zone,
        "implementation_start": _moment(change.implementation_start),
        "implementation_end": _moment(change.implementation_end),
        "meeting": _given(_meeting(change.meeting)),
        "reason": change.reason,
        "implementation_plan": change.implementation_plan,
        "test_plan": change.test_plan,
        "customer_impact": change.customer_impact,
        "rollback_plan": change.rollback_plan,
        "summary": change.summary,
        "content": change.content,
        "service_now_ticket": change.service_now_ticket,
        "jira_ticket": change.jira_ticket,
    }
    text = json.dumps(_given(content), sort_keys=True, separators=(",", ":"))
    return f"v1:{_hash(text)}"


def _meeting(meeting: MeetingRequest) -> dict[str, Any]:
    return {
        "wanted": meeting.wanted,
        "title": meeting.title,
        "start": _moment(meeting.start),
        "duration_seconds": None if meeting.duration is None else meeting.duration.total_seconds(),
        "location": meeting.location,
        "attendees": sorted([attendee.address, attendee.role.value] for attendee in meeting.attendees),
    }


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}


def _moment(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None


def old_digests(change: Change) -> frozenset[str]:
    """Return the digests under which releases before ``v1:`` may have noted the same content.

    They hashed Python's ``repr`` of the change as it then was; its fields and their order are written out
    here and never change. The warnings were part of it: a file that had others then is not recognised, and
    what it asks for is compared with the calendar and the ledger once more.
    """
    return frozenset(_hash(_old_repr(change, warnings)) for warnings in (change.warnings, ()))


def _old_repr(change: Change, warnings: tuple[str, ...]) -> str:
    fields = {
        "change_id": change.change_id,
        "kind": change.kind,
        "title": change.title,
        "customers": change.customers,
        "time_zone": change.time_zone,
        "implementation_start": change.implementation_start,
        "implementation_end": change.implementation_end,
        "meeting": _OldRepr(_old_meeting(change.meeting)),
        "reason": change.reason,
        "implementation_plan": change.implementation_plan,
        "test_plan": change.test_plan,
        "customer_impact": change.customer_impact,
        "rollback_plan": change.rollback_plan,
        "summary": change.summary,
        "content": change.content,
        "service_now_ticket": change.service_now_ticket,
        "jira_ticket": change.jira_ticket,
        "status": change.status,
        "version": change.version,
        "change_type": change.change_type,
        "warnings": warnings,
    }
    return _old_dataclass("Change", fields)


def _old_meeting(meeting: MeetingRequest) -> str:
    attendees = tuple(
        _OldRepr(_old_dataclass("ManualAttendee", {"address": attendee.address, "role": attendee.role}))
        for attendee in meeting.attendees
    )
    fields = {
        "wanted": meeting.wanted,
        "title": meeting.title,
        "start": meeting.start,
        "duration": meeting.duration,
        "location": meeting.location,
        "attendees": attendees,
    }
    return _old_dataclass("MeetingRequest", fields)


def _old_dataclass(name: str, fields: Mapping[str, Any]) -> str:
    return f"{name}({', '.join(f'{field}={value!r}' for field, value in fields.items())})"


class _OldRepr(str):
    """A text that stands in a ``repr`` as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_LENGTH]
