"""Tell how the meeting of a change is in the calendar now, and how far that is from what it should be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from contact_manager.domain.meeting import guests_of, invited_by_us
from contact_manager.domain.outcome import (
    Action,
    CustomerOutcome,
    Drift,
    ErrorKind,
    ReportedMeeting,
    RunReport,
)
from contact_manager.services.align_calendar import CalendarAlignment
from contact_manager.services.schedule_meeting import (
    MeetingServices,
    PreparedMeeting,
    ScheduleRequest,
    prepare_meeting,
)


async def show_meeting(
    request: ScheduleRequest,
    services: MeetingServices,
    *,
    on_read: Callable[[CustomerOutcome], None] | None = None,
) -> RunReport:
    """Return the live meeting with its drift; ``services`` must be those of a dry run.

    When no customer can be read the drift is not known, and the meeting is shown all the same.

    Raises:
        InvalidChangeError: The times do not make a meeting.
        ConfigError: The calendar's credential or a template cannot be used.
    """
    prepared = await prepare_meeting(request, services, on_read=on_read)
    report = _without_guards(prepared.report)
    found = sorted(prepared.found.all_events, key=lambda event: event.part)
    plan = prepared.plan
    meeting = ReportedMeeting.of_event(found[0], plan.organizer, plan.time_zone) if found else None
    shown = replace(report, dry_run=False, action=Action.NONE, meeting=meeting, events=tuple(found))
    if not found or report.errors:
        return shown
    alignment = CalendarAlignment(services.calendar, report, plan, prepared.rules)
    would_be = await alignment.run(prepared.found)
    return replace(shown, drift=_drift(prepared, would_be)).with_errors(would_be.errors)


def _without_guards(report: RunReport) -> RunReport:
    """Return the report without the limits of writing runs: nothing is written here."""
    return replace(report, errors=tuple(one for one in report.errors if one.kind is not ErrorKind.GUARD))


def _drift(prepared: PreparedMeeting, would_be: RunReport) -> Drift:
    plan, events = prepared.plan, prepared.found.as_ours(prepared.plan)
    live = {one.address for event in events for one in event.attendees}
    ours = frozenset[str]().union(*(invited_by_us(plan, event) for event in events))
    guests = {one.address for event in events for one in guests_of(plan, event)}
    removed = [
        one.address
        for one in plan.attendees
        if one.address not in live and plan.address_mark(one.address) in ours
    ]
    return Drift(would_be.changes, would_be.changed_by_hand, tuple(sorted(guests)), tuple(removed))
