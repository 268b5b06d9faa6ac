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
        left_s = self._rests_until_s - self._clock()
        if self._reason is not None and left_s > 0:
            raise _untried(self._reason, left_s)


def _untried(reason: SendingStoppedError, left_s: float) -> SendingStoppedError:
    """Return the error for a mail that was not sent because of an earlier refusal."""
    return SendingStoppedError(
        f"the mail was not tried: the account rests for {math.ceil(left_s / 60)} more minutes. Why: {reason}",
        service=reason.service,
        operation=reason.operation,
        code=reason.code,
        retryable=reason.retryable,
        retry_after=reason.retry_after,
    )
