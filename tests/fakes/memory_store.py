"""A bucket in memory: conditional writes, and other writers who come in between."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contact_manager.errors import ConflictError, RemoteServiceError, UnusableObjectError
from contact_manager.ports import MAX_OBJECT_BYTES, Clock, StoredObject
from tests.fakes.worlds import FixedClock

Interruption = Callable[[], None]


@dataclass
class MemoryStore:
    """Implements ``ports.ObjectStore``.

    Attributes:
        clock: The store's own.
        objects: By key.
        writes: Keys in the order in which they were written or deleted.
        before_write: What happens just before the next writes and deletions, one each; it may write or raise.
        after_write: The same just after them: what is raised then is an answer about something that is done.
        is_down: Whether every verb fails.
    """

    clock: Clock = field(default_factory=FixedClock)
    objects: dict[str, bytes] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    before_write: list[Interruption] = field(default_factory=list)
    after_write: list[Interruption] = field(default_factory=list)
    is_down: bool = False
    _written_at: dict[str, datetime] = field(default_factory=dict)
    _properties: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    async def fetch(self, key: str, *, max_size: int = MAX_OBJECT_BYTES) -> StoredObject | None:
        self._expect_up("GetObject")
        data = self.objects.get(key)
        if data is None:
            return None
        if len(data) > max_size:
            raise UnusableObjectError(f"{key} is too large", service="memory", operation="GetObject")
        now = self.clock.now()
        age = now - self._written_at.get(key, now)
        return StoredObject(data, _etag(data), age, self._properties.get(key, {}))

    async def exists(self, key: str) -> bool:
        self._expect_up("HeadObject")
        return key in self.objects

    async def write(
        self, key: str, data: bytes, *, etag: str | None, keeping: StoredObject | None = None
    ) -> str:
        _next(self.before_write)
        self._expect_up("PutObject")
        known = self.objects.get(key)
        if etag != (None if known is None else _etag(known)):
            raise conflict(key)
        self.objects[key] = data
        self._written_at[key] = self.clock.now()
        self._properties[key] = keeping.properties if keeping else {}
        self.writes.append(key)
        _next(self.after_write)
        return _etag(data)

    async def delete(self, key: str) -> None:
        _next(self.before_write)
        self._expect_up("DeleteObject")
        self.objects.pop(key, None)
        self.writes.append(key)
        _next(self.after_write)

    async def list_keys(self, prefix: str) -> AsyncIterator[str]:
        self._expect_up("ListObjectsV2")
        for key in sorted(self.objects):
            if key.startswith(prefix):
                yield key

    def _expect_up(self, operation: str) -> None:
        if self.is_down:
            raise RemoteServiceError(
                "the bucket is down", service="memory", operation=operation, retryable=True
            )


def conflict(key: str = "an object") -> ConflictError:
    return ConflictError(
        f"somebody else wrote {key} meanwhile", service="memory", operation="PutObject", retryable=True
    )


def outage() -> RemoteServiceError:
    return RemoteServiceError("no answer", service="memory", operation="PutObject", retryable=True)


def _next(interruptions: list[Interruption]) -> None:
    if interruptions:
        interruptions.pop(0)()


def _etag(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
