"""What a dialect file declares: where the parts of a change stand in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from contact_manager.formats.change_json.reader import Places


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a point in time stands: a time of day with a date beside it, or both in one of the two.

    ``is_other``: the names are those of another system, where half a moment is no mistake.
    """

    time: Places
    date: Places = ()
    is_other: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of one dialect.

    Attributes:
        customers: Where customer codes are expected when there are none at all.
        customer_holders: Objects that may hold customer codes besides the top level.
        objects: What must be an object if it is there.
        kind: Where the announcement type stands; empty for technical changes.
        starts, ends: Of the implementation; the first complete one counts.
        meeting_starts: The first that says anything counts.
        meeting_time_zone: Zone of the meeting's own start, when it is not the change's.
        wanted, attendees, optional: Groups of places; those of one group are read together, and the first
            group that says anything counts.
        other_ids, other_titles, other_reasons, other_contents: What counts when the dialect's own places say
            nothing; such a name may stand for something else, so what cannot be used is left aside.
    """

    title: Places
    change_id: Places
    customers: str
    time_zone: Places
    starts: tuple[Moment, ...] = ()
    ends: tuple[Moment, ...] = ()
    meeting_starts: tuple[Moment, ...] = ()
    meeting_time_zone: Places = ()
    meeting_title: Places = ()
    meeting_duration: Places = ()
    meeting_location: Places = ()
    wanted: tuple[Places, ...] = ()
    attendees: tuple[Places, ...] = ()
    optional: tuple[Places, ...] = ()
    customer_holders: Places = ()
    objects: Places = ()
    kind: Places = ()
    reason: Places = ()
    implementation_plan: Places = ()
    test_plan: Places = ()
    customer_impact: Places = ()
    rollback_plan: Places = ()
    summary: Places = ()
    content: Places = ()
    service_now_ticket: Places = ()
    jira_ticket: Places = ()
    status: Places = ()
    version: Places = ()
    change_type: Places = ()
    other_ids: Places = ()
    other_titles: Places = ()
    other_reasons: Places = ()
    other_contents: Places = ()

    @property
    def places(self) -> frozenset[str]:
        """Every place that is looked at, customers aside."""
        held = (getattr(self, one.name) for one in fields(self) if one.name != "customers")
        return frozenset(place for value in held for place in _places_in(value))


def _places_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Moment):
        yield from (*value.time, *value.date)
    else:
        for one in value:
            yield from _places_in(one)
