"""Working through a queue, with one in memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from contact_manager.domain.processing import Message, NotifyReport, ProcessReport, Verdict
from contact_manager.errors import RemoteServiceError
from contact_manager.services.consume_queue import HIDDEN_FOR, Pace, consume_queue
from contact_manager.services.process_messages import MessageOutcome
from tests.fakes.memory_mailer import outage, stopped

QUICK = Pace(
    first_pause=timedelta(milliseconds=1),
    longest_pause=timedelta(milliseconds=4),
    give_up_after=timedelta(milliseconds=20),
    finish_within=timedelta(milliseconds=50),
)


class InMemoryQueue:
    """Gives out each message once. Implements ``MessageQueue``."""

    def __init__(self, *messages: Message) -> None:
        self.waiting = list(messages)
        self.hidden: dict[str, timedelta] = {}
        self.deleted: list[str] = []
        self.is_broken = False
        self.refusals: dict[str, RemoteServiceError] = {}
        self.calls: Counter[str] = Counter()
        self.refuses_at: dict[str, int] = {}

    def _call(self, verb: str) -> None:
        self.calls[verb] += 1
        if verb in self.refusals and self.calls[verb] > self.refuses_at.get(verb, 0):
            raise self.refusals[verb]

    async def receive(self, hidden_for: timedelta) -> Sequence[Message]:
        self._call("receive")
        if not self.waiting:
            await asyncio.sleep(3600)
        assert hidden_for == HIDDEN_FOR
        given, self.waiting = self.waiting[:10], self.waiting[10:]
        return given

    async def hide(self, hidden_for: Mapping[str, timedelta]) -> None:
        self._call("hide")
        if self.is_broken:
            raise failure("Down", retryable=True)
        self.hidden.update(hidden_for)

    async def delete(self, receipts: Sequence[str]) -> None:
        self._call("delete")
        self.deleted += receipts


def failure(code: str, *, retryable: bool = False) -> RemoteServiceError:
    return RemoteServiceError(
        f"it says {code}", service="sqs", operation="any", code=code, retryable=retryable
    )


async def consume(
    queue: InMemoryQueue,
    *,
    failing: set[str],
    stops_at_work: bool = False,
    retry_after: timedelta | None = None,
) -> None:
    """Process until everything was given out; messages whose body is in ``failing`` have to come again."""
    stopping = asyncio.Event()
    left = {message.receipt for message in queue.waiting}

    async def process(bodies: Mapping[str, str]) -> list[MessageOutcome]:
        left.difference_update(bodies)
        if stops_at_work:
            stopping.set()
        elif not left:
            asyncio.get_running_loop().call_later(0.01, stopping.set)
        return [outcome(receipt, body in failing, retry_after) for receipt, body in bodies.items()]

    await consume_queue(queue, process, stopping, QUICK)


def outcome(receipt: str, comes_again: bool, retry_after: timedelta | None = None) -> MessageOutcome:
    verdict = Verdict.RETRY if comes_again else Verdict.DONE
    report = ProcessReport("CHG-1", "hts", verdict)
    if retry_after is None:
        return MessageOutcome(receipt, (report,))
    mails = NotifyReport("topic", errors=(stopped(retry_after), outage()))
    return MessageOutcome(receipt, (report, replace(report, mails=mails)))


@pytest.mark.parametrize(
    ("receptions", "hours"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 11), (9, 11), (10**6, 11)]
)
async def test_a_message_whose_account_has_to_rest_comes_after_hours(receptions: int, hours: int) -> None:
    queue = InMemoryQueue(Message("r1", "bad", receptions), Message("r2", "good"))
    await consume(queue, failing={"bad"}, retry_after=timedelta(hours=1))
    assert queue.hidden == {"r1": timedelta(hours=hours)}
    assert queue.deleted == ["r2"]


async def test_half_of_the_receptions_outlast_a_day_without_quota() -> None:
    queue = InMemoryQueue(*(Message(f"r{number}", "bad", number) for number in range(1, 6)))
    await consume(queue, failing={"bad"}, retry_after=timedelta(hours=1))
    assert sum(queue.hidden.values(), timedelta()) > timedelta(hours=24)


async def test_a_stopping_worker_lets_what_has_to_rest_rest() -> None:
    queue = InMemoryQueue(Message("r1", "bad", 2))
    await consume(queue, failing={"bad"}, stops_at_work=True, retry_after=timedelta(hours=1))
    assert queue.hidden == {"r1": timedelta(hours=2)}


async def test_what_is_done_is_deleted_and_what_is_not_rests() -> None:
    queue = InMemoryQueue(Message("r1", "good"), Message("r2", "bad"))
    await consume(queue, failing={"bad"})
    assert queue.deleted == ["r1"]
    assert queue.hidden == {"r2": timedelta(minutes=1)}


@pytest.mark.parametrize(
    ("receptions", "minutes"), [(0, 1), (1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (10, 30), (10**6, 30)]
)
async def test_a_message_rests_the_longer_the_more_often_it_came(receptions: int, minutes: int) -> None:
    queue = InMemoryQueue(Message("r1", "bad", receptions))
    await consume(queue, failing={"bad"})
    assert queue.hidden == {"r1": timedelta(minutes=minutes)}


async def test_ten_receptions_outlast_two_hours() -> None:
    queue = InMemoryQueue(*(Message(f"r{number}", "bad", number) for number in range(1, 10)))
    await consume(queue, failing={"bad"})
    assert sum(queue.hidden.values(), timedelta()) > timedelta(hours=2)


async def test_what_a_stopping_worker_has_not_done_is_there_for_others_at_once() -> None:
    queue = InMemoryQueue(Message("r1", "bad", 4))
    await consume(queue, failing={"bad"}, stops_at_work=True)
    assert queue.hidden == {"r1": timedelta(0)}


async def test_a_queue_that_cannot_be_used_for_a_while_is_used_again() -> None:
    queue = InMemoryQueue(*(Message(f"r{number}", "good") for number in range(30)), Message("r30", "bad"))
    queue.is_broken = True
    await consume(queue, failing={"bad"})
    assert len(queue.deleted) == 30
    assert queue.hidden == {}


FOR_GOOD = [
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
    "InvalidAddress",
    "AccessDenied",
    "KMS.AccessDeniedException",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "NoCredentials",
]


async def never_called(_bodies: Mapping[str, str]) -> list[MessageOutcome]:
    raise AssertionError


@pytest.mark.parametrize("code", FOR_GOOD)
async def test_a_queue_that_refuses_for_good_ends_the_work_after_a_few_tries(code: str) -> None:
    queue = InMemoryQueue()
    queue.refusals["receive"] = failure(code)
    stopping = asyncio.Event()
    with pytest.raises(RemoteServiceError, match=code):
        await consume_queue(queue, never_called, stopping, QUICK)
    assert queue.calls["receive"] >= 3
    assert stopping.is_set()


@pytest.mark.parametrize("verb", ["receive", "delete", "hide"])
async def test_any_call_that_is_refused_for_good_ends_the_work(verb: str) -> None:
    messages = [Message(f"r{number}", "bad" if number % 2 else "good") for number in range(1000)]
    queue = InMemoryQueue(*messages)
    queue.refusals[verb] = failure("AccessDenied")
    with pytest.raises(RemoteServiceError, match="AccessDenied"):
        await consume(queue, failing={"bad"})


async def test_a_queue_that_vanishes_in_the_middle_lets_what_was_begun_end() -> None:
    queue = InMemoryQueue(Message("r1", "good"))
    queue.refusals["receive"] = failure("QueueDoesNotExist")
    queue.refuses_at["receive"] = 1
    ended: list[str] = []

    async def process(bodies: Mapping[str, str]) -> list[MessageOutcome]:
        await asyncio.sleep(0.04)
        ended.extend(bodies)
        return [outcome(receipt, comes_again=False) for receipt in bodies]

    with pytest.raises(RemoteServiceError, match="QueueDoesNotExist"):
        await consume_queue(queue, process, asyncio.Event(), QUICK)
    assert ended == ["r1"]


async def test_a_failure_that_passes_is_waited_for_however_often_it_comes() -> None:
    queue = InMemoryQueue()
    queue.refusals["receive"] = failure("ServiceUnavailable", retryable=True)
    stopping = asyncio.Event()
    asyncio.get_running_loop().call_later(0.2, stopping.set)
    await consume_queue(queue, never_called, stopping, QUICK)
    assert queue.calls["receive"] > 20


async def test_a_refusal_between_successes_ends_nothing() -> None:
    messages = [Message(f"r{number}", "good") for number in range(200)]
    queue = InMemoryQueue(*messages)
    refused = 0

    async def delete(receipts: Sequence[str]) -> None:
        nonlocal refused
        refused += 1
        if refused % 2:
            raise failure("InvalidParameterValue")
        queue.deleted += receipts

    queue.delete = delete  # type: ignore[method-assign]
    await consume(queue, failing=set())
    assert queue.deleted


async def test_what_cannot_be_deleted_does_not_keep_the_rest_from_being_postponed() -> None:
    queue = InMemoryQueue(Message("r1", "good"), Message("r2", "bad"))
    queue.refusals["delete"] = failure("InternalError", retryable=True)
    await consume(queue, failing={"bad"})
    assert queue.hidden == {"r2": timedelta(minutes=1)}


async def test_a_worker_that_is_stopped_gives_work_that_does_not_end_to_others() -> None:
    queue = InMemoryQueue(Message("r1", "slow"), Message("r2", "slow"))
    stopping = asyncio.Event()

    async def process(_bodies: Mapping[str, str]) -> list[MessageOutcome]:
        stopping.set()
        await asyncio.sleep(3600)
        return []

    await consume_queue(queue, process, stopping, QUICK)
    assert queue.hidden == {"r1": timedelta(0), "r2": timedelta(0)}
    assert queue.deleted == []


async def test_even_work_that_cannot_be_broken_off_does_not_keep_a_worker_from_stopping() -> None:
    queue = InMemoryQueue(Message("r1", "slow"))
    stopping, ended = asyncio.Event(), asyncio.Event()

    async def process(_bodies: Mapping[str, str]) -> list[MessageOutcome]:
        stopping.set()
        while not ended.is_set():
            try:
                await ended.wait()
            except asyncio.CancelledError:
                continue
        return []

    await consume_queue(queue, process, stopping, QUICK)
    assert queue.hidden == {"r1": timedelta(0)}
    ended.set()
