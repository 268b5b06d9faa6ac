"""Do what a change's status asks for: once for the change and once for each person, whatever comes twice."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from contact_manager.domain.change import Change
from contact_manager.domain.email_address import fold_address
from contact_manager.domain.lifecycle import (
    LIFECYCLE,
    ChangeHistory,
    ChangeStatus,
    MeetingStep,
    Steps,
    forbidden_jump,
    needs_meeting,
    read_status,
)
from contact_manager.domain.notification import NotificationTopics
from contact_manager.domain.outcome import Action, ErrorKind, ReportedError, RunReport, reported_errors
from contact_manager.errors import ConflictError, InvalidChangeError, RemoteServiceError
from contact_manager.formats import record_json
from contact_manager.formats.change_json import parse_change
from contact_manager.formats.ledger_json import Claim
from contact_manager.formats.record_json import Entry
from contact_manager.formats.s3_event import Trigger
from contact_manager.ports import Mailer, ObjectStore
from contact_manager.services.cancel_meeting import cancel_meeting
from contact_manager.services.leases import LeasedNote, Leases
from contact_manager.services.notify import Notification, NotifyReport, NotifyServices, notify
from contact_manager.services.schedule_meeting import (
    MeetingServices,
    ScheduleRequest,
    choose_topics,
    schedule_meeting,
)

_log = logging.getLogger(__name__)

MAX_ROUNDS = 3
"""How often a change that is edited under our hands is read and decided anew."""

MAX_RECORD_CONFLICTS = 20
"""How often the archive object is read again because somebody else wrote; a hundred customers may write."""

CLAIM_POLLS = 20
CLAIM_POLL_INTERVAL = timedelta(seconds=1)
"""How long a run waits for another one that works on the meeting of the same change."""


class Verdict(StrEnum):
    """What becomes of the message."""

    DONE = "done"
    IGNORED = "ignored"
    """There was nothing to do."""
    REJECTED = "rejected"
    """It can never succeed; it is told once and not tried again."""
    RETRY = "retry"
    """Something is left that may succeed later."""


@dataclass(frozen=True, slots=True)
class ProcessReport:
    """What was done for one trigger; ``reason`` says why nothing was."""

    trigger: Trigger
    verdict: Verdict
    reason: str = ""
    status: ChangeStatus | None = None
    meeting: RunReport | None = None
    mails: NotifyReport | None = None
    errors: tuple[ReportedError, ...] = ()


@dataclass(frozen=True, slots=True)
class ProcessServices:
    """What the use case works with.

    Attributes:
        meeting: For the meeting, of real runs.
        store: The bucket.
        mailer: For the mails.
        leases: Of this attempt.
        topics: Of the mails.
        sender: Folded address of the mails.
        organizer: Folded address of the meetings.
        role: By which name the record calls us.
        is_out_of_time: Says when nothing new may be begun.
    """

    meeting: MeetingServices
    store: ObjectStore
    mailer: Mailer
    leases: Leases
    topics: NotificationTopics
    sender: str
    organizer: str
    role: str
    is_out_of_time: Callable[[], bool] = lambda: False


async def process_change(trigger: Trigger, services: ProcessServices) -> ProcessReport:
    """Do what the change's status asks for on behalf of one of its customers.

    The archive object is the truth, whatever the message says. Calling it again is safe: what was done is
    found in the calendar, the claim and the ledger. The trigger is deleted last.
    """
    try:
        for _ in range(MAX_ROUNDS):
            report = await _Round(trigger, services).run()
            if report is not None:
                return report
    except RemoteServiceError as error:
        return ProcessReport(trigger, Verdict.RETRY, errors=reported_errors(error))
    moved = "the change was edited again and again while it was worked on"
    return ProcessReport(trigger, Verdict.RETRY, reason=moved)


@dataclass(frozen=True, slots=True)
class _Task:
    """A change as it was read, and what is to be done about it."""

    change: Change
    record: Mapping[str, Any]
    status: ChangeStatus
    history: ChangeHistory
    steps: Steps

    @property
    def transition(self) -> str:
        return self.history.transition(self.status, self.change.version)

    @property
    def name(self) -> str:
        """The transition and the status: versions may stay the same over several statuses."""
        return f"{self.transition}:{self.status}"


@dataclass(frozen=True, slots=True)
class _MeetingResult:
    report: RunReport | None = None
    errors: tuple[ReportedError, ...] = ()
    is_superseded: bool = False


class _Round:
    """One reading of the change, and all that follows from it."""

    def __init__(self, trigger: Trigger, services: ProcessServices) -> None:
        self._trigger = trigger
        self._services = services

    async def run(self) -> ProcessReport | None:
        """Return what was done, or None when the change was edited meanwhile."""
        read = await self._read()
        if isinstance(read, ProcessReport):
            return read
        refused = self._refuse(read)
        if refused is not None:
            return refused
        if read.steps.meeting is MeetingStep.SCHEDULE:
            meeting, mails = await asyncio.gather(self._see_to_meeting(read), self._send_mails(read))
        else:
            meeting = await self._see_to_meeting(read)
            mails = None if meeting.is_superseded else await self._send_mails(read)
        if meeting.is_superseded:
            return None
        return await self._finish(read, meeting, mails)

    async def _read(self) -> _Task | ProcessReport:
        services, trigger = self._services, self._trigger
        if services.is_out_of_time():
            return self._report(Verdict.RETRY, "there was no time left to begin")
        if await services.store.fetch(trigger.key) is None:
            return self._report(Verdict.IGNORED, "the trigger is gone: it was processed before")
        found = await services.store.fetch(trigger.archive_key)
        if found is None:
            return self._report(Verdict.RETRY, f"there is no {trigger.archive_key}")
        return await self._understand(found.data)

    async def _understand(self, data: bytes) -> _Task | ProcessReport:
        source, zone = self._trigger.archive_key, self._services.meeting.settings.meeting.time_zone
        try:
            change = parse_change(data, source=source, default_time_zone=zone)
            record = record_json.load_record(data)
        except InvalidChangeError as error:
            return replace(
                self._report(Verdict.REJECTED, "the change is wrong"), errors=reported_errors(error)
            )
        status = read_status(change.status, record_json.read_request_type(record))
        if status is None:
            await self._services.store.delete(self._trigger.key)
            return self._report(Verdict.IGNORED, f"the status {change.status!r} asks for nothing")
        return _Task(change, record, status, record_json.read_history(record), LIFECYCLE[status])

    def _refuse(self, task: _Task) -> ProcessReport | None:
        code = self._trigger.customer
        if (task.change.change_id or "").strip() not in ("", self._trigger.change_id):
            return self._report(Verdict.REJECTED, "the archive object holds another change", task)
        if code not in task.change.customers:
            return self._report(Verdict.REJECTED, f"{code} is not a customer of the change", task)
        if code not in self._services.meeting.settings.customers:
            return self._report(Verdict.REJECTED, f"{code} is not configured", task)
        jump = forbidden_jump(task.status, task.history)
        return self._report(Verdict.REJECTED, jump, task) if jump else None

    # -- the meeting: once for the change

    async def _see_to_meeting(self, task: _Task) -> _MeetingResult:
        if not self._touches_meeting(task):
            return _MeetingResult()
        try:
            return await self._claimed(task)
        except InvalidChangeError as error:
            return _MeetingResult(errors=reported_errors(error))
        except RemoteServiceError as error:
            return _MeetingResult(errors=reported_errors(error))

    def _touches_meeting(self, task: _Task) -> bool:
        if task.steps.meeting is MeetingStep.LEAVE or record_json.is_test_run(task.record):
            return False
        if task.steps.meeting is MeetingStep.CANCEL:
            return True
        settings = self._services.meeting.settings.meeting
        return needs_meeting(task.change, auto_schedule=settings.auto_schedule)

    async def _claimed(self, task: _Task) -> _MeetingResult:
        """Let exactly one run do it; the others go on, or wait when mails must come after."""
        leases, key = self._services.leases, f"claims/{self._trigger.change_id}.json"
        for _ in range(CLAIM_POLLS):
            held = await leases.read_claim(key)
            never_made = held.etag is None and not task.history.was_approved
            if task.name in held.note.done or (task.steps.meeting is MeetingStep.CANCEL and never_made):
                return _MeetingResult()
            is_taken = leases.is_held_by_other(held)
            if is_taken and held.note.doing == task.name and task.steps.meeting is MeetingStep.SCHEDULE:
                return _MeetingResult()
            if not is_taken and await leases.write(held, replace(held.note, doing=task.name), keeps=True):
                return await self._do_claimed(task, held)
            await asyncio.sleep(CLAIM_POLL_INTERVAL.total_seconds())
        busy = ReportedError(ErrorKind.REMOTE, "Busy", "another run works on the meeting of this change")
        return _MeetingResult(errors=(busy,))

    async def _do_claimed(self, task: _Task, held: LeasedNote[Claim]) -> _MeetingResult:
        claim = replace(held.note, doing="")
        try:
            now = await self._read()
            if not isinstance(now, _Task) or now.name != task.name:
                return _MeetingResult(is_superseded=True)
            report = await self._bring_about(now)
            if report.is_ok:
                await self._record(lambda record: _with_outcome(record, report, self._entry))
                claim = replace(claim, done=(*claim.done, task.name))
            return _MeetingResult(report, report.errors)
        finally:
            await self._services.leases.write(held, claim, keeps=False)

    async def _bring_about(self, task: _Task) -> RunReport:
        services = self._services
        if task.steps.meeting is MeetingStep.CANCEL:
            return await cancel_meeting(task.change, services.meeting.calendar, organizer=services.organizer)
        selection = choose_topics(task.change, services.meeting.settings)
        request = ScheduleRequest(task.change, services.organizer, selection)
        return await schedule_meeting(request, services.meeting)

    # -- the mails: once for each person

    async def _send_mails(self, task: _Task) -> NotifyReport | None:
        if task.steps.mails_only_approved and not task.history.was_approved:
            return None
        services, trigger = self._services, self._trigger
        kind = task.steps.notification
        notification = Notification(
            task.change,
            kind,
            services.meeting.settings.customers[trigger.customer],
            services.topics.topic_for(kind, task.change.kind),
            f"ledger/{trigger.change_id}/{task.transition}/{trigger.customer}/{kind}.json",
        )
        if record_json.is_test_run(task.record):
            submitter = fold_address(record_json.read_submitter(task.record))
            if submitter is None:
                return None
            notification = replace(notification, only_to=submitter)
        senders = NotifyServices(
            services.meeting.directory,
            services.mailer,
            services.leases,
            services.meeting.templates,
            services.sender,
            services.is_out_of_time,
        )
        return await notify(notification, senders)

    # -- the end

    async def _finish(
        self, task: _Task, meeting: _MeetingResult, mails: NotifyReport | None
    ) -> ProcessReport:
        mail_errors = tuple(
            line for error in (mails.errors if mails else ()) for line in reported_errors(error)
        )
        errors = (*meeting.errors, *mail_errors)
        verdict = Verdict.RETRY if any(one.kind is not ErrorKind.INPUT for one in errors) else Verdict.DONE
        if verdict is Verdict.DONE:
            entry = replace(self._entry("processed"), customer=self._trigger.customer, transition=task.name)
            await self._record(lambda record: record_json.with_entry(record, entry))
            await self._services.store.delete(self._trigger.key)
        return replace(self._report(verdict, task=task), meeting=meeting.report, mails=mails, errors=errors)

    async def _record(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Write the outcome into the archive object, whoever else writes there."""
        store, key = self._services.store, self._trigger.archive_key
        for attempt in range(1, MAX_RECORD_CONFLICTS + 1):
            found = await store.fetch(key)
            if found is None:
                return
            record = record_json.load_record(found.data)
            changed = change(record)
            if changed == record:
                return
            try:
                await store.write(key, record_json.dump_record(changed), etag=found.etag)
            except ConflictError:
                if attempt == MAX_RECORD_CONFLICTS:
                    raise
                await asyncio.sleep(random.uniform(0, 0.1 * attempt))  # noqa: S311 - no secret
            else:
                return

    def _entry(self, kind: str) -> Entry:
        return Entry(kind, self._services.meeting.clock.now(), self._services.role)

    def _report(self, verdict: Verdict, reason: str = "", task: _Task | None = None) -> ProcessReport:
        return ProcessReport(self._trigger, verdict, reason, task.status if task else None)


def _with_outcome(record: dict[str, Any], report: RunReport, entry: Callable[[str], Entry]) -> dict[str, Any]:
    """Return the record with what became of the meeting; the same twice changes nothing."""
    had_meeting = bool(record.get("meeting_metadata"))
    if report.action in (Action.CANCELLED, Action.NONE):
        if not had_meeting and report.action is Action.NONE:
            return record
        return record_json.with_entry(record_json.without_meeting(record), entry("meeting_cancelled"))
    changed = record_json.with_meeting(record, report)
    if changed == record:
        return record
    is_new = not had_meeting or report.action is Action.CREATED
    return record_json.with_entry(changed, entry("meeting_scheduled" if is_new else "meeting_updated"))
