"""The points in time of a change, read from wherever its dialect keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from contact_manager.errors import Problem
from contact_manager.formats.change_json.layout import Moment
from contact_manager.formats.change_json.reader import SHOWN, STORED, Found, Places, Reader
from contact_manager.formats.change_json.times import When, exists_twice, on_clocks_of, when

NO_TIME = "0001-01-01T00:00:00Z"
"""How Go writes a time that was never set (pkg.go.dev/time, the zero value of Time)."""

_NOT_KNOWN_YET = frozenset({"tbd", "tba", "tbc", "n/a", "na", "none", "null", "-", "--", "to be determined"})
_MIDNIGHT = time()


@dataclass(frozen=True, slots=True)
class Clocks:
    """How times without an offset are read.

    Attributes:
        zone: Whose clocks show them.
        is_given: Whether the file itself names the zone.
        is_utc_assumed: Whether they are in UTC, whatever the zone is.
    """

    zone: ZoneInfo
    is_given: bool = True
    is_utc_assumed: bool = False


@dataclass(frozen=True, slots=True)
class _Part:
    found: Found
    said: When | None
    """None when the text is wrong; that is noted already."""


@dataclass(frozen=True, slots=True)
class Instant:
    """A point in time that the file gives.

    Attributes:
        parts: What the file says.
        value: Aware; None when it cannot be used.
        said: The same as written; of half a moment the day or the time of day.
        incomplete: Not noted yet: there is a day without a time of day, or the reverse.
        is_other: Whether the names are those of another system.
    """

    parts: tuple[_Part, ...]
    value: datetime | None
    said: When | None = None
    incomplete: Problem | None = None
    is_other: bool = False

    @property
    def path(self) -> str:
        """Where it stands."""
        return self.parts[0].found.path

    @property
    def paths(self) -> frozenset[str]:
        """Where all of it stands."""
        return frozenset(part.found.path for part in self.parts)

    @property
    def quoted(self) -> str:
        """What the file says, with its paths."""
        return " with ".join(part.found.quoted for part in self.parts)

    @property
    def is_local(self) -> bool:
        """Whether it is written without an offset from UTC."""
        return isinstance(self.said, datetime) and self.said.tzinfo is None


class MomentReader:
    """Reads moments as the clocks of one time zone show them."""

    def __init__(self, reader: Reader, clocks: Clocks) -> None:
        self._reader = reader
        self._clocks = clocks

    def first_complete(self, moments: tuple[Moment, ...]) -> Instant | None:
        """Return the first complete moment, else the first incomplete one, else None."""
        first_given = None
        for moment in moments:
            instant = self.read(moment)
            if instant is not None and instant.incomplete is None:
                return instant
            first_given = first_given or instant
        return first_given

    def read(self, moment: Moment, *, clock: time | None = None) -> Instant | None:
        """Return one moment, or None if nothing is said about it.

        A day without a time of day takes ``clock``, if there is one.
        """
        given = (self._part(moment.time), self._part(moment.date))
        parts = tuple(part for part in given if part is not None)
        if not parts:
            return None
        if any(part.said is None for part in parts):
            return Instant(parts, None)
        full = next((part for part in parts if isinstance(part.said, datetime)), None)
        return self._full(full, parts) if full else self._join(moment, parts, clock)

    def warn_of_others(self, moments: tuple[Moment, ...], used: Instant | None) -> None:
        """Warn of every other of the moments that says something else than the one that is used."""
        if used is None or used.value is None:
            return
        aside, seen = MomentReader(self._reader.aside(), self._clocks), [used.paths]
        others = [other for moment in _one_by_one(moments) if (other := aside.read(moment)) is not None]
        for other in sorted(others, key=lambda one: one.value is None):  # halves of whole ones say nothing
            if other.said is None or any(other.paths <= paths for paths in seen):
                continue
            seen.append(other.paths)
            if not self._agree(used, other):
                shown = [(one.value and f" ({one.value:%Y-%m-%d %H:%M %Z})") or "" for one in (used, other)]
                self._reader.warn(
                    used.path,
                    f"{used.quoted}{shown[0]} and {other.quoted}{shown[1]} are not the same moment; "
                    f"{used.path} is used",
                )

    def _agree(self, used: Instant, other: Instant) -> bool:
        if used.value is None or other.value is None:
            return _is_part_of(other.said, used)
        return used.value.timestamp() == other.value.timestamp()

    def _part(self, places: Places) -> _Part | None:
        half = STORED if self._clocks.is_utc_assumed else SHOWN
        for place in places:
            found = self._reader.find((place,), half=half)
            if found is None or found.value == NO_TIME:
                continue
            if isinstance(found.value, str) and found.value.strip().lower() in _NOT_KNOWN_YET:
                self._reader.warn(found.path, f"{found.value!r} counts as no time")
                continue
            self._warn_of_stored(place, found)
            return _Part(found, self._reader.convert(found, when))
        return None

    def _warn_of_stored(self, place: str, used: Found) -> None:
        stored = self._reader.find((place,), half=STORED)
        if stored is not None and used.value != stored.value:
            self._reader.warn(
                used.path,
                f"{used.quoted} and {stored.quoted} are not the same; what is shown is used. ServiceNow "
                "stores UTC, which --assume-utc takes",
            )

    def _join(self, moment: Moment, parts: tuple[_Part, ...], clock: time | None) -> Instant:
        day = next((part.said for part in parts if isinstance(part.said, date)), None)
        clock = next((part.said for part in parts if isinstance(part.said, time)), clock)
        path = parts[0].found.path
        if day is not None and clock is not None:
            return self._on_clocks(parts, datetime.combine(day, clock))
        if day is None:
            missing, message = moment.date or moment.time, f"the day is missing; {path} gives only the time"
        else:
            missing, message = moment.time, f"the time of day is missing; {path} gives only the day"
        problem = Problem(self._reader.path(missing), message)
        return Instant(parts, None, parts[0].said, problem, is_other=moment.is_other)

    def _full(self, full: _Part, parts: tuple[_Part, ...]) -> Instant:
        """Return what the whole one of two parts says; if it is midnight, it stands for the day alone."""
        said = full.said
        instant = self._on_clocks((full, *(part for part in parts if part is not full)), said)
        for part in parts:
            if part is full or instant.value is None or self._is_same(part.said, instant):
                continue
            if isinstance(said, datetime) and said.time() == _MIDNIGHT and isinstance(part.said, time):
                instant = self._on_clocks(instant.parts, datetime.combine(said.date(), part.said))
                used = f"{instant.value:%Y-%m-%d %H:%M %Z}" if instant.value else "nothing"
            else:
                used = full.found.path
            self._reader.warn(
                full.found.path,
                f"{full.found.quoted} and {part.found.quoted} contradict each other; {used} is used",
            )
        return instant

    def _is_same(self, said: When | None, instant: Instant) -> bool:
        if not isinstance(said, datetime) or instant.value is None:
            return _is_part_of(said, instant)
        aside = MomentReader(self._reader.aside(), self._clocks)
        other = aside._on_clocks(instant.parts, said).value
        return other is None or other.timestamp() == instant.value.timestamp()

    def _on_clocks(self, parts: tuple[_Part, ...], said: When | None) -> Instant:
        clocks, found = self._clocks, parts[0].found
        moment = said
        if isinstance(moment, datetime) and moment.tzinfo is None and clocks.is_utc_assumed:
            moment = moment.replace(tzinfo=UTC)
        at = Found(found.path, "", moment)
        value = self._reader.convert(at, lambda moment: on_clocks_of(clocks.zone, moment))
        if value is not None and isinstance(moment, datetime):
            self._warn_of_clocks(found, moment, value)
        return Instant(parts, value, moment)

    def _warn_of_clocks(self, found: Found, said: datetime, value: datetime) -> None:
        zone = self._clocks.zone.key
        if said.tzinfo is None:
            if exists_twice(value):
                twice = f"{said:%Y-%m-%d %H:%M} happens twice in {zone}"
                self._reader.warn(found.path, f"{twice}; the first is taken (UTC{_offset(value)})")
        elif self._clocks.is_given and said.utcoffset() not in (UTC.utcoffset(None), value.utcoffset()):
            self._reader.warn(
                found.path,
                f"{found.quoted} is at UTC{_offset(said)}, and {zone} is at UTC{_offset(value)} then; "
                f"the offset is used: it is {value:%H:%M} there, not {said:%H:%M}",
            )


def _one_by_one(moments: tuple[Moment, ...]) -> Iterator[Moment]:
    """Yield the moments with one place for a time of day each."""
    for moment in moments:
        for place in moment.time:
            yield Moment(time=(place,), date=moment.date)


def _is_part_of(said: When | None, instant: Instant) -> bool:
    """Whether a time of day is that of the instant on our clocks, or a day that on any clocks."""
    whole = [one for one in (instant.value, instant.said) if isinstance(one, datetime)]
    if isinstance(said, time):
        return bool(whole) and said == whole[0].time()
    return said is None or said in {one.date() for one in whole}


def _offset(moment: datetime) -> str:
    return moment.isoformat()[-6:]
