"""The meeting that a change's record names, whichever program wrote it there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from contact_manager.domain.change import RecordedMeeting
from contact_manager.domain.email_address import fold_address
from contact_manager.formats.change_json import values
from contact_manager.formats.change_json.attendees import find_addresses
from contact_manager.formats.change_json.reader import Found, Reader

_METADATA = ("meeting_metadata",)
_PLACES = (_METADATA, ("metadata.meeting_metadata",), ("changeMetadata.meeting_metadata",))
_CANCELLED = "meeting_cancelled"
_MAX_ID_LENGTH = 1024
"""Exchange's ids have some 150 to 250 characters; a limit of its own is not documented."""


def read_recorded_meeting(reader: Reader) -> RecordedMeeting | None:
    """Return the meeting of ``meeting_metadata``, else that of the last modification that has one.

    A meeting that was cancelled since is none. Nothing here is the author's work, so nothing is an error: an
    id that can be none is a warning, people who have no address are left out.
    """
    for holder in _holders(reader):
        found = Reader(holder.value, root=holder.path).find(("meeting_id",))
        if found is not None:
            return _meeting(reader, found, Reader(holder.value))
    return None


def _holders(reader: Reader) -> Iterator[Found]:
    """Yield the objects that may name the meeting, the one that counts first."""
    for places in _PLACES:
        found = reader.find(places)
        if found is not None and isinstance(found.value, dict):
            yield found
    found = reader.find(("modifications",))
    entries = found.value if found is not None and isinstance(found.value, list) else []
    for index in reversed(range(len(entries))):
        if not isinstance(entries[index], dict):
            continue
        entry = Reader(entries[index], root=f"$.modifications[{index}]")
        kind = entry.find(("modification_type",))
        if kind is not None and str(kind.value).strip().lower() == _CANCELLED:
            return
        metadata = entry.find(_METADATA)
        if metadata is not None and isinstance(metadata.value, dict):
            yield metadata


def _meeting(reader: Reader, found: Found, metadata: Reader) -> RecordedMeeting | None:
    event_id = _event_id(found.value)
    if not event_id:
        reader.warn(found.path, "is no id of a calendar event and counts as not given")
        return None
    attendees = metadata.find(("attendees",))
    organizer = metadata.find(("organizer",))
    return RecordedMeeting(
        event_id,
        attendees=None if attendees is None else frozenset(_folded(attendees.value)),
        organizer=None if organizer is None else _organizer(organizer.value),
    )


def _event_id(value: Any) -> str:
    """Return the id, or ``""`` for what cannot be part of an address, where dots lead elsewhere."""
    try:
        text = values.text_or_number(value).strip()
    except ValueError:
        return ""
    return text if len(text) <= _MAX_ID_LENGTH and text.strip(".") else ""


def _organizer(value: Any) -> str | None:
    return next((fold_address(address) for address in find_addresses([value])), None)


def _folded(value: Any) -> Iterator[str]:
    """Yield the addresses as they are compared with those of an event."""
    for address in find_addresses(value):
        yield fold_address(address) or address.strip().lower()
