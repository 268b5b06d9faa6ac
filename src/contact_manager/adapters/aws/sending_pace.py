"""How fast an account sends, and for how long it does not send at all."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

from contact_manager.adapters.aws.rate_limit import RateLimiter
from contact_manager.errors import SendingStoppedError


class SendingPace(RateLimiter):
    """The pace of one account's mails, one after the other; without quota it rests."""

    def __init__(
        self,
        mails_per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        super().__init__(mails_per_second, burst=1, clock=clock, sleep=sleep)
        self._clock = clock
        self._reason: SendingStoppedError | None = None
        self._rests_until_s = -math.inf

    def rest(self, duration: timedelta, reason: SendingStoppedError) -> None:
        """Refuse every mail for so long, those that wait for their turn as well."""
        self._reason = reason
        self._rests_until_s = self._clock() + duration.total_seconds()

    async def wait(self) -> None:
        """Return when the next mail may be sent.

        Raises:
            SendingStoppedError: The account rests.
        """
        self._refuse_while_resting()
        await super().wait()
        self._refuse_while_resting()

    def _refuse_while_resting(self) -> None:
        if self._reason is not None and self._clock() < self._rests_until_s:
            raise _copied(self._reason)


def _copied(error: SendingStoppedError) -> SendingStoppedError:
    """Return the error for another mail: one exception must not be raised in several tasks."""
    return SendingStoppedError(
        str(error),
        service=error.service,
        operation=error.operation,
        code=error.code,
        retryable=error.retryable,
        request_id=error.request_id,
        retry_after=error.retry_after,
    )
