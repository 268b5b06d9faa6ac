"""Whatever the bytes are, reading them ends in a change or in a list of problems."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from contact_manager.domain.change import Change
from contact_manager.errors import InvalidChangeError
from contact_manager.formats.change_json import announcement, flat, generic, nested, parse_change
from contact_manager.formats.change_json.layout import Layout, Moment
from tests.unit.formats.change_files import EXAMPLES


def keys_of(layout: Layout) -> set[str]:
    """Every name that a layout knows."""
    places: list[Any] = [getattr(layout, name) for name in layout.__dataclass_fields__]
    names: set[str] = set()
    while places:
        place = places.pop()
        if isinstance(place, Moment):
            places += [*place.time, *place.date]
        elif isinstance(place, tuple):
            places += place
        else:
            names |= set(place.split("."))
    return names - {"$"}


KNOWN_KEYS = sorted(
    set().union(*(keys_of(dialect.LAYOUT) for dialect in (announcement, flat, generic, nested)))
)
TELLING = [
    "hts",
    "a,b",
    "2031-05-10",
    "2031-05-10T18:00",
    "2031-03-09T02:30",
    "18:00",
    "yes",
    "UTC",
    "1h",
    "\x00",
    "",
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(TELLING)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KNOWN_KEYS), inner, max_size=6)
    ),
    max_leaves=20,
)
DOCUMENTS = st.dictionaries(st.sampled_from(["changeMetadata", *KNOWN_KEYS]) | st.text(), VALUES, max_size=12)


def outcome(data: bytes) -> Change | InvalidChangeError:
    try:
        return parse_change(data, source="", default_time_zone="America/New_York")
    except InvalidChangeError as exc:
        return exc


@settings(deadline=None)
@given(st.binary())
def test_any_bytes_are_a_change_or_problems(data: bytes) -> None:
    assert isinstance(outcome(data), Change | InvalidChangeError)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(DOCUMENTS)
def test_any_object_is_a_change_or_problems(document: dict[str, Any]) -> None:
    result = outcome(json.dumps(document).encode("utf-8", "replace"))
    if isinstance(result, InvalidChangeError):
        assert result.problems
        assert all(problem.message for problem in result.problems)
    else:
        assert result.customers
        assert result.title
        assert result.meeting_start is None or result.meeting_start.tzinfo is not None


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["flat", "nested", "generic", "announcement-finops"]),
    st.integers(0, 3000),
    st.binary(max_size=3),
)
def test_a_damaged_file_is_a_change_or_problems(name: str, position: int, damage: bytes) -> None:
    data = (EXAMPLES / f"{name}.json").read_bytes()
    assert isinstance(outcome(data[:position] + damage + data[position + 1 :]), Change | InvalidChangeError)


@pytest.mark.parametrize("name", ["flat", "nested", "generic", "announcement-finops"])
def test_no_part_of_a_file_is_a_change(name: str) -> None:
    data = (EXAMPLES / f"{name}.json").read_bytes().strip()
    for length in range(0, len(data), 7):
        assert isinstance(outcome(data[:length]), InvalidChangeError)


MINUTES = st.integers(0, 365 * 24 * 60)
ZONES = st.sampled_from(["America/New_York", "Europe/Berlin", "Asia/Kolkata", "UTC"])


def in_every_dialect(start: datetime, minutes: int, zone: str) -> dict[str, dict[str, Any]]:
    """The same change as its dialects and other systems write it; ``start`` is in ``zone``."""
    end = datetime.fromtimestamp(start.timestamp() + 7200, tz=start.tzinfo)
    day, clock, end_day, end_clock = (
        f"{one:{form}}" for one in (start, end) for form in ("%Y-%m-%d", "%H:%M")
    )
    in_utc = {name: one.astimezone(UTC).isoformat() for name, one in (("start", start), ("end", end))}
    generic_change = {"id": "CHG-1", "name": "T", "customers": [{"code": "hts"}], "timezone": zone}
    return {
        "flat, UTC": {
            "changeId": "CHG-1",
            "changeTitle": "T",
            "customers": ["hts"],
            "implementationStart": in_utc["start"],
            "implementationEnd": in_utc["end"],
            "timezone": zone,
            "meetingDuration": minutes,
        },
        "flat, local": {
            "changeId": "CHG-1",
            "changeTitle": "T",
            "customers": "hts",
            "implementationBeginDate": day,
            "implementationBeginTime": clock,
            "implementationEndDate": end_day,
            "implementationEndTime": end_clock,
            "timezone": zone,
            "metadata": {"meetingDuration": f"{minutes} minutes"},
        },
        "nested": {
            "changeMetadata": {
                "changeId": "CHG-1",
                "changeTitle": "T",
                "customerCodes": ["HTS"],
                "schedule": {
                    "beginDate": day,
                    "beginTime": clock,
                    "endDate": end_day,
                    "endTime": end_clock,
                    "timezone": zone,
                },
            },
            "meetingInvite": {"duration": 0, "durationMinutes": minutes},
        },
        "Statuspage": generic_change
        | {
            "scheduled_for": in_utc["start"],
            "scheduled_until": in_utc["end"],
            "meeting_duration": f"PT{minutes}M",
        },
        "ServiceNow": {
            "result": [
                {
                    "number": {"display_value": "CHG-1", "value": "CHG-1"},
                    "short_description": "T",
                    "customers": "hts",
                    "start_date": f"{day} {clock}:00",
                    "end_date": f"{end_day} {end_clock}:00",
                    "time_zone": zone,
                    "meeting": {"duration": minutes},
                }
            ]
        },
        "Jira": {
            "issue": {
                "key": "CHG-1",
                "fields": {
                    "summary": "T",
                    "customers": ["hts"],
                    "startDate": day,
                    "startTime": clock,
                    "endDate": end_day,
                    "endTime": end_clock,
                    "timezone": zone,
                    "meetingDuration": str(minutes),
                },
            }
        },
    }


@settings(max_examples=60, deadline=None)
@given(MINUTES, st.integers(1, 1440), ZONES)
def test_the_same_change_gives_the_same_meeting_in_every_dialect(
    offset: int, minutes: int, zone: str
) -> None:
    start = datetime.fromtimestamp(datetime(2031, 1, 1, tzinfo=UTC).timestamp() + 60 * offset, ZoneInfo(zone))
    end = datetime.fromtimestamp(start.timestamp() + 7200, tz=start.tzinfo)
    assume(not start.fold)
    assume(not end.fold)
    forms = in_every_dialect(start, minutes, zone)
    changes = {name: outcome(json.dumps(document).encode()) for name, document in forms.items()}
    expected = changes["flat, UTC"]
    assert isinstance(expected, Change)
    assert expected.meeting_start == start
    assert all(change == expected for change in changes.values())
