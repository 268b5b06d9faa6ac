"""When a change and its meeting take place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from contact_manager.formats.time_zones import resolve_time_zone
from tests.unit.formats.change_files import announcement, flat, nested, problems_of, read

NEW_YORK = ZoneInfo("America/New_York")
EVENING = datetime(2031, 5, 10, 18, tzinfo=NEW_YORK)


def pair(date: str | None, time: str | None, **more: Any) -> dict[str, Any]:
    return flat(implementationStart=None, implementationBeginDate=date, implementationBeginTime=time, **more)


def in_utc(moment: datetime | None) -> str:
    assert moment is not None
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M}"


@pytest.mark.parametrize(
    "text",
    [
        "2031-05-10T22:00:00Z",
        "2031-05-10t22:00:00z",
        "2031-05-10 22:00:00Z",
        "2031-05-10T22:00:00.000Z",
        "2031-05-10T22:00:00.000000000Z",
        "2031-05-10T18:00:00-04:00",
        "2031-05-10T18:00:00-0400",
        "2031-05-11T03:30:00+05:30",
        "2031-05-10T18:00",
        "2031-05-10T18:00:00",
        "2031-05-10 18:00",
        "2031-05-10 6:00 PM",
        "  2031-05-10T18:00  ",
    ],
)
def test_every_way_to_write_a_moment_is_the_same_moment(text: str) -> None:
    assert read(flat(implementationStart=text)).implementation_start == EVENING


@pytest.mark.parametrize("time", ["18:00", "18:00:00", "6:00 PM", "06:00 pm", "6:00PM", "6:00 p.m.", "6 PM"])
def test_every_way_to_write_a_time_of_day_is_the_same_time(time: str) -> None:
    assert read(pair("2031-05-10", time)).implementation_start == EVENING


@pytest.mark.parametrize(("time", "hour"), [("12:00 AM", 0), ("12:30 pm", 12), ("1:00 am", 1), ("0:15", 0)])
def test_twelve_is_midnight_in_the_morning_and_noon_in_the_afternoon(time: str, hour: int) -> None:
    start = read(pair("2031-05-10", time)).implementation_start
    assert start is not None
    assert start.hour == hour


def test_fractions_of_a_second_are_kept_exactly() -> None:
    start = read(flat(implementationStart="2031-05-10T18:00:00.29Z")).implementation_start
    assert start is not None
    assert start.microsecond == 290000


def test_a_whole_time_in_the_date_of_a_pair_is_enough() -> None:
    assert read(pair("2031-05-10T22:00:00Z", None)).implementation_start == EVENING


def test_a_whole_time_wins_over_a_half_pair() -> None:
    assert read(flat(implementationBeginDate="2031-05-12")).implementation_start == EVENING


@pytest.mark.parametrize(
    ("text", "part"),
    [
        pytest.param("soon", "not a date and time", id="a word"),
        pytest.param("10/05/2031", "not a date and time", id="another order"),
        pytest.param("2031-05-10T", "not a date and time", id="no time after T"),
        pytest.param("2031-05-10X18:00", "not a date and time", id="another separator"),
        pytest.param("2031-05-10T18", "not a date and time", id="only an hour"),
        pytest.param("2031-05-10T18:00 EST", "not a date and time", id="an abbreviation"),
        pytest.param("2031-02-30T18:00", "no calendar has", id="a day that is not"),
        pytest.param("2031-13-01T18:00", "no calendar has", id="a month that is not"),
        pytest.param("2031-05-10T24:01", "no clock shows", id="an hour that is not"),
        pytest.param("2031-05-10 13:00 PM", "no clock shows", id="13 PM"),
        pytest.param("2031-05-10T18:00+24:00", "cannot be", id="an offset that is not"),
        pytest.param("0001-01-01T00:00:00+14:00", "in which anything can be planned", id="the first year"),
        pytest.param("9999-12-31T23:59:00-12:00", "in which anything can be planned", id="the last year"),
        pytest.param("٢٠٣١-05-10T18:00", "not a date and time", id="other digits"),
        pytest.param("2031-05-10T18:00" + "0" * 100_000, "not a date and time", id="endless"),
    ],
)
def test_an_impossible_time_is_a_problem(text: str, part: str) -> None:
    problems = problems_of(flat(implementationStart=text))
    assert problems.keys() == {"$.implementationStart"}
    assert part in problems["$.implementationStart"]
    assert len(problems["$.implementationStart"]) < 300


def test_both_halves_of_a_wrong_pair_are_named() -> None:
    assert problems_of(pair("2031-02-30", "25:00")).keys() == {
        "$.implementationBeginDate",
        "$.implementationBeginTime",
    }


def test_a_day_without_a_time_is_a_problem_where_the_time_is_expected() -> None:
    assert problems_of(pair("2031-05-10", None)).keys() == {"$.implementationBeginTime"}
    assert problems_of(nested(schedule={"beginDate": "2031-05-10"})).keys() == {
        "$.changeMetadata.schedule.beginTime"
    }
    assert problems_of(flat(implementationStart="2031-05-10")).keys() == {"$.implementationStart"}


def test_a_time_without_a_day_is_a_problem_where_the_day_is_expected() -> None:
    assert problems_of(pair(None, "18:00")).keys() == {"$.implementationBeginDate"}


def test_half_a_start_is_only_a_warning_when_the_meeting_has_its_own() -> None:
    change = read(pair("2031-05-10", None, meetingStartTime="2031-05-10T18:00"))
    assert change.meeting_start == EVENING
    assert change.implementation_start is None
    assert "$.implementationBeginTime" in change.warnings[0]


def test_half_an_end_is_a_problem() -> None:
    assert problems_of(flat(implementationEndDate="2031-05-10")).keys() == {"$.implementationEndTime"}


@pytest.mark.parametrize("end", ["2031-05-10T17:59", "2031-05-10T18:00", "2031-05-10T22:00:00Z"])
def test_an_end_that_is_not_after_the_start_is_a_problem(end: str) -> None:
    problems = problems_of(flat(implementationEnd=end))
    assert "not after the start" in problems["$.implementationEnd"]


def test_the_end_of_a_pair_is_compared_too() -> None:
    schedule = {
        "beginDate": "2031-05-10",
        "beginTime": "18:00",
        "endDate": "2031-05-10",
        "endTime": "17:00",
    }
    assert problems_of(nested(schedule=schedule)).keys() == {"$.changeMetadata.schedule.endTime"}


def test_start_and_end_are_compared_as_instants_when_the_clocks_go_back() -> None:
    change = read(
        flat(implementationStart="2031-11-02T01:45:00-04:00", implementationEnd="2031-11-02T01:15:00-05:00")
    )
    assert change.implementation_end is not None
    assert change.implementation_end.fold == 1


def test_a_time_that_go_never_set_counts_as_not_given() -> None:
    unset = "0001-01-01T00:00:00Z"
    change = read(flat(meetingStartTime=unset, meetingDate=unset, implementationEnd=unset))
    assert change.meeting.start is None
    assert change.implementation_end is None


class TestZones:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("America/New_York", "America/New_York"),
            ("america/new_york", "America/New_York"),
            (" Europe/London ", "Europe/London"),
            ("Eastern Standard Time", "America/New_York"),
            ("eastern standard time", "America/New_York"),
            ("W. Europe Standard Time", "Europe/Berlin"),
            ("India Standard Time", "Asia/Calcutta"),
            ("UTC", "UTC"),
            ("utc", "UTC"),
            ("Etc/UTC", "Etc/UTC"),
            ("GMT", "GMT"),
            ("CST6CDT", "CST6CDT"),
        ],
    )
    def test_iana_and_windows_names_are_known_in_any_case(self, name: str, expected: str) -> None:
        assert read(flat(timezone=name)).time_zone == expected

    @pytest.mark.parametrize(
        ("name", "nearest"),
        [("America/New_Yrok", "America/New_York"), ("Eastern Standart Time", "Eastern Standard Time")],
    )
    def test_an_unknown_zone_is_a_problem_with_the_nearest_name(self, name: str, nearest: str) -> None:
        assert nearest in problems_of(flat(timezone=name))["$.timezone"]

    @pytest.mark.parametrize(
        "name", ["../../etc/passwd", "/etc/localtime", "localtime", "Factory", "\x7f", "x" * 10_000]
    )
    def test_what_is_no_zone_is_a_problem(self, name: str) -> None:
        with pytest.raises(ValueError, match="unknown time zone"):
            resolve_time_zone(name)

    def test_an_unknown_zone_hides_no_other_problem(self) -> None:
        assert problems_of(flat(timezone="Nowhere", implementationEnd="2031-02-30T00:00")).keys() == {
            "$.timezone",
            "$.implementationEnd",
        }

    def test_a_file_without_a_zone_is_in_the_default_one(self) -> None:
        change = read(flat(), default_time_zone="Tokyo Standard Time")
        assert change.time_zone == "Asia/Tokyo"
        assert change.implementation_start == datetime(2031, 5, 10, 9, tzinfo=UTC)

    def test_an_unusable_default_zone_is_a_problem_of_no_path(self) -> None:
        assert "default time zone" in problems_of(flat(), default_time_zone="Nowhere")[""]

    def test_the_zone_of_the_meeting_alone_is_that_of_the_change(self) -> None:
        assert read(announcement(meeting_timezone="Europe/London")).time_zone == "Europe/London"

    def test_a_meeting_may_be_written_in_a_zone_of_its_own(self) -> None:
        change = read(
            flat(
                timezone="America/New_York",
                meeting_timezone="Europe/London",
                meetingStartTime="2031-05-10T23:00",
            )
        )
        assert change.meeting.start == EVENING
        assert change.meeting.start.tzinfo is NEW_YORK


class TestClockChanges:
    @pytest.mark.parametrize(
        ("zone", "time", "gap"),
        [
            pytest.param(
                "America/New_York", "2031-03-09T02:30", "from 02:00 straight to 03:00", id="New York"
            ),
            pytest.param(
                "Europe/Berlin", "2031-03-30T02:00", "from 02:00 straight to 03:00", id="first moment"
            ),
            pytest.param(
                "Australia/Lord_Howe",
                "2031-10-05T02:15:00.5",
                "from 02:00 straight to 02:30",
                id="half an hour",
            ),
            pytest.param(
                "Pacific/Apia",
                "2011-12-30T12:00",
                "2011-12-30 00:00 straight to 2011-12-31 00:00",
                id="a day",
            ),
        ],
    )
    def test_a_local_time_that_does_not_exist_is_a_problem_that_names_the_gap(
        self, zone: str, time: str, gap: str
    ) -> None:
        problems = problems_of(flat(implementationStart=time, timezone=zone))
        assert "does not exist" in problems["$.implementationStart"]
        assert gap in problems["$.implementationStart"]

    def test_the_first_moment_after_the_gap_exists(self) -> None:
        start = read(flat(implementationStart="2031-03-09T03:00")).implementation_start
        assert start == datetime(2031, 3, 9, 7, tzinfo=UTC)

    def test_a_local_time_that_exists_twice_is_the_first_and_warns(self) -> None:
        change = read(pair("2031-11-02", "1:30 AM", timezone="America/New_York"))
        assert in_utc(change.implementation_start) == "2031-11-02T05:30"
        [warning] = change.warnings
        assert warning.startswith(
            "$.implementationBeginTime: 2031-11-02 01:30 happens twice in America/New_York"
        )
        assert warning.endswith("the first is taken (UTC-04:00)")

    def test_an_offset_decides_and_needs_no_warning(self) -> None:
        change = read(flat(implementationStart="2031-11-02T01:30:00-05:00"))
        assert in_utc(change.implementation_start) == "2031-11-02T06:30"
        assert change.warnings == ()

    def test_a_warning_does_not_make_a_change_different(self) -> None:
        assert read(pair("2031-11-02", "1:30 AM")) == read(flat(implementationStart="2031-11-02T05:30:00Z"))


class TestMeetingStart:
    @pytest.mark.parametrize(
        "given",
        [
            pytest.param({"meetingStartTime": "2031-05-10T22:00:00Z"}, id="whole start time"),
            pytest.param({"meetingStartTime": "18:00", "meetingDate": "2031-05-10"}, id="time and date"),
            pytest.param(
                {"meeting_time": "6:00 PM", "meetingDate": "2031-05-10"}, id="meeting_time and date"
            ),
            pytest.param({"meetingDate": "2031-05-10T18:00"}, id="whole date"),
            pytest.param({"meetingDate": "2031-05-10T18:00", "meetingStartTime": "18:00"}, id="said twice"),
            pytest.param(
                {"meetingDate": "2031-05-10T18:00", "meetingStartTime": "2031-05-10T22:00:00Z"},
                id="whole twice",
            ),
            pytest.param(
                {"meetingDate": "2031-05-10", "meetingStartTime": "2031-05-10T22:00:00Z"},
                id="whole time and date",
            ),
            pytest.param({"meetingDate": "2031-05-10"}, id="date, with the clock of the implementation"),
        ],
    )
    def test_a_meeting_start_has_several_forms(self, given: dict[str, str]) -> None:
        change = read(flat(implementationStart="2031-05-12T18:00", **given))
        assert change.meeting.start == EVENING

    def test_an_announcement_joins_date_and_time(self) -> None:
        assert read(announcement(meeting_date="2031-05-10", meeting_time="18:00")).meeting.start == EVENING

    def test_a_date_without_any_clock_is_a_problem(self) -> None:
        problems = problems_of(announcement(meeting_date="2031-05-10"))
        assert problems == {"$.meeting_time": "the time of day is missing; $.meeting_date gives only the day"}

    def test_a_time_without_a_date_is_a_problem(self) -> None:
        assert problems_of(flat(meetingStartTime="18:00")).keys() == {"$.meetingDate"}

    def test_a_meeting_start_is_start_enough(self) -> None:
        change = read(flat(implementationStart=None, meetingStartTime="2031-05-10T18:00"))
        assert change.meeting_start == EVENING
        assert change.meeting_end(timedelta(hours=1)) == EVENING + timedelta(hours=1)

    def test_a_wrong_implementation_start_is_the_only_problem_of_a_meeting_that_leans_on_it(self) -> None:
        problems = problems_of(flat(implementationStart="soon", meetingDate="2031-05-10"))
        assert problems.keys() == {"$.implementationStart"}
