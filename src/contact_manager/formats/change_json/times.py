"""Points in time as texts, and what they mean on the clocks of a time zone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from contact_manager.formats.plain_text import any_text, quote

When = date | time | datetime
"""What a text says: only a day, only a time of day, or both (with or without an offset from UTC)."""

EARLIEST_YEAR, LATEST_YEAR = 1970, 9998
"""No change is planned outside of these, and arithmetic stays within what Python can hold."""

_DATE = re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})")
_CLOCK = re.compile(
    r"(?P<hour>[0-9]{1,2})(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?)?)?"
    r"(?: ?(?P<half>[ap])\.?m\.?)?"
)
_OFFSET = re.compile(r"z|(?P<sign>[+-])(?P<hours>[0-9]{2}):?(?P<minutes>[0-9]{2})")
_SEPARATORS = ("t", " ")
_DATE_LENGTH = len("2031-05-10")
_FORMS = "write 2031-05-10T18:00:00-04:00, or 2031-05-10T18:00 in the time zone of the change"
_NOON = 12
_LONGEST_TEXT = 60


def when(value: Any) -> When:
    """Return what a text says about a point in time.

    Understood are RFC 3339, the same without an offset (local time), a date alone (``2031-05-10``)
    and a time of day alone (``18:00``, ``18:00:00``, ``6:00 PM``).

    Raises:
        ValueError: It is no text, cannot be understood, or is a moment that no calendar has.
    """
    text = any_text(value).strip().lower()
    if len(text) > _LONGEST_TEXT:
        raise ValueError(f"{quote(text)} is not a date and time; {_FORMS}")
    day_text, rest = text[:_DATE_LENGTH], text[_DATE_LENGTH:]
    if not _DATE.fullmatch(day_text):
        return _clock(text, said=value)
    day = _date(day_text)
    if not rest:
        return day
    if not rest.startswith(_SEPARATORS):
        raise ValueError(f"{quote(value)} is not a date and time; {_FORMS}")
    return _date_time(day, rest[1:].lstrip(), said=value)


def on_clocks_of(zone: ZoneInfo, moment: datetime) -> datetime:
    """Return the moment as the clocks of ``zone`` show it; one without an offset is theirs already.

    A local time that exists twice is the first of the two.

    Raises:
        ValueError: The local time does not exist: the clocks are put forward over it.
    """
    if moment.tzinfo is not None:
        return moment.astimezone(zone)
    local = moment.replace(tzinfo=zone, fold=0)
    if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != moment:
        raise ValueError(f"{moment:%Y-%m-%d %H:%M} does not exist in {zone.key}: {_gap(local)}")
    return local


def exists_twice(local: datetime) -> bool:
    """Return whether the clocks of the zone show this local time a second time later."""
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def _gap(local: datetime) -> str:
    local = local.replace(microsecond=0)
    later, earlier = local.replace(fold=0).astimezone(UTC), local.replace(fold=1).astimezone(UTC)
    offset = earlier.astimezone(local.tzinfo).utcoffset()
    while later - earlier > timedelta(seconds=1):
        middle = (earlier + (later - earlier) / 2).replace(microsecond=0)
        if middle.astimezone(local.tzinfo).utcoffset() == offset:
            earlier = middle
        else:
            later = middle
    start, end = earlier.astimezone(local.tzinfo) + timedelta(seconds=1), later.astimezone(local.tzinfo)
    form = "%H:%M" if start.date() == end.date() else "%Y-%m-%d %H:%M"
    return f"the clocks go from {start:{form}} straight to {end:{form}}"


def _date_time(day: date, text: str, *, said: str) -> datetime:
    clock_text, offset = text, None
    if match := re.search(rf"(?:{_OFFSET.pattern})$", text):
        clock_text, offset = text[: match.start()].rstrip(), _offset(match, said=said)
    return datetime.combine(day, _clock(clock_text, said=said), tzinfo=offset)


def _date(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text} is a day that no calendar has") from None
    if not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
        raise ValueError(f"{text} is not a year in which anything can be planned")
    return day


def _clock(text: str, *, said: str) -> time:
    match = _CLOCK.fullmatch(text)
    if match is None or (match["minute"] is None and match["half"] is None):
        raise ValueError(f"{quote(said)} is not a date and time; {_FORMS}")
    hour, minute, second = int(match["hour"]), int(match["minute"] or 0), int(match["second"] or 0)
    if match["half"] is not None:
        hour = _hour_of_day(hour, match["half"], said=said)
    try:
        return time(hour, minute, second, int(f"{match['fraction'] or 0:0<6}"[:6]))
    except ValueError:
        raise ValueError(f"{quote(said)} has a time of day that no clock shows") from None


def _hour_of_day(hour: int, half: str, *, said: str) -> int:
    if not 1 <= hour <= _NOON:
        raise ValueError(f"{quote(said)} has a time of day that no clock shows")
    return hour % _NOON + (_NOON if half == "p" else 0)


def _offset(match: re.Match[str], *, said: str) -> timezone:
    if match[0] == "z":
        return UTC
    hours, minutes = int(match["hours"]), int(match["minutes"])
    if hours > 23 or minutes > 59:  # noqa: PLR2004 - RFC 3339, section 5.6
        raise ValueError(f"{quote(said)} has an offset from UTC that cannot be")
    return timezone((1 if match["sign"] == "+" else -1) * timedelta(hours=hours, minutes=minutes))
