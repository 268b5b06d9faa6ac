"""Notes that belong to one run at a time: written only under a condition, given up or ended by time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Generic, TypeVar

from contact_manager.errors import RemoteServiceError
from contact_manager.formats.ledger_json import (
    LEDGER_FORM,
    Claim,
    Lease,
    Ledger,
    dump_claim,
    dump_ledger,
    load_claim,
    load_ledger,
)
from contact_manager.ports import Clock, ObjectStore, StoredObject
from contact_manager.services.update_object import update_object

_Note = TypeVar("_Note", Claim, Ledger)


@dataclass(slots=True)
class HeldNote(Generic[_Note]):
    """A note as it was read or written last; ``stored`` is its object, None when there is none yet."""

    key: str
    note: _Note
    stored: StoredObject | None
    load: Callable[[bytes], _Note]
    dump: Callable[[_Note], bytes]


@dataclass(frozen=True, slots=True)
class OldLedger:
    """Where an earlier release kept the ledger of a transition.

    Attributes:
        key: Of the object.
        transition: Key of the transition that takes it over.
    """

    key: str
    transition: str


class Leases:
    """Takes, keeps and gives up notes for one run.

    Args:
        store: Where the notes are.
        clock: For the end that is written into a lease. Whether a lease has ended is decided by the age of
            the note, which the store's clock measures: clocks that differ do no harm.
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

    async def read_ledger(self, key: str, old: OldLedger | None = None) -> HeldNote[Ledger]:
        """Return the ledger as it is, an empty one when there is none.

        Where there is none yet, an old one is taken over, by the first transition that looks for it: several
        may have had the same old key, and the mails of the others are not noted in it.
        """
        held = await self._read(key, Ledger(), load_ledger, dump_ledger)
        return held if held.stored is not None or old is None else await self._take_over(old, held)

    async def _take_over(self, old: OldLedger, held: HeldNote[Ledger]) -> HeldNote[Ledger]:
        found = await self._read(old.key, Ledger(), load_ledger, dump_ledger)
        if found.stored is None or found.note.form == LEDGER_FORM:
            return held
        if self.is_taken(found):
            return found

        def move(stored: StoredObject | None) -> bytes | None:
            found.note = self._load(old.key, stored, Ledger(), load_ledger)
            is_moved = stored is None or bool(found.note.moved_to)
            return None if is_moved else dump_ledger(replace(found.note, moved_to=old.transition))

        await update_object(self._store, old.key, move, found=found.stored)
        if found.note.moved_to in ("", old.transition):
            held.note = replace(found.note, lease=Lease(), moved_to="", form=LEDGER_FORM)
        return held

    def is_taken(self, held: HeldNote[_Note]) -> bool:
        """Whether another run works on it now."""
        lease = held.note.lease
        return lease.owner != self._owner and lease.is_running(_age(held), self.duration)

    def is_left(self, held: HeldNote[_Note]) -> bool:
        """Whether a run ended without success a short while ago."""
        lease = held.note.lease
        return not lease.owner and lease.counts(_age(held), self.duration)

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
        return HeldNote(key, self._load(key, found, empty, load), found, load, dump)

    def _load(
        self, key: str, found: StoredObject | None, empty: _Note, load: Callable[[bytes], _Note]
    ) -> _Note:
        try:
            return load(found.data) if found else empty
        except (ValueError, TypeError) as error:
            raise RemoteServiceError(
                f"{key} is not what this tool wrote there: {error}; look at it, and delete it",
                service="s3",
                operation="GetObject",
                code="MalformedObject",
            ) from error

    async def _write(self, held: HeldNote[_Note], note: _Note, lease: Lease) -> bool:
        """Write the note and return whether it is still this run's.

        If another run has taken it over meanwhile, it stays that run's, and what a ledger knows of people is
        added to it: who was mailed must be noted, whoever holds the lease.
        """
        wanted = replace(note, lease=lease)
        known_etag = held.stored.etag if held.stored else None
        is_ours = True

        def edit(found: StoredObject | None) -> bytes | None:
            nonlocal is_ours
            there = self._load(held.key, found, wanted, held.load)
            is_ours = found is None or found.etag == known_etag or there.lease.owner == self._owner
            joined = wanted.joined_with(there) if is_ours else there.joined_with(wanted)
            return held.dump(joined) if is_ours or joined != there else None

        stored = await update_object(self._store, held.key, edit, found=held.stored)
        if is_ours and stored is not None:
            held.stored, held.note = stored, held.load(stored.data)
        return is_ours


def _age(held: HeldNote[_Note]) -> timedelta:
    return held.stored.age if held.stored else timedelta(0)
