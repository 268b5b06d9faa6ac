"""Work through a queue until asked to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta

from contact_manager.errors import RemoteServiceError
from contact_manager.ports import MessageQueue
from contact_manager.services.process_messages import MessageOutcome

_log = logging.getLogger(__name__)

HIDDEN_FOR = timedelta(seconds=60)
"""How long messages are kept from others; extended while they are worked on, so that those of a worker that
died come again soon."""

MAX_BATCHES = 4
"""Receptions worked on at the same time: one that waits for another run does not hold up the rest."""

_PAUSE_AFTER_FAILURE = timedelta(seconds=5)

Process = Callable[[Mapping[str, str]], Awaitable[Sequence[MessageOutcome]]]


async def consume_queue(queue: MessageQueue, process: Process, stopping: asyncio.Event) -> None:
    """Receive, process and delete messages until ``stopping`` is set; what was begun is brought to its end.

    Messages that have to come again are left to the queue. A queue that cannot be used is tried again.

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
            bodies = await _receive(queue, stopping)
            if bodies:
                await _work(queue, process, bodies)
        except RemoteServiceError as error:
            _log.warning("queue.failed operation=%s code=%s error=%s", error.operation, error.code, error)
            with suppress(TimeoutError):
                async with asyncio.timeout(_PAUSE_AFTER_FAILURE.total_seconds()):
                    await stopping.wait()


async def _receive(queue: MessageQueue, stopping: asyncio.Event) -> Mapping[str, str]:
    """Return messages, or none when it is time to stop."""
    receiving = asyncio.ensure_future(queue.receive(HIDDEN_FOR))
    stop = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait((receiving, stop), return_when=asyncio.FIRST_COMPLETED)
        return receiving.result() if receiving.done() else {}
    finally:
        stop.cancel()
        receiving.cancel()


async def _work(queue: MessageQueue, process: Process, bodies: Mapping[str, str]) -> None:
    hiding = asyncio.create_task(_keep_hidden(queue, list(bodies)))
    try:
        outcomes = await process(bodies)
    finally:
        hiding.cancel()
    done = [one.message_id for one in outcomes if not one.comes_again]
    if done:
        await queue.delete(done)


async def _keep_hidden(queue: MessageQueue, receipts: Sequence[str]) -> None:
    while True:
        await asyncio.sleep(HIDDEN_FOR.total_seconds() / 3)
        try:
            await queue.hide(receipts, HIDDEN_FOR)
        except RemoteServiceError as error:
            _log.warning("queue.failed operation=%s code=%s error=%s", error.operation, error.code, error)
