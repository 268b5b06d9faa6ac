from __future__ import annotations

import asyncio

import pytest

from contact_manager.adapters.aws.rate_limit import RateLimiter


class Watch:
    """A clock that moves only when somebody sleeps or moves it."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.now_s += seconds


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def limiter(watch: Watch) -> RateLimiter:
    return RateLimiter(10, burst=2, clock=watch, sleep=watch.sleep)


async def ask(limiter: RateLimiter, times: int) -> None:
    for _ in range(times):
        await limiter.wait()


async def test_a_burst_goes_at_once_and_the_rest_at_the_rate(watch: Watch, limiter: RateLimiter) -> None:
    await ask(limiter, 4)
    assert watch.slept == [0.1, 0.1]


async def test_no_more_than_a_burst_is_saved_up(watch: Watch, limiter: RateLimiter) -> None:
    watch.now_s += 3600
    await ask(limiter, 3)
    assert watch.slept == [0.1]


async def test_those_who_come_together_go_one_after_another(watch: Watch) -> None:
    slept: list[float] = []

    async def note(seconds: float) -> None:
        slept.append(round(seconds, 6))

    limiter = RateLimiter(10, burst=1, clock=watch, sleep=note)
    await asyncio.gather(*(limiter.wait() for _ in range(4)))
    assert slept == [0.1, 0.2, 0.3]


async def test_slowing_down_halves_the_rate_and_spends_the_burst(watch: Watch, limiter: RateLimiter) -> None:
    limiter.slow_down()
    assert limiter.requests_per_second == 5
    await ask(limiter, 1)
    assert watch.slept == [0.2]


async def test_throttling_of_requests_sent_together_counts_once(limiter: RateLimiter) -> None:
    limiter.slow_down()
    limiter.slow_down()
    assert limiter.requests_per_second == 5


async def test_the_rate_never_falls_to_nothing(watch: Watch, limiter: RateLimiter) -> None:
    for _ in range(20):
        limiter.slow_down()
        watch.now_s += 1
    assert limiter.requests_per_second > 0.3


async def test_the_rate_comes_back_slowly_and_not_above_what_was_set(
    watch: Watch, limiter: RateLimiter
) -> None:
    limiter.slow_down()
    watch.now_s += 15
    assert limiter.requests_per_second == pytest.approx(7.5)
    watch.now_s += 3600
    assert limiter.requests_per_second == 10


async def test_a_caller_who_gives_up_gives_the_token_back(watch: Watch) -> None:
    asleep = asyncio.Event()

    async def sleep_for_ever(_seconds: float) -> None:
        asleep.set()
        await asyncio.Event().wait()

    limiter = RateLimiter(10, burst=1, clock=watch, sleep=sleep_for_ever)
    await limiter.wait()
    waiting = asyncio.create_task(limiter.wait())
    await asleep.wait()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    watch.now_s += 0.15
    asleep.clear()
    await limiter.wait()
    assert not asleep.is_set()
