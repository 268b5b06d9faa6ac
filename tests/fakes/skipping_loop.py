"""An event loop that does not wait: when nothing is left to do now, its clock jumps to what comes next."""

from __future__ import annotations

import asyncio
import selectors


class _SkippingSelector(selectors.DefaultSelector):
    """Never waits, and says how long it would have."""

    skipped_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout:
            self.skipped_s += timeout
        return super().select(0)


class SkippingLoop(asyncio.SelectorEventLoop):
    """For tests in which everything is in memory: sleeps and time-outs come in order, and at once."""

    def __init__(self) -> None:
        self._skipping = _SkippingSelector()
        super().__init__(self._skipping)

    def time(self) -> float:
        return super().time() + self._skipping.skipped_s
