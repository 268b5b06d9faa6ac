"""The meeting that a record names, in the words of whichever program wrote it."""

from __future__ import annotations

from typing import Any

import pytest

from contact_manager.domain.change import Change, RecordedMeeting
from tests.unit.formats.change_files import announcement, flat, nested, read

ID = "AAMkAGI2/+8=AAA="
METADATA = {"meeting_id": ID, "subject": "Old", "start_time": "2031-05-10T18:00:00Z"}


def scheduled(meeting_id: str = ID, **more: Any) -> dict[str, Any]:
    metadata = METADATA | {"meeting_id": meeting_id}
    return {"modification_type": "meeting_scheduled", "meeting_metadata": metadata} | more


CANCELLED = {"modification_type": "meeting_cancelled"}


def warnings(change: Change) -> list[str]:
    """Return the warnings about the record; the short files of these tests name no time zone."""
    return [warning for warning in change.warnings if "there is no time zone" not in warning]


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(flat(meeting_metadata=METADATA), id="flat"),
        pytest.param(flat(metadata={"meeting_metadata": METADATA}), id="legacy map"),
        pytest.param(flat(meetingMetadata={"meetingId": f" {ID} "}), id="other spelling"),
        pytest.param(nested(meeting_metadata=METADATA), id="nested"),
        pytest.param(
            {"changeMetadata": nested()["changeMetadata"] | {"meeting_metadata": METADATA}},
            id="nested inside",
        ),
        pytest.param(announcement(meeting_metadata=METADATA), id="announcement"),
        pytest.param(
            {"title": "Any", "customers": "hts", "start": "2031-05-10T22:00Z", "meeting_metadata": METADATA},
            id="generic",
        ),
        pytest.param(flat(modifications=[scheduled()]), id="only in a modification"),
        pytest.param(flat(modifications=[scheduled("older"), scheduled()]), id="last modification"),
        pytest.param(
            flat(
                modifications=[scheduled("older"), CANCELLED, scheduled(), {"modification_type": "approved"}]
            ),
            id="scheduled anew",
        ),
        pytest.param(
            flat(modifications=[scheduled(), {"modification_type": "meeting_updated"}]),
            id="update without it",
        ),
        pytest.param(flat(meeting_metadata=METADATA, modifications=[scheduled("older")]), id="both"),
        pytest.param(
            flat(meeting_metadata={"join_url": "x"}, modifications=[scheduled()]), id="no id at top"
        ),
    ],
)
def test_the_recorded_meeting_is_found_wherever_it_stands(document: dict[str, Any]) -> None:
    change = read(document)
    assert change.recorded_meeting is not None
    assert change.recorded_meeting.event_id == ID
    assert warnings(change) == []


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"meeting_metadata": None},
        {"meeting_metadata": {}},
        {"meeting_metadata": {"meeting_id": None}},
        {"meeting_metadata": {"meeting_id": "  "}},
        {"meeting_metadata": ID},
        {"meeting_metadata": [METADATA]},
        {"modifications": [scheduled(), CANCELLED]},
        {"modifications": [scheduled(), {"modification_type": " Meeting_Cancelled "}]},
        {"modifications": "none"},
        {"modifications": [None, 7, "x", {"meeting_metadata": 3}]},
    ],
)
def test_a_record_without_an_id_names_no_meeting(more: dict[str, Any]) -> None:
    change = read(flat(**more))
    assert (change.recorded_meeting, warnings(change)) == (None, [])


@pytest.mark.parametrize("odd", [True, {"id": ID}, [ID], "..", ".", "a\nb\x00", "x" * 1025])
def test_what_can_be_no_id_is_a_warning(odd: Any) -> None:
    change = read(flat(meeting_metadata={"meeting_id": odd}))
    assert change.recorded_meeting is None
    assert "$.meeting_metadata.meeting_id" in warnings(change)[0]


@pytest.mark.parametrize(
    ("attendees", "expected"),
    [
        (None, None),
        ([], set()),
        (["Ann@Example.com", " bob@example.com "], {"ann@example.com", "bob@example.com"}),
        ("ann@example.com; Bob <bob@example.com>", {"ann@example.com", "bob@example.com"}),
        (
            [{"email": "Ann@example.com"}, {"address": "bob@example.com"}],
            {"ann@example.com", "bob@example.com"},
        ),
        ([{"emailAddress": {"address": "ann@example.com", "name": "Ann"}}], {"ann@example.com"}),
        ([{"emailAddress": "ann@example.com"}, None, 7, {}, {"name": "Bob"}, ["x"], ""], {"ann@example.com"}),
        ({"address": "ann@example.com"}, set()),
    ],
)
def test_the_people_of_the_record_are_read_in_any_shape(attendees: Any, expected: set[str] | None) -> None:
    metadata = METADATA | {"attendees": attendees, "organizer": "Changes@Example.com"}
    assert read(flat(meeting_metadata=metadata)).recorded_meeting == RecordedMeeting(
        ID, None if expected is None else frozenset(expected), "changes@example.com"
    )


@pytest.mark.parametrize("organizer", [None, "", 7, {"address": 7}, "nobody in particular"])
def test_an_organizer_that_is_no_address_is_none(organizer: Any) -> None:
    assert read(
        flat(meeting_metadata=METADATA | {"organizer": organizer})
    ).recorded_meeting == RecordedMeeting(ID)


def test_the_recorded_meeting_is_no_part_of_what_is_asked_for() -> None:
    """What was done is known again by it; our own record of the meeting must not make it something new."""
    assert repr(read(flat(meeting_metadata=METADATA))) == repr(read(flat()))
