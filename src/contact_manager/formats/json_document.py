"""One JSON object out of bytes, with a sentence for everything that can be wrong with them."""

from __future__ import annotations

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

_BOM = b"\xef\xbb\xbf"
_PLAIN_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]{0,99}")


class JsonDocumentError(ValueError):
    """The bytes are not one usable JSON object; the text says why, for people."""


def read_object(data: bytes, *, max_bytes: int) -> dict[str, Any]:
    """Return the JSON object in ``data``. Of a key that stands twice, the last counts.

    Raises:
        JsonDocumentError: Too large, empty, not UTF-8, cut off, not JSON, not an object or nested too deep.
    """
    if len(data) > max_bytes:
        raise JsonDocumentError(f"the file has {len(data):,} bytes; at most {max_bytes:,} are read")
    document = _parse(_utf8(data.removeprefix(_BOM)))
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
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as exc:
        if exc.end == len(data) and exc.reason == "unexpected end of data":
            return data[: exc.start]  # cut off within a character: the parser names the place
        raise JsonDocumentError(f"the file is not UTF-8 text (byte {exc.start + 1:,})") from exc
    return data


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
    return f"the file is not valid JSON, at {place}: {exc.msg}"


def _is_deeper_than(document: Any, limit: int) -> bool:
    level = [document]
    for _ in range(limit):
        level = [child for parent in level for child in _children(parent) if isinstance(child, dict | list)]
        if not level:
            return False
    return True


def _children(parent: Any) -> Iterable[Any]:
    return parent.values() if isinstance(parent, dict) else parent
