"""Messages, and the reconciler's changes, within the time there is."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from contact_manager.broken_off import naming
from contact_manager.domain.notification import NotificationTopics
from contact_manager.domain.processing import Verdict
from contact_manager.errors import RemoteServiceError
from contact_manager.services.leases import Leases
from contact_manager.services.process_change import ProcessServices
from contact_manager.services.process_messages import MessageOutcome, MessageRules, process_messages
from contact_manager.services.reconcile_archive import reconcile_archive
from contact_manager.services.schedule_meeting import MeetingServices
from contact_manager.services.time_limits import TimeLimits
from contact_manager.settings import Settings
from tests.fakes.memory_mailer import MemoryMailer
from tests.fakes.memory_store import MemoryStore
from tests.fakes.worlds import FakeDirectory, FixedClock, InMemoryCalendar, contact_list, customer
from tests.unit.formats.change_files import flat

FOR_EVER_S = 3600


class HangingStore:
    """A bucket that does not answer about some keys, and one that does not even let go of a call.

    Attributes:
        silent: Parts of keys without an answer.
        stubborn: Parts of keys whose calls go on when they are cancelled.
        ended: Set when nobody waits any more.
    """

    def __init__(self, silent: tuple[str, ...] = (), stubborn: tuple[str, ...] = ()) -> None:
        self.memory = MemoryStore()
        self.silent = silent
        self.stubborn = stubborn
        self.ended = asyncio.Event()

    def __getattr__(self, verb: str) -> Any:
        async def call(key: str, *args: Any, **named: Any) -> Any:
            with naming("s3", "GetObject"):
                if any(part in key for part in self.silent):
                    await asyncio.sleep(FOR_EVER_S)
                while any(part in key for part in self.stubborn) and not self.ended.is_set():
                    try:
                        await self.ended.wait()
                    except asyncio.CancelledError:
                        continue
            return await getattr(self.memory, verb)(key, *args, **named)

        return call

    async def list_keys(self, prefix: str) -> AsyncIterator[str]:
        with naming("s3", "ListObjectsV2"):
            if prefix in self.silent:
                await asyncio.sleep(FOR_EVER_S)
        async for key in self.memory.list_keys(prefix):
            yield key


def services(store: Any, within: TimeLimits | None = None) -> ProcessServices:
    settings = Settings("config.json", customers={"hts": customer("hts")})
    lists = {"hts": contact_list("ann@example.com")}
    return ProcessServices(
        meeting=MeetingServices(settings, FakeDirectory(lists, {}), InMemoryCalendar(), FixedClock()),
        store=store,
        mailer=MemoryMailer(),
        leases=Leases(store, FixedClock(), owner="run", duration=timedelta(minutes=3)),
        topics=NotificationTopics(),
        sender="changes@example.com",
        organizer="changes@example.com",
        role="contact-manager",
        is_out_of_time=(within or TimeLimits()).is_over,
    )


def body(*change_ids: str) -> str:
    records = [
        {
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": "changes"}, "object": {"key": f"customers/hts/{change_id}.json"}},
        }
        for change_id in change_ids
    ]
    return json.dumps({"Records": records})


def put_draft(store: HangingStore, *change_ids: str) -> None:
    """Write changes that ask for nothing: their triggers are deleted."""
    for change_id in change_ids:
        document = json.dumps(flat(changeId=change_id, status="draft")).encode()
        store.memory.objects[f"archive/{change_id}.json"] = document
        store.memory.objects[f"customers/hts/{change_id}.json"] = b"{}"


def limits(work_s: float = 0.1, settle_s: float = 0.1) -> TimeLimits:
    now = time.monotonic()
    return TimeLimits(now + work_s, now + work_s, now + work_s + settle_s, now + work_s + settle_s)


async def process(
    store: HangingStore, bodies: dict[str, str], within: TimeLimits
) -> dict[str, MessageOutcome]:
    outcomes = await process_messages(
        bodies, lambda: services(store, within), MessageRules("changes"), within
    )
    return {outcome.message_id: outcome for outcome in outcomes}


async def test_what_hangs_comes_again_and_says_who_did_not_answer() -> None:
    store = HangingStore(silent=("CHG-2",))
    put_draft(store, "CHG-1", "CHG-2")
    outcomes = await process(store, {"one": body("CHG-1"), "two": body("CHG-2")}, limits())
    assert not outcomes["one"].comes_again
    assert outcomes["two"].comes_again
    [report] = outcomes["two"].reports
    assert (report.verdict, report.reason) == (Verdict.RETRY, "the time ran out")
    assert "while waiting for s3 GetObject" in report.errors[0].message


async def test_a_message_of_which_one_trigger_hangs_comes_again_and_its_others_are_done() -> None:
    store = HangingStore(silent=("CHG-2",))
    put_draft(store, "CHG-1", "CHG-2")
    outcomes = await process(store, {"one": body("CHG-1", "CHG-2")}, limits())
    assert outcomes["one"].comes_again
    assert [report.verdict for report in outcomes["one"].reports] == [Verdict.IGNORED, Verdict.RETRY]
    assert "customers/hts/CHG-1.json" not in store.memory.objects


async def test_a_message_full_of_triggers_that_hang_keeps_no_other_message_waiting() -> None:
    hanging = [f"SLOW-{number}" for number in range(40)]
    store = HangingStore(silent=("SLOW-",))
    put_draft(store, "CHG-1", "CHG-2", *hanging)
    bodies = {"poison": body(*hanging), "one": body("CHG-1"), "two": body("CHG-2")}
    outcomes = await process(store, bodies, limits())
    assert [name for name, outcome in outcomes.items() if outcome.comes_again] == ["poison"]


async def test_what_does_not_even_end_when_it_is_broken_off_is_left_alone() -> None:
    store = HangingStore(stubborn=("CHG-2",))
    put_draft(store, "CHG-1", "CHG-2")
    outcomes = await process(store, {"one": body("CHG-1"), "two": body("CHG-2")}, limits())
    assert [name for name, outcome in outcomes.items() if outcome.comes_again] == ["two"]
    store.ended.set()


async def test_without_any_time_nothing_is_begun_and_all_comes_again() -> None:
    store = HangingStore()
    put_draft(store, "CHG-1")
    outcomes = await process(store, {"one": body("CHG-1"), "bad": "nonsense"}, limits(-1.0))
    assert outcomes["one"].comes_again
    assert outcomes["bad"].rejected
    assert not outcomes["bad"].comes_again
    assert "customers/hts/CHG-1.json" in store.memory.objects


async def test_work_that_is_called_off_is_broken_off() -> None:
    store = HangingStore(silent=("CHG-1",))
    put_draft(store, "CHG-1")
    work = asyncio.create_task(process(store, {"one": body("CHG-1")}, TimeLimits()))
    await asyncio.sleep(0)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_a_bucket_whose_list_hangs_ends_the_reconciler_in_time() -> None:
    store = HangingStore(silent=("archive/",))
    report = await reconcile_archive(lambda: services(store), limits())
    assert (report.meetings, report.is_complete) == ({}, False)


async def test_a_change_that_hangs_leaves_the_others_of_the_reconciler_done() -> None:
    store = HangingStore(silent=("CHG-2",))
    for change_id in ("CHG-1", "CHG-2"):
        document = flat(changeId=change_id, status="approved", meetingRequired="yes")
        store.memory.objects[f"archive/{change_id}.json"] = json.dumps(document).encode()
    report = await reconcile_archive(lambda: services(store), limits(0.3))
    assert list(report.meetings) == ["CHG-1"]
    assert not report.is_complete


async def test_a_bucket_that_cannot_be_listed_is_an_error_of_its_own() -> None:
    store = HangingStore()
    store.memory.is_down = True
    with pytest.raises(RemoteServiceError, match="the bucket is down"):
        await reconcile_archive(lambda: services(store), limits())


@pytest.mark.parametrize("left_s", [0.0, 1.0, 3.0, 10.0, 60.0, 300.0, 900.0])
def test_limits_follow_each_other_within_any_time_there_is(left_s: float) -> None:
    now = time.monotonic()
    found = TimeLimits.within(left_s)
    order = (found.begin_until, found.work_until, found.settle_until, found.answer_until)
    assert list(order) == sorted(order)
    assert order[0] >= now + left_s / 2
    assert order[-1] <= time.monotonic() + left_s
    assert found.is_over() == (left_s == 0)
