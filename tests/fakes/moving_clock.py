"""A clock that moves when it is told to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.fakes.worlds import NOW


@dataclass
class MovingClock:
    """Implements ``ports.Clock``."""

    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment

    def move(self, duration: timedelta) -> None:
        self.moment += duration
