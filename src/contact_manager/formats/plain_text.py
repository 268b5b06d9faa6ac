"""What a text from outside may hold, and how it is shown in a message."""

from __future__ import annotations

import re
from typing import Any

_SHOWN_LENGTH = 60
_TOLD_LENGTH = 300
_LINE_BREAKS = re.compile(r"[\r\n\t]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""Unicode category Cc without tab, line feed and carriage return (Unicode Standard, table 4-4)."""

_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "true or false"),
    (int, "a number"),
    (float, "a number"),
    (str, "a text"),
    (list, "a list"),
    (dict, "an object"),
)


def quote(text: str) -> str:
    """Return ``text`` as it may stand in a message: in quotes, on one line, not endless."""
    shown = text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}…"
    return repr(shown)


def kind_of(value: Any) -> str:
    """Return what a JSON value is, in words for people."""
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "nothing")


def any_text(value: Any) -> str:
    """Return ``value`` if it is a text.

    Raises:
        ValueError: It is something else.
    """
    if not isinstance(value, str):
        raise ValueError(f"must be a text, not {kind_of(value)}")  # noqa: TRY004 - a problem of the input
    return value


def many_lines(value: Any) -> str:
    """Return a text of one or more lines without the white space around it.

    Raises:
        ValueError: It is no text or holds a control character other than line breaks and tabs.
    """
    text = any_text(value)
    if match := _CONTROL.search(text):
        raise ValueError(f"holds the control character U+{ord(match[0]):04X}; remove it")
    return text.strip()


def one_line(value: Any) -> str:
    """Return a text in which line breaks and tabs have become one space each run.

    Raises:
        ValueError: It is no text or holds another control character.
    """
    return _LINE_BREAKS.sub(" ", many_lines(value))


def without_control(text: str) -> str:
    """Return ``text`` without control characters other than line breaks and tabs."""
    return _CONTROL.sub("", text)


def shorten(text: str) -> str:
    """Return what somebody else says as it may stand in a message: on one line, not endless."""
    line = " ".join(without_control(text).split())
    return line if len(line) <= _TOLD_LENGTH else f"{line[:_TOLD_LENGTH]}…"
