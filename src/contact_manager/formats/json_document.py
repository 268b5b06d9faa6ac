"""One JSON object out of bytes, with a sentence for everything that can be wrong with them."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from typing import Any

import orjson

from contact_manager.errors import Problem
from contact_manager.formats.plain_text import kind_of, quote

MAX_DEPTH = 100
"""Far more than any file needs; deeper ones could not be written again (orjson stops at 254 levels)."""

MAX_PROBLEMS = 100
"""Nobody mends more at once; the rest is counted."""

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""That of UTF-32 comes first: it begins with that of UTF-16. PowerShell 5 writes UTF-16 (its ``>``)."""
_ZEROS = (
    (re.compile(rb"[^\0]\0\0\0"), "utf-32-le"),
    (re.compile(rb"\0\0\0[^\0]"), "utf-32-be"),
    (re.compile(rb"[^\0]\0[^\0]?"), "utf-16-le"),
    (re.compile(rb"\0[^\0]"), "utf-16-be"),
)
"""How JSON begins without a mark: its first two characters are ASCII (RFC 4627, section 3)."""
_HINTS = (
    (re.compile(r"//|/\*|#"), "JSON has no comments; remove it"),
    (re.compile("[\u2018-\u201f\u00ab\u00bb]"), 'a typographic quotation mark stands here; write "'),
    (re.compile(r"'"), 'texts stand in double quotes; write "'),
    (re.compile(r"(?:True|False|None)\b"), "write true, false or null"),
)
"""What stands at the place where the parser gave up, and what to do about it."""
_YAML = re.compile(r"\s*(?:---|[A-Za-z_][\w -]*:(?:\s|$))")
_NUL = b"\0"
_PLAIN_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]{0,99}")


class JsonDocumentError(ValueError):
    """The bytes are not one usable JSON object; the text says why, for people."""


def read_object(data: bytes, *, max_bytes: int) -> dict[str, Any]:
    """Return the JSON object in ``data``. Of a key that stands twice, the last counts.

    Raises:
        JsonDocumentError: Too large, empty, no Unicode text, cut off, not JSON, not an object or nested too
            deep.
    """
    if len(data) > max_bytes:
        raise JsonDocumentError(f"the file has {len(data):,} bytes; at most {max_bytes:,} are read")
    document = _parse(_utf8(data))
    if not isinstance(document, dict):
        raise JsonDocumentError(f"the file must hold one JSON object, not {kind_of(document)}")
    if _is_deeper_than(document, MAX_DEPTH):
        raise JsonDocumentError(f"objects and lists are nested more than {MAX_DEPTH} levels deep")
    return document


def child_path(parent: str, key: str) -> str:
    """Return the JSON path of the member ``key`` of the object at ``parent``."""
    return f"{parent}.{key}" if _PLAIN_KEY.fullmatch(key) else f"{parent}[{quote(key)}]"


def first_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems, the same one once; beyond ``MAX_PROBLEMS`` only how many more there are."""
    distinct = tuple(dict.fromkeys(problems))
    if len(distinct) <= MAX_PROBLEMS:
        return distinct
    rest = len(distinct) - MAX_PROBLEMS
    return (*distinct[:MAX_PROBLEMS], Problem("", f"and {rest:,} more problems"))


def _utf8(data: bytes) -> bytes:
    """Return the text in UTF-8, without a byte order mark."""
    mark, encoding = _encoding(data)
    text = data.removeprefix(mark)
    try:
        decoded = text.decode(encoding)
    except UnicodeDecodeError as exc:
        if exc.end == len(text) and exc.reason in {"unexpected end of data", "truncated data"}:
            whole = text[: exc.start]  # cut off within a character: the parser names the place
            return whole if encoding == "utf-8" else whole.decode(encoding).encode()
        raise JsonDocumentError(_not_unicode(text, encoding, exc.start, len(mark))) from exc
    return text if encoding == "utf-8" else decoded.encode()


def _encoding(data: bytes) -> tuple[bytes, str]:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return mark, encoding
    return b"", next((encoding for form, encoding in _ZEROS if form.match(data)), "utf-8")


def _not_unicode(text: bytes, encoding: str, position: int, skipped: int) -> str:
    place = f"(byte {position + skipped + 1:,})"
    if encoding != "utf-8":
        return f"the file seems to be {encoding[:6].upper()} and is not {place}; save it as UTF-8"
    character = text[position : position + 1].decode("cp1252", "replace")
    seems = (
        f"; it may be Windows-1252 or Latin-1, where this is {quote(character)}" if _NUL not in text else ""
    )
    return f"the file is not UTF-8 text {place}{seems}; save it as UTF-8"


def _parse(data: bytes) -> Any:
    if not data.strip():
        raise JsonDocumentError("the file is empty")
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as exc:
        raise JsonDocumentError(_sentence(exc)) from exc


def _sentence(exc: orjson.JSONDecodeError) -> str:
    place = f"line {exc.lineno}, column {exc.colno}"
    if exc.pos >= len(exc.doc.rstrip()):
        return f"the JSON ends too early, at {place}: the file seems to be cut off"
    return f"the file is not valid JSON, at {place}: {_advice(exc) or exc.msg}"


def _advice(exc: orjson.JSONDecodeError) -> str:
    if _YAML.match(exc.doc):
        return "it looks like YAML; write it as JSON"
    return next((hint for form, hint in _HINTS if form.match(exc.doc, exc.pos)), "")


def _is_deeper_than(document: Any, limit: int) -> bool:
    level = [document]
    for _ in range(limit):
        level = [child for parent in level for child in _children(parent) if isinstance(child, dict | list)]
        if not level:
            return False
    return True


def _children(parent: Any) -> Iterable[Any]:
    return parent.values() if isinstance(parent, dict) else parent
