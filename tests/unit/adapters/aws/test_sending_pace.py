"""An account whose quota is used up is left alone, also by the mails that wait for their turn."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from contact_manager.adapters.aws.sending_pace import SendingPace
from contact_manager.errors import SendingStoppedError
from tests.fakes.memory_mailer import stopped

HOUR = timedelta(hours=1)


class Clock:
    """Moves with those who sleep."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.now_s += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> SendingPace:
    return SendingPace(1.0, clock=clock, sleep=clock.sleep)


async def test_who_waits_for_a_turn_is_refused_when_the_quota_is_used_up_meanwhile(pace: SendingPace) -> None:
    await pace.wait()
    waiting = [asyncio.create_task(pace.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    pace.rest(HOUR, stopped(HOUR))
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(result) for result in results} == {SendingStoppedError}
    assert len({id(result) for result in results}) == 3


async def test_nobody_is_sent_anything_for_an_hour_and_everybody_afterwards(
    pace: SendingPace, clock: Clock
) -> None:
    pace.rest(HOUR, stopped(HOUR))
    clock.now_s = 3599
    with pytest.raises(SendingStoppedError) as caught:
        await pace.wait()
    assert caught.value.retry_after == HOUR
    assert "was not tried: the account rests for 1 more minutes" in str(caught.value)
    clock.now_s = 3600
    await pace.wait()
