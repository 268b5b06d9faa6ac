"""How many mails a process may have handed over without having noted it: what a crash can send twice."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

MAX_UNNOTED = 10
"""Mails that are handed over, or about to be, and stand in no ledger yet."""


class SendBudget:
    """One for all ledgers of a process, however many messages it works on at the same time.

    Every ledger takes a share before it sends and gives it back when it has noted what was sent. Shares are
    given in the order in which they are asked for, so that nobody waits for ever.

    Attributes:
        failed_notes: How often a ledger could not be written. Whoever has not written since then should do so
            before sending: otherwise every ledger sends its share while the bucket is down.
    """

    def __init__(self, size: int = MAX_UNNOTED) -> None:
        self._size = size
        self._free = size
        self._ledgers = 0
        self._waiting: deque[tuple[int, asyncio.Future[int]]] = deque()
        self.failed_notes = 0

    @asynccontextmanager
    async def join(self) -> AsyncIterator[None]:
        """Count as one of those among whom the budget is divided."""
        self._ledgers += 1
        try:
            yield
        finally:
            self._ledgers -= 1

    @property
    def is_whole(self) -> bool:
        """Whether everything that was handed over is noted."""
        return self._free == self._size

    async def take(self, wanted: int) -> int:
        """Return how many mails may be sent now: at least one, at most ``wanted`` and a fair share."""
        if self._free > 0 and not self._waiting:
            return self._grant(wanted)
        turn: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((wanted, turn))
        try:
            return await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the turn came at the same moment
                self.give_back(turn.result())
            raise

    def give_back(self, taken: int) -> None:
        """Return what was taken, after it was noted."""
        self._free += taken
        while self._free > 0 and self._waiting:
            wanted, turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(self._grant(wanted))

    def _grant(self, wanted: int) -> int:
        taken = min(wanted, self._free, max(1, self._size // max(1, self._ledgers)))
        self._free -= taken
        return taken
