"""``meeting show``: the meeting of a change as it is in the calendar now, and its drift from the change."""

from __future__ import annotations

import asyncio
import os
from collections import Counter, defaultdict
from dataclasses import replace
from typing import NoReturn

from rich.console import Console
from rich.table import Table

from contact_manager.bootstrap import open_meeting_services
from contact_manager.domain.outcome import Drift, RunReport
from contact_manager.entrypoints.cli.door import Presentation, finish
from contact_manager.entrypoints.cli.inputs import read_change, read_settings, run_options, schedule_request
from contact_manager.entrypoints.cli.options import ReadingOptions
from contact_manager.entrypoints.cli.progress import customer_progress
from contact_manager.entrypoints.cli.text import meeting_grid, new_table, show_remarks, some
from contact_manager.formats.report_json import shown_meeting_report
from contact_manager.services.schedule_meeting import ScheduleRequest
from contact_manager.services.show_meeting import show_meeting as look
from contact_manager.settings import Settings

_ANSWERS = {"accepted": "Accepted", "tentativelyAccepted": "Tentative", "declined": "Declined"}
_NO_ANSWER = "No answer"
_OTHERS = {
    "manual": "change file",
    "by-hand": "added by hand",
    "former": "no longer subscribed",
    "unknown": "not known",
}


def show_meeting(options: ReadingOptions) -> NoReturn:
    """Show the meeting of a change as it is in the calendar now."""
    finish(options, lambda: _run(options), Presentation(shown_meeting_report, _show))


def _run(options: ReadingOptions) -> RunReport:
    settings = read_settings(options)
    request = schedule_request(options, settings, read_change(options, settings))
    return asyncio.run(_look(replace(request, allow_past=True), settings, options))


async def _look(request: ScheduleRequest, settings: Settings, options: ReadingOptions) -> RunReport:
    run = run_options(options, label=request.change.change_id or "", is_dry_run=True)
    async with open_meeting_services(settings, os.environ, run, organizer=request.organizer) as services:
        with customer_progress(options, len(request.customers)) as on_read:
            return await look(request, services, on_read=on_read)


def _show(report: RunReport, console: Console, talk: Console) -> None:
    if report.meeting is not None:
        console.print("The meeting in the calendar", style="bold")
        console.print(meeting_grid(report.meeting, report))
        console.print(_by_customer(report))
        console.print(_attendees(report))
    elif not report.errors:
        console.print("There is no meeting for this change.")
    if report.drift:
        _show_drift(report.drift, console)
    show_remarks(report, talk)


def _by_customer(report: RunReport) -> Table:
    groups: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one, customers, source in report.attendance():
        for group in customers or (_OTHERS.get(source, source),):
            groups[group][_ANSWERS.get(one.response, _NO_ANSWER)] += 1
    columns = (*_ANSWERS.values(), _NO_ANSWER)
    table = new_table("Answers by customer", "Customer")
    for title in ("People", *columns):
        table.add_column(title, header_style="dim", justify="right")
    for group in sorted(groups, key=lambda name: (name in _OTHERS.values(), name)):
        counts = groups[group]
        table.add_row(group, str(counts.total()), *(str(counts[column]) for column in columns))
    return table


def _attendees(report: RunReport) -> Table:
    people = report.attendance()
    table = new_table(f"Attendees ({len(people)})", "Address", "Role", "Answer", "Through")
    for one, customers, source in people:
        through = ", ".join(customers) or _OTHERS.get(source, source)
        table.add_row(one.address, one.role.value, one.response or "none", through)
    return table


def _show_drift(drift: Drift, console: Console) -> None:
    changes = drift.changes
    told = [
        ("an apply would invite", some(changes.added)),
        ("an apply would take out", some(changes.removed)),
        ("an apply would change", ", ".join(changes.fields)),
        ("changed by hand", ", ".join(drift.changed_by_hand)),
        ("added by hand", some(drift.added_by_hand)),
        ("kept out by hand", some(drift.removed_by_hand)),
    ]
    differs = bool(changes.added or changes.removed or changes.fields)
    console.print("Drift from the change" if differs else "No drift from the change", style="bold")
    for what, whom in told:
        if whom:
            console.print(f"  {what}: {whom}")
