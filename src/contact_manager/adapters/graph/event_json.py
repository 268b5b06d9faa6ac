"""Events on the wire (Microsoft Learn, Graph v1.0 ``event``)."""

from __future__ import annotations

import base64
import binascii
import uuid
from typing import Any

import orjson

from contact_manager.adapters.graph.body import as_own_block
from contact_manager.adapters.graph.time_zones import as_graph_time, from_graph_time
from contact_manager.domain.change import AttendeeRole
from contact_manager.domain.email_address import fold_address
from contact_manager.domain.meeting import (
    FIRST_PART,
    Attendee,
    CalendarEvent,
    EventMemory,
    EventUpdate,
    MeetingKey,
    MeetingPlan,
)

_PROPERTY_SET = "6f1f5d0e-6f8a-4d53-9a3c-2f6f6b0a7c11"
KEY_PROPERTY = f"String {{{_PROPERTY_SET}}} Name ContactManagerKey"
MEMORY_PROPERTY = f"String {{{_PROPERTY_SET}}} Name ContactManagerState"
"""One property for all the event remembers: 500 people take about 4,200 characters."""

_MEMORY_VERSION = 1
_MARK_BYTES = 6


def transaction_id(plan: MeetingPlan, generation: int) -> str:
    """Return the guard against a second create; a generation that was used up is never used again."""
    parts = [plan.key.value, plan.organizer, str(generation)]
    if plan.part != FIRST_PART:
        parts.append(f"part {plan.part}")
    return str(uuid.uuid5(uuid.UUID(_PROPERTY_SET), "\n".join(parts)))


def create_body(plan: MeetingPlan, generation: int) -> dict[str, Any]:
    """Return the body of the create request; the same plan always gives the same bytes."""
    owns_link = plan.part == FIRST_PART
    online = {"isOnlineMeeting": True, "onlineMeetingProvider": "teamsForBusiness"} if owns_link else {}
    return {
        **content_body(plan),
        "body": {"contentType": "html", "content": as_own_block(plan.body)},
        "attendees": attendees_body(plan.attendees),
        **online,
        "transactionId": transaction_id(plan, generation),
        "singleValueExtendedProperties": [
            {"id": KEY_PROPERTY, "value": plan.key.value},
            {"id": MEMORY_PROPERTY, "value": _dump_memory(plan.first_memory())},
        ],
    }


def content_body(plan: MeetingPlan, fields: tuple[str, ...] | None = None) -> dict[str, Any]:
    """Return the wanted fields of ``plan`` but body and attendees; all of them when ``fields`` is None."""
    whole = {
        "subject": ("subject", plan.subject),
        "start": ("start", as_graph_time(plan.start, plan.time_zone)),
        "end": ("end", as_graph_time(plan.end, plan.time_zone)),
        "location": ("location", {"displayName": plan.location}),
        "hide_attendees": ("hideAttendees", plan.hide_attendees),
    }
    return dict(pair for name, pair in whole.items() if fields is None or name in fields)


def update_fields(update: EventUpdate) -> dict[str, Any]:
    """Return what a content update sends besides the text.

    Start and end go together: each alone could stand on the wrong side of the other for a moment.
    """
    fields = update.fields
    if "start" in fields or "end" in fields:
        fields = (*fields, "start", "end")
    return content_body(update.plan, fields)


def attendees_body(attendees: tuple[Attendee, ...]) -> list[dict[str, Any]]:
    """Return attendees as Graph takes them: always the whole list."""
    return [
        {
            "type": attendee.role.value,
            "emailAddress": {"address": attendee.address}
            | ({"name": attendee.name} if attendee.name else {}),
        }
        for attendee in attendees
    ]


def adoption_body(key: MeetingKey, memory: EventMemory) -> dict[str, Any]:
    """Return the body of a request that makes an event ours, and changes nothing that people see."""
    return {
        "singleValueExtendedProperties": [
            {"id": KEY_PROPERTY, "value": key.value},
            {"id": MEMORY_PROPERTY, "value": _dump_memory(memory)},
        ]
    }


def memory_body(memory: EventMemory) -> dict[str, Any]:
    """Return the body of a request that writes the memory and nothing else."""
    return {"singleValueExtendedProperties": [{"id": MEMORY_PROPERTY, "value": _dump_memory(memory)}]}


def parse_event(value: dict[str, Any], organizer: str) -> CalendarEvent:
    """Return Graph's event in domain words.

    Raises:
        ValueError: Something that every event has is missing or cannot be understood.
    """
    try:
        online = value.get("onlineMeeting") or {}
        return CalendarEvent(
            event_id=str(value["id"]),
            subject=str(value.get("subject") or ""),
            start=from_graph_time(value["start"]),
            end=from_graph_time(value["end"]),
            location=str((value.get("location") or {}).get("displayName") or ""),
            hide_attendees=bool(value.get("hideAttendees")),
            attendees=tuple(
                one for one in map(_parse_attendee, value.get("attendees") or []) if one.address != organizer
            ),
            memory=_find_memory(value),
            join_url=str(online.get("joinUrl") or ""),
            web_link=str(value.get("webLink") or ""),
            key=(_find_property(value, KEY_PROPERTY) or "").lower(),
            organizer=_organizer(value),
            is_organizer=value.get("isOrganizer") is True,
        )
    except (LookupError, TypeError, AttributeError) as error:
        message = "an event lacks its id, its times, or an attendee's address"
        raise ValueError(message) from error


def _parse_attendee(value: dict[str, Any]) -> Attendee:
    mailbox = value["emailAddress"]
    address = str(mailbox["address"] or "")
    if not address.strip():
        raise LookupError("an attendee's address")
    return Attendee(
        fold_address(address) or address.strip().lower(),
        AttendeeRole(value.get("type") or "required"),
        name=str(mailbox.get("name") or ""),
        response=str((value.get("status") or {}).get("response") or ""),
    )


def _organizer(value: dict[str, Any]) -> str:
    mailbox = (value.get("organizer") or {}).get("emailAddress") or {}
    address = str(mailbox.get("address") or "")
    return fold_address(address) or address.strip().lower()


def _find_memory(value: dict[str, Any]) -> EventMemory | None:
    text = _find_property(value, MEMORY_PROPERTY)
    return None if text is None else _load_memory(text)


def _find_property(value: dict[str, Any], name: str) -> str | None:
    for extended in value.get("singleValueExtendedProperties") or []:
        if str(extended.get("id", "")).lower() == name.lower():
            return str(extended.get("value") or "")
    return None


def _dump_memory(memory: EventMemory) -> str:
    parts = {
        "v": _MEMORY_VERSION,
        "content": dict(sorted(memory.content.items())),
        "invited": _dump_marks(memory.invited),
    }
    if memory.pending:
        parts["pending"] = _dump_marks(memory.pending)
    if memory.part != FIRST_PART:
        parts["part"] = memory.part
    return orjson.dumps(parts).decode()


def _load_memory(text: str) -> EventMemory | None:
    """Return the memory, or None when somebody else wrote there: better no memory than a wrong one."""
    try:
        parts = orjson.loads(text)
        if parts["v"] != _MEMORY_VERSION:
            return None
        return EventMemory(
            {str(name): str(digest) for name, digest in parts["content"].items()},
            _load_marks(parts["invited"]),
            _load_marks(parts.get("pending", "")),
            int(parts.get("part", FIRST_PART)),
        )
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        return None


def _dump_marks(marks: frozenset[str]) -> str:
    return base64.b64encode(b"".join(bytes.fromhex(mark) for mark in sorted(marks))).decode()


def _load_marks(text: str) -> frozenset[str]:
    packed = base64.b64decode(text, validate=True)
    if len(packed) % _MARK_BYTES:
        raise ValueError("marks are cut off")
    return frozenset(packed[i : i + _MARK_BYTES].hex() for i in range(0, len(packed), _MARK_BYTES))
