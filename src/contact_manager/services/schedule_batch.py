"""Bring the meetings of many changes in line, each on its own: none stops another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from contact_manager.domain.change import Change
from contact_manager.domain.meeting import meeting_key
from contact_manager.domain.outcome import (
    BatchItem,
    ErrorKind,
    ReportedError,
    RunReport,
    reported_errors,
)
from contact_manager.errors import ContactManagerError
from contact_manager.services.schedule_meeting import MeetingServices, ScheduleRequest, schedule_meeting

MAX_CONCURRENT_CHANGES = 8
"""Changes worked on at the same time: customers are read once for all of them, and Graph takes four requests
at a time anyway."""

APPROVED = "approved"
CANCELLED = frozenset({"cancelled", "canceled"})


@dataclass(frozen=True, slots=True)
class BatchEntry:
    """One change of a batch.

    Attributes:
        source: Name of its file.
        request: What is asked for it.
        skip: Why it is left alone, or ``""``.
    """

    source: str
    request: ScheduleRequest
    skip: str = ""


async def schedule_batch(
    entries: Sequence[BatchEntry],
    services: MeetingServices,
    *,
    on_done: Callable[[str], None] | None = None,
) -> tuple[BatchItem, ...]:
    """Bring every meeting in line and tell what was done, in the order of ``entries``.

    Changes that clash, because they are about the same meeting, are all left alone: nobody can know which of
    them is meant. One that is skipped clashes with one that is not: it may be the newer word.

    Args:
        entries: The changes.
        services: What they are worked on with; readings of customers should be shared.
        on_done: Called with the source of each change that is done.
    """
    clashes = _clashes(entries)
    slots = asyncio.Semaphore(MAX_CONCURRENT_CHANGES)

    async def work(entry: BatchEntry) -> BatchItem:
        async with slots:
            item = await _schedule(entry, services, clashes.get(entry.source))
        if on_done is not None:
            on_done(entry.source)
        return item

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work(entry)) for entry in entries]
    return tuple(task.result() for task in tasks)


def reason_to_skip(change: Change) -> str:
    """Return why a change is left alone that is only one of many, or ``""``."""
    return f"its status is {change.status}" if change.status in CANCELLED else ""


def reason_not_to_reconcile(change: Change, now: datetime) -> str:
    """Return why reconciling leaves the change alone, or ``""``.

    Nobody is asked before reconciling, so that it touches only meetings that are surely wanted: upcoming,
    of a change that is approved or has no status at all, and that does not say no to a meeting.
    """
    start = change.meeting_start
    if change.status not in ("", APPROVED):
        return f"its status is {change.status}"
    if change.meeting.wanted is False:
        return "it wants no meeting"
    if start is None:
        return "it names no start"
    if start.timestamp() < now.timestamp():
        return "it is not upcoming"
    return ""


async def _schedule(entry: BatchEntry, services: MeetingServices, clash: ReportedError | None) -> BatchItem:
    report = RunReport(change_id=entry.request.change.change_id, dry_run=services.is_dry_run)
    if clash is not None:
        return BatchItem(entry.source, report.with_errors((clash,)))
    if entry.skip:
        return BatchItem(entry.source, report, entry.skip)
    try:
        report = await schedule_meeting(entry.request, services)
    except ContactManagerError as error:
        report = report.with_errors(reported_errors(error))
    return BatchItem(entry.source, report)


def _clashes(entries: Sequence[BatchEntry]) -> dict[str, ReportedError]:
    same_meeting: dict[str, list[BatchEntry]] = {}
    for entry in entries:
        same_meeting.setdefault(meeting_key(entry.request.change).value, []).append(entry)
    return {
        entry.source: ReportedError(
            ErrorKind.INPUT,
            "SameMeeting",
            f"is about the same meeting ({key}) as {', '.join(one.source for one in same if one != entry)}",
        )
        for key, same in same_meeting.items()
        if len(same) > 1 and not all(one.skip for one in same)
        for entry in same
    }
