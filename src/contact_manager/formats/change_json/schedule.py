"""When a change and its meeting take place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from contact_manager.formats.change_json.layout import Layout
from contact_manager.formats.change_json.moments import Clocks, Instant, MomentReader
from contact_manager.formats.change_json.reader import Places, Reader
from contact_manager.formats.plain_text import one_line
from contact_manager.formats.time_zones import resolve_time_zone, summer_reading

_STAND_IN_ZONE = "UTC"
"""For a zone that is unknown, so that the times can still be checked."""

_WINTER, _SUMMER = datetime(2031, 1, 15, tzinfo=UTC), datetime(2031, 7, 15, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Reading:
    """What decides how times are read, besides the file.

    Attributes:
        default_time_zone: IANA or Windows name, for files that name none.
        assumes_utc: Whether times without an offset are in UTC.
    """

    default_time_zone: str
    assumes_utc: bool = False


@dataclass(frozen=True, slots=True)
class Schedule:
    """The zone of a change, as an IANA name, and its times on the clocks of that zone."""

    time_zone: str
    start: datetime | None
    end: datetime | None
    meeting_start: datetime | None


def read_schedule(reader: Reader, layout: Layout, reading: Reading, *, has_meeting: bool) -> Schedule:
    """Return when the change takes place.

    Noted as problems: an unknown zone, wrong and half times, an end before the start. Half a start of a
    meeting is none without a meeting (``has_meeting``).
    """
    clocks = _clocks(reader, layout.time_zone, reading)
    moments = MomentReader(reader, clocks)
    start, end = moments.first_complete(layout.starts), moments.first_complete(layout.ends)
    moments.warn_of_others(layout.starts, start)
    moments.warn_of_others(layout.ends, end)
    meeting_start = _meeting_start(reader, layout, clocks, start)
    if not has_meeting and meeting_start is not None and meeting_start.incomplete is not None:
        reader.warn(meeting_start.path, f"{meeting_start.incomplete.message}; no meeting was asked for")
        meeting_start = None
    _note_incomplete(reader, start, end, meeting_start)
    _check_order(reader, start, end)
    own = tuple(one for one in (meeting_start, start, end) if one is not None)
    _warn_of_zone(reader, layout, clocks, own)
    own_start, zone = _value(meeting_start), clocks.zone
    return Schedule(zone.key, _value(start), _value(end), own_start and own_start.astimezone(zone))


def _clocks(reader: Reader, places: Places, reading: Reading) -> Clocks:
    found = reader.find_all(places)
    if found:
        name = reader.convert(found[0], _zone_name)
        return Clocks(ZoneInfo(name or _STAND_IN_ZONE), is_utc_assumed=reading.assumes_utc)
    try:
        zone = ZoneInfo(resolve_time_zone(reading.default_time_zone))
    except ValueError as exc:
        reader.refuse("", f"the default time zone cannot be used: {exc}")
        zone = ZoneInfo(_STAND_IN_ZONE)
    return Clocks(zone, is_given=False, is_utc_assumed=reading.assumes_utc)


def _zone_name(value: Any) -> str:
    return resolve_time_zone(one_line(value))


def _warn_of_zone(reader: Reader, layout: Layout, clocks: Clocks, instants: tuple[Instant, ...]) -> None:
    """Warn of a zone that was guessed, that two places name differently, or that people write by mistake."""
    zone = clocks.zone
    local = next((one for one in instants if one.is_local and one.value is not None), None)
    if local is not None and not clocks.is_given:
        reader.warn(local.path, f"there is no time zone; {local.quoted} is read as time in {zone.key}")
    given = reader.find_all(tuple(one for one in layout.time_zone if one not in layout.meeting_time_zone))
    for other in given[1:]:
        name = reader.aside().convert(other, _zone_name)
        if name is not None and not _is_same_time(zone, ZoneInfo(name)):
            reader.contradict(given[0], other)
    _warn_of_summer(reader, layout.time_zone, zone, instants)


def _warn_of_summer(reader: Reader, places: Places, zone: ZoneInfo, instants: tuple[Instant, ...]) -> None:
    meant = summer_reading(zone.key)
    moments = (one.value.astimezone(zone) for one in instants if meant and one.value is not None)
    summer = next((moment for moment in moments if _is_summer(meant, moment)), None)
    if summer is not None:
        there = summer.astimezone(ZoneInfo(meant))
        reader.warn(
            reader.path(places),
            f"{zone.key} has no summer time: {summer:%Y-%m-%d %H:%M} {zone.key} is {there:%H:%M %Z} in "
            f"{meant}; if the clocks there are meant, write {meant!r}",
        )


def _is_same_time(zone: ZoneInfo, other: ZoneInfo) -> bool:
    days = (_WINTER, _SUMMER)
    return [day.astimezone(zone).utcoffset() for day in days] == [
        day.astimezone(other).utcoffset() for day in days
    ]


def _is_summer(zone: str, moment: datetime) -> bool:
    return bool(moment.astimezone(ZoneInfo(zone)).dst())


def _meeting_start(reader: Reader, layout: Layout, clocks: Clocks, start: Instant | None) -> Instant | None:
    places = layout.meeting_time_zone
    own = reader.read(places, _zone_name) if places and reader.find(places) is not None else None
    if own is not None:
        clocks = Clocks(ZoneInfo(own), is_utc_assumed=clocks.is_utc_assumed)
    moments = MomentReader(reader, clocks)
    started = _value(start)
    clock = started.astimezone(UTC if clocks.is_utc_assumed else clocks.zone).time() if started else None
    given = (moments.read(moment, clock=clock) for moment in layout.meeting_starts)
    instant = next((instant for instant in given if instant is not None), None)
    moments.warn_of_others(layout.meeting_starts, instant)
    if own is not None and instant is not None:
        _warn_of_summer(reader, places, clocks.zone, (instant,))
    return instant


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
        elif instant.is_other:
            reader.warn(instant.incomplete.path, f"{instant.incomplete.message}; it is not used")
        else:
            reader.problems.append(instant.incomplete)


def _check_order(reader: Reader, start: Instant | None, end: Instant | None) -> None:
    started, ended = _value(start), _value(end)
    if start and end and started and ended and ended.timestamp() <= started.timestamp():
        reader.refuse(end.path, f"the end is not after the start ({start.path})")


def _value(instant: Instant | None) -> datetime | None:
    return instant.value if instant else None
