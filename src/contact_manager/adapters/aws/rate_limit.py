"""How fast one account may be asked."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

BURST_REQUESTS = 5
"""What reading a customer of one page takes: both lists' first page, the topics, and one to spare."""

_RECOVERY_S = 60.0
"""After this long without throttling a rate of nothing would be whole again."""

_LOWEST_SHARE = 1 / 32
_HALVING_INTERVAL_S = 1.0
"""Requests that were under way together are throttled together: one reason to slow down, not three."""


class RateLimiter:
    """A token bucket that halves its rate when it is told to, and recovers slowly.

    Each caller takes a token at once, if need be one that is still to come, and sleeps until it comes;
    so callers go in the order they came in, and nothing is locked while one sleeps.
    """

    def __init__(
        self,
        requests_per_second: float,
        *,
        burst: int = BURST_REQUESTS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._full_rate = requests_per_second
        self._rate = requests_per_second
        self._burst = burst
        self._tokens = float(burst)
        self._clock = clock
        self._sleep = sleep
        self._updated_at_s = clock()
        self._slowed_at_s = -math.inf

    @property
    def requests_per_second(self) -> float:
        """The rate at present."""
        self._update()
        return self._rate

    async def wait(self) -> None:
        """Return when the next request may be sent."""
        self._update()
        self._tokens -= 1
        if self._tokens >= 0:
            return
        try:
            await self._sleep(-self._tokens / self._rate)
        except asyncio.CancelledError:
            self._tokens += 1
            raise

    def slow_down(self) -> None:
        """Halve the rate, once a second at most, and spend what was saved."""
        self._update()
        if self._updated_at_s - self._slowed_at_s < _HALVING_INTERVAL_S:
            return
        self._slowed_at_s = self._updated_at_s
        self._rate = max(self._rate / 2, self._full_rate * _LOWEST_SHARE)
        self._tokens = min(self._tokens, 0.0)

    def _update(self) -> None:
        now_s = self._clock()
        passed_s = now_s - self._updated_at_s
        self._updated_at_s = now_s
        self._tokens = min(self._burst, self._tokens + passed_s * self._rate)
        self._rate = min(self._full_rate, self._rate + self._full_rate * passed_s / _RECOVERY_S)
