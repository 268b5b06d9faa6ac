"""Single values of a change file: yes or no, durations, versions, announcement types.

Each function takes a JSON value and raises ValueError with a sentence for the author.
"""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction
from typing import Any

from contact_manager.domain.change import ChangeKind, fold_change_type
from contact_manager.formats.plain_text import any_text, kind_of, one_line, quote

MAX_DURATION = timedelta(hours=24)

_YES = frozenset({"yes", "true", "y", "1", "on"})
_NO = frozenset({"no", "false", "n", "0", "off"})
_NAMES_OF_STATUS = ("name", "value", "label")

_NUMBER = r"[0-9]{1,6}(?:\.[0-9]{1,6})?"
_SPOKEN_PART = re.compile(rf"({_NUMBER})\s*([a-z]*)(?:\s+and\b|,)?\s*")
_ISO_8601 = re.compile(
    rf"p(?:(?P<day>[0-9]{{1,3}})d)?"
    rf"(?:t(?=[0-9])(?:(?P<hour>{_NUMBER})h)?(?:(?P<minute>{_NUMBER})m)?(?:(?P<second>{_NUMBER})s)?)?"
)
_SECONDS = {"day": 86400, "hour": 3600, "minute": 60, "second": 1}
_UNITS = {
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "hour"),
    **dict.fromkeys(("", "m", "min", "mins", "minute", "minutes"), "minute"),
}
_LONGEST_DURATION_TEXT = 60
_DURATION_EXAMPLES = "write minutes (60) or a text such as '90 minutes', '2 hours', '1h30m' or 'PT1H30M'"
_ANNOUNCEMENT_PREFIX = re.compile(r"announcement[_-]?")


def yes_or_no(value: Any) -> bool:
    """Return what the author says: true or false, 1 or 0, or one of the usual words for it.

    Raises:
        ValueError: It is neither.
    """
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, str | int) else None
    if word in _YES or word in _NO:
        return word in _YES
    shown = quote(value) if isinstance(value, str) else kind_of(value)
    raise ValueError(f"must be true or false (or 'yes' or 'no'), not {shown}")


def duration(value: Any) -> timedelta:
    """Return how long something takes: a number of minutes, or a text such as ``2 hours``.

    Texts may be plain minutes, hours and minutes in words or letters, or an ISO 8601 duration.

    Raises:
        ValueError: It cannot be understood, is not positive, longer than a day or not whole minutes.
    """
    seconds = _seconds(value)
    if seconds is None:
        shown = quote(value) if isinstance(value, str) else kind_of(value)
        raise ValueError(f"{shown} is not a duration; {_DURATION_EXAMPLES}")
    if seconds <= 0:
        raise ValueError("a duration must be longer than zero minutes")
    if seconds > MAX_DURATION.total_seconds():
        raise ValueError("a duration may be 24 hours at most")
    if seconds % 60:
        raise ValueError("a duration must be whole minutes")
    return timedelta(seconds=int(seconds))


def is_zero_duration(value: Any) -> bool:
    """Return whether a duration says nothing: a form that was not filled in writes zero."""
    return _seconds(value) == 0


def text_or_number(value: Any) -> str:
    """Return an id or a version as text; numbers are fine.

    Raises:
        ValueError: It is neither a text nor a number, or holds control characters.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number else one_line(value)


def status(value: Any) -> str:
    """Return a life-cycle word in lower case; it may be the name of an object, as in Jira.

    Raises:
        ValueError: It is no text or holds control characters.
    """
    if isinstance(value, dict):
        value = next((value[name] for name in _NAMES_OF_STATUS if isinstance(value.get(name), str)), value)
    return one_line(value).lower()


def change_type(value: Any) -> str:
    """Return the sort of a technical change; what cannot name one is none, because nothing depends on it."""
    return fold_change_type(value) if isinstance(value, str) else ""


def announcement_kind(value: Any) -> ChangeKind:
    """Return the type of an announcement, written with or without ``announcement_`` before it.

    Raises:
        ValueError: There is no such type.
    """
    word = _ANNOUNCEMENT_PREFIX.sub("", any_text(value).strip().lower(), count=1)
    known = {kind.value: kind for kind in ChangeKind if kind.is_announcement}
    if word not in known:
        raise ValueError(f"unknown announcement type {quote(word)}; known are {', '.join(known)}")
    return known[word]


def _seconds(value: Any) -> Fraction | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return Fraction(value) * 60
    if not isinstance(value, str) or len(value) > _LONGEST_DURATION_TEXT:
        return None
    text = value.strip().lower()
    return _iso_8601_seconds(text) if text.startswith("p") else _spoken_seconds(text)


def _iso_8601_seconds(text: str) -> Fraction | None:
    match = _ISO_8601.fullmatch(text)
    parts = {unit: number for unit, number in match.groupdict().items() if number} if match else {}
    return sum((Fraction(parts[unit]) * _SECONDS[unit] for unit in parts), Fraction(0)) if parts else None


def _spoken_seconds(text: str) -> Fraction | None:
    parts: dict[str, Fraction] = {}
    position = 0
    while position < len(text) or not parts:
        match = _SPOKEN_PART.match(text, position)
        unit = _UNITS.get(match[2]) if match else None
        if match is None or unit is None or "minute" in parts or unit in parts:
            return None
        parts[unit] = Fraction(match[1]) * _SECONDS[unit]
        position = match.end()
    return sum(parts.values(), Fraction(0))
