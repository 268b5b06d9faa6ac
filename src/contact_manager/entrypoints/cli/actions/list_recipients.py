"""``recipients list``: who would be invited, and who not and why."""

from __future__ import annotations

import asyncio
import os
from typing import NoReturn

from contact_manager.bootstrap import choose_organizer, open_directory
from contact_manager.domain.change import Change
from contact_manager.domain.outcome import RunReport
from contact_manager.entrypoints.cli.door import Presentation, finish
from contact_manager.entrypoints.cli.inputs import (
    choose_customers,
    read_change,
    read_settings,
    run_options,
)
from contact_manager.entrypoints.cli.options import ReadingOptions
from contact_manager.entrypoints.cli.progress import customer_progress
from contact_manager.entrypoints.cli.text import show_recipients_report
from contact_manager.errors import UsageError
from contact_manager.formats.report_json import recipients_report
from contact_manager.services.collect_recipients import Audience, Collected, collect_recipients
from contact_manager.services.schedule_meeting import choose_topics
from contact_manager.settings import Settings


def list_recipients(options: ReadingOptions) -> NoReturn:
    """List who would be invited, and who not and why."""
    finish(options, lambda: gather(options), Presentation(recipients_report, show_recipients_report))


def gather(options: ReadingOptions) -> RunReport:
    """Read the customers of the change file, or without one all that are configured."""
    settings = read_settings(options)
    change = read_change(options, settings) if options.json_metadata else None
    available = change.customers if change else tuple(settings.customers)
    where = "the change" if change else "the configuration"
    audience = Audience(
        choose_customers(options, available, where) or available,
        choose_topics(change, settings, options.topic_name),
        change.meeting.attendees if change else (),
        _organizer(options, settings),
    )
    collected = asyncio.run(_collect(audience, settings, options, change))
    return _report(audience, collected, change)


def _organizer(options: ReadingOptions, settings: Settings) -> str | None:
    """Return whom the meeting would leave out; a list can do without an organizer."""
    try:
        return choose_organizer(options.sender_email, settings, os.environ)
    except UsageError:
        if options.sender_email:
            raise
        return None


async def _collect(
    audience: Audience, settings: Settings, options: ReadingOptions, change: Change | None
) -> Collected:
    run = run_options(options, label=(change.change_id if change else None) or "recipients")
    async with open_directory(settings, os.environ, run) as directory:
        with customer_progress(options, len(audience.customers)) as on_read:
            return await collect_recipients(audience, settings, directory, on_read=on_read)


def _report(audience: Audience, collected: Collected, change: Change | None) -> RunReport:
    report = RunReport(
        change_id=change.change_id if change else None,
        topic=audience.selection.topic,
        recipients=collected.recipients,
        customers=collected.customers,
        warnings=(*(change.warnings if change else ()), *collected.warnings),
    )
    return report.with_errors(report.no_customer_readable())
