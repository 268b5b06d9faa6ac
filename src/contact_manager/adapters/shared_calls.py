"""One call for everybody who asks for the same thing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from functools import partial
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from contact_manager.broken_off import Waiting, collecting, joining

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SharedCalls(Generic[K, V]):
    """Remembers what was fetched for a key; who asks meanwhile waits for the same call.

    A call belongs to none of those who wait: when one of them is cancelled, the others still get their
    value. A failure is told to everybody who waits and then forgotten.
    """

    def __init__(self, *, is_fresh: Callable[[V], bool] = lambda _value: True) -> None:
        self._is_fresh = is_fresh
        self._tasks: dict[K, asyncio.Task[V]] = {}
        self._waiting = WeakKeyDictionary[asyncio.Task[V], Waiting]()

    async def fetch(self, key: K, call: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """Return what ``call`` returns, or what it or another one returned for ``key`` before."""
        task = self._tasks.get(key)
        if task is None or not self._is_usable(task):
            with collecting() as waiting:
                task = self._tasks[key] = asyncio.create_task(call())
            self._waiting[task] = waiting
            task.add_done_callback(partial(self._forget_failure, key))
        with joining(self._waiting[task]):
            return await asyncio.shield(task)

    def forget(self, key: K, value: V) -> None:
        """Forget ``value``, unless something newer has taken its place."""
        task = self._tasks.get(key)
        if task is not None and task.done() and _succeeded(task) and task.result() is value:
            del self._tasks[key]

    async def close(self) -> None:
        """End the calls that still run."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _is_usable(self, task: asyncio.Task[V]) -> bool:
        return not task.done() or (_succeeded(task) and self._is_fresh(task.result()))

    def _forget_failure(self, key: K, task: asyncio.Task[V]) -> None:
        if not _succeeded(task) and self._tasks.get(key) is task:
            del self._tasks[key]


def _succeeded(task: asyncio.Task[V]) -> bool:
    return not task.cancelled() and task.exception() is None
