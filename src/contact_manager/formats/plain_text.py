"""What a text from outside may hold, and how it is shown in a message."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
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


class _Escapes(dict[int, str]):
    """How each character is shown, for ``str.translate``: looked up when it is first met.

    Args:
        escape: Writes a character that may not be shown.
        kept: Characters of our own layout.
    """

    def __init__(self, escape: Callable[[str], str], kept: str = "") -> None:
        super().__init__()
        self._escape = escape
        self._kept = kept

    def __missing__(self, code: int) -> str:
        character = chr(code)
        is_shown = character in self._kept or not _is_hidden(character)
        shown = self[code] = character if is_shown else self._escape(character)
        return shown


_JOINERS = "\u200c\u200d"
"""Words in Persian and in Indic scripts need them, and so do emoji of several people."""

_EMOJI = range(0x1F000, 0x1FB00)
"""Code points without a name here are emoji that are newer than this Python (UTS #51, emoji-data.txt)."""

_SPACES_AND_PRIVATE = frozenset({"Zs", "Co"})
"""For ``str.isprintable`` these are not printable either, but they do no harm."""


def _is_hidden(character: str) -> bool:
    """Return whether a character drives a terminal, changes line or direction, or shows nothing.

    That is the categories Cc, Cf, Cs, Cn, Zl and Zp (Unicode Standard, table 4-4).
    """
    return (
        not character.isprintable()
        and character not in _JOINERS
        and ord(character) not in _EMOJI
        and unicodedata.category(character) not in _SPACES_AND_PRIVATE
    )


def _as_python(character: str) -> str:
    """Return the escape as Python writes it: of one letter, or with two, four or eight hexadecimal digits."""
    return repr(character)[1:-1]


def _as_json(character: str) -> str:
    """Return the escape of JSON, above U+FFFF two of them (RFC 8259, section 7)."""
    pair = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{int.from_bytes(pair[place : place + 2]):04x}" for place in range(0, len(pair), 2))


_OF_LINE = _Escapes(_as_python)
_OF_JSON = _Escapes(_as_json, kept="\n")


def printable(text: str) -> str:
    """Return ``text`` as it may be written into a line of a terminal or a plain log.

    What would drive the terminal, begin another line, change the direction of what follows or be invisible
    is shown escaped and not left out.
    """
    return text if text.isprintable() else text.translate(_OF_LINE)


def printable_json(text: str) -> str:
    """Return the JSON ``text`` with the same characters escaped as JSON does it; its value stays the same."""
    return text.translate(_OF_JSON)


_WORD = re.compile(r"""[^\s"'=\\]+""")


LogValues = tuple[object, ...] | Mapping[str, object] | None
"""What ``logging.LogRecord.args`` holds."""


def log_values(values: LogValues) -> LogValues:
    """Return the values of a log line ``event.name key=%s`` so that none can be read as two.

    What is not one plain word is put in quotes.
    """
    return tuple(map(_log_value, values)) if isinstance(values, tuple) else values


def _log_value(value: object) -> object:
    if value is None or isinstance(value, int | float):
        return value
    text = str(value)
    if _WORD.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
