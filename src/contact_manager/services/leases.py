"""Notes that belong to one run at a time: written only under a condition, given up or ended by time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Generic, TypeVar

from contact_manager.errors import ConflictError, RemoteServiceError
from contact_manager.formats.ledger_json import (
    Claim,
    Lease,
    Ledger,
    dump_claim,
    dump_ledger,
    load_claim,
    load_ledger,
)
from contact_manager.ports import Clock, ObjectStore

_Note = TypeVar("_Note", Claim, Ledger)


@dataclass(slots=True)
class HeldNote(Generic[_Note]):
    """A note as it was read or written last, with what it is written again by."""

    key: str
    note: _Note
    etag: str | None
    dump: Callable[[_Note], bytes]


class Leases:
    """Takes, keeps and gives up notes for one run.

    Args:
        store: Where the notes are.
        clock: Tells when a lease has ended.
        owner: Name of this run, different from every other's.
        duration: After this a run that is still at work counts as dead.
    """

    def __init__(self, store: ObjectStore, clock: Clock, *, owner: str, duration: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._owner = owner
        self.duration = duration

    async def read_claim(self, key: str) -> HeldNote[Claim]:
        """Return the claim as it is, an empty one when there is none."""
        return await self._read(key, Claim(), load_claim, dump_claim)

    async def read_ledger(self, key: str) -> HeldNote[Ledger]:
        """Return the ledger as it is, an empty one when there is none."""
        return await self._read(key, Ledger(), load_ledger, dump_ledger)

    def is_taken(self, held: HeldNote[_Note]) -> bool:
        """Whether another run works on it now."""
        lease = held.note.lease
        return lease.owner != self._owner and lease.is_running(self._clock.now())

    def is_left(self, held: HeldNote[_Note]) -> bool:
        """Whether a run ended without success a short while ago."""
        lease = held.note.lease
        return not lease.owner and lease.counts(self._clock.now())

    async def keep(self, held: HeldNote[_Note], note: _Note) -> bool:
        """Write ``note`` and hold on to it; see ``_write``."""
        return await self._write(held, note, Lease(self._owner, self._clock.now() + self.duration))

    async def leave(self, held: HeldNote[_Note], note: _Note) -> bool:
        """Write ``note`` as one whose work failed; see ``_write``."""
        return await self._write(held, note, Lease("", self._clock.now() + self.duration))

    async def release(self, held: HeldNote[_Note], note: _Note) -> bool:
        """Write ``note`` and let go of it; see ``_write``."""
        return await self._write(held, note, Lease())

    async def _read(
        self, key: str, empty: _Note, load: Callable[[bytes], _Note], dump: Callable[[_Note], bytes]
    ) -> HeldNote[_Note]:
        found = await self._store.fetch(key)
        try:
            return HeldNote(key, load(found.data) if found else empty, found.etag if found else None, dump)
        except (ValueError, TypeError) as error:
            raise RemoteServiceError(
                f"{key} is not what this tool wrote there: {error}; look at it, and delete it",
                service="s3",
                operation="GetObject",
                code="MalformedObject",
            ) from error

    async def _write(self, held: HeldNote[_Note], note: _Note, lease: Lease) -> bool:
        """Return whether the note was still the one that was read; if not, nothing was written."""
        written = replace(note, lease=lease)
        data = held.dump(written)
        try:
            held.etag = await self._store.write(held.key, data, etag=held.etag)
        except ConflictError:
            found = await self._store.fetch(held.key)
            if found is None or found.data != data:
                return False
            held.etag = found.etag  # our own write, whose answer was lost
        held.note = written
        return True
