"""What other systems call the parts of a change, and keys that are nearly right."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from contact_manager.domain.meeting import plan_times
from contact_manager.errors import InvalidChangeError
from tests.unit.formats.change_files import EXAMPLES, announcement, flat, nested, problems_of, read

EVENING = datetime(2031, 5, 10, 18, tzinfo=ZoneInfo("America/New_York"))
LATE = datetime(2031, 5, 10, 20, tzinfo=ZoneInfo("America/New_York"))
HERE = {"timezone": "America/New_York"}


def generic(**more: Any) -> dict[str, Any]:
    return {"customers": ["hts"], **HERE, **more}


SERVICE_NOW = generic(
    number="CHG0030001",
    short_description="Replace the gateway",
    description="It is old.",
    start_date="2031-05-10 18:00:00",
    end_date="2031-05-10 20:00:00",
    sys_id="62826bf03710200044e0bfc8bcbe5df1",
)
PAIRED = {
    key: value if key in {"customers", "timezone"} else {"display_value": value, "value": value, "link": ""}
    for key, value in SERVICE_NOW.items()
}
JIRA = {
    "id": "10002",
    "key": "CHG0030001",
    "fields": {
        "summary": "Replace the gateway",
        "description": "It is old.",
        "customers": ["hts"],
        "startDate": "2031-05-10T18:00",
        "endDate": "2031-05-10T20:00",
        "status": {"name": "Approved", "id": "3"},
        **HERE,
    },
}
STATUSPAGE = generic(
    id="CHG0030001",
    name="Replace the gateway",
    reason="It is old.",
    scheduled_for="2031-05-10T22:00:00.000Z",
    scheduled_until="2031-05-11T00:00:00.000Z",
)
FORMS: dict[str, dict[str, Any]] = {
    "ServiceNow": SERVICE_NOW,
    "ServiceNow, both values": PAIRED,
    "ServiceNow, one result": {"result": SERVICE_NOW},
    "ServiceNow, a list of one": {"result": [PAIRED]},
    "Jira": JIRA,
    "Jira, wrapped": {"issue": JIRA},
    "Statuspage": STATUSPAGE,
    "Statuspage, wrapped twice": {"data": {"change": STATUSPAGE}},
    "planned": generic(
        changeId="CHG0030001",
        title="Replace the gateway",
        description="It is old.",
        planned_start_date="2031-05-10 18:00:00",
        planned_end_date="2031-05-10 20:00:00",
    ),
    "dates and times": generic(
        id="CHG0030001",
        summary="Replace the gateway",
        description="It is old.",
        startDate="2031-05-10",
        startTime="18:00",
        endDate="2031-05-10",
        endTime="8 PM",
    ),
    "flat": flat(
        id="CHG0030001",
        implementationStart=None,
        implementationBeginDate="2031-05-10T18:00",
        description="It is old.",
        endDate="2031-05-10 20:00",
    )
    | HERE,
    "flat, wrapped": {
        "change": flat(
            changeId="CHG0030001", changeReason="It is old.", implementationEnd="2031-05-11T00:00:00Z"
        )
        | HERE
    },
    "nested": {
        "number": "CHG0030001",
        "changeMetadata": {
            "name": "Replace the gateway",
            "description": "It is old.",
            "customerCodes": ["hts"],
            "schedule": {"startDate": "2031-05-10T18:00", "endDate": "2031-05-10T20:00", **HERE},
        },
    },
}


@pytest.mark.parametrize("name", FORMS)
def test_the_same_change_is_read_from_every_system(name: str) -> None:
    change = read(FORMS[name], default_time_zone="UTC")
    assert (change.change_id, change.title, change.reason) == (
        "CHG0030001",
        "Replace the gateway",
        "It is old.",
    )
    assert (change.implementation_start, change.implementation_end) == (EVENING, LATE)
    assert change.customers == ("hts",)
    assert change.warnings == ()
    assert change.record == FORMS[name]


def test_a_status_may_be_an_object_with_a_name() -> None:
    assert read(JIRA).status == "approved"
    for status in ({"name": "Approved"}, {"value": "approved"}, {"display_value": "Approved", "value": "3"}):
        assert read(flat(status=status)).status == "approved"


@pytest.mark.parametrize(
    ("document", "change_id"),
    [
        (flat(changeId="CHG-1", id="other", key="K-1", number=7), "CHG-1"),
        (announcement(announcement_id="CIC-1", id="other"), "CIC-1"),
        (nested(changeId="CHG-1", id="other"), "CHG-1"),
        (flat(id=4711), "4711"),
        (announcement(id="CIC-1"), "CIC-1"),
        (flat(id="10002", key="OPS-1"), "OPS-1"),
        (flat(id=["no id"], number="CHG1"), "CHG1"),
        (flat(id={"deep": 1}), None),
        (flat(key="x" * 300), None),
    ],
)
def test_the_established_id_wins_and_what_is_no_id_is_left_aside(
    document: dict[str, Any], change_id: str | None
) -> None:
    assert read(document | HERE).change_id == change_id


def test_an_id_of_another_system_is_not_that_of_the_record() -> None:
    assert read(flat(id="0f8fad5b"), record_id="CHG-1").change_id == "CHG-1"
    assert read(flat(changeId="CHG-2"), record_id="CHG-1").change_id == "CHG-2"


def test_the_established_names_win() -> None:
    document = flat(name="Another", summary="Another", description="Another", changeReason="Because") | HERE
    document |= {"implementationEnd": "2031-05-10T20:00", "scheduled_until": "2031-05-11T00:00:00Z"}
    change = read(document)
    assert (change.title, change.reason, change.implementation_end) == (
        "Replace the gateway",
        "Because",
        LATE,
    )
    assert change.warnings == ()


def test_a_summary_of_an_announcement_is_no_title() -> None:
    assert problems_of(announcement(title=None, summary="S")).keys() == {"$.title"}
    change = read(announcement(title=None, name="N", summary="S", description="D"))
    assert (change.title, change.summary, change.content) == ("N", "S", "D")


@pytest.mark.parametrize("name", ["startDate", "endDate", "planned_start_date", "plannedEndDate"])
def test_half_a_moment_under_a_name_of_another_system_is_a_warning(name: str) -> None:
    change = read(flat(implementationStart=None) | {name: "2031-05-12"} | HERE)
    assert (change.implementation_start, change.implementation_end) == (None, None)
    assert f"$.{name} gives only the day; it is not used" in change.warnings[0]
    with pytest.raises(InvalidChangeError, match=f"needs a start.*{name} gives only the day"):
        plan_times(change, default_duration=timedelta(hours=1), now=None)


@pytest.mark.parametrize(
    ("name", "missing"), [("beginDate", "beginTime"), ("startDate", "startTime"), ("endDate", "endTime")]
)
def test_half_a_moment_of_a_schedule_is_a_problem(name: str, missing: str) -> None:
    place = f"$.changeMetadata.schedule.{missing}"
    assert problems_of(nested(schedule={name: "2031-05-12"})).keys() == {place}


def test_two_changes_in_one_file_are_a_problem() -> None:
    assert "not a list of 2" in problems_of({"result": [SERVICE_NOW, SERVICE_NOW]})["$.result"]
    assert "not a list of 0" in problems_of({"result": []})["$.result"]


def test_a_problem_within_a_wrapper_is_named_with_its_whole_path() -> None:
    assert problems_of({"result": [generic(short_description="T", timezone="Nowhere")]}).keys() == {
        "$.result[0].timezone"
    }


def test_a_member_called_data_does_not_hide_the_change_around_it() -> None:
    assert read(flat(data={"title": "Another", "customers": ["x"]}, result=[])) == read(flat())


PAIR = {"display_value": "2031-05-10 18:00:00", "value": "2031-05-10 22:00:00"}


class TestShownAndStored:
    def test_what_is_shown_is_local_and_what_is_stored_is_quoted(self) -> None:
        change = read(generic(title="T", start_date=PAIR))
        assert change.implementation_start == EVENING
        [warning] = change.warnings
        assert all(repr(text) in warning for text in PAIR.values())

    def test_what_is_stored_counts_when_utc_is_assumed(self) -> None:
        change = read(generic(title="T", start_date=PAIR), assumes_utc=True)
        assert change.implementation_start == EVENING
        assert change.warnings == ()

    def test_an_empty_pair_says_nothing(self) -> None:
        empty = {"display_value": "", "value": ""}
        change = read(generic(title="T", number=empty, start_date=empty))
        assert (change.change_id, change.implementation_start) == (None, None)


@pytest.mark.parametrize("word", ["TBD", "n/a", "-", " tba "])
def test_a_time_that_is_not_known_yet_counts_as_none(word: str) -> None:
    change = read(announcement(meeting_date=word, include_meeting="yes"))
    assert change.meeting_start is None
    assert "counts as no time" in change.warnings[0]


FORM = announcement(
    include_meeting="No",
    meeting_title="",
    meeting_date="",
    meeting_time="",
    meeting_timezone="",
    meeting_duration=0,
    meeting_location="",
    attendees="",
)


class TestWithoutAStart:
    @pytest.mark.parametrize("answer", [False, "no", "No", "0", 0, None, ""])
    def test_the_form_of_the_portal_is_valid(self, answer: Any) -> None:
        document = FORM | {"include_meeting": answer}
        if answer in (None, ""):
            document |= {"meeting_duration": ""}
        change = read(document)
        assert (change.meeting_start, change.meeting.title, change.meeting.attendees) == (None, None, ())
        assert change.meeting.wanted in (False, None)
        assert change.warnings == ()

    @pytest.mark.parametrize("given", [{"meeting_date": "2031-05-10"}, {"meeting_time": "18:00"}])
    def test_half_a_meeting_start_is_a_warning_when_no_meeting_was_asked_for(
        self, given: dict[str, str]
    ) -> None:
        change = read(FORM | given)
        assert change.meeting_start is None
        assert "no meeting was asked for" in change.warnings[0]

    @pytest.mark.parametrize(
        "document", [flat(implementationStart=None), nested(schedule={}), announcement(meeting_date=None)]
    )
    def test_every_dialect_does_without(self, document: dict[str, Any]) -> None:
        change = read(document)
        assert (change.meeting_start, change.warnings) == (None, ())


NAMES = {"hts": "Harbor Trust Services", "fabrikam": "Fabrikam Rail", "northfield": "Northfield", "c100": "C"}


class TestCodes:
    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("hst", "hts"),
            ("htss", "hts"),
            ("fabrikm", "fabrikam"),
            ("Fabirkam", "fabrikam"),
            ("Fabrikam Rail", "fabrikam"),
            ("fabrikam rails", "fabrikam"),
            ("harbor trust services", "hts"),
            ("northfeild", "northfield"),
        ],
    )
    def test_a_code_that_nearly_is_a_configured_one_is_a_problem_with_it(
        self, written: str, meant: str
    ) -> None:
        for customers, path in (
            (["hts", written], "$.customers[1]"),
            (f"hts, {written}", "$.customers"),
            ([{"code": written}], "$.customers[0].code"),
        ):
            problems = problems_of(flat(customers=customers), customers=NAMES)
            assert problems.keys() == {path}
            assert f"did you mean {meant!r}?" in problems[path]

    @pytest.mark.parametrize("written", ["hts", "contoso", "c101", "c1000", "zz", "unknown"])
    def test_a_code_that_is_another_is_read(self, written: str) -> None:
        assert read(flat(customers=[written]), customers=NAMES).customers == (written,)

    def test_without_a_configuration_every_code_is_read(self) -> None:
        assert read(flat(customers=["hst"])).customers == ("hst",)


class TestNearKeys:
    @pytest.mark.parametrize(
        ("document", "path", "known"),
        [
            (flat(meetingDuratoin=60), "$.meetingDuratoin", "meetingDuration"),
            (flat(custmers=["cds"]), "$.custmers", "customers"),
            (flat(customer="cds"), "$.customer", "customers"),
            (flat(implementationEdn="2031-05-10T20:00"), "$.implementationEdn", "implementationEnd"),
            (flat(implementationStat="2031-05-10T20:00"), "$.implementationStat", "implementationStart"),
            (flat(metadata={"meetingTitel": "x"}), "$.metadata.meetingTitel", "meetingTitle"),
            (flat(time_zon="UTC"), "$.time_zon", "timezone"),
            (nested(schedule={"beginTiem": "18:00"}), "$.changeMetadata.schedule.beginTiem", "beginTime"),
            (nested(meetingInvite={"locaton": "x"}), "$.meetingInvite.locaton", "location"),
            (announcement(meeting_loction="x"), "$.meeting_loction", "meeting_location"),
            (announcement(include_meetng="yes"), "$.include_meetng", "include_meeting"),
        ],
    )
    def test_a_mistyped_key_is_a_warning_with_the_right_one(
        self, document: dict[str, Any], path: str, known: str
    ) -> None:
        warnings = [one for one in read(document).warnings if "did you mean" in one]
        assert warnings == [f"{path}: the key is unknown and not read; did you mean {known!r}?"]

    @pytest.mark.parametrize(
        "key",
        [
            "x_custmers",
            "u_custmers",
            "_custmers",
            "$schema",
            "owner",
            "changeOwner",
            "customerNames",
            "customer_name",
            "created_at",
            "meetingType",
            "meetingName",
            "meetingNotes",
            "meetingTypes",
            "implementationStatus",
            "implementationSteps",
            "implementationTeam",
            "titles",
            "state",
            "notes",
            "region",
            "submittedBy",
            "modifications",
            "meeting_metadata",
            "emailNotification",
        ],
    )
    def test_another_key_is_none_of_our_business(self, key: str) -> None:
        for document in (flat(), nested(), announcement(), generic(title="T")):
            assert not [one for one in read({**document, key: "x"}).warnings if "did you mean" in one]

    def test_no_key_of_any_example_is_one(self) -> None:
        for path in EXAMPLES.glob("*.json"):
            assert read(json.loads(path.read_bytes())).warnings == ()

    def test_it_is_named_beside_what_is_missing_for_it(self) -> None:
        problems = problems_of({"changeTitle": "T", "custmers": ["hts"]})
        assert problems.keys() == {"$.customers", "$.custmers"}
        assert "did you mean 'customers'?" in problems["$.custmers"]
