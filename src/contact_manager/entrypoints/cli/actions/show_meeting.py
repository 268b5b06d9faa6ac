"""``meeting show``: the meeting of a change as it is in the calendar now."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from typing import NoReturn

from rich.console import Console
from rich.text import Text

from contact_manager.bootstrap import choose_organizer, open_meeting_services
from contact_manager.domain.change import Change
from contact_manager.domain.meeting import meeting_key
from contact_manager.domain.outcome import ReportedMeeting, RunReport
from contact_manager.entrypoints.cli.door import Presentation, finish
from contact_manager.entrypoints.cli.inputs import read_change, read_settings, run_options
from contact_manager.entrypoints.cli.options import ChangeOptions
from contact_manager.entrypoints.cli.text import meeting_grid, show_remarks
from contact_manager.formats.report_json import shown_meeting_report
from contact_manager.settings import Settings


def show_meeting(options: ChangeOptions) -> NoReturn:
    """Show the meeting of a change as it is in the calendar now."""
    finish(options, lambda: _run(options), Presentation(shown_meeting_report, _show))


def _run(options: ChangeOptions) -> RunReport:
    settings = read_settings(options)
    change = read_change(options, settings)
    organizer = choose_organizer(options.sender_email, settings, os.environ)
    return asyncio.run(_look(change, organizer, settings, options))


async def _look(change: Change, organizer: str, settings: Settings, options: ChangeOptions) -> RunReport:
    run = run_options(options, label=change.change_id or "", is_dry_run=True)
    async with open_meeting_services(settings, os.environ, run, organizer=organizer) as services:
        events = await services.calendar.find_events(meeting_key(change))
    meeting = ReportedMeeting.of_event(events[0], organizer, change.time_zone) if events else None
    return RunReport(change_id=change.change_id, meeting=meeting, events=events)


def _show(report: RunReport, console: Console, talk: Console) -> None:
    if report.meeting is not None:
        console.print(Text("The meeting in the calendar", style="bold"))
        console.print(meeting_grid(report.meeting, report))
    elif not report.errors:
        console.print("There is no meeting for this change.")
    for event in report.events:
        responses = Counter(one.response or "none" for one in event.attendees)
        told = ", ".join(f"{number} {response}" for response, number in sorted(responses.items()))
        console.print(Text(f"{len(event.attendees)} attendees: {told}"))
        for one in event.attendees:
            console.print(Text(f"  {one.address}  {one.role.value}  {one.response or 'none'}"))
    show_remarks(report, talk)
