"""The points in time of a change, read from wherever its dialect keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from contact_manager.errors import Problem
from contact_manager.formats.change_json.layout import Moment
from contact_manager.formats.change_json.reader import Found, Places, Reader
from contact_manager.formats.change_json.times import When, exists_twice, on_clocks_of, when

NO_TIME = "0001-01-01T00:00:00Z"
"""How Go writes a time that was never set (pkg.go.dev/time, the zero value of Time)."""


@dataclass(frozen=True, slots=True)
class Instant:
    """A point in time that the file gives at ``path``.

    Attributes:
        path: Where it stands.
        value: Aware; None when it cannot be used.
        incomplete: Not noted yet: there is a day without a time of day, or the reverse.
    """

    path: str
    value: datetime | None
    incomplete: Problem | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    path: str
    said: When | None
    """None when the text is wrong; that is noted already."""


class MomentReader:
    """Reads moments as the clocks of one time zone show them."""

    def __init__(self, reader: Reader, zone: ZoneInfo) -> None:
        self._reader = reader
        self._zone = zone

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
        parts = [part for part in given if part is not None]
        if not parts:
            return None
        if any(part.said is None for part in parts):
            return Instant(parts[0].path, None)
        full = next(((part.path, part.said) for part in parts if isinstance(part.said, datetime)), None)
        return self._full(*full, parts) if full else self._join(moment, parts, clock)

    def _part(self, places: Places) -> _Part | None:
        for place in places:
            found = self._reader.find((place,))
            if found is not None and found.value != NO_TIME:
                return _Part(found.path, self._reader.convert(found, when))
        return None

    def _join(self, moment: Moment, parts: list[_Part], clock: time | None) -> Instant:
        path = parts[0].path
        day = next((part.said for part in parts if isinstance(part.said, date)), None)
        clock = next((part.said for part in parts if isinstance(part.said, time)), clock)
        if day is None:
            return self._half(path, moment.date or moment.time, "the day is missing; %s gives only the time")
        if clock is None:
            return self._half(path, moment.time, "the time of day is missing; %s gives only the day")
        return self._on_clocks(path, datetime.combine(day, clock))

    def _half(self, path: str, missing: Places, message: str) -> Instant:
        return Instant(path, None, Problem(self._reader.path(missing), message % path))

    def _full(self, path: str, said: datetime, parts: list[_Part]) -> Instant:
        instant = self._on_clocks(path, said)
        for part in parts:
            if part.path != path and instant.value and not self._agrees(part, said, instant.value):
                self._reader.refuse(part.path, f"contradicts {path}; leave one of the two out")
                return Instant(path, None)
        return instant

    def _agrees(self, part: _Part, said: datetime, value: datetime) -> bool:
        if isinstance(part.said, datetime):
            other = self._on_clocks(part.path, part.said).value
            return other is None or other.timestamp() == value.timestamp()
        if isinstance(part.said, date):
            return part.said in {said.date(), value.date()}
        return part.said == said.time()

    def _on_clocks(self, path: str, moment: datetime) -> Instant:
        value = self._reader.convert(Found(path, "", moment), lambda said: on_clocks_of(self._zone, said))
        if value is not None and moment.tzinfo is None and exists_twice(value):
            twice = f"{moment:%Y-%m-%d %H:%M} happens twice in {self._zone.key}"
            self._reader.warn(path, f"{twice}; the first is taken (UTC{value.isoformat()[-6:]})")
        return Instant(path, value)
