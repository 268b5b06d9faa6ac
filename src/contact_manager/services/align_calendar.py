"""Make the calendar equal the plan, and keep account of every write."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from contact_manager.domain.adoption import memory_of_adopted
from contact_manager.domain.guards import guard_error
from contact_manager.domain.meeting import (
    CONTENT_FIELDS,
    FIRST_PART,
    Attendee,
    CalendarEvent,
    EventUpdate,
    MeetingPlan,
)
from contact_manager.domain.outcome import (
    Action,
    Changes,
    ErrorKind,
    Notifies,
    ReportedError,
    RunReport,
    reported_errors,
)
from contact_manager.errors import ConflictError, RemoteServiceError
from contact_manager.ports import Calendar
from contact_manager.services.find_meeting import FoundMeeting, find_meeting
from contact_manager.services.meeting_entries import AlignmentRules, MeetingEntries

_log = logging.getLogger(__name__)

TWIN_COMMENT = "This meeting was set up twice by mistake. The other one stays in your calendar."
EMPTIED_COMMENT = "Nobody is left in this calendar entry."
MAX_CONFLICTS = 3
"""How often an event that changes under our hands is read and decided anew before we give up."""


@dataclass(frozen=True, slots=True)
class Guards:
    """Safety rules; each stops the run before anything is written.

    None means no limit, for ``max_recipients`` the configured one.
    """

    require_all_customers: bool = False
    max_recipients: int | None = None
    max_removals: int | None = None


class CalendarAlignment:
    """One run of one plan against one calendar.

    ``report`` always tells what has been written so far, also when a later write fails.
    """

    def __init__(
        self, calendar: Calendar, report: RunReport, plan: MeetingPlan, rules: AlignmentRules
    ) -> None:
        self.report = report
        self._calendar = calendar
        self._plan = plan
        self._rules = rules
        self._unanswered: EventUpdate | None = None
        self._entries: dict[int, CalendarEvent] = {}
        self._moving: frozenset[str] = frozenset()
        self._looked_again = False
        self._sent: set[int] = set()

    async def run(self, found: FoundMeeting) -> RunReport:
        """Create, update or leave alone, and return the report."""
        conflicts = 0
        while True:
            try:
                await self._align(found)
            except ConflictError as error:
                conflicts += 1
                if not error.is_undone:
                    self._count_as_sent()
                if conflicts == MAX_CONFLICTS:
                    return self._failed(*reported_errors(error))
                _log.info("meeting.conflict change_id=%s attempt=%d", self.report.change_id, conflicts)
            except RemoteServiceError as error:
                return self._failed(*reported_errors(error))
            else:
                return self.report
            try:
                found = await self._find()
            except RemoteServiceError as error:
                return self._failed(*reported_errors(error))

    async def _find(self) -> FoundMeeting:
        plan = self._plan
        return await find_meeting(self._calendar, plan.key, plan.organizer, plan.recorded)

    async def _align(self, found: FoundMeeting) -> None:
        entries = MeetingEntries(self._plan, found.as_ours(self._plan), self._rules, self._sent)
        updates = entries.updates()
        self._begin(entries.events, updates)
        if self._stops(updates):
            return
        if any(update.attendees is not None for update in updates.values()):
            await self._look_again(found.all_events)
        if found.recorded is not None:
            await self._adopt(found.recorded)
        is_over = entries.are_for_nobody(updates.values())
        if is_over:
            self._warn("nobody is subscribed, so there is no meeting to make")
        elif FIRST_PART not in entries.events:
            entries.link = (await self._create(entries.plan(FIRST_PART))).join_url
        for number in _receivers_first(entries.plans, self._moving, updates):
            if number != FIRST_PART and not entries.link and not is_over and not self.report.dry_run:
                self._failed(_no_link_to_share(len(entries.plans)))
                return
            if number in entries.events:
                await self._bring_in_line(entries.events[number], entries.update(number))
                await self._cancel_twins(number, entries.twins[number])
            elif number != FIRST_PART:
                await self._create(entries.plan(number))

    async def _look_again(self, found: Sequence[CalendarEvent]) -> None:
        """Start over when people came or went while the customers were read: lists are written whole."""
        if not self._looked_again:
            self._looked_again = True
            _check_people_are_the_same(found, (await self._find()).all_events)

    async def _adopt(self, event: CalendarEvent) -> None:
        """Make the recorded event ours before anything else is written: a killed run leaves it found."""
        await self._calendar.adopt_event(event, self._plan.key, memory_of_adopted(self._plan, event))
        self._warn("the meeting that the record names was made by another program: this run adopts it")
        self._wrote(Action.UPDATED, FIRST_PART, self._entries.get(FIRST_PART), Changes(), Notifies())

    def _begin(self, events: dict[int, CalendarEvent], updates: dict[int, EventUpdate]) -> None:
        """Put into the report what is known before anything is written."""
        leaving = {address for update in updates.values() for address in update.removed}
        self._moving |= leaving & {one.address for one in self._plan.attendees}
        self._entries = dict(events)
        by_hand = {name for update in updates.values() for name in update.by_hand}
        self.report = replace(
            self.report,
            events=tuple(events.values()),
            changed_by_hand=tuple(name for name in CONTENT_FIELDS if name in by_hand),
        )
        left = {name for update in updates.values() for name in update.by_hand if name not in update.fields}
        self._warn_of_hand("left as it is (--overwrite sets it back)", left)
        self._warn_of_hand("set back", by_hand - left)
        if self._moving:
            self._warn(
                f"{len(self._moving)} people move to another calendar entry of this meeting, because one "
                f"holds at most {self._rules.attendee_limit}; they get a cancellation and a new invitation"
            )
        self._tell_what_was_done_all_the_same(events, updates)

    def _warn_of_hand(self, fate: str, fields: set[str]) -> None:
        if fields:
            names = ", ".join(name for name in CONTENT_FIELDS if name in fields)
            self._warn(f"changed by hand in the calendar, and {fate}: {names}")

    def _stops(self, updates: dict[int, EventUpdate]) -> bool:
        limit = self._rules.max_removals
        leaving = {address for update in updates.values() for address in update.removed} - self._moving
        if limit is None or len(leaving) <= limit:
            return False
        told = f"{len(leaving)} people would be removed, --max-removals is {limit}"
        stop = guard_error("MaxRemovals", told)
        if self.report.action is not Action.NONE:
            stop = ReportedError(ErrorKind.REMOTE, stop.type, f"{stop.message} (content was written before)")
        self._failed(stop)
        return True

    async def _create(self, plan: MeetingPlan) -> CalendarEvent:
        event = await self._calendar.create_event(plan)
        added = tuple(attendee.address for attendee in plan.attendees)
        is_first = not self._entries
        action = Action.CREATED if is_first else Action.UPDATED
        self._wrote(action, plan.part, event, Changes(added=added), Notifies(added=len(added)))
        if plan.part == FIRST_PART:
            if event.is_recreated:
                self._warn("an earlier meeting of this change was cancelled or deleted; this is a new one")
            self._check_join_link(None, event)
        return event

    async def _bring_in_line(self, event: CalendarEvent, update: EventUpdate) -> None:
        if update.leaves_nobody and event.part != FIRST_PART:
            await self._cancel_emptied(event, update)
            return
        after = await self._write_content(event, update) if update.fields else event
        before, memory = update.before, update.after
        if after.keeps_old_text and event.memory:
            before, memory = (one and one.with_text_of(event.memory) for one in (before, memory))
        if before is not None and before != after.memory:
            after = await self._calendar.remember(after, before)
        remembered = after.memory
        if update.attendees is not None:
            _check_people_are_the_same([event], [after])
            after = await self._write_attendees(after, update, update.attendees)
        if memory is not None and memory != remembered:
            kept = await self._calendar.remember(after, memory)
            await self._check_nobody_is_lost(kept, update)
        if self.report.action is Action.NONE:
            self._wrote(Action.UNCHANGED, event.part, event, Changes(), Notifies())
        if event.part == FIRST_PART:
            self._check_join_link(event, after)

    async def _write_content(self, event: CalendarEvent, update: EventUpdate) -> CalendarEvent:
        self._unanswered = replace(update, added=(), removed=())
        after = await self._calendar.update_content(event, update)
        self._unanswered = None
        self._sent.add(update.plan.part)
        fields = update.fields
        if after.keeps_old_text:
            fields = tuple(name for name in fields if name != "body")
            self._warn("the text was not replaced: it cannot be told from the join link; edit it by hand")
        if fields:
            self._wrote(Action.UPDATED, event.part, after, Changes(fields=fields), Notifies(all=True))
        return after

    async def _write_attendees(
        self, event: CalendarEvent, update: EventUpdate, attendees: Sequence[Attendee]
    ) -> CalendarEvent:
        self._unanswered = replace(update, fields=())
        after = await self._calendar.update_attendees(event, attendees)
        self._unanswered = None
        fields = () if update.added or update.removed else ("attendees",)
        mailed = Notifies(len(update.added), len(update.removed))
        self._wrote(Action.UPDATED, event.part, after, Changes(update.added, update.removed, fields), mailed)
        return after

    async def _cancel_emptied(self, event: CalendarEvent, update: EventUpdate) -> None:
        self._unanswered = replace(update, fields=())
        await self._calendar.cancel_event(event, EMPTIED_COMMENT)
        self._unanswered = None
        self._lost(event.part, update.removed)

    def _lost(self, number: int, removed: tuple[str, ...]) -> None:
        self._wrote(Action.UPDATED, number, None, Changes(removed=removed), Notifies(removed=len(removed)))

    def _count_as_sent(self) -> None:
        """Do not force an update twice whose answer was lost: the event may not show whether it came."""
        if self._rules.force and self._unanswered is not None and self._unanswered.fields:
            self._sent.add(self._unanswered.plan.part)
            self._warn("no answer came to the forced update: it may not have been sent to everybody")

    def _tell_what_was_done_all_the_same(
        self, events: dict[int, CalendarEvent], updates: dict[int, EventUpdate]
    ) -> None:
        """Report the request whose answer was lost, as far as the calendar shows that it was carried out."""
        sent, self._unanswered = self._unanswered, None
        if sent is None:
            return
        number = sent.plan.part
        if number not in events:
            if sent.leaves_nobody:
                self._lost(number, sent.removed)
            return
        live = {attendee.address for attendee in events[number].attendees}
        added = tuple(address for address in sent.added if address in live)
        removed = tuple(address for address in sent.removed if address not in live)
        fields = tuple(name for name in sent.fields if name not in updates[number].fields)
        if added or removed or fields:
            mailed = Notifies(len(added), len(removed), all=bool(fields))
            changes = Changes(added, removed, fields)
            self._wrote(Action.UPDATED, number, events[number], changes, mailed)

    async def _check_nobody_is_lost(self, kept: CalendarEvent, update: EventUpdate) -> None:
        """Start over when another run replaced the attendees in between.

        Without this the people it dropped would count as removed by hand from now on.
        """
        missing = set(update.added) - {attendee.address for attendee in kept.attendees}
        if missing and update.before is not None:
            await self._calendar.remember(kept, update.before)
            raise _attendees_replaced(
                f"another run changed the attendees at the same time ({len(missing)} people were dropped)"
            )

    async def _cancel_twins(self, number: int, twins: Sequence[CalendarEvent]) -> None:
        for twin in twins:
            await self._calendar.cancel_event(twin, TWIN_COMMENT)
            self._warn("a second meeting of this change was found and cancelled; its guests were moved")
            mailed = Notifies(removed=len(twin.attendees))
            self._wrote(Action.UPDATED, number, self._entries.get(number), Changes(), mailed)

    def _check_join_link(self, before: CalendarEvent | None, after: CalendarEvent) -> None:
        if before is not None and before.join_url and after.join_url != before.join_url:
            message = "the update changed or lost the meeting's join link; check the meeting in Outlook"
            self._failed(ReportedError(ErrorKind.REMOTE, "JoinLinkLost", message))
        elif not after.join_url and not (self.report.dry_run and before is None):
            self._warn("the meeting has no Teams join link yet; look again with `meeting show`")

    def _wrote(
        self, action: Action, number: int, event: CalendarEvent | None, changes: Changes, mailed: Notifies
    ) -> None:
        """Enter a write into the report; ``event`` is the entry as it is now, None when it is gone."""
        done, told = self.report.changes, self.report.notifies
        self._entries.pop(number, None)
        if event is not None:
            self._entries[number] = event
        is_new = self.report.action in (Action.CREATED, Action.WOULD_CREATE)
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
            action=self.report.action if is_new else action.tentative if self.report.dry_run else action,
            events=tuple(self._entries[part] for part in sorted(self._entries)),
            changes=Changes(
                tuple(sorted({*done.added, *changes.added} - self._moving)),
                tuple(sorted({*done.removed, *changes.removed} - self._moving)),
                tuple(dict.fromkeys((*done.fields, *changes.fields))),
            ),
            notifies=Notifies(
                told.added + mailed.added, told.removed + mailed.removed, told.all or mailed.all
            ),
        )

    def _warn(self, text: str) -> None:
        if text not in self.report.warnings:
            self.report = replace(self.report, warnings=(*self.report.warnings, text))

    def _failed(self, *errors: ReportedError) -> RunReport:
        self.report = self.report.with_errors(errors)
        return self.report


def _receivers_first(
    plans: dict[int, MeetingPlan], moving: frozenset[str], updates: dict[int, EventUpdate]
) -> list[int]:
    """Return the entries in the order in which nobody who moves is out of all of them for a moment."""
    givers = {number for number, update in updates.items() if moving.intersection(update.removed)}
    return sorted(plans, key=lambda number: (number in givers, number))


def _check_people_are_the_same(read: Sequence[CalendarEvent], now: Sequence[CalendarEvent]) -> None:
    """Start over when a list of people is no longer as it was read; as it stands, somebody would be lost."""
    if _people(read) != _people(now):
        raise _attendees_replaced("the attendees were changed by somebody else at the same time")


def _people(events: Sequence[CalendarEvent]) -> set[tuple[str, str]]:
    return {(event.event_id, one.address) for event in events for one in event.attendees}


def _attendees_replaced(message: str) -> ConflictError:
    return ConflictError(
        message, service="calendar", operation="update_attendees", code="AttendeesReplaced", retryable=True
    )


def _no_link_to_share(entries: int) -> ReportedError:
    message = (
        f"the people need {entries} calendar entries, and there is no Teams join link yet that they could "
        "share; run again later, or check in Outlook whether the meeting is a Teams meeting"
    )
    return ReportedError(ErrorKind.REMOTE, "JoinLinkMissing", message)
