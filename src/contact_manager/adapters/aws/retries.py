"""Patience with a service that fails for a moment."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import TypeVar

from contact_manager.errors import RemoteServiceError

_log = logging.getLogger(__name__)

MAX_ATTEMPTS = 7
"""About 12 s of waiting on average: throttling passes within that, and a customer has 60 s."""

_FIRST_WAIT_S = 0.2
_LONGEST_WAIT_S = 10.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long to wait: exponential backoff with full jitter.

    See "Exponential Backoff And Jitter", AWS Architecture Blog.

    Attributes:
        attempts: All in all.
        sleep: Waits so many seconds.
        jitter: Returns a number between its two bounds.
        is_passing: Tells which failures are worth another attempt.
    """

    attempts: int = MAX_ATTEMPTS
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    jitter: Callable[[float, float], float] = random.uniform
    is_passing: Callable[[RemoteServiceError], bool] = attrgetter("retryable")

    async def repeat(self, call: Callable[[], Awaitable[T]]) -> T:
        """Return what ``call`` returns, as soon as it does.

        Raises:
            RemoteServiceError: The last failure, or the first that will not pass by itself.
        """
        for attempt in range(1, self.attempts):
            try:
                return await call()
            except RemoteServiceError as error:
                if not self.is_passing(error):
                    raise
                _log.debug(
                    "aws.retry operation=%s code=%s attempt=%d request_id=%s",
                    error.operation,
                    error.code,
                    attempt,
                    error.request_id,
                )
            await self.sleep(self.jitter(0.0, min(_FIRST_WAIT_S * 2**attempt, _LONGEST_WAIT_S)))
        return await call()
