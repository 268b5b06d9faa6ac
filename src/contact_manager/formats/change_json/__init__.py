"""Change files: JSON in one of four dialects, read into one :class:`~contact_manager.domain.change.Change`.

Keys are compared without case, ``_``, ``-`` and spaces in every dialect; the spelling a layout declares
wins over others. Unknown keys never matter; they stay in ``Change.record``. One that is nearly a known key
is a warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from contact_manager.domain.change import Change
from contact_manager.errors import InvalidChangeError, Problem
from contact_manager.formats.change_json import announcement, flat, generic, nested
from contact_manager.formats.change_json.assemble import Context, assemble
from contact_manager.formats.change_json.layout import Layout
from contact_manager.formats.change_json.near_keys import near_keys
from contact_manager.formats.change_json.reader import Reader
from contact_manager.formats.change_json.schedule import Reading
from contact_manager.formats.change_json.wrapper import unwrap
from contact_manager.formats.json_document import JsonDocumentError, first_problems, read_object

__all__ = ["MAX_CHANGE_BYTES", "MAX_RECORD_BYTES", "parse_change"]

MAX_CHANGE_BYTES = 4 * 1024 * 1024
MAX_RECORD_BYTES = 4 * MAX_CHANGE_BYTES
"""Of a change that is kept in the bucket: the runs of all its customers add lines to it."""

"""Of one change file; larger ones are refused before they are parsed."""

_DIALECTS = (
    (announcement.recognises, announcement.LAYOUT),
    (nested.recognises, nested.LAYOUT),
    (flat.recognises, flat.LAYOUT),
)
_LAYOUTS = (*(layout for _, layout in _DIALECTS), generic.LAYOUT)


def parse_change(
    data: bytes,
    *,
    source: str,
    default_time_zone: str,
    assumes_utc: bool = False,
    record_id: str | None = None,
    customers: Mapping[str, str] | None = None,
) -> Change:
    """Return the change that a file describes, in whichever dialect it is written.

    Args:
        data: The file: UTF-8, or UTF-16 or UTF-32, with or without a byte order mark.
        source: Its name, for the error.
        default_time_zone: IANA or Windows name, for files that name none.
        assumes_utc: Whether times without an offset are in UTC, whatever the zone is.
        record_id: Id under which the file is kept; it counts before an id of another system.
        customers: Names of the configured customers, by code. A code that nearly is one of them is a problem.

    Raises:
        InvalidChangeError: Something is wrong; all problems at once, each with its JSON path.
    """
    try:
        document = read_object(data, max_bytes=MAX_CHANGE_BYTES if record_id is None else MAX_RECORD_BYTES)
    except JsonDocumentError as exc:
        raise InvalidChangeError([Problem("", str(exc))], source=source) from exc
    reader = unwrap(document)
    layout = _layout_of(reader)
    near = tuple(near_keys(reader, layout, _LAYOUTS))
    reader.warnings += map(str, near)
    context = Context(Reading(default_time_zone, assumes_utc), record_id, customers or {})
    change = assemble(reader, layout, context)
    if reader.problems:
        raise InvalidChangeError(first_problems((*reader.problems, *near)), source=source)
    return replace(change, record=document)


def _layout_of(reader: Reader) -> Layout:
    return next((layout for recognises, layout in _DIALECTS if recognises(reader)), generic.LAYOUT)
