"""Which requests were under way when work was broken off: what says who did not answer in time.

A time-out only knows that time is over. Whoever sets one opens a list with ``collecting``; adapters name
their requests with ``naming``; a request that is cancelled puts its name on the list.
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_collected: ContextVar[list[str] | None] = ContextVar("broken_off", default=None)


@contextmanager
def collecting() -> Iterator[list[str]]:
    """Yield the list of the requests that are broken off in the body, and in tasks that it starts."""
    names: list[str] = []
    token = _collected.set(names)
    try:
        yield names
    finally:
        _collected.reset(token)


@contextmanager
def naming(service: str, operation: str) -> Iterator[None]:
    """Note ``service`` and ``operation`` when the body is cancelled."""
    try:
        yield
    except CancelledError:
        names, name = _collected.get(), f"{service} {operation}"
        if names is not None and name not in names:
            names.append(name)
        raise
