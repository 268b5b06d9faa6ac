"""The meetings of upcoming changes are brought up to date on a schedule; what people did by hand stays."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from contact_manager.domain.meeting import CalendarEvent, MeetingKey
from contact_manager.domain.outcome import Action
from contact_manager.errors import RemoteServiceError
from contact_manager.formats.ledger_json import Claim, Lease, dump_claim
from contact_manager.services.reconcile_archive import ReconcileReport, reconcile_archive
from contact_manager.services.time_limits import TimeLimits
from tests.fakes.memory_store import MemoryStore
from tests.fakes.worlds import NOW, InMemoryCalendar
from tests.unit.services.change_world import LEASE, ChangeWorld, listed


@pytest.fixture
async def world() -> ChangeWorld:
    """An approved change whose meeting stands."""
    world = ChangeWorld({"hts": listed("ann@example.com"), "acme": listed("cat@example.org")})
    world.move_to("approved")
    await world.deliver_until_done()
    world.mailer.sent.clear()
    world.calendar.notices.clear()
    world.calendar.writes.clear()
    return world


async def reconcile(world: ChangeWorld, limits: TimeLimits | None = None) -> ReconcileReport:
    report = await reconcile_archive(world.services, limits)
    assert world.mailer.sent == []
    return report


def actions(report: ReconcileReport) -> dict[str, Action | None]:
    return {
        change_id: result.report.action if result.report else None
        for change_id, result in report.meetings.items()
    }


async def test_a_meeting_that_is_right_is_left_alone(world: ChangeWorld) -> None:
    assert actions(await reconcile(world)) == {"CHG-1": Action.UNCHANGED}
    assert (world.calendar.writes, world.calendar.notices) == ([], [])


async def test_who_subscribes_is_invited_and_who_leaves_is_taken_out_and_nobody_else_hears_of_it(
    world: ChangeWorld,
) -> None:
    world.lists["hts"] = listed("bob@example.com")
    assert actions(await reconcile(world)) == {"CHG-1": Action.UPDATED}
    assert sorted(world.calendar.notices) == [
        ("cancellation", "ann@example.com"),
        ("invitation", "bob@example.com"),
    ]
    assert actions(await reconcile(world)) == {"CHG-1": Action.UNCHANGED}


async def test_a_customer_that_cannot_be_read_changes_nobody_and_is_told(world: ChangeWorld) -> None:
    world.failures["hts"] = RemoteServiceError("no", service="ses", operation="ListContacts", retryable=True)
    report = await reconcile(world)
    assert report.meetings["CHG-1"].errors
    assert world.calendar.notices == []


@pytest.mark.parametrize(
    "edits",
    [
        {"subject": "Moved by hand"},
        {"location": "Room 1"},
        {"start": NOW + timedelta(days=400), "end": NOW + timedelta(days=400, hours=1)},
    ],
)
async def test_what_a_person_changed_by_hand_stays(world: ChangeWorld, edits: dict[str, Any]) -> None:
    ((event_id, event),) = world.calendar.events.items()
    world.calendar.events[event_id] = replace(event, **edits)
    report = await reconcile(world)
    assert actions(report) == {"CHG-1": Action.UNCHANGED}
    assert world.calendar.writes == []
    done = report.meetings["CHG-1"].report
    assert done is not None
    assert done.changed_by_hand


async def test_a_meeting_that_was_deleted_by_hand_is_made_anew(world: ChangeWorld) -> None:
    world.calendar.events.clear()
    await reconcile(world)
    assert len(world.calendar.events) == 1


@pytest.mark.parametrize(
    "edits",
    [
        pytest.param({"status": "submitted"}, id="not approved"),
        pytest.param({"status": "cancelled"}, id="cancelled"),
        pytest.param({"status": "completed"}, id="completed"),
        pytest.param({"status": "draft"}, id="a draft"),
        pytest.param({"testRun": True}, id="a test run"),
        pytest.param({"include_meeting": False}, id="no meeting is wanted"),
        pytest.param({"implementationStart": "2029-01-01T00:00:00Z", "implementationEnd": None}, id="past"),
        pytest.param({"changeTitle": ""}, id="wrong"),
    ],
)
async def test_a_change_whose_meeting_is_not_surely_wanted_is_left_alone(
    world: ChangeWorld, edits: dict[str, Any]
) -> None:
    world.submit(**edits)
    world.lists["hts"] = listed("bob@example.com")
    assert (await reconcile(world)).meetings == {}
    assert (world.calendar.writes, world.calendar.notices) == ([], [])


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b'{"no": "change"}'])
async def test_other_objects_in_the_archive_are_no_obstacle(world: ChangeWorld, data: bytes) -> None:
    world.store.objects |= {"archive/0.json": data, "archive/notes.txt": data, "archive/folder/": b""}
    report = await reconcile(world)
    assert actions(report) == {"CHG-1": Action.UNCHANGED}
    assert report.is_complete


async def test_every_upcoming_change_has_its_turn(world: ChangeWorld) -> None:
    for number in range(2, 30):
        document = world.record | {"changeId": f"CHG-{number}"}
        document.pop("meeting_metadata")
        world.store.objects[f"archive/CHG-{number}.json"] = json.dumps(document).encode()
    report = await reconcile(world)
    assert len(report.meetings) == 29
    assert len(world.calendar.events) == 29


async def test_without_time_the_rest_is_left_for_the_next_run(world: ChangeWorld) -> None:
    report = await reconcile(world, TimeLimits(begin_until=0.0))
    assert (report.meetings, report.is_complete) == ({}, False)
    assert world.calendar.writes == []


async def test_a_meeting_that_another_run_works_on_is_left_to_it(world: ChangeWorld) -> None:
    claim = Claim(Lease("another", NOW + LEASE), doing="1:submitted:other", customer="acme")
    world.store.objects.pop("claims/CHG-1.json")
    await world.store.write("claims/CHG-1.json", dump_claim(claim), etag=None)
    assert (await reconcile(world)).meetings == {}
    assert world.calendar.writes == []


class DownCalendar(InMemoryCalendar):
    """Cannot be read."""

    async def find_events(self, key: MeetingKey) -> tuple[CalendarEvent, ...]:
        raise RemoteServiceError("down", service="graph", operation="ListEvents", retryable=True)


async def test_a_calendar_that_is_down_is_told_and_the_next_run_goes_on(world: ChangeWorld) -> None:
    calendar, world.calendar = world.calendar, DownCalendar()
    report = await reconcile(world)
    assert report.meetings["CHG-1"].errors
    world.calendar = calendar
    world.lists["hts"] = listed("bob@example.com")
    assert actions(await reconcile(world)) == {"CHG-1": Action.UPDATED}


class ForgettingStore(MemoryStore):
    """Lists an object and cannot read it."""

    async def fetch(self, key: str, **how: Any) -> Any:
        if key == "archive/CHG-1.json":
            raise RemoteServiceError("no", service="s3", operation="GetObject", retryable=True)
        return await super().fetch(key, **how)


async def test_a_change_that_cannot_be_read_is_told(world: ChangeWorld) -> None:
    world.store = ForgettingStore(world.clock, world.store.objects)
    assert (await reconcile(world)).meetings["CHG-1"].errors


async def test_a_bucket_that_cannot_be_listed_is_an_error(world: ChangeWorld) -> None:
    world.store.is_down = True
    with pytest.raises(RemoteServiceError):
        await reconcile_archive(world.services)
