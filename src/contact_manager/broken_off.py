"""What work was waiting for when it was broken off: who did not answer in time.

A time-out only knows that the time is over. Whoever sets one opens a root with ``collecting``; adapters name
their requests with ``naming``. A request that ends is taken out again; one that is cancelled stays.
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(eq=False, slots=True)
class Waiting:
    """Something that is waited for, and what that waits for itself."""

    name: str = ""
    parts: list[Waiting] = field(default_factory=list)

    def names(self) -> list[str]:
        """Return the names of what waits for nothing else, each once."""
        found = [name for part in self.parts for name in part.names()] or [self.name]
        return [name for name in dict.fromkeys(found) if name]


_current: ContextVar[Waiting | None] = ContextVar("waiting", default=None)


@contextmanager
def collecting() -> Iterator[Waiting]:
    """Yield the root of what is waited for in the body, and in tasks that it starts."""
    with _entered(Waiting()) as root:
        yield root


@contextmanager
def naming(service: str, operation: str) -> Iterator[None]:
    """Say that the body waits for ``operation`` of ``service``."""
    waiting = Waiting(f"{service} {operation}")
    with joining(waiting), _entered(waiting):
        yield


@contextmanager
def joining(waiting: Waiting) -> Iterator[None]:
    """Say that the body waits for something that others may wait for, too."""
    parent = _current.get()
    if parent is None:
        yield
        return
    parent.parts.append(waiting)
    try:
        yield
    except CancelledError:
        raise
    except BaseException:
        parent.parts.remove(waiting)
        raise
    parent.parts.remove(waiting)


@contextmanager
def _entered(waiting: Waiting) -> Iterator[Waiting]:
    outer = _current.get()
    _current.set(waiting)
    try:
        yield waiting
    finally:
        _current.set(outer)
