from __future__ import annotations

import pytest

from contact_manager.adapters.aws.retries import Patience
from contact_manager.errors import RemoteServiceError


class Call:
    """Fails as often as told, then returns how often it was called."""

    def __init__(self, failures: int, *, retryable: bool = True) -> None:
        self.count = 0
        self._failures = failures
        self._retryable = retryable

    async def __call__(self) -> int:
        self.count += 1
        if self.count <= self._failures:
            raise RemoteServiceError("no", service="ses", operation="x", retryable=self._retryable)
        return self.count


class Waits:
    """Notes what would be slept, with the longest jitter."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def longest(_low: float, high: float) -> float:
    return high


async def test_the_waits_grow_and_end_at_ten_seconds() -> None:
    waits = Waits()
    patience = Patience(attempts=8, sleep=waits.sleep, jitter=longest)
    assert await patience.repeat(Call(7)) == 8
    assert waits.slept == [0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]


async def test_the_last_failure_is_raised() -> None:
    call = Call(9)
    with pytest.raises(RemoteServiceError):
        await Patience(attempts=3, sleep=Waits().sleep).repeat(call)
    assert call.count == 3


async def test_what_will_not_pass_is_not_repeated() -> None:
    call = Call(1, retryable=False)
    with pytest.raises(RemoteServiceError):
        await Patience(sleep=Waits().sleep).repeat(call)
    assert call.count == 1
