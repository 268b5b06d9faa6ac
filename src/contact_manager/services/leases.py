"""Small objects that say who works on something now: written only under a condition, ended by time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Generic, TypeVar

from contact_manager.errors import ConflictError
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
class LeasedNote(Generic[_Note]):
    """A note as it was read or written last, with what it is written again by."""

    key: str
    note: _Note
    etag: str | None
    dump: Callable[[_Note], bytes]


class Leases:
    """Takes, renews and releases notes for one owner.

    Args:
        store: Where the notes are.
        clock: Tells when a lease has ended.
        owner: Name of this attempt, different from every other's.
        duration: After this, somebody who is still at work counts as dead.
    """

    def __init__(self, store: ObjectStore, clock: Clock, *, owner: str, duration: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._owner = owner
        self._duration = duration

    async def read_claim(self, key: str) -> LeasedNote[Claim]:
        """Return the claim as it is, an empty one when there is none."""
        found = await self._store.fetch(key)
        note = load_claim(found.data) if found else Claim()
        return LeasedNote(key, note, found.etag if found else None, dump_claim)

    async def read_ledger(self, key: str) -> LeasedNote[Ledger]:
        """Return the ledger as it is, an empty one when there is none."""
        found = await self._store.fetch(key)
        note = load_ledger(found.data) if found else Ledger()
        return LeasedNote(key, note, found.etag if found else None, dump_ledger)

    def is_held_by_other(self, held: LeasedNote[_Note]) -> bool:
        """Whether somebody else works on it now."""
        return held.note.lease.is_held_by_other(self._owner, self._clock.now())

    async def write(self, held: LeasedNote[_Note], note: _Note, *, keeps: bool) -> bool:
        """Write ``note``, holding on to it for a while longer or letting go.

        Returns:
            Whether it was still the one that was read; if not, nothing was written.
        """
        until = self._clock.now() + self._duration if keeps else None
        written = replace(note, lease=Lease(self._owner if keeps else "", until))
        try:
            held.etag = await self._store.write(held.key, held.dump(written), etag=held.etag)
        except ConflictError:
            return False
        held.note = written
        return True
