"""``meeting apply``, ``meeting plan`` and the established ``ses`` actions: the same run, for real or dry."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import NoReturn

from contact_manager.bootstrap import open_meeting_services
from contact_manager.domain.outcome import RunReport
from contact_manager.entrypoints.cli.door import Presentation, finish
from contact_manager.entrypoints.cli.inputs import read_change, read_settings, run_options, schedule_request
from contact_manager.entrypoints.cli.options import MeetingOptions
from contact_manager.entrypoints.cli.progress import customer_progress
from contact_manager.entrypoints.cli.text import show_meeting_report
from contact_manager.errors import InvalidChangeError
from contact_manager.formats.report_json import meeting_report
from contact_manager.services.align_calendar import Guards
from contact_manager.services.schedule_meeting import ScheduleRequest, schedule_meeting
from contact_manager.settings import Settings


def apply_meeting(options: MeetingOptions, *, is_dry_run: bool) -> NoReturn:
    """Bring the meeting in line with the change file, or only tell what would happen."""
    presentation = Presentation(meeting_report, show_meeting_report)
    finish(options, lambda: _run(options, is_dry_run=is_dry_run), presentation, is_dry_run=is_dry_run)


def _run(options: MeetingOptions, *, is_dry_run: bool) -> RunReport:
    settings = read_settings(options)
    request = replace(
        schedule_request(options, settings, read_change(options, settings)),
        guards=Guards(options.require_all_customers, options.max_recipients, options.max_removals),
        force_update=options.force_update,
        allow_past=options.allow_past,
    )
    try:
        return asyncio.run(_schedule(request, settings, options, is_dry_run=is_dry_run))
    except InvalidChangeError as error:
        raise InvalidChangeError(error.problems, source=options.json_metadata or "") from error


async def _schedule(
    request: ScheduleRequest, settings: Settings, options: MeetingOptions, *, is_dry_run: bool
) -> RunReport:
    run = run_options(options, label=request.change.change_id or "", is_dry_run=is_dry_run)
    async with open_meeting_services(settings, os.environ, run, organizer=request.organizer) as services:
        with customer_progress(options, len(request.customers)) as on_read:
            return await schedule_meeting(request, services, on_read=on_read)
