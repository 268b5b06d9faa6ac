"""A change file at hand: newer than what is stored, the same, or behind it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contact_manager.domain.processing import ProcessReport, Verdict
from contact_manager.errors import InvalidChangeError, RemoteServiceError
from contact_manager.services.replay_change import replay_change
from tests.unit.services.change_world import ChangeWorld, listed

KEY = "archive/CHG-1.json"


@pytest.fixture
def world() -> ChangeWorld:
    return ChangeWorld({"hts": listed("ann@example.com"), "acme": listed("cat@example.org")})


async def replay(world: ChangeWorld, customer: str = "hts", **edits: Any) -> ProcessReport:
    document = {
        "changeId": "CHG-1",
        "changeTitle": "Replace the gateway",
        "customers": ["hts", "acme"],
        "implementationStart": "2031-05-10T18:00:00Z",
        "implementationEnd": "2031-05-10T20:00:00Z",
        "meetingTitle": "Call",
        "status": "approved",
        "version": "1",
        **edits,
    }
    data = json.dumps(document).encode()
    return await replay_change(data, customer, world.services(), bucket="changes", source="change.json")


@pytest.mark.parametrize(
    ("status", "word", "meetings"),
    [("submitted", "Approval requested", 0), ("approved", "Approved", 1), ("completed", "Completed", 0)],
)
async def test_a_file_does_for_one_customer_what_its_trigger_would(
    world: ChangeWorld, status: str, word: str, meetings: int
) -> None:
    report = await replay(world, status=status)
    assert report.verdict is Verdict.DONE
    assert world.mails == {("ann@example.com", word): 1}
    assert len(world.calendar.events) == meetings
    assert not any(key.startswith("customers/") for key in world.store.objects)


async def test_the_same_file_again_does_nothing_more_and_another_customer_is_served_as_well(
    world: ChangeWorld,
) -> None:
    for customer in ("hts", "hts", "acme", "acme"):
        await replay(world, customer)
    assert set(world.mails.values()) == {1}
    assert len(world.calendar.events) == 1
    assert set(world.calendar.notices) == {
        ("invitation", "ann@example.com"),
        ("invitation", "cat@example.org"),
    }


@pytest.mark.parametrize(
    "newer", [{"version": "2"}, {"version": "2", "meetingTitle": "New"}, {"status": "completed"}]
)
async def test_a_newer_file_replaces_what_is_stored_and_keeps_what_the_record_tells(
    world: ChangeWorld, newer: dict[str, Any]
) -> None:
    await replay(world)
    before = world.record
    report = await replay(world, **newer)
    assert report.verdict is Verdict.DONE
    assert world.record["modifications"][: len(before["modifications"])] == before["modifications"]
    assert world.record["meeting_metadata"]["meeting_id"] == before["meeting_metadata"]["meeting_id"]
    assert len(world.calendar.events) == 1


@pytest.mark.parametrize(
    ("stored", "given"),
    [
        pytest.param({"version": "2"}, {"version": "1"}, id="an older version"),
        pytest.param({"status": "completed"}, {"status": "approved"}, id="a status before its end"),
        pytest.param({"status": "cancelled"}, {"status": "approved"}, id="cancelled meanwhile"),
    ],
)
async def test_a_file_that_is_behind_what_is_stored_is_refused_and_does_nothing(
    world: ChangeWorld, stored: dict[str, Any], given: dict[str, Any]
) -> None:
    await replay(world, **stored)
    before, mails = world.store.objects[KEY], dict(world.mails)
    with pytest.raises(InvalidChangeError, match="ahead of this file"):
        await replay(world, **given)
    assert world.store.objects[KEY] == before
    assert world.mails == mails


@pytest.mark.parametrize("change_id", [None, "", "a/b"])
async def test_a_file_without_a_usable_id_is_refused(world: ChangeWorld, change_id: str | None) -> None:
    with pytest.raises(InvalidChangeError, match="needs an id"):
        await replay(world, changeId=change_id)
    assert world.store.objects == {}


@pytest.mark.parametrize("edits", [{"changeTitle": ""}, {"customers": []}, {"implementationStart": "soon"}])
async def test_a_wrong_file_is_refused_and_not_stored(world: ChangeWorld, edits: dict[str, Any]) -> None:
    with pytest.raises(InvalidChangeError):
        await replay(world, **edits)
    assert world.store.objects == {}


async def test_a_customer_that_is_not_of_the_change_is_rejected(world: ChangeWorld) -> None:
    report = await replay(world, "acme", customers=["hts"])
    assert report.verdict is Verdict.REJECTED
    assert world.mailer.sent == []


async def test_a_bucket_that_is_down_is_an_error(world: ChangeWorld) -> None:
    world.store.is_down = True
    with pytest.raises(RemoteServiceError):
        await replay(world)
