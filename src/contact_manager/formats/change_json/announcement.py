"""Announcements of the CIC, FinOps, InnerSource and general kind."""

from __future__ import annotations

from contact_manager.formats.change_json import names
from contact_manager.formats.change_json.layout import Layout, Moment
from contact_manager.formats.change_json.reader import Reader, fold_key

_OBJECT_TYPE = ("object_type",)

LAYOUT = Layout(
    kind=("object_type", "announcement_type"),
    change_id=("announcement_id",),
    title=("title",),
    customers="$.customers",
    customer_holders=("changeMetadata",),
    time_zone=("meeting_timezone", "timezone"),
    meeting_starts=(
        Moment(time=("meeting_time", "meeting_start_time", "meeting_start"), date=("meeting_date",)),
    ),
    meeting_title=("meeting_title",),
    meeting_duration=("meeting_duration", "meeting_duration_minutes"),
    meeting_location=("meeting_location",),
    wanted=names.answers(("", "metadata.")),
    attendees=(("attendees",),),
    optional=(("optional",),),
    summary=("summary",),
    content=("content",),
    status=("status",),
    version=("version",),
    other_ids=names.IDS,
    other_titles=("name",),
    other_contents=("body", "description"),
)


def recognises(reader: Reader) -> bool:
    """Return whether the object type says so, or there is none but an announcement's type or id."""
    found = reader.find(_OBJECT_TYPE)
    if found is not None:
        return isinstance(found.value, str) and fold_key(found.value.strip()).startswith("announcement")
    return reader.find(("announcement_type", "announcement_id")) is not None
