"""The archive object of a change: what it asks for now, and where the outcome is written."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from contact_manager.domain.change import Change
from contact_manager.domain.change_digest import content_digest, old_digests
from contact_manager.domain.lifecycle import (
    LIFECYCLE,
    ChangeHistory,
    ChangeStatus,
    Steps,
    Transition,
    read_status,
)
from contact_manager.domain.outcome import ReportedError
from contact_manager.errors import InvalidChangeError, Problem, UnusableObjectError
from contact_manager.formats import record_json
from contact_manager.formats.change_json import MAX_RECORD_BYTES, parse_change
from contact_manager.formats.record_json import Entry
from contact_manager.ports import ObjectStore, StoredObject
from contact_manager.services.update_object import update_object

_log = logging.getLogger(__name__)

ARCHIVE = "archive/"


@dataclass(frozen=True, slots=True)
class ChangeTask:
    """A change as it was read, and what its status asks for."""

    change: Change
    record: Mapping[str, Any]
    status: ChangeStatus
    history: ChangeHistory

    @property
    def steps(self) -> Steps:
        """What is done for the status."""
        return LIFECYCLE[self.status]

    @property
    def transition(self) -> Transition:
        """Under what is noted who was mailed."""
        return self.history.transition(self.status, self.change.version)

    @property
    def name(self) -> str:
        """Transition and status, as a version may stay the same over several; a test run is another task."""
        name = f"{self.transition.label}:{self.status}"
        return f"{name}:test" if self.is_test_run else name

    @property
    def content(self) -> str:
        """Digest of what is asked for: a change may be edited in place."""
        return content_digest(self.change)

    @property
    def wish(self) -> str:
        """Name and content."""
        return f"{self.name}:{self.content}"

    @property
    def noted_as(self) -> frozenset[tuple[str, str]]:
        """Every pair of name and content that means this task: this release's, and those of earlier ones."""
        old_name = f"{self.transition.old_key}:{self.status}"
        return frozenset(
            {(self.name, self.content), *((old_name, content) for content in old_digests(self.change))}
        )

    def is_meant_by(self, noted: str) -> bool:
        """Whether a claim's ``doing`` or ``done`` means this task."""
        return any(noted == f"{name}:{content}" for name, content in self.noted_as)

    @property
    def is_test_run(self) -> bool:
        """Whether it is a rehearsal that reaches nobody but its submitter."""
        return record_json.is_test_run(self.record)

    @property
    def has_meeting(self) -> bool:
        """Whether the record tells of a meeting."""
        return self.change.recorded_meeting is not None or record_json.tells_of_meeting(self.record)


def archive_key(change_id: str) -> str:
    """Return the key of a change's archive object."""
    return f"{ARCHIVE}{change_id}.json"


class ChangeRecord:
    """One archive object.

    Args:
        store: The bucket.
        change_id: As it stands in the key.
        time_zone: Of times that name none.
    """

    def __init__(self, store: ObjectStore, change_id: str, *, time_zone: str) -> None:
        self.key = archive_key(change_id)
        self._store = store
        self._change_id = change_id
        self._time_zone = time_zone

    async def fetch(self) -> bytes | None:
        """Return the object as it is now, or None when there is none.

        Raises:
            InvalidChangeError: It is larger than ``MAX_RECORD_BYTES``, or packed in an unknown way.
            RemoteServiceError: The bucket cannot be used.
        """
        found = await self.fetch_stored()
        return found.data if found else None

    async def fetch_stored(self) -> StoredObject | None:
        """Return the object with its properties; see ``fetch``."""
        try:
            return await self._store.fetch(self.key, max_size=MAX_RECORD_BYTES)
        except UnusableObjectError as error:
            raise InvalidChangeError([Problem("", str(error))], source=self.key) from error

    def understand(self, data: bytes) -> ChangeTask | None:
        """Return what the object asks for; None when its status asks for nothing.

        Raises:
            InvalidChangeError: It is no change.
        """
        change = parse_change(
            data, source=self.key, default_time_zone=self._time_zone, record_id=self._change_id
        )
        record = record_json.load_record(data)
        status = read_status(change.status, record_json.read_request_type(record))
        if status is None:
            return None
        history = record_json.read_history(record)
        if change.recorded_meeting is not None:
            history = replace(history, has_approval=True)
        return ChangeTask(change, record, status, history)

    async def rewrite(self, edit: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Write what ``edit`` makes of the object, whoever else writes there, unless it is gone.

        Args:
            edit: May be called several times; applied to its own outcome it must change nothing.

        Raises:
            ConflictError: Others wrote again and again.
            InvalidChangeError: The object is no JSON object any more.
            RemoteServiceError: The bucket cannot be used.
        """
        found = await self.fetch_stored()
        await update_object(
            self._store,
            self.key,
            lambda stored: self._edited(stored.data, edit) if stored else None,
            found=found,
            is_foreign=True,
        )

    def _edited(self, data: bytes, edit: Callable[[dict[str, Any]], dict[str, Any]]) -> bytes | None:
        """Return what is to be written, or None when nothing changes."""
        try:
            record = record_json.load_record(data)
        except ValueError as error:
            problem = Problem("", f"the outcome cannot be written into it: {error}")
            raise InvalidChangeError([problem], source=self.key) from error
        edited = edit(record)
        return record_json.dump_record(edited) if edited != record else None


async def note_stops(record: ChangeRecord, stops: Sequence[ReportedError], entry: Entry) -> None:
    """Write into the record what safety rules stopped, each stop once, and log it.

    Args:
        record: The archive object.
        stops: What happened; nothing is written when there are none.
        entry: What the entries have in common; its customer counts where a stop names none.
    """
    entries = [
        replace(entry, customer=stop.customer or entry.customer, guard=stop.type, reason=stop.message)
        for stop in stops
    ]
    for line in entries:
        _log.error(
            "change.stopped_by_guard key=%s customer=%s step=%s guard=%s reason=%s",
            record.key,
            line.customer,
            line.step,
            line.guard,
            line.reason,
        )
    if entries:
        await record.rewrite(lambda document: reduce(record_json.with_entry, entries, document))
