"""``meeting apply`` and ``meeting plan`` for many change files: each on its own, in one result."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NoReturn

from contact_manager.bootstrap import choose_organizer, open_meeting_services
from contact_manager.domain.change import Change
from contact_manager.domain.outcome import BatchItem, BatchReport, RunReport, reported_errors
from contact_manager.entrypoints.cli.batch_text import show_batch_report
from contact_manager.entrypoints.cli.door import Presentation, finish_batch
from contact_manager.entrypoints.cli.inputs import (
    find_change_files,
    read_change_file,
    read_settings,
    run_options,
    schedule_request,
)
from contact_manager.entrypoints.cli.options import GuardedOptions, MeetingOptions
from contact_manager.entrypoints.cli.progress import progress
from contact_manager.errors import ContactManagerError
from contact_manager.formats.report_json import batch_report
from contact_manager.services.align_calendar import Guards
from contact_manager.services.schedule_batch import BatchEntry, reason_to_skip, schedule_batch
from contact_manager.services.schedule_meeting import ScheduleRequest
from contact_manager.settings import Settings

Adapt = Callable[[ScheduleRequest], ScheduleRequest]
Skip = Callable[[Change], str]


def apply_batch(names: Sequence[str], options: MeetingOptions, *, is_dry_run: bool) -> NoReturn:
    """Bring the meeting of every change file in line, or only tell what would happen."""

    def adapt(request: ScheduleRequest) -> ScheduleRequest:
        return replace(request, force_update=options.force_update, allow_past=options.allow_past)

    run_batch(names, options, adapt, reason_to_skip, is_dry_run=is_dry_run)


def run_batch(
    names: Sequence[str], options: GuardedOptions, adapt: Adapt, skip: Skip, *, is_dry_run: bool
) -> NoReturn:
    """Work on every change file that ``skip`` names no reason against, as ``adapt`` asks for it."""

    def work() -> BatchReport:
        settings = read_settings(options)
        choose_organizer(options.sender_email, settings, os.environ)
        files = find_change_files(names)
        items, entries = _read_all(files, options, settings, adapt, skip)
        if entries:
            items += asyncio.run(_schedule(entries, settings, options, is_dry_run=is_dry_run))
        return BatchReport(is_dry_run, tuple(sorted(items, key=lambda item: files.index(item.source))))

    finish_batch(options, work, Presentation(batch_report, show_batch_report), is_dry_run=is_dry_run)


def _read_all(
    files: Sequence[str], options: GuardedOptions, settings: Settings, adapt: Adapt, skip: Skip
) -> tuple[list[BatchItem], list[BatchEntry]]:
    """Return the files that cannot be used, and the changes of the others."""
    guards = Guards(options.require_all_customers, options.max_recipients, options.max_removals)
    items, entries = [], []
    for name in files:
        try:
            request = schedule_request(options, settings, read_change_file(name, settings, options))
        except ContactManagerError as error:
            items.append(BatchItem(name, RunReport(errors=reported_errors(error))))
            continue
        wanted = adapt(replace(request, guards=guards))
        entries.append(BatchEntry(name, wanted, skip(request.change)))
    return items, entries


async def _schedule(
    entries: Sequence[BatchEntry], settings: Settings, options: GuardedOptions, *, is_dry_run: bool
) -> tuple[BatchItem, ...]:
    run = replace(run_options(options, label="batch", is_dry_run=is_dry_run), shares_readings=True)
    organizer = entries[0].request.organizer
    async with open_meeting_services(settings, os.environ, run, organizer=organizer) as services:
        with progress(options, "Changes", len(entries)) as on_done:
            return await schedule_batch(entries, services, on_done=on_done)
