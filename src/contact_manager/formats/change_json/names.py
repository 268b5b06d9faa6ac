"""Names that other systems use for what a change says; in every dialect they count after its own names.

ServiceNow has ``number``, ``short_description``, ``start_date`` (Table API, ``change_request``), Jira ``key``
and ``summary`` (REST API, issue), Statuspage ``name``, ``scheduled_for`` and ``scheduled_until`` (API,
scheduled maintenance).
"""

from __future__ import annotations

from typing import NamedTuple

from contact_manager.formats.change_json.layout import Moment
from contact_manager.formats.change_json.reader import Places

IDS = ("key", "number", "changeNumber", "id")
"""The speaking ones first: Jira and ServiceNow have an ``id`` for programs beside them."""

TITLES = ("name", "shortDescription", "summary")
REASONS = ("reason", "description")
MEETING_ANSWERS = ("include_meeting", "meetingRequired")


_SCHEDULE = "schedule."
"""In this object ``startDate`` and ``endDate`` can mean nothing else."""


class _MomentNames(NamedTuple):
    """Names of one point in time: of whole ones, and of a time of day with a date."""

    whole: Places
    pairs: tuple[tuple[str, str], ...]


_START = _MomentNames(
    whole=("implementationStart", "startTime", "start"),
    pairs=(("implementationBeginTime", "implementationBeginDate"), ("beginTime", "beginDate")),
)
_OTHER_START = _MomentNames(
    whole=("scheduledFor", "scheduledStart", "plannedStart", "startDateTime"),
    pairs=(
        ("implementationStartTime", "implementationStartDate"),
        ("startTime", "startDate"),
        ("plannedStartTime", "plannedStartDate"),
    ),
)
_END = _MomentNames(
    whole=("implementationEnd", "endTime", "end"),
    pairs=(("implementationEndTime", "implementationEndDate"),),
)
_OTHER_END = _MomentNames(
    whole=("scheduledUntil", "scheduledEnd", "plannedEnd", "endDateTime"),
    pairs=(("endTime", "endDate"), ("plannedEndTime", "plannedEndDate")),
)


def places(objects: Places, *names: str) -> Places:
    """Return each name in each of the objects (``""``, ``"metadata."``), object by object."""
    return tuple(f"{prefix}{name}" for prefix in objects for name in names)


def answers(objects: Places) -> tuple[Places, ...]:
    """Return where is said whether a meeting is wanted, object by object."""
    return tuple(places((prefix,), *MEETING_ANSWERS) for prefix in objects)


def start_moments(objects: Places) -> tuple[Moment, ...]:
    """Return where the start of the implementation stands."""
    return (*_moments(objects, _START), *_moments(objects, _OTHER_START, is_other=True))


def end_moments(objects: Places) -> tuple[Moment, ...]:
    """Return where the end of the implementation stands."""
    return (*_moments(objects, _END), *_moments(objects, _OTHER_END, is_other=True))


def _moments(objects: Places, names: _MomentNames, *, is_other: bool = False) -> list[Moment]:
    whole = [
        Moment(time=(f"{prefix}{name}",), is_other=is_other) for prefix in objects for name in names.whole
    ]
    pairs = [
        Moment(
            time=(f"{prefix}{time}",),
            date=(f"{prefix}{date}",),
            is_other=is_other and not prefix.endswith(_SCHEDULE),
        )
        for prefix in objects
        for time, date in names.pairs
    ]
    return whole + pairs
