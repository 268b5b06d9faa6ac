"""``change validate``: is this change file right?"""

from __future__ import annotations

import os
from typing import Any, NoReturn

from rich.console import Console
from rich.text import Text

from contact_manager.bootstrap import SystemClock, find_config_file
from contact_manager.domain.change import Change
from contact_manager.domain.lifecycle import needs_meeting, read_status
from contact_manager.domain.meeting import plan_times
from contact_manager.domain.outcome import RunReport
from contact_manager.entrypoints.cli.door import Presentation, finish
from contact_manager.entrypoints.cli.inputs import read_change_file, read_settings, source_name
from contact_manager.entrypoints.cli.options import CommonOptions
from contact_manager.entrypoints.cli.text import show_remarks
from contact_manager.formats.record_json import read_request_type
from contact_manager.formats.report_json import change_object
from contact_manager.settings import Settings


def validate_change(name: str, options: CommonOptions) -> NoReturn:
    """Check a change file; with a configuration at hand its customers too. Nothing is asked of anybody."""
    read: list[tuple[Change, bool]] = []

    def work() -> RunReport:
        has_config = options.config_file is not None or find_config_file(None, os.environ).exists()
        settings = read_settings(options) if has_config else Settings(source="")
        change = read_change_file(name, settings)
        gets_meeting = needs_meeting(change, auto_schedule=settings.meeting.auto_schedule)
        if gets_meeting:
            plan_times(change, default_duration=settings.meeting.duration, now=SystemClock().now())
        read.append((change, gets_meeting))
        return RunReport(change_id=change.change_id, warnings=_remarks(change, settings))

    def as_json(report: RunReport) -> dict[str, Any]:
        change, gets_meeting = read[0] if read else (None, False)
        return change_object(report, change, gets_meeting=gets_meeting)

    def as_text(report: RunReport, console: Console, talk: Console) -> None:
        for change, gets_meeting in read:
            console.print(Text(_summary(name, change, gets_meeting=gets_meeting)))
        show_remarks(report, talk)

    finish(options, work, Presentation(as_json, as_text))


def _summary(name: str, change: Change, *, gets_meeting: bool) -> str:
    number = len(change.customers)
    customers = f"{number} customer{'' if number == 1 else 's'} ({', '.join(change.customers)})"
    meeting = f"a meeting at {change.meeting_start:%Y-%m-%d %H:%M %Z}" if gets_meeting else "no meeting"
    lines = (
        f"{source_name(name)} is fine: {change.title}",
        f"  {change.change_id or 'no id'}, {change.kind}, {customers}",
        f"  status {change.status or 'none'}; arriving as an event, it gets {meeting} once approved",
    )
    return "\n".join(lines)


def _remarks(change: Change, settings: Settings) -> tuple[str, ...]:
    remarks = list(change.warnings)
    if not change.change_id:
        remarks.append("it has no id: it cannot arrive as an event")
    if change.status and read_status(change.status, read_request_type(change.record)) is None:
        remarks.append(f"the status {change.status!r} asks for nothing when it arrives as an event")
    if settings.customers:
        unknown = [code for code in change.customers if code not in settings.customers]
        remarks += [f"{code} is not configured" for code in unknown]
    return tuple(remarks)
