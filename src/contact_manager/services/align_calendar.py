"""Make the calendar equal the plan, and keep account of every write."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from contact_manager.domain.meeting import (
    CalendarEvent,
    EventMemory,
    EventUpdate,
    MeetingPlan,
    guests_of,
    plan_update,
)
from contact_manager.domain.outcome import Action, Changes, ErrorKind, Notifies, ReportedError, RunReport
from contact_manager.errors import ConflictError, RemoteServiceError
from contact_manager.ports import Calendar

_log = logging.getLogger(__name__)

TWIN_COMMENT = "This meeting was set up twice by mistake. The other one stays in your calendar."
MAX_CONFLICTS = 3
"""How often an event that changes under our hands is read and decided anew before we give up."""


@dataclass(frozen=True, slots=True)
class Guards:
    """Safety rules; each stops the run before anything is written. None means no limit."""

    require_all_customers: bool = False
    max_recipients: int | None = None
    max_removals: int | None = None


class CalendarAlignment:
    """One run of one plan against one calendar.

    ``report`` always tells what has been written so far, also when a later write fails.
    """

    def __init__(
        self, calendar: Calendar, report: RunReport, plan: MeetingPlan, *, guards: Guards, force: bool
    ) -> None:
        self.report = report
        self._calendar = calendar
        self._plan = plan
        self._guards = guards
        self._force = force
        self._unanswered: EventUpdate | None = None

    async def run(self, found: tuple[CalendarEvent, ...], *, attendee_limit: int) -> RunReport:
        """Create, update or leave alone, and return the report."""
        conflicts = 0
        while True:
            try:
                await self._align(found, attendee_limit)
            except ConflictError as error:
                conflicts += 1
                if conflicts == MAX_CONFLICTS:
                    return self._failed(remote_error(error))
                _log.info("meeting.conflict change_id=%s attempt=%d", self.report.change_id, conflicts)
            except RemoteServiceError as error:
                return self._failed(remote_error(error))
            else:
                return self.report
            try:
                found = await self._calendar.find_events(self._plan.key)
            except RemoteServiceError as error:
                return self._failed(remote_error(error))

    async def _align(self, found: tuple[CalendarEvent, ...], attendee_limit: int) -> None:
        if not found:
            self._unanswered = None
            if not self._stops(len(self._plan.attendees), attendee_limit):
                await self._create()
            return
        event, *twins = found
        guests = tuple(guest for twin in twins for guest in guests_of(self._plan, twin))
        update = plan_update(self._plan, event, force=self._force, guests=guests)
        people = len(event.attendees if update.attendees is None else update.attendees)
        self.report = replace(self.report, events=(event,))
        self._tell_what_was_done_all_the_same(event, update)
        if not self._stops(people, attendee_limit, removals=len(update.removed)):
            await self._update(event, update)
            await self._cancel_twins(twins)

    def _stops(self, people: int, attendee_limit: int, *, removals: int = 0) -> bool:
        stop = None
        if people > attendee_limit:
            stop = guard_error(
                "AttendeeLimit", f"the meeting would have {people} people, attendee_limit is {attendee_limit}"
            )
        elif self._guards.max_removals is not None and removals > self._guards.max_removals:
            stop = guard_error(
                "MaxRemovals",
                f"{removals} people would be removed, --max-removals is {self._guards.max_removals}",
            )
        if stop is None:
            return False
        if self.report.action is not Action.NONE:
            stop = ReportedError(ErrorKind.REMOTE, stop.type, f"{stop.message} (content was written before)")
        self._failed(stop)
        return True

    async def _create(self) -> None:
        if not self._plan.attendees:
            self._warn("nobody is subscribed, so there is no meeting to make")
            return
        event = await self._calendar.create_event(self._plan)
        added = tuple(attendee.address for attendee in self._plan.attendees)
        self._wrote(Action.CREATED, event, Changes(added=added), Notifies(added=len(added)))
        if event.is_recreated:
            self._warn("an earlier meeting of this change was cancelled or deleted; this is a new one")
        self._check_join_link(None, event)

    async def _update(self, event: CalendarEvent, update: EventUpdate) -> None:
        after, memory = event, update.after
        if update.fields:
            self._unanswered = replace(update, added=(), removed=())
            after = await self._calendar.update_content(event, update)
            fields = update.fields
            if after.keeps_old_text:
                fields = tuple(name for name in fields if name != "body")
                memory = _with_old_text(memory, event)
                self._warn("the text was not replaced: it cannot be told from the join link; edit it by hand")
            if fields:
                self._wrote(Action.UPDATED, after, Changes(fields=fields), Notifies(all=True))
        if update.before is not None:
            after = await self._calendar.remember(after, update.before)
        self._unanswered = None
        if update.attendees is not None:
            self._unanswered = replace(update, fields=())
            after = await self._calendar.update_attendees(after, update.attendees)
            self._unanswered = None
            fields = () if update.added or update.removed else ("attendees",)
            mailed = Notifies(len(update.added), len(update.removed))
            self._wrote(Action.UPDATED, after, Changes(update.added, update.removed, fields), mailed)
        if memory is not None and memory != (update.before or event.memory):
            kept = await self._calendar.remember(after, memory)
            await self._check_nobody_is_lost(kept, update)
        if self.report.action is Action.NONE:
            self._wrote(Action.UNCHANGED, event, Changes(), Notifies())
        self._check_join_link(event, after)

    def _tell_what_was_done_all_the_same(self, event: CalendarEvent, update: EventUpdate) -> None:
        """Report the request whose answer was lost, as far as the event shows that it was carried out."""
        sent, self._unanswered = self._unanswered, None
        if sent is None:
            return
        live = {attendee.address for attendee in event.attendees}
        added = tuple(address for address in sent.added if address in live)
        removed = tuple(address for address in sent.removed if address not in live)
        fields = tuple(name for name in sent.fields if name not in update.fields)
        if added or removed or fields:
            mailed = Notifies(len(added), len(removed), all=bool(fields))
            self._wrote(Action.UPDATED, event, Changes(added, removed, fields), mailed)

    async def _check_nobody_is_lost(self, kept: CalendarEvent, update: EventUpdate) -> None:
        """Start over when another run replaced the attendees in between.

        Without this the people it dropped would count as removed by hand from now on.
        """
        missing = set(update.added) - {attendee.address for attendee in kept.attendees}
        if missing and update.before is not None:
            await self._calendar.remember(kept, update.before)
            raise ConflictError(
                f"another run changed the attendees at the same time ({len(missing)} people were dropped)",
                service="calendar",
                operation="update_attendees",
                code="AttendeesReplaced",
                retryable=True,
            )

    async def _cancel_twins(self, twins: Sequence[CalendarEvent]) -> None:
        for twin in twins:
            await self._calendar.cancel_event(twin, TWIN_COMMENT)
            self._warn("a second meeting of this change was found and cancelled; its guests were moved")
            mailed = Notifies(removed=len(twin.attendees))
            self._wrote(Action.UPDATED, self.report.events[0], Changes(), mailed)

    def _check_join_link(self, before: CalendarEvent | None, after: CalendarEvent) -> None:
        if before is not None and before.join_url and after.join_url != before.join_url:
            message = "the update changed or lost the meeting's join link; check the meeting in Outlook"
            self._failed(ReportedError(ErrorKind.REMOTE, "JoinLinkLost", message))
        elif not after.join_url and self.report.action is not Action.UNCHANGED and not self.report.dry_run:
            self._warn("the meeting has no Teams join link yet; look again with `meeting show`")

    def _wrote(self, action: Action, event: CalendarEvent, changes: Changes, mailed: Notifies) -> None:
        done, told = self.report.changes, self.report.notifies
        _log.info(
            "meeting.%s change_id=%s added=%d removed=%d fields=%s",
            action,
            self.report.change_id,
            len(changes.added),
            len(changes.removed),
            ",".join(changes.fields),
        )
        self.report = replace(
            self.report,
            action=action.tentative if self.report.dry_run else action,
            events=(event,),
            changes=Changes(
                tuple(sorted({*done.added, *changes.added})),
                tuple(sorted({*done.removed, *changes.removed})),
                tuple(dict.fromkeys((*done.fields, *changes.fields))),
            ),
            notifies=Notifies(
                told.added + mailed.added, told.removed + mailed.removed, told.all or mailed.all
            ),
        )

    def _warn(self, text: str) -> None:
        if text not in self.report.warnings:
            self.report = replace(self.report, warnings=(*self.report.warnings, text))

    def _failed(self, error: ReportedError) -> RunReport:
        self.report = self.report.with_errors((error,))
        return self.report


def _with_old_text(memory: EventMemory | None, event: CalendarEvent) -> EventMemory | None:
    """Return the memory that still knows the text which the event shows, so that the next run tries again."""
    if memory is None or event.memory is None:
        return memory
    return replace(memory, body_digest=event.memory.body_digest)


def guard_error(name: str, message: str) -> ReportedError:
    """Return the report's line for a safety rule that stopped the run."""
    return ReportedError(ErrorKind.GUARD, name, f"stopped: {message}")


def remote_error(error: RemoteServiceError) -> ReportedError:
    """Return the report's line for another system's failure."""
    return ReportedError(ErrorKind.REMOTE, error.code or type(error).__name__, str(error))
