"""``meeting cancel``: take the meeting of a change out of the calendar."""

from __future__ import annotations

import asyncio
import os
from typing import NoReturn

from rich.console import Console

from contact_manager.bootstrap import choose_organizer, open_meeting_services
from contact_manager.domain.change import Change
from contact_manager.domain.outcome import Action, RunReport
from contact_manager.entrypoints.cli.door import Presentation, finish
from contact_manager.entrypoints.cli.inputs import read_change, read_settings, run_options
from contact_manager.entrypoints.cli.options import CancelOptions
from contact_manager.entrypoints.cli.text import HEADLINES, meeting_grid, show_remarks
from contact_manager.formats.report_json import meeting_report
from contact_manager.services.cancel_meeting import cancel_meeting as cancel
from contact_manager.settings import Settings


def cancel_meeting(options: CancelOptions) -> NoReturn:
    """Cancel the meeting of a change; everybody in it is told."""
    presentation = Presentation(meeting_report, _show)
    finish(options, lambda: _run(options), presentation, is_dry_run=options.dry_run)


def _run(options: CancelOptions) -> RunReport:
    settings = read_settings(options)
    change = read_change(options, settings, checks_customers=False)  # nobody is read to cancel
    organizer = choose_organizer(options.sender_email, settings, os.environ)
    return asyncio.run(_cancel(change, organizer, settings, options))


async def _cancel(change: Change, organizer: str, settings: Settings, options: CancelOptions) -> RunReport:
    run = run_options(options, label=change.change_id or "", is_dry_run=options.dry_run)
    async with open_meeting_services(settings, os.environ, run, organizer=organizer) as services:
        return await cancel(
            change,
            services.calendar,
            organizer=organizer,
            templates=services.templates,
            is_dry_run=options.dry_run,
        )


def _show(report: RunReport, console: Console, talk: Console) -> None:
    if report.meeting is not None:
        console.print(HEADLINES[report.action], style="bold")
        console.print(meeting_grid(report.meeting, report))
    elif report.action is Action.NONE and not report.errors:
        console.print("There is no meeting for this change: nothing to do.")
    show_remarks(report, talk)
