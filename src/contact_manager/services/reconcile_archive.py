"""Bring the meetings of upcoming changes in the bucket up to date, on a schedule."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from contact_manager.domain.lifecycle import ChangeStatus, needs_meeting
from contact_manager.domain.outcome import reported_errors
from contact_manager.domain.processing import MeetingResult
from contact_manager.errors import InvalidChangeError, RemoteServiceError
from contact_manager.services.change_meeting import MeetingRun
from contact_manager.services.change_record import ARCHIVE, ChangeRecord, ChangeTask
from contact_manager.services.process_change import ProcessServices
from contact_manager.services.schedule_batch import MAX_CONCURRENT_CHANGES, reason_not_to_reconcile

_log = logging.getLogger(__name__)

_SUFFIX = ".json"


@dataclass(frozen=True, slots=True)
class ReconcileReport:
    """What became of the meetings, by change id; ``is_complete`` unless the time was too short."""

    meetings: dict[str, MeetingResult]
    is_complete: bool = True


async def reconcile_archive(new_services: Callable[[], ProcessServices]) -> ReconcileReport:
    """Bring the meeting of every approved, upcoming change in line; what a person moved by hand stays.

    Objects that cannot be read as a change are left to their triggers, which tell of them.

    Raises:
        RemoteServiceError: The bucket cannot be listed.
    """
    services = new_services()
    slots = asyncio.Semaphore(MAX_CONCURRENT_CHANGES)
    meetings: dict[str, MeetingResult] = {}
    left_out: list[str] = []

    async def work(change_id: str) -> None:
        async with slots:
            if services.is_out_of_time():
                left_out.append(change_id)
                return
            result = await _reconcile(change_id, new_services())
        if result is not None:
            meetings[change_id] = result

    async with asyncio.TaskGroup() as group:
        async for key in services.store.list_keys(ARCHIVE):
            if key.endswith(_SUFFIX):
                group.create_task(work(key.removeprefix(ARCHIVE).removesuffix(_SUFFIX)))
    if left_out:
        _log.warning("reconcile.out_of_time left_out=%d", len(left_out))
    return ReconcileReport(meetings, is_complete=not left_out)


async def _reconcile(change_id: str, services: ProcessServices) -> MeetingResult | None:
    record = ChangeRecord(services.store, change_id, time_zone=services.meeting.settings.meeting.time_zone)
    try:
        data = await record.fetch()
        task = record.understand(data) if data is not None else None
    except InvalidChangeError:
        return None
    except RemoteServiceError as error:
        return MeetingResult(errors=reported_errors(error), comes_again=True)
    if task is None or not _is_wanted(task, services):
        return None
    run = MeetingRun(
        record, services.meeting, services.leases, services.organizer, services.role, respects_hand=True
    )
    result = await run.bring_about(task, again=True)
    if result.is_waiting:
        return None
    for problem in result.errors:
        _log.error("reconcile.failed change_id=%s error=%s", change_id, problem.type)
    return result


def _is_wanted(task: ChangeTask, services: ProcessServices) -> bool:
    auto_schedule = services.meeting.settings.meeting.auto_schedule
    return (
        task.status is ChangeStatus.APPROVED
        and not task.is_test_run
        and needs_meeting(task.change, auto_schedule=auto_schedule)
        and not reason_not_to_reconcile(
            replace(task.change, status=task.status.value), services.meeting.clock.now()
        )
    )
