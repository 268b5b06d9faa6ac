"""Two statements of one file that do not agree: a warning that quotes both, and what is used."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.unit.formats.change_files import EXAMPLES, announcement, flat, nested, problems_of, read

NEW_YORK = ZoneInfo("America/New_York")
HERE = {"timezone": "America/New_York"}
UTC_START, UTC_END = "2031-05-10T22:00:00Z", "2031-05-11T00:00:00Z"
"""18:00 and 20:00 in New York."""


def warning_of(document: dict[str, Any], **more: Any) -> str:
    [warning] = read(document, **more).warnings
    assert warning.startswith("$.")
    return warning


def schedule(**more: Any) -> dict[str, Any]:
    return nested(schedule={"implementationStart": UTC_START, **HERE, **more})


PAIRS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "flat, start": (
        flat(
            implementationStart=UTC_START,
            implementationBeginDate="2031-05-10",
            implementationBeginTime="22:00",
        )
        | HERE,
        (UTC_START, "2031-05-10", "22:00"),
    ),
    "flat, end": (
        flat(
            implementationStart=UTC_START,
            implementationEnd=UTC_END,
            implementationEndDate="2031-05-11",
            implementationEndTime="12:00 AM",
        )
        | HERE,
        (UTC_END, "2031-05-11", "12:00 AM"),
    ),
    "nested, start": (
        schedule(beginDate="2031-05-10", beginTime="22:00"),
        (UTC_START, "2031-05-10", "22:00"),
    ),
    "nested, end": (
        schedule(implementationEnd=UTC_END, endDate="2031-05-10", endTime="19:00"),
        (UTC_END, "2031-05-10", "19:00"),
    ),
    "generic, start": (
        {
            "title": "T",
            "customers": "hts",
            "start": UTC_START,
            "beginDate": "2031-05-10",
            "beginTime": "22:00",
        }
        | HERE,
        (UTC_START, "2031-05-10", "22:00"),
    ),
    "another day": (
        flat(implementationStart=UTC_START, implementationBeginDate="2031-05-11") | HERE,
        (UTC_START, "2031-05-11"),
    ),
    "name of another system": (
        flat(implementationStart=UTC_START, planned_start_date="2031-05-10 22:00:00") | HERE,
        (UTC_START, "2031-05-10 22:00:00"),
    ),
    "meeting": (
        flat(
            implementationStart=UTC_START,
            meetingStartTime=UTC_START,
            meetingDate="2031-05-10",
            meetingTime="22:00",
        )
        | HERE,
        (UTC_START, "2031-05-10", "22:00"),
    ),
    "meeting, in the legacy map": (
        flat(
            implementationStart=UTC_START,
            meetingStartTime=UTC_START,
            metadata={"meetingDate": "2031-05-10", "meetingTime": "22:00"},
        )
        | HERE,
        (UTC_START, "2031-05-10", "22:00"),
    ),
    "meeting, whole twice": (
        flat(implementationStart=UTC_START, meetingStartTime=UTC_START, meetingDate="2031-05-10T22:00")
        | HERE,
        (UTC_START, "2031-05-10T22:00"),
    ),
    "meeting, another day": (
        flat(implementationStart=UTC_START, meetingStartTime=UTC_START, meetingDate="2031-05-12") | HERE,
        (UTC_START, "2031-05-12"),
    ),
    "meeting, a whole date with a local time of day": (
        flat(implementationStart=UTC_START, meetingDate=UTC_START, meetingTime="22:00") | HERE,
        (UTC_START, "22:00"),
    ),
    "half of a pair": (
        flat(implementationStart=UTC_START, implementationBeginTime="22:00") | HERE,
        (UTC_START, "22:00"),
    ),
    "announcement": (
        announcement(
            meeting_start_time="2031-05-10T18:00:00Z",
            meeting_date="2031-05-10",
            meeting_time="18:00",
            meeting_timezone="America/New_York",
        ),
        ("2031-05-10T18:00:00Z", "2031-05-10", "18:00"),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_moment_that_is_written_twice_in_different_ways_is_quoted_twice(name: str) -> None:
    document, quoted = PAIRS[name]
    warning = warning_of(document)
    assert all(repr(text) in warning for text in quoted)
    change = read(document)
    assert change.meeting_start == datetime(2031, 5, 10, 18, tzinfo=NEW_YORK)


@pytest.mark.parametrize(
    "document",
    [
        flat(
            implementationStart=UTC_START,
            implementationBeginDate="2031-05-10",
            implementationBeginTime="6 PM",
        ),
        flat(implementationStart=UTC_START, implementationBeginDate="2031-05-10"),
        flat(implementationStart=UTC_START, startDate="2031-05-10", startTime="18:00"),
        flat(implementationStart=UTC_START, meetingStartTime=UTC_START, meetingDate="2031-05-10"),
        flat(implementationStart=UTC_START, meetingStartTime=UTC_START, meetingTime="18:00"),
        nested(schedule={"implementationStart": UTC_START, "beginDate": "2031-05-10", "beginTime": "18:00"}),
    ],
)
def test_the_same_moment_written_twice_is_no_contradiction(document: dict[str, Any]) -> None:
    assert read(document | HERE).warnings == ()


def test_midnight_beside_a_time_of_day_stands_for_the_day() -> None:
    document = flat(meetingDate="2031-05-12T00:00:00Z", meetingStartTime="18:00") | HERE
    assert read(document).meeting.start == datetime(2031, 5, 12, 18, tzinfo=NEW_YORK)
    assert "'2031-05-12T00:00:00Z'" in warning_of(document)
    assert "'18:00'" in warning_of(document)


def test_examples_have_no_warnings() -> None:
    for path in EXAMPLES.glob("*.json"):
        assert read(path.read_bytes()).warnings == ()


class TestWanted:
    @pytest.mark.parametrize(
        ("document", "wanted"),
        [
            (flat(include_meeting=False, meetingRequired="yes"), False),
            (flat(include_meeting=False, metadata={"meetingRequired": "yes"}), False),
            (flat(include_meeting=True, metadata={"meetingRequired": "no"}), True),
            (flat(include_meeting="no", changeMetadata={"meetingRequired": True}), False),
            (nested(meetingRequired="yes", include_meeting=False), False),
            (nested(meetingRequired="yes", metadata={"include_meeting": 0}), True),
            (announcement(include_meeting="No", meetingRequired="yes"), False),
        ],
    )
    def test_yes_beside_no_is_quoted_twice(self, document: dict[str, Any], wanted: bool) -> None:
        change = read(document | HERE)
        assert change.meeting.wanted is wanted
        [warning] = change.warnings
        assert "contradict" in warning
        assert warning.count("$.") == 4

    @pytest.mark.parametrize("metadata", [{"meetingRequired": "no"}, {"meetingRequired": "perhaps"}])
    def test_what_agrees_or_cannot_be_read_below_is_no_contradiction(self, metadata: dict[str, Any]) -> None:
        assert read(flat(include_meeting=False, metadata=metadata) | HERE).warnings == ()


class TestOneValue:
    @pytest.mark.parametrize(
        ("document", "quoted"),
        [
            (nested(status="approved") | {"status": "approved"}, ()),
            (nested(meetingInvite={"duration": 30, "durationMinutes": 60}), ("30", "60")),
            (nested(meetingInvite={"duration": "1 hour", "durationMinutes": 60}), ()),
            (flat(meetingDuration="1 hour", metadata={"meetingDuration": 90}), ("'1 hour'", "90")),
            (flat(meetingTitle="A", metadata={"meetingTitle": "B"}), ("'A'", "'B'")),
            (flat(timezone="America/New_York", metadata={"timezone": "US/Eastern"}), ()),
            (
                flat(timezone="America/New_York", metadata={"timezone": "UTC"}),
                ("'America/New_York'", "'UTC'"),
            ),
        ],
    )
    def test_the_first_place_counts_and_another_value_is_quoted(
        self, document: dict[str, Any], quoted: tuple[str, ...]
    ) -> None:
        warnings = read({**HERE, **document}).warnings
        assert len(warnings) == bool(quoted)
        assert all(text in warnings[0] for text in quoted)

    def test_status_and_version_of_a_nested_change(self) -> None:
        document = nested(status="approved", version=2) | HERE
        document["changeMetadata"] |= {"status": "submitted", "version": "2"}
        assert read(document).status == "approved"
        assert "'approved'" in warning_of(document)
        assert "'submitted'" in warning_of(document)

    def test_zero_says_nothing_beside_minutes(self) -> None:
        document = nested(meetingInvite={"duration": 0, "durationMinutes": "60"}) | HERE
        assert read(document).meeting.duration == timedelta(hours=1)
        assert read(document).warnings == ()

    def test_zero_alone_is_a_problem_and_says_nothing_without_a_meeting(self) -> None:
        assert problems_of(nested(meetingInvite={"duration": 0})).keys() == {"$.meetingInvite.duration"}
        assert read(nested(meetingInvite={"duration": 0}, include_meeting="no")).meeting.duration is None


class TestZones:
    @pytest.mark.parametrize(
        "document",
        [
            flat(),
            flat(
                implementationStart=None,
                implementationBeginDate="2031-05-10",
                implementationBeginTime="18:00",
            ),
            nested(),
            announcement(),
            {"title": "T", "customers": "hts", "start": "2031-05-10T18:00"},
        ],
    )
    def test_a_local_time_without_a_zone_names_the_zone_that_is_assumed(
        self, document: dict[str, Any]
    ) -> None:
        warning = warning_of(document, default_time_zone="Europe/Berlin")
        assert "there is no time zone" in warning
        assert "Europe/Berlin" in warning
        assert "2031-05-10" in warning

    @pytest.mark.parametrize("start", [UTC_START, "2031-05-10T18:00:00-04:00", None])
    def test_no_local_time_needs_no_zone(self, start: str | None) -> None:
        assert read(flat(implementationStart=start)).warnings == ()

    @pytest.mark.parametrize(
        ("zone", "start", "readings"),
        [
            ("EST", "2031-06-02T20:00", ("20:00 EST", "21:00 EDT", "America/New_York")),
            ("est", "2031-06-03T01:00:00Z", ("20:00 EST", "21:00 EDT", "America/New_York")),
            ("MST", "2031-06-02T20:00", ("20:00 MST", "21:00 MDT", "America/Denver")),
        ],
    )
    def test_a_zone_without_summer_time_is_quoted_in_both_readings_in_summer(
        self, zone: str, start: str, readings: tuple[str, ...]
    ) -> None:
        for document in (
            flat(implementationStart=start, timezone=zone),
            nested(schedule={"implementationStart": start, "timezone": zone}),
            announcement(meeting_date=start, meeting_timezone=zone),
            nested(schedule={}, meetingInvite={"startTime": start, "timezone": zone}),
        ):
            warning = warning_of(document)
            assert all(text in warning for text in readings)

    @pytest.mark.parametrize("zone", ["EST", "MST", "EST5EDT", "HST", "America/Panama", "US/Eastern", "CET"])
    def test_in_winter_and_for_places_there_is_nothing_to_say(self, zone: str) -> None:
        assert read(flat(implementationStart="2031-01-10T18:00", timezone=zone)).warnings == ()
        if zone not in {"EST", "MST"}:
            assert read(flat(timezone=zone)).warnings == ()

    @pytest.mark.parametrize(
        ("start", "is_quoted"),
        [
            ("2031-06-02T20:00:00-05:00", True),
            ("2031-01-02T20:00:00-04:00", True),
            ("2031-06-02T20:00:00-04:00", False),
            ("2031-06-03T00:00:00Z", False),
            ("2031-06-03T00:00:00+00:00", False),
        ],
    )
    def test_an_offset_that_is_not_that_of_the_named_zone_is_quoted(
        self, start: str, is_quoted: bool
    ) -> None:
        for document in (
            flat(implementationStart=start) | HERE,
            nested(schedule={"implementationStart": start} | HERE),
            announcement(meeting_date=start, meeting_timezone="America/New_York"),
        ):
            change = read(document)
            assert change.meeting_start == datetime.fromisoformat(start)
            assert len(change.warnings) == is_quoted
            assert all(repr(start) in one and "America/New_York" in one for one in change.warnings)

    @pytest.mark.parametrize(("word", "place"), [("PST", "America/Los_Angeles"), ("edt", "America/New_York")])
    def test_an_abbreviation_is_a_problem_that_names_a_place(self, word: str, place: str) -> None:
        assert place in problems_of(flat(timezone=word))["$.timezone"]


class TestAssumedUtc:
    @pytest.mark.parametrize(
        "document",
        [
            flat(implementationStart="2031-05-10 22:00:00"),
            flat(
                implementationStart=None,
                implementationBeginDate="2031-05-10",
                implementationBeginTime="22:00",
            ),
            nested(schedule={"beginDate": "2031-05-10", "beginTime": "22:00"}),
            {
                "number": "CHG1",
                "short_description": "T",
                "customers": "hts",
                "start_date": "2031-05-10 22:00:00",
            },
            announcement(meeting_date="2031-05-10", meeting_time="10 PM"),
            flat(implementationStart="2031-05-10T18:00:00-04:00"),
        ],
    )
    def test_times_without_an_offset_are_utc_and_shown_in_the_zone(self, document: dict[str, Any]) -> None:
        change = read(document | HERE, assumes_utc=True)
        assert change.meeting_start == datetime(2031, 5, 10, 22, tzinfo=UTC)
        assert change.time_zone == "America/New_York"
        assert change.warnings == ()

    def test_the_clock_of_the_implementation_is_taken_over_in_utc(self) -> None:
        document = flat(implementationStart="2031-05-10T22:00", meetingDate="2031-05-12") | HERE
        assert read(document, assumes_utc=True).meeting.start == datetime(2031, 5, 12, 22, tzinfo=UTC)
