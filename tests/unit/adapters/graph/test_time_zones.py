"""Zone names as Exchange takes and gives them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from contact_manager.adapters.graph.time_zones import as_graph_time, from_graph_time

NOON = datetime(2031, 7, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "wall", "name"),
    [
        ("America/New_York", "2031-07-01T08:00:00", "America/New_York"),
        ("Europe/Stockholm", "2031-07-01T14:00:00", "W. Europe Standard Time"),
        ("UTC", "2031-07-01T12:00:00", "UTC"),
        ("Antarctica/Troll", "2031-07-01T12:00:00", "UTC"),
        ("America/Vancouver", "2031-07-01T12:00:00", "UTC"),
    ],
)
def test_a_time_is_sent_as_wall_time_with_a_zone_that_exchange_knows(zone: str, wall: str, name: str) -> None:
    sent = as_graph_time(NOON, zone)
    assert sent == {"dateTime": wall, "timeZone": name}
    assert from_graph_time(sent) == NOON


def test_the_second_pass_of_a_repeated_hour_keeps_its_moment() -> None:
    for moment in (datetime(2031, 11, 2, 5, 30, tzinfo=UTC), datetime(2031, 11, 2, 6, 30, tzinfo=UTC)):
        sent = as_graph_time(moment, "America/New_York")
        assert from_graph_time(sent).timestamp() == moment.timestamp()


@pytest.mark.parametrize(
    "value",
    [
        {"dateTime": "2031-07-01T12:00:00.0000000", "timeZone": "UTC"},
        {"dateTime": "2031-07-01T08:00:00.0000000", "timeZone": "Eastern Standard Time"},
        {"dateTime": "2031-07-01T14:00:00", "timeZone": "Europe/Stockholm"},
        {"dateTime": "2031-07-01T12:00:00Z", "timeZone": None},
    ],
)
def test_a_time_is_understood_in_every_form(value: dict[str, str]) -> None:
    assert from_graph_time(value) == NOON


def test_every_listed_name_is_a_zone() -> None:
    from contact_manager.adapters.graph.time_zones import _LISTED

    assert all(ZoneInfo(name) for name in _LISTED)
