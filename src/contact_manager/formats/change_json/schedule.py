"""When a change and its meeting take place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from contact_manager.formats.change_json.layout import Layout
from contact_manager.formats.change_json.moments import Instant, MomentReader
from contact_manager.formats.change_json.reader import Places, Reader
from contact_manager.formats.plain_text import any_text
from contact_manager.formats.time_zones import resolve_time_zone

_STAND_IN_ZONE = "UTC"
"""For a zone that is unknown, so that the times can still be checked."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The zone of a change, as an IANA name, and its times on the clocks of that zone."""

    time_zone: str
    start: datetime | None
    end: datetime | None
    meeting_start: datetime | None


def read_schedule(reader: Reader, layout: Layout, *, default_time_zone: str) -> Schedule:
    """Return when the change takes place.

    Noted as problems: an unknown zone, wrong and half times, no start at all, an end before the start.
    """
    zone = _time_zone(reader, layout.time_zone, default_time_zone)
    moments = MomentReader(reader, zone)
    start, end = moments.first_complete(layout.starts), moments.first_complete(layout.ends)
    meeting_start = _meeting_start(reader, layout, zone, start)
    if start is None and meeting_start is None:
        reader.refuse(layout.start_expected, "there is no start time")
    _note_incomplete(reader, start, end, meeting_start)
    _check_order(reader, start, end)
    own_start = _value(meeting_start)
    return Schedule(zone.key, _value(start), _value(end), own_start and own_start.astimezone(zone))


def _time_zone(reader: Reader, places: Places, default: str) -> ZoneInfo:
    if reader.find(places) is not None:
        name = reader.read(places, _zone_name)
        return ZoneInfo(name or _STAND_IN_ZONE)
    try:
        return ZoneInfo(resolve_time_zone(default))
    except ValueError as exc:
        reader.refuse("", f"the default time zone cannot be used: {exc}")
        return ZoneInfo(_STAND_IN_ZONE)


def _zone_name(value: Any) -> str:
    return resolve_time_zone(any_text(value))


def _meeting_start(reader: Reader, layout: Layout, zone: ZoneInfo, start: Instant | None) -> Instant | None:
    meeting_zone = (
        _time_zone(reader, layout.meeting_time_zone, zone.key) if layout.meeting_time_zone else zone
    )
    moments = MomentReader(reader, meeting_zone)
    started = _value(start)
    clock = started.astimezone(meeting_zone).time() if started else None
    given = (moments.read(moment, clock=clock) for moment in layout.meeting_starts)
    return next((instant for instant in given if instant is not None), None)


def _note_incomplete(
    reader: Reader, start: Instant | None, end: Instant | None, meeting_start: Instant | None
) -> None:
    """Note half moments.

    Half a start of the implementation is harmless if the meeting has its own; and a meeting that only
    lacks the clock of a wrong start is not wrong itself.
    """
    is_start_wrong = start is not None and start.value is None and start.incomplete is None
    for instant in (start, end, None if is_start_wrong else meeting_start):
        if instant is None or instant.incomplete is None:
            continue
        if instant is start and _value(meeting_start) is not None:
            reader.warn(
                instant.incomplete.path, f"{instant.incomplete.message}; the meeting's own start is used"
            )
        else:
            reader.problems.append(instant.incomplete)


def _check_order(reader: Reader, start: Instant | None, end: Instant | None) -> None:
    started, ended = _value(start), _value(end)
    if start and end and started and ended and ended.timestamp() <= started.timestamp():
        reader.refuse(end.path, f"the end is not after the start ({start.path})")


def _value(instant: Instant | None) -> datetime | None:
    return instant.value if instant else None
