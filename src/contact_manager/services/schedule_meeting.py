"""Bring the calendar in line with a change: read, decide, plan, compare, write what differs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from contact_manager.domain.change import Change
from contact_manager.domain.guards import guard_error
from contact_manager.domain.meeting import (
    FIRST_PART,
    MeetingKey,
    MeetingPlan,
    as_attendees,
    meeting_key,
    plan_times,
)
from contact_manager.domain.outcome import (
    Action,
    CustomerOutcome,
    ReportedError,
    ReportedMeeting,
    RunReport,
    reported_errors,
)
from contact_manager.domain.recipients import TopicSelection
from contact_manager.errors import ContactManagerError, RemoteServiceError
from contact_manager.formats.rendering import Templates
from contact_manager.ports import Calendar, Clock, ContactDirectory
from contact_manager.services.align_calendar import CalendarAlignment, Guards
from contact_manager.services.collect_recipients import Audience, Collected, collect_recipients
from contact_manager.services.find_meeting import FoundMeeting, find_meeting
from contact_manager.services.meeting_entries import AlignmentRules
from contact_manager.settings import HideAttendees, Settings


@dataclass(frozen=True, slots=True)
class ScheduleRequest:
    """What the caller asks for.

    Attributes:
        change: The change.
        organizer: Folded address.
        selection: Topics whose subscribers are invited.
        only_customers: Folded codes of the change to read, or empty for all. Whoever comes through the
            others is left as is.
        guards: Safety rules.
        force_update: Send the update even when nothing differs.
        allow_past: Accept a start in the past.
        respect_hand: Leave a subject, time or location as a person changed it in the calendar.
    """

    change: Change
    organizer: str
    selection: TopicSelection
    only_customers: tuple[str, ...] = ()
    guards: Guards = field(default_factory=Guards)
    force_update: bool = False
    allow_past: bool = False
    respect_hand: bool = False

    @property
    def customers(self) -> tuple[str, ...]:
        """The codes to read."""
        return self.only_customers or self.change.customers


@dataclass(frozen=True, slots=True)
class MeetingServices:
    """What the use case works with."""

    settings: Settings
    directory: ContactDirectory
    calendar: Calendar
    clock: Clock
    is_dry_run: bool = False
    templates: Templates = field(default_factory=Templates)


def choose_topics(change: Change | None, settings: Settings, named: str | None = None) -> TopicSelection:
    """Return the topics: the named one, else that of the announcement's mails, else the configured one."""
    is_announcement = change is not None and change.kind.is_announcement
    own = settings.notification.topics.of_announcement(change.kind) if change and is_announcement else None
    topic = named or own or settings.meeting.topic
    return TopicSelection(topic, settings.meeting.optional_topics)


@dataclass(frozen=True, slots=True)
class PreparedMeeting:
    """What is known before anything is written.

    Attributes:
        report: People, customers and warnings; with errors when nothing may be written.
        plan: What the calendar shall hold.
        found: What it holds now.
        rules: How the one becomes the other.
    """

    report: RunReport
    plan: MeetingPlan
    found: FoundMeeting
    rules: AlignmentRules


async def schedule_meeting(
    request: ScheduleRequest,
    services: MeetingServices,
    *,
    on_read: Callable[[CustomerOutcome], None] | None = None,
) -> RunReport:
    """Make the calendar hold exactly the one meeting that the change asks for, and tell what was done.

    Customers and calendar are read at the same time. A failing customer, a guard and a failing calendar
    end in the report, not in an exception.

    Raises:
        InvalidChangeError: The times do not make a meeting.
        ConfigError: The calendar's credential or a template cannot be used.
    """
    prepared = await prepare_meeting(request, services, on_read=on_read)
    if prepared.report.errors:
        return prepared.report
    alignment = CalendarAlignment(services.calendar, prepared.report, prepared.plan, prepared.rules)
    return _as_it_stands(await alignment.run(prepared.found), prepared.plan)


def _as_it_stands(report: RunReport, plan: MeetingPlan) -> RunReport:
    """Return the report with the meeting as the run left it: not everything may be as planned."""
    first = next((event for event in report.events if event.part == FIRST_PART), None)
    if first is None or report.action is Action.NONE:
        return report
    return replace(report, meeting=ReportedMeeting.of_event(first, plan.organizer, plan.time_zone))


async def prepare_meeting(
    request: ScheduleRequest,
    services: MeetingServices,
    *,
    on_read: Callable[[CustomerOutcome], None] | None = None,
) -> PreparedMeeting:
    """Read the customers and the calendar and decide; nothing is written.

    Raises:
        InvalidChangeError: The times do not make a meeting.
        ConfigError: The calendar's credential or a template cannot be used.
    """
    change, draft = request.change, _draft(request, services)
    collected, found = await _read_all(request, services, draft, on_read)
    if isinstance(found, ContactManagerError) and not isinstance(found, RemoteServiceError):
        raise found
    report = RunReport(
        change_id=change.change_id,
        topic=request.selection.topic,
        dry_run=services.is_dry_run,
        recipients=collected.recipients,
        customers=collected.customers,
        warnings=(
            *services.settings.warnings,
            *change.warnings,
            *_warnings(request, draft.key),
            *collected.warnings,
            *(found.warnings if isinstance(found, FoundMeeting) else ()),
        ),
    )
    plan = replace(
        draft,
        attendees=as_attendees(report.recipients.invited),
        is_complete=not report.unreadable and set(request.customers) >= set(change.customers),
    )
    report = replace(report, meeting=ReportedMeeting.of_plan(plan))
    report = report.with_errors(
        report.no_customer_readable() or _guards(request, plan, report, services.settings)
    )
    if isinstance(found, RemoteServiceError):
        report, found = report.with_errors(reported_errors(found)), FoundMeeting()
    rules = AlignmentRules(
        services.settings.meeting.attendee_limit,
        max_removals=request.guards.max_removals,
        force=request.force_update,
        respect_hand=request.respect_hand,
    )
    return PreparedMeeting(report, plan, found, rules)


async def _read_all(
    request: ScheduleRequest,
    services: MeetingServices,
    draft: MeetingPlan,
    on_read: Callable[[CustomerOutcome], None] | None,
) -> tuple[Collected, FoundMeeting | ContactManagerError]:
    audience = Audience(
        request.customers, request.selection, request.change.meeting.attendees, request.organizer
    )
    async with asyncio.TaskGroup() as group:
        found = group.create_task(_find(services.calendar, draft))
        collected = group.create_task(
            collect_recipients(audience, services.settings, services.directory, on_read=on_read)
        )
    return collected.result(), found.result()


async def _find(calendar: Calendar, draft: MeetingPlan) -> FoundMeeting | ContactManagerError:
    """Return an error as a value: inside a TaskGroup it would cancel the reading of the customers."""
    try:
        return await find_meeting(calendar, draft.key, draft.organizer, draft.recorded)
    except ContactManagerError as error:
        return error


def _warnings(request: ScheduleRequest, key: MeetingKey) -> list[str]:
    warnings = []
    if key.is_derived:
        warnings.append(
            "the change has no id: its meeting is known by title and customers, "
            "and a change of either makes another meeting"
        )
    left_out = set(request.change.customers) - set(request.customers)
    if left_out:
        warnings.append(f"not read, as asked: {', '.join(sorted(left_out))}; nobody is removed in this run")
    return warnings


def _draft(request: ScheduleRequest, services: MeetingServices) -> MeetingPlan:
    """Return the plan as far as the change alone decides it: without people."""
    change, settings = request.change, services.settings.meeting
    now = None if request.allow_past else services.clock.now()
    start, end = plan_times(change, default_duration=settings.duration, now=now)
    return MeetingPlan(
        key=meeting_key(change),
        organizer=request.organizer,
        subject=services.templates.subject(change),
        start=start,
        end=end,
        time_zone=change.time_zone,
        location=change.meeting.location or settings.location,
        hide_attendees=_hides_attendees(change, settings.hide_attendees),
        attendees=(),
        body=services.templates.body(change),
        recorded=change.recorded_meeting,
    )


def _hides_attendees(change: Change, policy: HideAttendees) -> bool:
    if change.kind.is_announcement or policy is HideAttendees.ALWAYS:
        return True
    return policy is HideAttendees.AUTO and len(change.customers) > 1


def _guards(
    request: ScheduleRequest, plan: MeetingPlan, report: RunReport, settings: Settings
) -> tuple[ReportedError, ...]:
    guards, limits = request.guards, settings.meeting.limits
    stops = []
    if guards.require_all_customers and report.unreadable:
        codes = ", ".join(one.code for one in report.unreadable)
        stops.append(guard_error("RequireAllCustomers", f"these customers could not be read: {codes}"))
    if guards.max_recipients is not None:
        limits = replace(limits, total=guards.max_recipients, total_name="--max-recipients")
    people = {outcome.code: outcome.recipients for outcome in report.customers}
    return (*stops, *limits.stops(people, len(plan.attendees)))
