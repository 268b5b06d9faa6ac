"""What each status asks for, whatever comes twice, in another order, or in the middle of something."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from contact_manager.domain.processing import Verdict
from contact_manager.formats.s3_event import Trigger, trigger_key
from contact_manager.services.process_change import process_change
from tests.unit.services.change_world import ChangeWorld
from tests.unit.services.small_change_world import (
    ACME,
    ANNOUNCED,
    ASKED,
    CALLED_OFF,
    ENDED,
    EVERYBODY,
    HTS,
    go_through,
    invited,
    mailed,
    new_world,
)


@pytest.fixture
def world() -> ChangeWorld:
    return new_world()


@pytest.mark.parametrize(
    ("before", "status", "word", "people", "meeting"),
    [
        pytest.param((), "submitted", ASKED, EVERYBODY, set(), id="submitted"),
        pytest.param((), "approved", ANNOUNCED, EVERYBODY, EVERYBODY, id="approved"),
        pytest.param((), "completed", ENDED, EVERYBODY, set(), id="completed, with no past"),
        pytest.param((), "cancelled", CALLED_OFF, set(), set(), id="cancelled before it was approved"),
        pytest.param(("submitted",), "approved", ANNOUNCED, EVERYBODY, EVERYBODY, id="approved after all"),
        pytest.param(("approved",), "submitted", ASKED, EVERYBODY, set(), id="edited after approval"),
        pytest.param(
            ("approved", "submitted"), "approved", ANNOUNCED, EVERYBODY, EVERYBODY, id="approved again"
        ),
        pytest.param(("approved",), "completed", ENDED, EVERYBODY, EVERYBODY, id="completed"),
        pytest.param(("approved",), "cancelled", CALLED_OFF, EVERYBODY, set(), id="cancelled"),
        pytest.param(("approved",), "canceled", CALLED_OFF, EVERYBODY, set(), id="canceled"),
        pytest.param(("submitted",), "cancelled", CALLED_OFF, set(), set(), id="cancelled, never approved"),
        pytest.param(
            ("approved", "submitted"),
            "cancelled",
            CALLED_OFF,
            EVERYBODY,
            set(),
            id="cancelled, once approved",
        ),
        pytest.param(
            ("approved", "cancelled"), "submitted", ASKED, EVERYBODY, set(), id="submitted anew after its end"
        ),
    ],
)
@pytest.mark.parametrize("at_once", [False, True])
async def test_a_status_mails_whom_it_concerns_once_and_has_the_meeting_it_asks_for(
    world: ChangeWorld,
    before: tuple[str, ...],
    status: str,
    *,
    word: str,
    people: set[str],
    meeting: set[str],
    at_once: bool,
) -> None:
    await go_through(world, *before)
    world.move_to(status, version="9")
    await world.deliver_until_done(at_once=at_once)
    assert mailed(world, word) == people
    assert invited(world) == meeting
    assert bool(world.record.get("meeting_metadata")) is bool(meeting)
    assert [key for key in world.store.objects if key.startswith("customers/")] == []


@pytest.mark.parametrize("status", ["submitted", "approved", "completed", "cancelled"])
@pytest.mark.parametrize("version", ["9", ""])
@pytest.mark.parametrize("has_trigger", [False, True], ids=["trigger gone", "trigger again"])
async def test_what_comes_twice_is_done_once(
    world: ChangeWorld, status: str, version: str, *, has_trigger: bool
) -> None:
    await go_through(world, "approved")
    world.move_to(status, version=version)
    await world.deliver_until_done()
    before = world.outcome
    if has_trigger:
        for code in world.lists:
            world.store.objects[trigger_key(code, "CHG-1")] = b"{}"
    reports = [await world.deliver(code) for code in ("hts", "acme", "hts")]
    assert world.outcome == before
    assert set(world.mails.values()) == {1}
    expected = [Verdict.DONE, Verdict.DONE, Verdict.IGNORED] if has_trigger else [Verdict.IGNORED] * 3
    assert [report.verdict for report in reports] == expected


@pytest.mark.parametrize(
    ("before", "status", "reason"),
    [
        (("approved", "completed"), "approved", "after it was completed"),
        (("approved", "completed"), "submitted", "after it was completed"),
        (("approved", "completed"), "cancelled", "after it was completed"),
        (("approved", "cancelled"), "approved", "after it was cancelled"),
        (("approved", "cancelled"), "completed", "after it was cancelled"),
        (("submitted",), "completed", "never approved"),
    ],
)
async def test_a_jump_that_the_life_cycle_forbids_is_rejected_and_does_nothing(
    world: ChangeWorld, before: tuple[str, ...], status: str, reason: str
) -> None:
    await go_through(world, *before)
    events = dict(world.calendar.events)
    world.move_to(status, version="9")
    report = await world.deliver("hts")
    assert report.verdict is Verdict.REJECTED
    assert reason in report.reason
    assert world.mailer.sent == []
    assert world.calendar.events == events


@pytest.mark.parametrize("status", ["draft", "rejected", "deleted", "something else", ""])
async def test_a_status_that_asks_for_nothing_leaves_all_alone(world: ChangeWorld, status: str) -> None:
    await go_through(world, "approved")
    world.move_to(status)
    report = await world.deliver("hts")
    assert (report.verdict, world.mailer.sent) == (Verdict.IGNORED, [])
    assert invited(world) == EVERYBODY
    assert trigger_key("hts", "CHG-1") not in world.store.objects


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        (
            {"implementationStart": "2031-05-11T18:00:00Z", "implementationEnd": "2031-05-11T20:00:00Z"},
            "update",
        ),
        ({"meetingTitle": "Another call"}, "update"),
        ({"changeReason": "Another reason"}, "update"),
    ],
)
async def test_an_approved_change_that_is_edited_in_place_moves_its_meeting_and_mails_nobody_twice(
    world: ChangeWorld, edits: dict[str, Any], words: str
) -> None:
    await go_through(world, "approved")
    (before,) = world.calendar.events
    notices = len(world.calendar.notices)
    world.submit(**{"version": "1"} | edits)
    await world.deliver_until_done()
    assert list(world.calendar.events) == [before]
    assert {kind for kind, _ in world.calendar.notices[notices:]} == {words}
    assert world.mailer.sent == []


async def test_another_version_of_an_approved_change_is_announced_anew_in_the_same_meeting(
    world: ChangeWorld,
) -> None:
    await go_through(world, "approved")
    (before,) = world.calendar.events
    world.move_to("approved", version="2")
    await world.deliver_until_done()
    assert mailed(world, ANNOUNCED) == EVERYBODY
    assert list(world.calendar.events) == [before]


@pytest.mark.parametrize("meeting", [{"include_meeting": False}, {"meetingRequired": "no"}])
async def test_a_change_that_wants_no_meeting_has_none_and_loses_the_one_it_had(
    world: ChangeWorld, meeting: dict[str, Any]
) -> None:
    world.submit(**meeting)
    await world.deliver_until_done()
    assert mailed(world, ANNOUNCED) == EVERYBODY
    assert invited(world) == set()
    world.submit(version="2")
    await world.deliver_until_done()
    assert invited(world) == EVERYBODY
    world.submit(version="3", **meeting)
    await world.deliver_until_done()
    assert invited(world) == set()


async def test_a_status_without_a_version_that_comes_back_is_mailed_again(world: ChangeWorld) -> None:
    for status in ("submitted", "approved", "submitted", "approved"):
        world.move_to(status, version="")
        await world.deliver_until_done()
    assert set(world.mails.values()) == {2}
    assert invited(world) == EVERYBODY


# what is wrong with the change, or with who asks for it


@pytest.mark.parametrize(
    ("edits", "reason"),
    [
        pytest.param({"changeId": "CHG-2"}, "holds another change", id="another change"),
        pytest.param({"customers": ["acme"]}, "hts is not a customer of the change", id="not a customer"),
        pytest.param({"changeTitle": ""}, "the change is wrong", id="no title"),
        pytest.param({"implementationStart": "yesterday"}, "the change is wrong", id="no date"),
    ],
)
async def test_a_wrong_change_is_rejected_and_does_nothing(
    world: ChangeWorld, edits: dict[str, Any], reason: str
) -> None:
    world.submit(**edits)
    report = await world.deliver("hts")
    assert report.verdict is Verdict.REJECTED
    assert reason in report.reason
    assert (world.mailer.sent, world.calendar.events) == ([], {})


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"changeId": "CHG-1"}'])
async def test_a_record_that_is_no_change_is_rejected_with_its_errors(
    world: ChangeWorld, data: bytes
) -> None:
    world.submit()
    world.store.objects["archive/CHG-1.json"] = data
    report = await world.deliver("hts")
    assert report.verdict is Verdict.REJECTED
    assert report.errors


async def test_a_customer_that_is_not_configured_is_rejected_and_the_others_are_served(
    world: ChangeWorld,
) -> None:
    world.unconfigured = {"hts"}
    world.submit()
    report = await world.deliver("hts")
    assert (report.verdict, "not configured" in report.reason) == (Verdict.REJECTED, True)
    assert (await world.deliver("acme")).verdict is Verdict.DONE
    assert mailed(world, ANNOUNCED) == ACME


async def test_a_trigger_whose_change_is_not_there_yet_comes_again(world: ChangeWorld) -> None:
    world.submit()
    del world.store.objects["archive/CHG-1.json"]
    report = await world.deliver("hts")
    assert (report.verdict, "archive/CHG-1.json" in report.reason) == (Verdict.RETRY, True)


async def test_a_trigger_that_was_deleted_too_early_is_worked_on_all_the_same(world: ChangeWorld) -> None:
    await go_through(world, "approved")
    world.move_to("cancelled", version="2")
    del world.store.objects[trigger_key("hts", "CHG-1")]
    assert (await world.deliver("hts")).verdict is Verdict.DONE
    assert mailed(world, CALLED_OFF) == HTS
    assert invited(world) == set()


async def test_nothing_is_begun_without_time(world: ChangeWorld) -> None:
    world.submit()
    world.is_out_of_time = lambda: True
    report = await world.deliver("hts")
    assert report.verdict is Verdict.RETRY
    assert (world.mailer.sent, world.calendar.events) == ([], {})
    assert trigger_key("hts", "CHG-1") in world.store.objects


# test runs


@pytest.mark.parametrize("status", ["submitted", "approved", "completed"])
async def test_a_test_run_mails_its_submitter_alone_and_makes_no_meeting(
    world: ChangeWorld, status: str
) -> None:
    world.submit(status=status, testRun=True, submittedBy="Sam <sam@example.com>")
    await world.deliver_until_done()
    assert {mail.recipient for mail in world.mailer.sent} == {"sam@example.com"}
    assert all(mail.subject.startswith("[TEST]") for mail in world.mailer.sent)
    assert world.calendar.events == {}


async def test_a_test_run_without_a_submitter_says_so_and_mails_nobody(world: ChangeWorld) -> None:
    world.submit(testRun="yes")
    report = await world.deliver("hts")
    assert report.verdict is Verdict.DONE
    assert [error.type for error in report.errors] == ["NoSubmitter"]
    assert world.mailer.sent == []


async def test_the_real_run_after_a_test_run_reaches_everybody(world: ChangeWorld) -> None:
    world.submit(testRun=True, submittedBy="ann@example.com")
    await world.deliver_until_done()
    world.mailer.sent.clear()
    world.submit()
    await world.deliver_until_done()
    assert mailed(world, ANNOUNCED) == EVERYBODY


async def test_the_record_keeps_what_it_held_and_tells_of_every_customer_once(world: ChangeWorld) -> None:
    world.submit(colour="green", ratio=1.10)
    await world.deliver_until_done()
    assert world.record["colour"] == "green"
    assert world.entries == {
        ("meeting_scheduled", None): 1,
        ("processed", "hts"): 1,
        ("processed", "acme"): 1,
    }
    assert b"1.1" in world.store.objects["archive/CHG-1.json"]


async def test_a_trigger_is_processed_without_its_object_when_it_is_asked_for(world: ChangeWorld) -> None:
    world.submit()
    key = trigger_key("hts", "CHG-1")
    del world.store.objects[key]
    trigger = Trigger("changes", key, "hts", "CHG-1")
    report = await process_change(trigger, world.services(), needs_trigger=False)
    assert report.verdict is Verdict.DONE
    assert mailed(world, ANNOUNCED) == HTS


async def test_how_often_it_is_delivered_and_in_which_order_makes_no_difference(world: ChangeWorld) -> None:
    for number, status in enumerate(("submitted", "approved", "completed"), start=1):
        world.move_to(status, version=str(number))
        await asyncio.gather(*(world.deliver(code) for code in ("acme", "hts", "hts", "acme", "hts")))
        world.clock.move(timedelta(minutes=1))
        await world.deliver_until_done(at_once=True)
    assert set(world.mails.values()) == {1}
    assert Counter(kind for _, kind in world.mails) == {ASKED: 3, ANNOUNCED: 3, ENDED: 3}
    assert json.loads(world.store.objects["archive/CHG-1.json"])["status"] == "completed"
    assert invited(world) == EVERYBODY


@pytest.mark.parametrize("is_announced", [False, True])
async def test_mails_that_a_change_leaves_behind_are_logged(
    world: ChangeWorld, caplog: pytest.LogCaptureFixture, *, is_announced: bool
) -> None:
    world.move_to("approved")
    if is_announced:
        await world.deliver_until_done()
    world.move_to("completed")
    await world.deliver_until_done()
    lines = [record.getMessage() for record in caplog.records if "mail.overtaken" in record.getMessage()]
    expected = "mail.overtaken change_id=CHG-1 customer={} status=completed overtaken=approved"
    assert lines == ([] if is_announced else [expected.format(code) for code in world.lists])
