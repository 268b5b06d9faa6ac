"""The meeting of a change that arrives as events: one run does it, the others leave it to that run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from contact_manager.domain.customer import customer_names, did_you_mean, mistaken_customers
from contact_manager.domain.guards import guard_stops
from contact_manager.domain.lifecycle import ChangeStatus, MeetingStep, needs_meeting
from contact_manager.domain.outcome import (
    Action,
    CustomerStatus,
    ErrorKind,
    ReportedError,
    RunReport,
    reported_errors,
)
from contact_manager.domain.processing import MeetingResult
from contact_manager.errors import ContactManagerError, InvalidChangeError, Problem
from contact_manager.formats import record_json
from contact_manager.formats.ledger_json import Claim
from contact_manager.formats.record_json import Entry
from contact_manager.services.cancel_meeting import cancel_meeting
from contact_manager.services.change_record import ChangeRecord, ChangeTask, note_stops
from contact_manager.services.leases import HeldNote, Leases
from contact_manager.services.schedule_meeting import (
    MeetingServices,
    ScheduleRequest,
    choose_topics,
    schedule_meeting,
)
from contact_manager.settings import Settings

CLAIM_POLLS = 20
CLAIM_POLL_INTERVAL = timedelta(seconds=1)
"""How long a run waits for another one that works on the meeting of the same change."""

LEASE_SHARE = 0.9
"""Share of the lease after which the work is broken off: nobody may take over while it goes on."""


@dataclass(frozen=True, slots=True)
class MeetingRun:
    """One run's way to the meeting.

    Attributes:
        record: The change's archive object.
        services: For the meeting.
        leases: Of this run.
        organizer: Folded address.
        role: By which name the record calls us.
        customer: Whose trigger started the run; ``""`` for none.
        respects_hand: Leave a subject, time or location as a person changed it in the calendar.
    """

    record: ChangeRecord
    services: MeetingServices
    leases: Leases
    organizer: str
    role: str
    customer: str = ""
    respects_hand: bool = False

    async def bring_about(self, task: ChangeTask, *, again: bool = False) -> MeetingResult:
        """Do what the task asks for, unless it was done (or ``again`` is said) or another run is at it.

        A run that fails leaves the meeting to its own customer's trigger, which comes again: not every
        customer's run has to fail, and to read all customers, as well.
        """
        try:
            for _ in range(CLAIM_POLLS):
                result = await self._try(task, again=again)
                if result is not None:
                    return result
                await asyncio.sleep(CLAIM_POLL_INTERVAL.total_seconds())
        except ContactManagerError as error:
            return MeetingResult(errors=reported_errors(error), comes_again=True)
        busy = ReportedError(ErrorKind.REMOTE, "Busy", "another run works on the meeting of this change")
        return MeetingResult(errors=(busy,), comes_again=True, is_waiting=True)

    async def _try(self, task: ChangeTask, *, again: bool) -> MeetingResult | None:
        """Return what was done, or None when another run has to be waited for."""
        held = await self.leases.read_claim(f"claims/{task.change.change_id}.json")
        claim = held.note
        was_approved = task.history.was_approved or claim.is_approved
        cancels = task.steps.meeting is MeetingStep.CANCEL
        is_done = task.is_meant_by(claim.done) and not again
        is_others = task.is_meant_by(claim.doing) and claim.customer != self.customer
        if is_done or (cancels and not was_approved) or (is_others and self.leases.is_left(held)):
            return MeetingResult(was_approved=was_approved)
        if self.leases.is_taken(held):
            return MeetingResult(was_approved=was_approved) if is_others and not cancels else None
        mine = Claim(
            doing=task.wish,
            customer=self.customer,
            is_approved=was_approved or task.status is ChangeStatus.APPROVED,
            done=claim.done,
        )
        if not await self.leases.keep(held, mine):
            return None
        return replace(await self._do(task, held, was_made=claim.is_approved), was_approved=was_approved)

    async def _do(self, task: ChangeTask, held: HeldNote[Claim], *, was_made: bool) -> MeetingResult:
        """Do it as the one that holds the claim; the change is read again, as it may be another by now."""
        result = await self._do_in_time(task, was_made=was_made)
        claim = replace(held.note, doing="", customer="")
        is_undone = result.comes_again or bool(result.stops)
        if is_undone and self.customer:
            await self.leases.leave(held, held.note)
        elif is_undone or result.is_superseded:
            await self.leases.release(held, claim)
        else:
            await self.leases.release(held, replace(claim, done=task.wish))
        return result

    async def _do_in_time(self, task: ChangeTask, *, was_made: bool) -> MeetingResult:
        try:
            async with asyncio.timeout(self.leases.duration.total_seconds() * LEASE_SHARE):
                now = await self._read_again()
                if now is None or now.wish != task.wish:
                    return MeetingResult(is_superseded=True)
                report = await self._align(now, was_made=was_made)
                if report is not None and report.is_ok:
                    if not await self._record_outcome(now, report):
                        return MeetingResult(is_superseded=True)
                elif report is not None:
                    await note_stops(self.record, guard_stops(report.errors), self._stopped(now))
        except InvalidChangeError as error:
            return MeetingResult(errors=reported_errors(error))
        except ContactManagerError as error:
            return MeetingResult(errors=reported_errors(error), comes_again=True)
        except TimeoutError:
            late = ReportedError(ErrorKind.REMOTE, "Timeout", "the meeting took longer than lease_seconds")
            return MeetingResult(errors=(late,), comes_again=True)
        errors = _left_over(report)
        return MeetingResult(report, errors, comes_again=bool(errors) and not guard_stops(errors))

    async def _record_outcome(self, task: ChangeTask, report: RunReport) -> bool:
        """Write what became of the meeting; return whether the record names no other meeting by now.

        Another program may have recorded one while the calendar was written: then that is the meeting.
        """
        recorded = task.change.recorded_meeting
        known = {"", *(event.event_id for event in report.events), recorded.event_id if recorded else ""}
        at, is_ours = self.services.clock.now(), True

        def edit(record: dict[str, Any]) -> dict[str, Any]:
            nonlocal is_ours
            is_ours = record_json.recorded_event_id(record) in known
            return (
                _with_outcome(record, report, lambda kind: Entry(kind, at, self.role)) if is_ours else record
            )

        await self.record.rewrite(edit)
        return is_ours

    async def _read_again(self) -> ChangeTask | None:
        data = await self.record.fetch()
        return self.record.understand(data) if data is not None else None

    async def _align(self, task: ChangeTask, *, was_made: bool) -> RunReport | None:
        services, change = self.services, task.change
        schedules = task.steps.meeting is MeetingStep.SCHEDULE
        if schedules and needs_meeting(change, auto_schedule=services.settings.meeting.auto_schedule):
            _refuse_mistaken(change.customers, services.settings)
            selection = choose_topics(change, services.settings)
            request = ScheduleRequest(change, self.organizer, selection, respect_hand=self.respects_hand)
            return await schedule_meeting(request, services)
        if schedules and not was_made and not task.has_meeting:
            return None
        return await cancel_meeting(
            change, services.calendar, organizer=self.organizer, templates=services.templates
        )

    def _stopped(self, task: ChangeTask) -> Entry:
        at = self.services.clock.now()
        kind = record_json.STOPPED
        return Entry(kind, at, self.role, transition=task.name, content=task.content, step="meeting")


def _refuse_mistaken(codes: tuple[str, ...], settings: Settings) -> None:
    """Stop before a meeting without the people of a customer whose code is mistyped."""
    mistaken = mistaken_customers(codes, customer_names(settings.customers))
    if mistaken:
        raise InvalidChangeError(
            Problem("customers", did_you_mean(code, near)) for code, near in mistaken.items()
        )


def _left_over(report: RunReport | None) -> tuple[ReportedError, ...]:
    """Return what has to be done again: a customer that could not be read is missing from the meeting."""
    if report is None:
        return ()
    missing = tuple(
        ReportedError(
            ErrorKind.REMOTE, one.error_type, f"{one.code} is missing from the meeting: {one.error_message}"
        )
        for one in report.customers
        if one.status is CustomerStatus.FAILED
    )
    return report.errors or missing


def _with_outcome(record: dict[str, Any], report: RunReport, entry: Callable[[str], Entry]) -> dict[str, Any]:
    """Return the record with what became of the meeting; the same twice changes nothing."""
    had_meeting = record_json.tells_of_meeting(record)
    if report.action in (Action.CANCELLED, Action.NONE):
        if not had_meeting and report.action is Action.NONE:
            return record
        return record_json.with_entry(record_json.without_meeting(record), entry(record_json.CANCELLED))
    changed = record_json.with_meeting(record, report)
    if changed == record:
        return record
    is_new = not had_meeting or report.action is Action.CREATED
    line = entry(record_json.SCHEDULED if is_new else record_json.UPDATED)
    return record_json.with_entry(changed, replace(line, meeting=changed.get("meeting_metadata", {})))
