"""How long work may go on: until when something new is begun, and when what was begun is broken off."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

RESERVE_S = 30.0
"""Of the time there is, so much is kept at most for the end; of a short time, half."""

_WORK, _SETTLE, _ANSWER = 0.6, 0.4, 0.25
"""Shares of the reserve that are left when work is broken off, when what does not end is left alone, and when
everything has been said."""


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Moments on the clock of the event loop, which is ``time.monotonic``, in seconds.

    Attributes:
        begin_until: Nothing new is begun after it.
        work_until: What is still at work is broken off.
        settle_until: What was broken off has ended, and noted what it did, or is left alone.
        answer_until: The answer is given.
    """

    begin_until: float = math.inf
    work_until: float = math.inf
    settle_until: float = math.inf
    answer_until: float = math.inf

    @classmethod
    def within(cls, left_s: float) -> TimeLimits:
        """Return the limits of work that has so many seconds, counted from now."""
        end = time.monotonic() + left_s
        reserve = min(RESERVE_S, max(left_s, 0.0) / 2)
        return cls(end - reserve, *(end - reserve * share for share in (_WORK, _SETTLE, _ANSWER)))

    def is_over(self) -> bool:
        """Whether nothing new may be begun any more."""
        return time.monotonic() > self.begin_until


async def wait_within(tasks: Collection[asyncio.Task[Any]], limits: TimeLimits) -> None:
    """Wait for tasks; break off those that are at work for too long, and leave alone what then does not end.

    A caller that is cancelled itself breaks them off too and waits for their end as long as it would have.
    """
    if not tasks:
        return
    try:
        await asyncio.wait(tasks, timeout=_left_s(limits.work_until))
    finally:
        broken_off = [task for task in tasks if not task.done()]
        for task in broken_off:
            task.cancel()
            task.add_done_callback(_forget)
        if broken_off:
            await asyncio.wait(broken_off, timeout=_grace_s(limits))


def _grace_s(limits: TimeLimits) -> float:
    """Return how long what was broken off may take to end: early ends are as short as the one that is due."""
    if not math.isfinite(limits.settle_until):
        return RESERVE_S * (_WORK - _SETTLE)
    usual_s = limits.settle_until - limits.work_until
    return min(usual_s, max(limits.settle_until - time.monotonic(), 0.0))


def _left_s(until: float) -> float | None:
    return max(until - time.monotonic(), 0.0) if math.isfinite(until) else None


def _forget(task: asyncio.Task[Any]) -> None:
    """Take note of how a task ended that nobody waits for any more."""
    if not task.cancelled():
        task.exception()
