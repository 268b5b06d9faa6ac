"""Whatever the bytes are, reading them ends in a change or in a list of problems."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
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
