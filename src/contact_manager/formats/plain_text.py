"""What a text from outside may hold, and how it is shown in a message."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

MAX_TEXT_BYTES = 64 * 1024
"""Of one text, in UTF-8: ten times what anybody reads, and no mail or calendar entry gets too large by it."""

_SHOWN_LENGTH = 60
_TOLD_LENGTH = 300
_LINE_BREAKS = re.compile(r"[\r\n\t]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""Unicode category Cc without tab, line feed and carriage return (Unicode Standard, table 4-4)."""
_HIDDEN = re.compile("[\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]")
"""What changes how a line is shown and cannot be seen: line and paragraph separators, the embeddings,
overrides and isolates of the bidirectional algorithm (UAX #9, section 2), the byte order mark, and the tag
characters. The marks that right-to-left text needs (U+200E, U+200F, U+061C) and the joiners are left alone.
"""

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
        ValueError: It is no text, holds a control character other than line breaks and tabs, or is longer
            than ``MAX_TEXT_BYTES``.
    """
    text = any_text(value)
    size = len(text) if len(text) > MAX_TEXT_BYTES else len(text.encode(errors="surrogatepass"))
    if size > MAX_TEXT_BYTES:
        raise ValueError(f"is too long: at most {MAX_TEXT_BYTES:,} bytes are read of one text")
    if match := _CONTROL.search(text):
        raise ValueError(f"holds the control character U+{ord(match[0]):04X}; remove it")
    return text.strip()


def one_line(value: Any) -> str:
    """Return a text in which line breaks and tabs have become one space each run.

    Raises:
        ValueError: It is no text, too long, or holds another control character or a hidden one: a line
            that is not what it looks like.
    """
    text = many_lines(value)
    if match := _HIDDEN.search(value):
        name = unicodedata.name(match[0], "no name")
        raise ValueError(f"holds the hidden character U+{ord(match[0]):04X} ({name}); remove it")
    return _LINE_BREAKS.sub(" ", text)


def without_control(text: str) -> str:
    """Return ``text`` without control characters other than line breaks and tabs."""
    return _CONTROL.sub("", text)


def shorten(text: str) -> str:
    """Return what somebody else says as it may stand in a message: on one line, not endless."""
    line = " ".join(without_control(text).split())
    return line if len(line) <= _TOLD_LENGTH else f"{line[:_TOLD_LENGTH]}…"
