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
from contact_manager.services.time_limits import TimeLimits, wait_within

_log = logging.getLogger(__name__)

_SUFFIX = ".json"


@dataclass(frozen=True, slots=True)
class ReconcileReport:
    """What became of the meetings, by change id; ``is_complete`` unless the time was too short."""

    meetings: dict[str, MeetingResult]
    is_complete: bool = True


async def reconcile_archive(
    new_services: Callable[[], ProcessServices], limits: TimeLimits | None = None
) -> ReconcileReport:
    """Bring the meeting of every approved, upcoming change in line; what a person moved by hand stays.

    Objects that cannot be read as a change are left to their triggers, which tell of them.

    Args:
        new_services: Makes what one change is worked on with.
        limits: How long work may go on.

    Raises:
        RemoteServiceError: The bucket cannot be listed.
    """
    limits = limits or TimeLimits()
    run = _Run(new_services, limits)
    work = asyncio.create_task(run.carry_out())
    await wait_within([work], limits)
    if work.done() and not work.cancelled():
        work.result()
    return run.report()


class _Run:
    """The changes at work, by id."""

    def __init__(self, new_services: Callable[[], ProcessServices], limits: TimeLimits) -> None:
        self._new_services = new_services
        self._limits = limits
        self._slots = asyncio.Semaphore(MAX_CONCURRENT_CHANGES)
        self._tasks: dict[str, asyncio.Task[MeetingResult | None]] = {}
        self._is_listed = False
        self._left_out = 0

    async def carry_out(self) -> None:
        """Work on the changes while the bucket is listed; what was begun is brought to its end.

        Raises:
            RemoteServiceError: The bucket cannot be listed.
        """
        failure: RemoteServiceError | None = None
        async with asyncio.TaskGroup() as group:
            try:
                async for key in self._new_services().store.list_keys(ARCHIVE):
                    if key.endswith(_SUFFIX):
                        change_id = key.removeprefix(ARCHIVE).removesuffix(_SUFFIX)
                        self._tasks[change_id] = group.create_task(self._work(change_id))
                self._is_listed = True
            except RemoteServiceError as error:
                failure = error
        if failure is not None:
            raise failure

    async def _work(self, change_id: str) -> MeetingResult | None:
        async with self._slots:
            if self._limits.is_over():
                self._left_out += 1
                return None
            return await _reconcile(change_id, self._new_services())

    def report(self) -> ReconcileReport:
        """Return what was done; what did not end in time counts as left out."""
        ended = {name: task for name, task in self._tasks.items() if task.done() and not task.cancelled()}
        left_out = len(self._tasks) - len(ended) + self._left_out
        is_complete = self._is_listed and not left_out
        if not is_complete:
            _log.warning("reconcile.out_of_time left_out=%d is_listed=%s", left_out, self._is_listed)
        results = {change_id: task.result() for change_id, task in ended.items()}
        meetings = {change_id: result for change_id, result in results.items() if result is not None}
        return ReconcileReport(meetings, is_complete)


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
