"""Bring the calendar in line with a change: read, decide, plan, compare, write what differs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from contact_manager.domain.change import Change
from contact_manager.domain.meeting import (
    CalendarEvent,
    MeetingKey,
    MeetingPlan,
    as_attendees,
    meeting_key,
    plan_times,
)
from contact_manager.domain.outcome import ErrorKind, ReportedError, RunReport
from contact_manager.domain.recipients import TopicSelection, decide_recipients
from contact_manager.errors import RemoteServiceError
from contact_manager.formats.rendering import render_meeting_body
from contact_manager.ports import Calendar, Clock, ContactDirectory
from contact_manager.services.align_calendar import (
    CalendarAlignment,
    Guards,
    guard_error,
    remote_error,
)
from contact_manager.services.collect_recipients import (
    CustomerReading,
    ReadingLimits,
    count_recipients,
    read_customers,
)
from contact_manager.settings import HideAttendees, Settings


@dataclass(frozen=True, slots=True)
class MeetingRequest:
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
    """

    change: Change
    organizer: str
    selection: TopicSelection
    only_customers: tuple[str, ...] = ()
    guards: Guards = field(default_factory=Guards)
    force_update: bool = False
    allow_past: bool = False

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


async def schedule_meeting(
    request: MeetingRequest,
    services: MeetingServices,
    *,
    on_read: Callable[[CustomerReading], None] | None = None,
) -> RunReport:
    """Make the calendar hold exactly the one meeting that the change asks for, and tell what was done.

    Customers and calendar are read at the same time. A failing customer, a guard and a failing calendar
    end in the report, not in an exception.

    Raises:
        InvalidChangeError: The times do not make a meeting.
    """
    change, settings = request.change, services.settings.meeting
    now = None if request.allow_past else services.clock.now()
    times = plan_times(change, default_duration=settings.duration, now=now)
    key = meeting_key(change)
    readings, found = await _read_all(request, services, key, on_read)
    report = _decide(request, services, readings)
    plan = _plan(request, report, services.settings, key, times)
    report = replace(report, plan=plan)
    errors = _unreadable_errors(request, report) or _recipient_guards(request, plan)
    if isinstance(found, RemoteServiceError):
        errors = (*errors, remote_error(found))
    if errors or isinstance(found, RemoteServiceError):
        return replace(report, errors=errors)
    alignment = CalendarAlignment(
        services.calendar, report, plan, guards=request.guards, force=request.force_update
    )
    return await alignment.run(found, attendee_limit=settings.attendee_limit)


async def _read_all(
    request: MeetingRequest,
    services: MeetingServices,
    key: MeetingKey,
    on_read: Callable[[CustomerReading], None] | None,
) -> tuple[tuple[CustomerReading, ...], tuple[CalendarEvent, ...] | RemoteServiceError]:
    settings = services.settings
    async with asyncio.TaskGroup() as group:
        found = group.create_task(_find(services.calendar, key))
        readings = group.create_task(
            read_customers(
                request.customers,
                settings.customers,
                services.directory,
                topics=request.selection.all_topics,
                limits=ReadingLimits(
                    settings.meeting.max_customer_concurrency, settings.meeting.customer_timeout
                ),
                on_read=on_read,
            )
        )
    return readings.result(), found.result()


async def _find(calendar: Calendar, key: MeetingKey) -> tuple[CalendarEvent, ...] | RemoteServiceError:
    try:
        return await calendar.find_events(key)
    except RemoteServiceError as error:
        return error


def _decide(
    request: MeetingRequest, services: MeetingServices, readings: Sequence[CustomerReading]
) -> RunReport:
    change = request.change
    recipients = decide_recipients(
        [(one.customer, one.contact_list) for one in readings if one.customer and one.contact_list],
        request.selection,
        manual=change.meeting.attendees,
        organizer=request.organizer,
    )
    return RunReport(
        change_id=change.change_id,
        topic=request.selection.topic,
        dry_run=services.is_dry_run,
        recipients=recipients,
        customers=count_recipients(readings, recipients),
        warnings=(*change.warnings, *_warnings(request, readings)),
    )


def _warnings(request: MeetingRequest, readings: Sequence[CustomerReading]) -> list[str]:
    warnings = [text for one in readings if one.contact_list for text in one.contact_list.warnings]
    if meeting_key(request.change).is_derived:
        warnings.insert(
            0,
            "the change has no id: its meeting is known by title and customers, "
            "and a change of either makes another meeting",
        )
    left_out = set(request.change.customers) - set(request.customers)
    if left_out:
        warnings.append(f"not read, as asked: {', '.join(sorted(left_out))}; nobody is removed in this run")
    return warnings


def _plan(
    request: MeetingRequest,
    report: RunReport,
    settings: Settings,
    key: MeetingKey,
    times: tuple[datetime, datetime],
) -> MeetingPlan:
    change = request.change
    return MeetingPlan(
        key=key,
        organizer=request.organizer,
        subject=change.subject,
        start=times[0],
        end=times[1],
        time_zone=change.time_zone,
        location=change.meeting.location or settings.meeting.location,
        hide_attendees=_hides_attendees(change, settings.meeting.hide_attendees),
        attendees=as_attendees(report.recipients.invited),
        body=render_meeting_body(change),
        is_complete=not report.unreadable and set(request.customers) >= set(change.customers),
    )


def _hides_attendees(change: Change, policy: HideAttendees) -> bool:
    if change.kind.is_announcement or policy is HideAttendees.ALWAYS:
        return True
    return policy is HideAttendees.AUTO and len(change.customers) > 1


def _unreadable_errors(request: MeetingRequest, report: RunReport) -> tuple[ReportedError, ...]:
    unreadable = report.unreadable
    if unreadable and len(unreadable) == len(report.customers):
        message = "no customer could be read, so nobody knows who is subscribed; nothing was changed"
        return (ReportedError(ErrorKind.REMOTE, "NoCustomerReadable", message),)
    if unreadable and request.guards.require_all_customers:
        codes = ", ".join(one.code for one in unreadable)
        return (guard_error("RequireAllCustomers", f"these customers could not be read: {codes}"),)
    return ()


def _recipient_guards(request: MeetingRequest, plan: MeetingPlan) -> tuple[ReportedError, ...]:
    count, limit = len(plan.attendees), request.guards.max_recipients
    if limit is not None and count > limit:
        return (guard_error("MaxRecipients", f"{count} people to invite, --max-recipients is {limit}"),)
    return ()
