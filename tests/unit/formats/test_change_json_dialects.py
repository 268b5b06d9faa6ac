"""Which dialect a file is in, and that the dialect does not matter."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from contact_manager.domain.change import AttendeeRole, ChangeKind, ManualAttendee
from tests.unit.formats.change_files import EXAMPLES, FIXTURES, announcement, flat, nested, problems_of, read


def example(name: str) -> bytes:
    return (EXAMPLES / f"{name}.json").read_bytes()


@pytest.mark.parametrize("dialect", ["nested", "generic"])
def test_the_same_change_is_equal_in_every_dialect(dialect: str) -> None:
    assert read(example(dialect)) == read(example("flat"))


OPTIONAL = ["Dana Wills <dana.wills@example.com>", "robin.vale@example.com"]
MORE_OF_A_CHANGE: dict[str, dict[str, Any]] = {
    "flat": {"optional": OPTIONAL, "changeType": "Network Change"},
    "flat, legacy map": {"metadata": {"optional": ", ".join(OPTIONAL), "changeType": "network-change"}},
    "nested": {
        "meetingInvite": {"optional": OPTIONAL},
        "changeMetadata": {"changeType": "network change"},
    },
    "nested, top level": {"optional": "; ".join(OPTIONAL), "changeType": "NETWORK-CHANGE"},
    "generic": {"optional": OPTIONAL, "change_type": "Network Change"},
    "generic, invite": {"meeting": {"optional": OPTIONAL}, "metadata": {"change-type": "network change"}},
}


@pytest.mark.parametrize("form", MORE_OF_A_CHANGE)
def test_optional_people_and_the_type_are_equal_in_every_dialect(form: str) -> None:
    document = json.loads(example(form.partition(",")[0]))
    for key, value in MORE_OF_A_CHANGE[form].items():
        held = document.get(key)
        document[key] = held | value if isinstance(held, dict) else value
    change, plain = read(document), read(example("flat"))
    assert change.change_type == "network-change"
    assert change.meeting.attendees == (
        *plain.meeting.attendees,
        ManualAttendee("dana.wills@example.com", AttendeeRole.OPTIONAL),
        ManualAttendee("robin.vale@example.com", AttendeeRole.OPTIONAL),
    )
    assert replace(change, change_type="", meeting=plain.meeting) == plain


def test_an_announcement_names_optional_people_and_has_no_type() -> None:
    change = read(announcement(optional="ann@example.com", changeType="network"))
    assert change.meeting.attendees == (ManualAttendee("ann@example.com", AttendeeRole.OPTIONAL),)
    assert change.change_type == ""


def test_the_flat_example_is_read_in_full() -> None:
    change = read(example("flat"), default_time_zone="UTC")
    new_york = ZoneInfo("America/New_York")
    assert change.change_id == "CHG-2031-0042"
    assert change.kind is ChangeKind.CHANGE
    assert change.customers == ("hts", "fabrikam", "northfield")
    assert change.implementation_start == datetime(2031, 5, 10, 18, tzinfo=new_york)
    assert change.implementation_end == datetime(2031, 5, 10, 20, tzinfo=new_york)
    assert change.meeting.wanted is True
    assert change.meeting.start == datetime(2031, 5, 10, 17, 45, tzinfo=new_york)
    assert change.meeting.duration == timedelta(hours=2)
    assert change.meeting.attendees[0] == ManualAttendee("robin.vale@example.com")
    assert change.subject == "Bridge call: transit gateway replacement"
    assert (change.service_now_ticket, change.jira_ticket) == ("CHG0042042", "NET-4242")
    assert (change.status, change.version) == ("approved", "3")
    assert change.rollback_plan.startswith("Move the routes back")


def test_the_announcement_example_is_read_in_full() -> None:
    change = read(example("announcement-finops"))
    assert change.change_id == "FIN-2031-007"
    assert change.kind is ChangeKind.FINOPS
    assert change.meeting.start == datetime(2031, 10, 14, 11, tzinfo=ZoneInfo("America/New_York"))
    assert change.meeting.duration == timedelta(minutes=90)
    assert change.meeting.attendees == (ManualAttendee("casey.finch@example.com", AttendeeRole.OPTIONAL),)
    assert change.implementation_start is None
    assert change.summary.startswith("One hour")
    assert "\n" in change.content


def test_times_are_in_the_zone_of_the_change() -> None:
    change = read(flat(implementationStart="2031-05-10T22:00:00Z", timezone="Asia/Tokyo"))
    assert change.implementation_start is not None
    assert change.implementation_start.tzinfo is ZoneInfo("Asia/Tokyo")
    assert change.implementation_start.hour == 7


def test_a_legacy_metadata_map_fills_what_the_top_level_leaves_open() -> None:
    change = read((FIXTURES / "flat-with-legacy-metadata.json").read_bytes())
    assert change.meeting.title == "From the top level"
    assert change.meeting.wanted is True
    assert change.meeting.start == datetime(2031, 5, 10, 17, 30, tzinfo=ZoneInfo("America/Chicago"))
    assert change.meeting.duration == timedelta(minutes=90)
    assert change.meeting.location == "Room 4"
    assert change.meeting.attendees == (ManualAttendee("pat.reed@example.com"),)


def test_the_top_level_decides_alone_who_attends_and_whether() -> None:
    document = flat(
        attendees=[], include_meeting="no", metadata={"attendees": ["a@b.example"], "meetingRequired": True}
    )
    assert read(document).meeting.attendees == ()
    assert read(document).meeting.wanted is False


def test_a_nested_change_without_an_invite_takes_meeting_keys_from_the_top_level() -> None:
    change = read((FIXTURES / "nested-without-invite.json").read_bytes())
    assert change.change_id == "CHG-8"
    assert change.title == "Rotate the keys"
    assert change.meeting.wanted is True
    assert change.meeting.attendees == (ManualAttendee("pat.reed@example.com"),)
    assert (change.status, change.version) == ("submitted", "2")


def test_attendees_of_the_invite_and_of_the_top_level_are_both_invited() -> None:
    document = nested(
        meetingInvite={"attendees": ["a@b.example", "c@d.example"]}, attendees=["c@d.example", "e@f.example"]
    )
    addresses = [person.address for person in read(document).meeting.attendees]
    assert addresses == ["a@b.example", "c@d.example", "e@f.example"]


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(
            {"TITLE": "T", "Customer-Codes": "hts", "implementation_start": "2031-05-10T18:00"}, id="case"
        ),
        pytest.param({"title": "T", "customers": "hts", "start": "2031-05-10T18:00"}, id="short names"),
        pytest.param(
            {
                "changeTitle": "T",
                "customers": "hts",
                "schedule": {"beginDate": "2031-05-10", "beginTime": "18:00"},
            },
            id="schedule at the top level",
        ),
        pytest.param(
            {"metadata": {"title": "T", "customers": "hts", "startTime": "2031-05-10T18:00"}},
            id="in metadata",
        ),
        pytest.param(
            {"title": "T", "customers": "hts", "implementationStart": "2031-05-10T18:00", "metadata": "v1"},
            id="a metadata text that means nothing here",
        ),
    ],
)
def test_any_object_with_codes_and_a_title_is_a_change(document: dict[str, Any]) -> None:
    change = read(document)
    assert change.title == "T"
    assert change.customers == ("hts",)
    assert change.implementation_start == datetime(2031, 5, 10, 18, tzinfo=ZoneInfo("America/New_York"))


@pytest.mark.parametrize("container", ["meetingInvite", "meeting"])
def test_a_generic_change_may_keep_its_meeting_in_an_object(container: str) -> None:
    meeting = {
        "title": "Call",
        "startTime": "18:00",
        "date": "2031-05-10",
        "duration": 30,
        "location": "Here",
    }
    change = read({"title": "T", "customers": "hts", container: meeting})
    assert change.subject == "Call"
    assert change.meeting.start == datetime(2031, 5, 10, 18, tzinfo=ZoneInfo("America/New_York"))
    assert change.meeting.duration == timedelta(minutes=30)
    assert change.meeting.location == "Here"


def test_a_filled_spelling_wins_over_an_empty_one() -> None:
    assert read({"title": "", "Title": "T", "customers": "hts", "start": "2031-05-10T18:00"}).title == "T"


@pytest.mark.parametrize("kind", ["cic", "finops", "innersource", "general"])
@pytest.mark.parametrize("form", [{"object_type": "announcement_%s"}, {"announcement_type": "%s"}])
def test_every_announcement_type_is_known(kind: str, form: dict[str, str]) -> None:
    types = {key: value % kind for key, value in form.items()}
    change = read(announcement(object_type=None) | types)
    assert change.kind == kind
    assert change.subject == f"{kind.upper()} Event: News"


def test_an_unknown_announcement_type_is_a_problem() -> None:
    problems = problems_of(announcement(object_type="announcement_party"))
    assert "cic, finops, innersource, general" in problems["$.object_type"]


def test_an_announcement_id_without_a_type_is_a_problem() -> None:
    assert problems_of(announcement(object_type=None, announcement_id="A-1")).keys() == {
        "$.announcement_type"
    }


def test_another_object_type_is_no_announcement() -> None:
    assert read(flat(object_type="change", announcement_id="A-1")).kind is ChangeKind.CHANGE


def test_a_minimal_change_says_nothing_about_its_meeting() -> None:
    meeting = read(flat()).meeting
    assert (meeting.wanted, meeting.title, meeting.start, meeting.duration, meeting.location) == (None,) * 5
    assert read(flat()).change_id is None


def test_unknown_keys_are_kept_for_the_record() -> None:
    document = flat(modifications=[{"by": "somebody"}], colour={"deep": ["er"]})
    assert read(document).record == document
    assert read(document) == read(flat())


@pytest.mark.parametrize(
    ("document", "paths"),
    [
        pytest.param({}, {"$.changeTitle", "$.customers"}, id="generic"),
        pytest.param(
            {"changeMetadata": {}},
            {"$.changeMetadata.changeTitle", "$.changeMetadata.customerCodes"},
            id="nested",
        ),
        pytest.param(
            {"object_type": "announcement_cic"},
            {"$.title", "$.customers"},
            id="announcement",
        ),
        pytest.param(
            {"changeTitle": " ", "customers": [], "implementationStart": "", "meetingDate": "2031-05-10"},
            {"$.changeTitle", "$.customers", "$.meetingStartTime"},
            id="flat",
        ),
    ],
)
def test_everything_that_is_missing_is_said_at_once(document: dict[str, Any], paths: set[str]) -> None:
    assert problems_of(document).keys() == paths


@pytest.mark.parametrize(
    ("document", "path"),
    [
        pytest.param(flat(changeTitle=5), "$.changeTitle", id="a number as title"),
        pytest.param(flat(changeId=[5]), "$.changeId", id="a list as id"),
        pytest.param(flat(changeId="x" * 256), "$.changeId", id="an endless id"),
        pytest.param(flat(meetingLocation="x" * 256), "$.meetingLocation", id="an endless location"),
        pytest.param(flat(implementationPlan=["a"]), "$.implementationPlan", id="a list as plan"),
        pytest.param(flat(testPlan={"a": 1}), "$.testPlan", id="an object as plan"),
        pytest.param(flat(implementationStart=1936130400), "$.implementationStart", id="a number as time"),
        pytest.param(flat(timezone=-4), "$.timezone", id="a number as zone"),
        pytest.param(flat(version=True), "$.version", id="true as version"),
        pytest.param(flat(status=1), "$.status", id="a number as status"),
        pytest.param(flat(metadata=[1]), "$.metadata", id="a list as metadata"),
        pytest.param(flat(attendees=True), "$.attendees", id="true as attendees"),
        pytest.param(nested(meetingInvite=[1]), "$.meetingInvite", id="a list as invite"),
        pytest.param(
            nested(meetingInvite={"title": 5}), "$.meetingInvite.title", id="a number as meeting title"
        ),
        pytest.param(announcement(content=[1]), "$.content", id="a list as content"),
    ],
)
def test_a_wrong_type_is_named_with_its_path(document: dict[str, Any], path: str) -> None:
    problems = problems_of(document)
    assert problems.keys() == {path}
    assert "must be" in problems[path]


def test_an_odd_key_is_quoted_in_the_path() -> None:
    assert problems_of({"affected customers": ["!"], "title": "T", "start": "2031-05-10T18:00"}).keys() == {
        "$['affected customers'][0]"
    }


@pytest.mark.parametrize("tickets", [{"serviceNow": "CHG1", "jira": "J-1"}, {"snow": "CHG1", "jira": "J-1"}])
def test_tickets_have_several_shapes(tickets: dict[str, str]) -> None:
    in_nested = nested()
    in_nested["changeMetadata"]["tickets"] = tickets
    for document in (in_nested, flat(tickets=tickets), flat(snowTicket="CHG1", jiraTicket="J-1")):
        change = read(document)
        assert (change.service_now_ticket, change.jira_ticket) == ("CHG1", "J-1")


def test_codes_in_change_metadata_do_not_make_a_flat_file_nested() -> None:
    document = flat()
    codes = document.pop("customers")
    assert read(document | {"changeMetadata": {"customerCodes": codes}}) == read(flat())
    assert read(flat() | {"changeMetadata": {"note": "x"}}) == read(flat())


def test_a_number_is_fine_as_an_id() -> None:
    assert read(flat(changeId=4711)).change_id == "4711"
