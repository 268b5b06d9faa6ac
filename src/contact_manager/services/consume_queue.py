"""Work through a queue until asked to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from contact_manager.domain.processing import Message
from contact_manager.errors import RemoteServiceError
from contact_manager.ports import MessageQueue
from contact_manager.services.process_messages import MessageOutcome

_log = logging.getLogger(__name__)

HIDDEN_FOR = timedelta(seconds=30)
"""How long messages are kept from others; extended while they are worked on, so that those of a worker that
died come again soon."""

FIRST_RETRY_AFTER = timedelta(minutes=1)
LAST_RETRY_AFTER = timedelta(minutes=30)
"""How long a message that has to come again rests at least and at most; each time twice as long as before.
A queue that gives up after ten receptions so outlasts two hours in which a service is down."""

LONGEST_REST = timedelta(hours=11)
"""How long a message rests at most whose need is known: 1, 2, 4, 8 and 11 hours, which outlasts a day after
half of ten receptions. SQS hides a message 12 hours at most, those of its processing included (Amazon SQS
developer guide, "Amazon SQS visibility timeout")."""

_NONE_KNOWN: Mapping[str, timedelta] = MappingProxyType({})

MAX_BATCHES = 4
"""Receptions worked on at the same time: one that waits for another run does not hold up the rest."""

Process = Callable[[Mapping[str, str]], Awaitable[Sequence[MessageOutcome]]]


@dataclass(frozen=True, slots=True)
class Pace:
    """How a queue is used that does not answer, and how work ends.

    Attributes:
        first_pause: After a failure; each time twice as long as before.
        longest_pause: After many.
        tries: A refusal that will not pass by itself ends the work after so many ...
        give_up_after: ... and not before so long.
        finish_within: What is at work when it is time to stop has so long.
    """

    first_pause: timedelta = timedelta(seconds=1)
    longest_pause: timedelta = timedelta(minutes=1)
    tries: int = 3
    give_up_after: timedelta = timedelta(seconds=5)
    finish_within: timedelta = timedelta(seconds=12)


async def consume_queue(
    queue: MessageQueue, process: Process, stopping: asyncio.Event, pace: Pace | None = None
) -> None:
    """Receive, process and delete messages until ``stopping`` is set; what was begun may end, for a while.

    Messages that have to come again rest in the queue. A queue that does not answer is tried again, for
    ever; one that refuses for good ends the work, and ``stopping`` is set.

    Args:
        queue: Where messages come from.
        process: Processes bodies by receipt.
        stopping: Says when to stop.
        pace: How long is waited for what.

    Raises:
        RemoteServiceError: The queue refuses for good.
    """
    consumer = _Consumer(queue, process, stopping, pace or Pace())
    async with asyncio.TaskGroup() as group:
        for _ in range(MAX_BATCHES):
            group.create_task(consumer.consume())
    if consumer.refusal is not None:
        raise consumer.refusal


async def postpone(
    queue: MessageQueue, messages: Sequence[Message], retry_after: Mapping[str, timedelta] = _NONE_KNOWN
) -> None:
    """Let messages rest that have to come again, the longer the more often they came.

    Args:
        queue: Where they are.
        messages: Those that are not done.
        retry_after: By receipt, how long a message has to rest at least, where that is known.

    Raises:
        RemoteServiceError: The queue cannot be used; they come again when it has hidden them long enough.
    """
    if messages:
        await queue.hide(
            {message.receipt: _rest_after(message, retry_after.get(message.receipt)) for message in messages}
        )


def _rest_after(message: Message, known: timedelta | None) -> timedelta:
    factor: int = 2 ** min(max(message.receptions, 1) - 1, 16)
    first, last = (FIRST_RETRY_AFTER, LAST_RETRY_AFTER) if known is None else (known, LONGEST_REST)
    return min(first * factor, last)


@dataclass(slots=True)
class _Refusals:
    """How often and since when an operation is refused for good."""

    since: float
    tries: int = 0


class _Consumer:
    """Several loops over one queue that stop together."""

    def __init__(self, queue: MessageQueue, process: Process, stopping: asyncio.Event, pace: Pace) -> None:
        self._queue = queue
        self._process = process
        self._stopping = stopping
        self._pace = pace
        self._refusals: dict[str, _Refusals] = {}
        self.refusal: RemoteServiceError | None = None

    async def consume(self) -> None:
        """Take messages until it is time to stop."""
        failures = 0
        while not self._stopping.is_set():
            try:
                messages = await self._receive()
                if messages:
                    await self._work(messages)
                failures = 0
            except RemoteServiceError:
                pause = self._pace.first_pause * 2 ** min(failures, 16)
                failures += 1
                await self._rest(min(pause, self._pace.longest_pause))

    async def _rest(self, duration: timedelta) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(duration.total_seconds()):
                await self._stopping.wait()

    async def _receive(self) -> Sequence[Message]:
        """Return messages, or none when it is time to stop."""
        receiving = asyncio.ensure_future(self._queue.receive(HIDDEN_FOR))
        stop = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((receiving, stop), return_when=asyncio.FIRST_COMPLETED)
            with self._watching("receive"):
                return receiving.result() if receiving.done() else ()
        finally:
            stop.cancel()
            receiving.cancel()

    async def _work(self, messages: Sequence[Message]) -> None:
        bodies = {one.receipt: one.body for one in messages}
        hiding = asyncio.create_task(self._keep_hidden(list(bodies)))
        try:
            outcomes = await self._finish(asyncio.ensure_future(self._process(bodies)))
        finally:
            hiding.cancel()
        done = [one.message_id for one in outcomes if not one.comes_again]
        retry_after = {one.message_id: one.retry_after for one in outcomes if one.retry_after is not None}
        try:
            with self._watching("delete"):
                await self._delete(done)
        finally:
            with self._watching("hide"):
                await self._return([one for one in messages if one.receipt not in done], retry_after)

    async def _finish(self, work: asyncio.Future[Sequence[MessageOutcome]]) -> Sequence[MessageOutcome]:
        """Return the outcomes; none when the work had to be broken off: all messages go to others."""
        limit = asyncio.ensure_future(self._wait_for_the_end())
        try:
            await asyncio.wait((work, limit), return_when=asyncio.FIRST_COMPLETED)
        finally:
            limit.cancel()
            if not work.done():
                work.cancel()
                await asyncio.wait((work,), timeout=self._pace.finish_within.total_seconds() / 2)
        return work.result() if work.done() and not work.cancelled() else ()

    async def _wait_for_the_end(self) -> None:
        await self._stopping.wait()
        await asyncio.sleep(self._pace.finish_within.total_seconds())

    async def _delete(self, receipts: Sequence[str]) -> None:
        if receipts:
            await self._queue.delete(receipts)

    async def _return(self, messages: Sequence[Message], retry_after: Mapping[str, timedelta]) -> None:
        if self._stopping.is_set():
            at_once = [message.receipt for message in messages if message.receipt not in retry_after]
            if at_once:
                await self._queue.hide(dict.fromkeys(at_once, timedelta(0)))  # others go on with them
            messages = [message for message in messages if message.receipt in retry_after]
        await postpone(self._queue, messages, retry_after)

    async def _keep_hidden(self, receipts: Sequence[str]) -> None:
        while True:
            await asyncio.sleep(HIDDEN_FOR.total_seconds() / 3)
            with suppress(RemoteServiceError), self._watching("hide"):
                await self._queue.hide(dict.fromkeys(receipts, HIDDEN_FOR))

    @contextmanager
    def _watching(self, verb: str) -> Iterator[None]:
        """Log a failure of the queue; when it refuses for good again and again, let everything stop."""
        try:
            yield
        except RemoteServiceError as error:
            _log.warning("queue.failed operation=%s code=%s error=%s", error.operation, error.code, error)
            self._count(verb, error)
            raise
        self._refusals.pop(verb, None)

    def _count(self, verb: str, error: RemoteServiceError) -> None:
        if error.retryable:
            self._refusals.pop(verb, None)
            return
        now = asyncio.get_running_loop().time()
        refusals = self._refusals.setdefault(verb, _Refusals(now))
        refusals.tries += 1
        is_long = now - refusals.since >= self._pace.give_up_after.total_seconds()
        if refusals.tries >= self._pace.tries and is_long:
            self.refusal = error
            self._stopping.set()
