"""Do what a change's status asks for: once for the change and once for each person, whatever comes twice."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from contact_manager.domain.customer import Customer
from contact_manager.domain.lifecycle import MeetingStep, forbidden_jump
from contact_manager.domain.notification import NotificationTopics
from contact_manager.domain.outcome import ErrorKind, ReportedError, reported_errors
from contact_manager.domain.processing import MeetingResult, NotifyReport, ProcessReport, Verdict
from contact_manager.errors import ContactManagerError, InvalidChangeError
from contact_manager.formats import record_json
from contact_manager.formats.record_json import Entry
from contact_manager.formats.s3_event import Trigger
from contact_manager.ports import Mailer, ObjectStore
from contact_manager.services.change_meeting import MeetingRun
from contact_manager.services.change_record import ChangeRecord, ChangeTask, note_stops
from contact_manager.services.leases import Leases, OldLedger
from contact_manager.services.notify import Notification, NotifyServices, SendControls, notify
from contact_manager.services.schedule_meeting import MeetingServices
from contact_manager.services.update_object import delete_object

_log = logging.getLogger(__name__)

MAX_ROUNDS = 3
"""How often a change that is edited under our hands is read and decided anew."""


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
        controls: What all runs of the process share about the mails they send.
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
    controls: SendControls = field(default_factory=SendControls)


async def process_change(
    trigger: Trigger, services: ProcessServices, *, needs_trigger: bool = True
) -> ProcessReport:
    """Do what the change's status asks for on behalf of one of its customers.

    The archive object is the truth, whatever the message says. Calling it again is safe: what was done is
    found in the calendar, the claim and the ledger. The trigger is deleted last.

    Args:
        trigger: The customer's turn.
        services: What it is done with.
        needs_trigger: Whether a trigger that is gone means that there is nothing left to do.
    """
    work = _Work(trigger, services)
    report: ProcessReport | None = None
    try:
        for _ in range(MAX_ROUNDS):
            report, has_moved_on = await work.run(report, needs_trigger=needs_trigger)
            if not has_moved_on:
                return report
    except ContactManagerError as error:
        return new_report(trigger, Verdict.RETRY, errors=reported_errors(error))
    moved = "the change was edited again and again while it was worked on"
    return new_report(trigger, Verdict.RETRY, moved)


class _Work:
    """What is done for one trigger."""

    def __init__(self, trigger: Trigger, services: ProcessServices) -> None:
        zone = services.meeting.settings.meeting.time_zone
        self._trigger = trigger
        self._services = services
        self._record = ChangeRecord(services.store, trigger.change_id, time_zone=zone)

    async def run(self, finished: ProcessReport | None, *, needs_trigger: bool) -> tuple[ProcessReport, bool]:
        """Read the change and do what it asks for.

        Args:
            finished: What was done before the change moved on; the trigger may be gone since.
            needs_trigger: Whether a trigger that is gone means that there is nothing left to do.

        Returns:
            What was done, and whether the change moved on meanwhile.
        """
        task = await self._read(must_have_trigger=needs_trigger and finished is None)
        if isinstance(task, ProcessReport):
            return finished or task, False
        refused = self._refusal(task)
        if refused:
            return self._report(Verdict.REJECTED, refused, task), False
        self._warn_of_overtaken_mails(task)
        meeting, mails = await self._do_steps(task)
        if meeting.is_superseded:
            return self._report(Verdict.RETRY, task=task), True
        return await self._finish(task, meeting, mails)

    async def _read(self, *, must_have_trigger: bool) -> ChangeTask | ProcessReport:
        services, trigger = self._services, self._trigger
        if services.is_out_of_time():
            return self._report(Verdict.RETRY, "there was no time left to begin")
        has_trigger = not must_have_trigger or await services.store.exists(trigger.key)
        try:
            data = await self._record.fetch()
            if data is None and has_trigger:
                return self._report(Verdict.RETRY, f"there is no {self._record.key}")
            task = self._record.understand(data) if data is not None else None
        except InvalidChangeError as error:
            report = self._report(Verdict.REJECTED, "the change is wrong")
            return replace(report, errors=reported_errors(error))
        if not has_trigger and not self._was_deleted_too_early(task):
            return self._report(Verdict.IGNORED, "the trigger is gone: it was processed before")
        if task is None:
            await delete_object(services.store, trigger.key)
            return self._report(Verdict.IGNORED, "its status asks for nothing")
        return task

    def _was_deleted_too_early(self, task: ChangeTask | None) -> bool:
        """Whether a run for an earlier status deleted the trigger that was just written for this one."""
        if task is None:
            return False
        processed = record_json.processed_for(task.record, self._trigger.customer)
        return bool(processed) and not task.noted_as & processed

    def _refusal(self, task: ChangeTask) -> str:
        code = self._trigger.customer
        if (task.change.change_id or "").strip() != self._trigger.change_id:
            return f"{self._record.key} holds another change"
        if code not in task.change.customers:
            return f"{code} is not a customer of the change"
        if code not in self._services.meeting.settings.customers:
            return f"{code} is not configured"
        return forbidden_jump(task.status, task.history)

    def _warn_of_overtaken_mails(self, task: ChangeTask) -> None:
        """Log that the mails of the status before were not all sent: they are given up, as it is over."""
        before = next(
            (status for status in reversed(task.history.statuses) if status is not task.status), None
        )
        done = {name for name, _ in record_json.processed_for(task.record, self._trigger.customer)}
        if before is not None and not any(name.endswith(f":{before}") for name in done):
            _log.warning(
                "mail.overtaken change_id=%s customer=%s status=%s overtaken=%s",
                self._trigger.change_id,
                self._trigger.customer,
                task.status,
                before,
            )

    async def _do_steps(self, task: ChangeTask) -> tuple[MeetingResult, NotifyReport | None]:
        """See to the meeting and the mails at once; what cancels a meeting comes before its mails."""
        if task.is_test_run or task.steps.meeting is MeetingStep.LEAVE:
            return MeetingResult(was_approved=task.history.was_approved), await self._send_mails(task)
        services = self._services
        run = MeetingRun(
            self._record,
            services.meeting,
            services.leases,
            services.organizer,
            services.role,
            self._trigger.customer,
        )
        if task.steps.meeting is MeetingStep.SCHEDULE:
            return await asyncio.gather(run.bring_about(task), self._send_mails(task))
        meeting = await run.bring_about(task)
        keeps_mails = task.steps.mails_only_approved and not meeting.was_approved
        if meeting.is_superseded or meeting.is_waiting or keeps_mails:
            return meeting, None
        return meeting, await self._send_mails(task)

    async def _send_mails(self, task: ChangeTask) -> NotifyReport | None:
        services, trigger = self._services, self._trigger
        kind = task.steps.notification
        notification = Notification(
            task.change,
            kind,
            services.meeting.settings.customers[trigger.customer],
            services.topics.topic_for(kind, task.change.kind),
            *self._ledger_keys(task, f"{kind}.json"),
            other_customers=self._other_customers(task),
        )
        if task.is_test_run:
            submitter = record_json.read_submitter(task.record)
            if submitter is None:
                return NotifyReport(
                    notification.topic, problem="it is a test run, and names no submitter with an address"
                )
            key, old_ledger = self._ledger_keys(task, f"{kind}-test.json")
            notification = replace(notification, only_to=submitter, ledger_key=key, old_ledger=old_ledger)
        return await notify(
            notification,
            NotifyServices(
                services.meeting.directory,
                services.mailer,
                services.leases,
                services.sender,
                services.is_out_of_time,
                services.meeting.settings.notification,
                services.controls,
            ),
        )

    def _ledger_keys(self, task: ChangeTask, name: str) -> tuple[str, OldLedger | None]:
        folder, customer = f"ledger/{self._trigger.change_id}", self._trigger.customer
        key = task.transition.key
        old = OldLedger(f"{folder}/{task.transition.old_key}/{customer}/{name}", key)
        return f"{folder}/{key}/{customer}/{name}", old

    def _other_customers(self, task: ChangeTask) -> tuple[Customer, ...]:
        """Return the change's other customers, as far as they can be read."""
        known = self._services.meeting.settings.customers
        return tuple(
            known[code]
            for code in task.change.customers
            if code != self._trigger.customer and code in known and known[code].role_arn
        )

    async def _finish(
        self, task: ChangeTask, meeting: MeetingResult, mails: NotifyReport | None
    ) -> tuple[ProcessReport, bool]:
        errors = (*meeting.errors, *_mail_errors(mails))
        comes_again = meeting.comes_again or bool(mails and mails.errors)
        report = replace(
            self._report(Verdict.RETRY if comes_again else Verdict.DONE, task=task),
            meeting=meeting,
            mails=mails,
            errors=errors,
        )
        entry = Entry(
            record_json.PROCESSED,
            self._services.meeting.clock.now(),
            self._services.role,
            self._trigger.customer,
            task.name,
            task.content,
        )
        if mails is not None:
            stopped = replace(entry, kind=record_json.STOPPED, step=str(task.steps.notification))
            await note_stops(self._record, mails.stops, stopped)
        if comes_again:
            return report, False
        if report.stops:
            return replace(report, verdict=Verdict.REJECTED, reason="a safety rule stopped it"), False
        await self._record.rewrite(lambda record: record_json.with_entry(record, entry))
        await delete_object(self._services.store, self._trigger.key)
        return report, await self._has_moved_on(task)

    async def _has_moved_on(self, task: ChangeTask) -> bool:
        """Whether the change asks for something else by now: its new trigger may be what was deleted."""
        try:
            data = await self._record.fetch()
            now = self._record.understand(data) if data is not None else None
        except InvalidChangeError:
            return False
        return now is not None and now.wish != task.wish

    def _report(self, verdict: Verdict, reason: str = "", task: ChangeTask | None = None) -> ProcessReport:
        return replace(new_report(self._trigger, verdict, reason), status=task.status if task else None)


def new_report(
    trigger: Trigger, verdict: Verdict, reason: str = "", errors: tuple[ReportedError, ...] = ()
) -> ProcessReport:
    """Return the report of a trigger for which nothing was done."""
    return ProcessReport(trigger.change_id, trigger.customer, verdict, reason, errors=errors)


def _mail_errors(mails: NotifyReport | None) -> tuple[ReportedError, ...]:
    if mails is None:
        return ()
    lines = (*(line for error in mails.errors for line in reported_errors(error)), *mails.stops)
    return (*lines, ReportedError(ErrorKind.INPUT, "NoSubmitter", mails.problem)) if mails.problem else lines
