"""Take the meeting of a change out of the calendar; a second time is nothing to do."""

from __future__ import annotations

import logging
from dataclasses import replace

from contact_manager.domain.change import Change
from contact_manager.domain.meeting import CalendarEvent, meeting_key
from contact_manager.domain.outcome import Action, Notifies, ReportedMeeting, RunReport, reported_errors
from contact_manager.errors import ConflictError, RemoteServiceError
from contact_manager.formats.rendering import Templates
from contact_manager.ports import Calendar
from contact_manager.services.align_calendar import MAX_CONFLICTS
from contact_manager.services.find_meeting import find_meeting

_log = logging.getLogger(__name__)


async def cancel_meeting(
    change: Change, calendar: Calendar, *, organizer: str, templates: Templates, is_dry_run: bool = False
) -> RunReport:
    """Cancel every live event of the change's meeting, also one that only the record names, and report it.

    No customer is read: whoever is in the event is told. When an answer is lost the calendar is looked at
    again. A failing calendar ends in the report.

    Raises:
        ConfigError: The template of the cancellation cannot be used; nothing is cancelled.
    """
    comment = templates.cancellation(change)
    report = RunReport(change_id=change.change_id, dry_run=is_dry_run)
    attempted: dict[str, CalendarEvent] = {}
    for conflicts in range(1, MAX_CONFLICTS + 1):
        try:
            found = await find_meeting(calendar, meeting_key(change), organizer, change.recorded_meeting)
            if conflicts == 1:
                report = replace(report, warnings=found.warnings)
            for event_id in attempted.keys() - {event.event_id for event in found.all_events}:
                report = _with_cancelled(report, attempted.pop(event_id), organizer, change.time_zone)
            for event in sorted(found.all_events, key=lambda one: one.part):
                attempted[event.event_id] = event
                await calendar.cancel_event(event, comment)
                report = _with_cancelled(report, attempted.pop(event.event_id), organizer, change.time_zone)
        except ConflictError as error:
            if conflicts == MAX_CONFLICTS:
                return report.with_errors(reported_errors(error))
        except RemoteServiceError as error:
            return report.with_errors(reported_errors(error))
        else:
            break
    return report


def _with_cancelled(report: RunReport, event: CalendarEvent, organizer: str, time_zone: str) -> RunReport:
    _log.info("meeting.cancelled change_id=%s attendees=%d", report.change_id, len(event.attendees))
    return replace(
        report,
        action=Action.CANCELLED.tentative if report.dry_run else Action.CANCELLED,
        meeting=report.meeting or ReportedMeeting.of_event(event, organizer, time_zone),
        events=(*report.events, event),
        notifies=Notifies(removed=report.notifies.removed + len(event.attendees)),
    )
