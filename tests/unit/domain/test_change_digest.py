"""A change is recognised by what it asks for, whatever a release adds to it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, replace
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest

from contact_manager.domain.change import AttendeeRole, Change, ChangeKind, ManualAttendee, MeetingRequest
from contact_manager.domain.change_digest import content_digest, old_digests
from contact_manager.formats.change_json import parse_change
from tests.fakes.worlds import START, change

EXAMPLES = Path(__file__).parents[3] / "examples" / "changes"
ANN = ManualAttendee("ann@example.com")
BOB = ManualAttendee("bob@example.com", AttendeeRole.OPTIONAL)
MEETING = MeetingRequest(wanted=True, title="Call", start=START, attendees=(ANN, BOB))
BASE = change("hts", "acme", meeting=MEETING, reason="Because")


@dataclass(frozen=True, slots=True)
class LaterChange(Change):
    """What a later release may make of it."""

    colour: str = ""


def values_of(made: Change) -> dict[str, Any]:
    return {one.name: getattr(made, one.name) for one in fields(made)}


@pytest.mark.parametrize(
    ("name", "digest", "old_digest"),
    [
        ("announcement-finops", "v1:9908f690b3cadc81", "e178e250197bd897"),
        ("flat", "v1:c3889b1213b10f71", "f98b67603922a014"),
        ("generic", "v1:c3889b1213b10f71", "f98b67603922a014"),
        ("nested", "v1:c3889b1213b10f71", "f98b67603922a014"),
    ],
)
def test_what_is_stored_stays_valid(name: str, digest: str, old_digest: str) -> None:
    """The literals are what releases have written: a change here opens finished work again."""
    data = (EXAMPLES / f"{name}.json").read_bytes()
    read = parse_change(data, source=name, default_time_zone="UTC")
    assert content_digest(read) == digest
    assert old_digest in old_digests(read)


def test_fields_and_warnings_of_a_later_release_change_no_digest() -> None:
    later = LaterChange(**values_of(BASE) | {"warnings": ("reworded",), "record": {"new": 1}})
    assert content_digest(later) == content_digest(BASE)
    assert old_digests(BASE) <= old_digests(later)
    assert content_digest(replace(BASE, status="approved")) == content_digest(BASE)


def test_the_same_content_written_in_another_way_is_the_same() -> None:
    in_utc = replace(MEETING, start=START.astimezone(UTC), attendees=(BOB, ANN))
    same = replace(BASE, customers=("acme", "hts"), meeting=in_utc)
    assert content_digest(same) == content_digest(BASE)


EDITS: list[dict[str, Any]] = [
    *({name: "Another"} for name in (
        "change_id", "title", "time_zone", "reason", "implementation_plan", "test_plan", "customer_impact",
        "rollback_plan", "summary", "content", "service_now_ticket", "jira_ticket", "version", "change_type",
    )),
    {"kind": ChangeKind.CIC},
    {"customers": ("hts",)},
    {"implementation_start": None},
    {"implementation_end": START + timedelta(hours=3)},
    {"meeting": replace(MEETING, wanted=False)},
    {"meeting": replace(MEETING, wanted=None)},
    {"meeting": replace(MEETING, title="Another")},
    {"meeting": replace(MEETING, start=START + timedelta(minutes=1))},
    {"meeting": replace(MEETING, duration=timedelta(minutes=5))},
    {"meeting": replace(MEETING, location="Room 4")},
    {"meeting": replace(MEETING, attendees=(ANN,))},
    {"meeting": replace(MEETING, attendees=(ANN, replace(BOB, role=AttendeeRole.REQUIRED)))},
]  # fmt: skip


@pytest.mark.parametrize("edit", EDITS, ids="-".join)
def test_whatever_shapes_meeting_or_mails_is_part_of_it(edit: dict[str, Any]) -> None:
    edited = replace(BASE, **edit)
    assert content_digest(edited) != content_digest(BASE)
    assert not old_digests(edited) & old_digests(BASE)


def test_texts_that_change_places_are_another_content() -> None:
    assert content_digest(change(reason="x")) != content_digest(change(test_plan="x"))


@pytest.mark.parametrize("made", [BASE, change(), replace(BASE, warnings=("an hour that exists twice",))])
def test_digests_of_earlier_releases_are_known(made: Change) -> None:
    assert hashlib.sha256(_old_repr(made).encode()).hexdigest()[:16] in old_digests(made)


def _old_repr(made: Change) -> str:
    """Python's own words for the fields that there were."""
    names = (
        "change_id kind title customers time_zone implementation_start implementation_end meeting reason "
        "implementation_plan test_plan customer_impact rollback_plan summary content service_now_ticket "
        "jira_ticket status version change_type warnings"
    )
    return f"Change({', '.join(f'{name}={getattr(made, name)!r}' for name in names.split())})"
