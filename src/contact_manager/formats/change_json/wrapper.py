"""A change that stands in an object of its own within the answer of another system."""

from __future__ import annotations

from typing import Any

from contact_manager.formats.change_json.customers import NAMES
from contact_manager.formats.change_json.reader import Reader

_WRAPPERS = (
    "result",
    "results",
    "data",
    "change",
    "changeRequest",
    "change_request",
    "issue",
    "announcement",
    "payload",
)
_OF_A_CHANGE = (*NAMES, "changeTitle", "title", "changeMetadata", "metadata", "fields")
_MAX_DEPTH = 3


def unwrap(document: dict[str, Any]) -> Reader:
    """Return a reader of the change itself: of the document, or of the one object in ``{"result": {…}}``.

    A list of one object is that object; another list is noted as a problem.
    """
    reader = Reader(document)
    for _ in range(_MAX_DEPTH):
        if reader.find(_OF_A_CHANGE) is not None:
            break
        found = reader.find(_WRAPPERS)
        if found is None:
            break
        path, value = found.path, found.value
        if isinstance(value, list) and len(value) == 1:
            path, value = f"{path}[0]", value[0]
        if not isinstance(value, dict):
            return _refuse(reader, path, value)
        reader = Reader(value, root=path)
    return reader


def _refuse(reader: Reader, path: str, value: Any) -> Reader:
    if isinstance(value, list):
        reader.refuse(path, f"must be one change, not a list of {len(value):,}; write one file for each")
    return reader
