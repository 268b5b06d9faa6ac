"""Working through a queue, with one in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from contact_manager.domain.processing import Message, NotifyReport, ProcessReport, Verdict
from contact_manager.errors import RemoteServiceError
from contact_manager.services.consume_queue import HIDDEN_FOR, consume_queue
from contact_manager.services.process_messages import MessageOutcome
from tests.fakes.memory_mailer import outage, stopped


class InMemoryQueue:
    """Gives out each message once. Implements ``MessageQueue``."""

    def __init__(self, *messages: Message) -> None:
        self.waiting = list(messages)
        self.hidden: dict[str, timedelta] = {}
        self.deleted: list[str] = []
        self.is_broken = False

    async def receive(self, hidden_for: timedelta) -> Sequence[Message]:
        if not self.waiting:
            await asyncio.sleep(3600)
        assert hidden_for == HIDDEN_FOR
        given, self.waiting = self.waiting[:10], self.waiting[10:]
        return given

    async def hide(self, hidden_for: Mapping[str, timedelta]) -> None:
        if self.is_broken:
            raise RemoteServiceError("it is down", service="sqs", operation="hide", code="Down")
        self.hidden.update(hidden_for)

    async def delete(self, receipts: Sequence[str]) -> None:
        self.deleted += receipts


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

    await consume_queue(queue, process, stopping)


def outcome(receipt: str, comes_again: bool, retry_after: timedelta | None) -> MessageOutcome:
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
