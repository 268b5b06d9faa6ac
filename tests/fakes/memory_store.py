"""A bucket in memory: conditional writes, and other writers who come in between."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from contact_manager.errors import ConflictError, RemoteServiceError
from contact_manager.ports import StoredObject

Interruption = Callable[[], None]


@dataclass
class MemoryStore:
    """Implements ``ports.ObjectStore``.

    Attributes:
        objects: By key.
        writes: Keys in the order in which they were written.
        before_write: What happens just before the next writes, one each; it may write or raise.
        is_down: Whether every verb fails.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    before_write: list[Interruption] = field(default_factory=list)
    is_down: bool = False

    async def fetch(self, key: str) -> StoredObject | None:
        self._expect_up("GetObject")
        data = self.objects.get(key)
        return None if data is None else StoredObject(data, _etag(data))

    async def write(self, key: str, data: bytes, *, etag: str | None) -> str:
        if self.before_write:
            self.before_write.pop(0)()
        self._expect_up("PutObject")
        known = self.objects.get(key)
        if etag != (None if known is None else _etag(known)):
            raise ConflictError(
                f"somebody else wrote {key} meanwhile",
                service="memory",
                operation="PutObject",
                retryable=True,
            )
        self.objects[key] = data
        self.writes.append(key)
        return _etag(data)

    async def delete(self, key: str) -> None:
        self._expect_up("DeleteObject")
        self.objects.pop(key, None)

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


def _etag(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
