"""Work through a queue until asked to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
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

_PAUSE_AFTER_FAILURE = timedelta(seconds=5)

Process = Callable[[Mapping[str, str]], Awaitable[Sequence[MessageOutcome]]]


async def consume_queue(queue: MessageQueue, process: Process, stopping: asyncio.Event) -> None:
    """Receive, process and delete messages until ``stopping`` is set; what was begun is brought to its end.

    Messages that have to come again rest in the queue. A queue that cannot be used is tried again.

    Args:
        queue: Where messages come from.
        process: Processes bodies by receipt.
        stopping: Says when to stop.
    """
    async with asyncio.TaskGroup() as group:
        for _ in range(MAX_BATCHES):
            group.create_task(_consume(queue, process, stopping))


async def _consume(queue: MessageQueue, process: Process, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        try:
            messages = await _receive(queue, stopping)
            if messages:
                await _work(queue, process, messages, stopping)
        except RemoteServiceError as error:
            _log.warning("queue.failed operation=%s code=%s error=%s", error.operation, error.code, error)
            with suppress(TimeoutError):
                async with asyncio.timeout(_PAUSE_AFTER_FAILURE.total_seconds()):
                    await stopping.wait()


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


async def _receive(queue: MessageQueue, stopping: asyncio.Event) -> Sequence[Message]:
    """Return messages, or none when it is time to stop."""
    receiving = asyncio.ensure_future(queue.receive(HIDDEN_FOR))
    stop = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait((receiving, stop), return_when=asyncio.FIRST_COMPLETED)
        return receiving.result() if receiving.done() else ()
    finally:
        stop.cancel()
        receiving.cancel()


async def _work(
    queue: MessageQueue, process: Process, messages: Sequence[Message], stopping: asyncio.Event
) -> None:
    bodies = {one.receipt: one.body for one in messages}
    hiding = asyncio.create_task(_keep_hidden(queue, list(bodies)))
    try:
        outcomes = await process(bodies)
    finally:
        hiding.cancel()
    done = [one.message_id for one in outcomes if not one.comes_again]
    if done:
        await queue.delete(done)
    again = [one for one in messages if one.receipt not in done]
    retry_after = {one.message_id: one.retry_after for one in outcomes if one.retry_after is not None}
    if stopping.is_set():
        at_once = [one.receipt for one in again if one.receipt not in retry_after]
        if at_once:
            await queue.hide(dict.fromkeys(at_once, timedelta(0)))  # others go on with them
        again = [one for one in again if one.receipt in retry_after]
    await postpone(queue, again, retry_after)


async def _keep_hidden(queue: MessageQueue, receipts: Sequence[str]) -> None:
    while True:
        await asyncio.sleep(HIDDEN_FOR.total_seconds() / 3)
        try:
            await queue.hide(dict.fromkeys(receipts, HIDDEN_FOR))
        except RemoteServiceError as error:
            _log.warning("queue.failed operation=%s code=%s error=%s", error.operation, error.code, error)
