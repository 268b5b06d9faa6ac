"""The archive object is read in every shape and written without losing anybody's words."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contact_manager.domain.lifecycle import ChangeStatus
from contact_manager.domain.meeting import Attendee, CalendarEvent
from contact_manager.domain.outcome import ReportedMeeting, RunReport
from contact_manager.formats.record_json import (
    Entry,
    dump_record,
    is_test_run,
    load_record,
    processed_for,
    read_history,
    read_request_type,
    read_submitter,
    with_entry,
    with_meeting,
    without_meeting,
)
from tests.fakes.worlds import plan

AT = datetime(2031, 4, 2, 14, 5, tzinfo=UTC)
PROCESSED = Entry("processed", AT, "contact-manager", "hts", "3:approved", "d0")
SCHEDULED = Entry("meeting_scheduled", AT, "contact-manager")
ODD_MODIFICATIONS: list[Any] = [
    {"modification_type": "approved"},
    {"1": {"modification_type": "approved"}},
    "approved by hand",
    ["approved by hand", "and again"],
    [None, 7, [], "approved", {"modification_type": 7}, {"modification_type": None}],
    [{"modification_type": "processed", "customer_code": "hts"}],
    [{"modification_type": "processed", "customer_code": "hts", "transition": 7}],
    7,
    False,
]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
RECORDS = st.dictionaries(
    st.sampled_from(["modifications", "meeting_metadata", "metadata", "testRun", "request_type"]) | st.text(),
    JSON_VALUES,
)


def modified(*kinds: str) -> dict[str, Any]:
    return {"modifications": [{"modification_type": kind} for kind in kinds]}


def report(*addresses: str) -> RunReport:
    wanted = plan(*addresses)
    event = CalendarEvent(
        "event-1",
        wanted.subject,
        wanted.start,
        wanted.end,
        wanted.location,
        wanted.hide_attendees,
        tuple(map(Attendee, addresses)),
        wanted.first_memory(),
        "https://teams.example.com/event-1",
        "https://outlook.example.com/event-1",
    )
    return RunReport(meeting=ReportedMeeting.of_plan(wanted), events=(event,))


@pytest.mark.parametrize(
    "number",
    "1.10 0.1000 1e400 -0 -0.0 1E+2 100000000000000000000000000001 -123456789012345678 0 42 -7".split(),
)
def test_numbers_are_written_again_as_they_were(number: str) -> None:
    text = f'{{"version": {number}, "list": [{number}]}}'
    written = dump_record(load_record(text.encode())).decode()
    assert "".join(written.split()) == "".join(text.split())


def test_an_endless_number_is_written_again() -> None:
    number = "7" * 5000
    assert number in dump_record(load_record(f'{{"n": {number}}}'.encode())).decode()


@given(RECORDS)
def test_any_record_is_written_again_as_it_was(record: dict[str, Any]) -> None:
    data = json.dumps(record).encode()
    assert json.loads(dump_record(load_record(data))) == json.loads(data)


def test_letters_of_every_script_stay_readable() -> None:
    data = dump_record({"title": "Größe 🚀 שלום"})
    assert "Größe 🚀 שלום" in data.decode()
    assert data.startswith(b"{\n")


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"7", b"{", b"\xff{}", b'{"a": NaN}', b'{"a": Infinity}', b'{"a":' + b"[" * 5000]
)
def test_what_is_no_json_object_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        load_record(data)


def test_the_history_is_read_from_the_modifications() -> None:
    history = read_history(modified("created", "Submitted", "approved", "meeting_scheduled", "canceled"))
    assert history.statuses == (ChangeStatus.SUBMITTED, ChangeStatus.APPROVED, ChangeStatus.CANCELLED)
    assert history.was_approved


@pytest.mark.parametrize(
    "record",
    [
        {"approvedAt": "2031-04-02T14:05:00Z"},
        {"approved_by": "robin.vale"},
        {"metadata": {"approvedBy": "robin.vale"}},
        {"changeMetadata": {"approved_at": "2031-04-02"}},
        {"meeting_metadata": {"meeting_id": "event-1"}},
        {"modifications": [{"modification_type": "processed", "transition": "3:approved"}]},
    ],
)
def test_an_approval_is_recognised_wherever_it_stands(record: dict[str, Any]) -> None:
    assert read_history(record).was_approved


@pytest.mark.parametrize(
    "record",
    [
        {},
        modified("submitted"),
        {"approvedAt": None, "approvedBy": ""},
        {"meeting_metadata": {}},
        {"modifications": [{"modification_type": "processed", "transition": "3:submitted"}]},
    ],
)
def test_without_a_trace_of_it_there_was_no_approval(record: dict[str, Any]) -> None:
    assert not read_history(record).was_approved


def test_processed_for_are_told_apart_by_customer() -> None:
    record = with_entry(with_entry({}, PROCESSED), Entry("processed", AT, "x", "cds", "1:submitted", "d1"))
    assert processed_for(record, "hts") == {("3:approved", "d0")}
    assert processed_for(record, "cds") == {("1:submitted", "d1")}
    assert processed_for(record, "other") == frozenset()


@pytest.mark.parametrize("odd", [*ODD_MODIFICATIONS, None, []])
@pytest.mark.parametrize("entry", [PROCESSED, SCHEDULED])
def test_an_entry_is_added_to_modifications_of_any_shape(odd: Any, entry: Entry) -> None:
    record = {"modifications": odd, "title": "kept"}
    read_history(record)
    assert processed_for(record, "hts") == frozenset()
    updated = with_entry(record, entry)
    known = [] if odd is None else odd if isinstance(odd, list) else [odd]
    assert updated["modifications"][:-1] == known
    assert updated["modifications"][-1]["modification_type"] == entry.kind
    assert updated["title"] == "kept"


@given(RECORDS)
def test_reading_any_record_never_fails(record: dict[str, Any]) -> None:
    loaded = load_record(json.dumps(record).encode())
    read_history(loaded)
    processed_for(loaded, "hts")
    read_request_type(loaded)
    read_submitter(loaded)
    is_test_run(loaded)


@given(RECORDS)
def test_writing_the_outcome_loses_nothing_and_twice_changes_nothing(record: dict[str, Any]) -> None:
    once = with_entry(with_entry(with_meeting(record, report("ann@example.com")), SCHEDULED), PROCESSED)
    assert with_entry(with_entry(with_meeting(once, report("ann@example.com")), SCHEDULED), PROCESSED) == once
    own = {"modifications", "meeting_metadata"}
    assert {name: once[name] for name in record.keys() - own} == {
        name: record[name] for name in record.keys() - own
    }


@pytest.mark.parametrize("entry", [PROCESSED, SCHEDULED, Entry("meeting_cancelled", AT, "contact-manager")])
def test_the_same_entry_twice_is_written_once(entry: Entry) -> None:
    once = with_entry({"modifications": [{"modification_type": "approved"}]}, entry)
    assert with_entry(once, entry) == once
    assert len(once["modifications"]) == 2


def test_a_transition_processed_again_later_is_written_once() -> None:
    again = Entry("processed", AT.replace(year=2032), "another-role", "hts", "3:approved", "d0")
    assert len(with_entry(with_entry({}, PROCESSED), again)["modifications"]) == 1


def test_a_meeting_updated_twice_is_told_twice() -> None:
    again = Entry("meeting_updated", AT.replace(hour=15), "contact-manager")
    first = Entry("meeting_updated", AT, "contact-manager")
    assert len(with_entry(with_entry({}, first), again)["modifications"]) == 2


def test_an_entry_tells_when_who_and_what() -> None:
    assert with_entry({}, PROCESSED)["modifications"] == [
        {
            "timestamp": "2031-04-02T14:05:00+00:00",
            "user_id": "contact-manager",
            "modification_type": "processed",
            "customer_code": "hts",
            "transition": "3:approved",
            "content": "d0",
        }
    ]
    assert "customer_code" not in with_entry({}, SCHEDULED)["modifications"][0]


def test_an_entry_of_a_meeting_names_it_without_its_people() -> None:
    metadata = with_meeting({}, report("ann@example.com"))["meeting_metadata"]
    [line] = with_entry({}, replace(SCHEDULED, meeting=metadata))["modifications"]
    assert line["meeting_metadata"] == {
        name: value for name, value in metadata.items() if name != "attendees"
    }
    assert line["meeting_metadata"]["meeting_id"] == "event-1"


def test_the_record_tells_the_meeting_as_it_is_in_the_calendar() -> None:
    assert with_meeting({"title": "kept"}, report("ann@example.com", "bob@example.com")) == {
        "title": "kept",
        "meeting_metadata": {
            "meeting_id": "event-1",
            "join_url": "https://teams.example.com/event-1",
            "start_time": "2031-01-14T18:00:00-05:00",
            "end_time": "2031-01-14T20:00:00-05:00",
            "subject": "Change Implementation: Database upgrade",
            "organizer": "changes@example.com",
            "attendees": ["ann@example.com", "bob@example.com"],
        },
    }


def test_what_others_wrote_about_the_meeting_stays() -> None:
    record = {"meeting_metadata": {"recording_url": "https://example.org/r", "subject": "old"}}
    metadata = with_meeting(record, report())["meeting_metadata"]
    assert metadata["recording_url"] == "https://example.org/r"
    assert metadata["subject"] == "Change Implementation: Database upgrade"


@pytest.mark.parametrize("odd", [None, [], "event-1", 7])
def test_metadata_of_another_shape_gives_way(odd: Any) -> None:
    assert with_meeting({"meeting_metadata": odd}, report())["meeting_metadata"]["meeting_id"] == "event-1"


def test_a_meeting_that_is_gone_leaves_the_record() -> None:
    record = {"title": "kept", "meeting_metadata": {"meeting_id": "event-1"}}
    assert without_meeting(record) == {"title": "kept"}
    assert with_meeting(record, RunReport()) == {"title": "kept"}


def test_the_given_record_is_never_changed() -> None:
    record = {"modifications": [{"modification_type": "approved"}], "meeting_metadata": {"meeting_id": "x"}}
    before = json.dumps(record)
    with_entry(with_meeting(without_meeting(record), report()), PROCESSED)
    assert json.dumps(record) == before


@pytest.mark.parametrize("value", [True, "true", " Yes ", "1", "on", "y", 1, 1.0])
@pytest.mark.parametrize("place", [(), ("metadata",), ("changeMetadata",)])
def test_a_rehearsal_is_recognised_wherever_it_stands(value: Any, place: tuple[str, ...]) -> None:
    record: dict[str, Any] = {"testRun": value}
    for name in place:
        record = {name: record}
    assert is_test_run(load_record(json.dumps(record).encode()))


@pytest.mark.parametrize("value", [False, None, "", "false", "No", "0", "off", 0, 0.0])
def test_a_no_is_no_rehearsal(value: Any) -> None:
    assert not is_test_run(load_record(json.dumps({"testRun": value}).encode()))


def test_the_submitter_is_read_as_written() -> None:
    named = {"submittedBy": "Robin Vale", "created_by": " Robin <Robin@Example.com> "}
    assert read_submitter(named) == "robin@example.com"
    assert read_submitter({"metadata": {"submitted_by": "robin@example.com"}}) == "robin@example.com"
    assert read_submitter({"submittedBy": {"name": "Robin"}}) is None


def test_the_request_type_is_read_in_lower_case() -> None:
    assert read_request_type({"metadata": {"request_type": "Approved_Announcement "}}) == (
        "approved_announcement"
    )
    assert read_request_type({"request_type": 7}) == ""
