"""Change files: JSON in one of four dialects, read into one :class:`~contact_manager.domain.change.Change`.

Keys are compared without case, ``_``, ``-`` and spaces in every dialect; the spelling a layout declares
wins over others. Unknown keys never matter; they stay in ``Change.record``.
"""

from __future__ import annotations

from contact_manager.domain.change import Change
from contact_manager.errors import InvalidChangeError, Problem
from contact_manager.formats.change_json import announcement, flat, generic, nested
from contact_manager.formats.change_json.assemble import assemble
from contact_manager.formats.change_json.layout import Layout
from contact_manager.formats.change_json.reader import Reader
from contact_manager.formats.json_document import JsonDocumentError, first_problems, read_object

__all__ = ["MAX_CHANGE_BYTES", "parse_change"]

MAX_CHANGE_BYTES = 4 * 1024 * 1024
"""Of one change file; larger ones are refused before they are parsed."""

_DIALECTS = (
    (announcement.recognises, announcement.LAYOUT),
    (nested.recognises, nested.LAYOUT),
    (flat.recognises, flat.LAYOUT),
)


def parse_change(data: bytes, *, source: str, default_time_zone: str) -> Change:
    """Return the change that a file describes, in whichever dialect it is written.

    Args:
        data: The file: UTF-8, with or without a byte order mark.
        source: Its name, for the error.
        default_time_zone: IANA or Windows name, for files that name none.

    Raises:
        InvalidChangeError: Something is wrong; all problems at once, each with its JSON path.
    """
    try:
        reader = Reader(read_object(data, max_bytes=MAX_CHANGE_BYTES))
    except JsonDocumentError as exc:
        raise InvalidChangeError([Problem("", str(exc))], source=source) from exc
    change = assemble(reader, _layout_of(reader), default_time_zone=default_time_zone)
    if reader.problems:
        raise InvalidChangeError(first_problems(reader.problems), source=source)
    return change


def _layout_of(reader: Reader) -> Layout:
    return next((layout for recognises, layout in _DIALECTS if recognises(reader)), generic.LAYOUT)
