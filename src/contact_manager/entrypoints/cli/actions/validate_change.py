"""``change validate``: is this change file right?"""

from __future__ import annotations

import os
from typing import Any, NoReturn

from rich.console import Console

from contact_manager.bootstrap import SystemClock, find_config_file
from contact_manager.domain.change import Change
from contact_manager.domain.effects import CheckedChange, EffectRules, describe_effects, lacks_start
from contact_manager.domain.lifecycle import needs_meeting, read_status
from contact_manager.domain.meeting import plan_times
from contact_manager.domain.outcome import RunReport
from contact_manager.entrypoints.cli.door import Presentation, finish
from contact_manager.entrypoints.cli.inputs import read_change_file, read_settings, source_name
from contact_manager.entrypoints.cli.options import ChangeFileOptions
from contact_manager.entrypoints.cli.text import show_remarks
from contact_manager.formats.record_json import is_test_run, read_request_type
from contact_manager.formats.report_json import change_object
from contact_manager.settings import Settings


def validate_change(name: str, options: ChangeFileOptions) -> NoReturn:
    """Check a change file; with a configuration at hand its customers too. No service is called."""
    read: list[CheckedChange] = []

    def work() -> RunReport:
        has_config = options.config_file is not None or find_config_file(None, os.environ).exists()
        settings = read_settings(options) if has_config else Settings(source="")
        change = read_change_file(name, settings, options)
        checked = _check(change, settings)
        if checked.gets_meeting:
            plan_times(change, default_duration=settings.meeting.duration, now=SystemClock().now())
        read.append(checked)
        return RunReport(change_id=change.change_id, warnings=_remarks(change, settings))

    def as_json(report: RunReport) -> dict[str, Any]:
        return change_object(report, read[0] if read else None)

    def as_text(report: RunReport, console: Console, talk: Console) -> None:
        for checked in read:
            for line in _summary(name, checked):
                console.print(line, soft_wrap=True)
        show_remarks(report, talk)

    finish(options, work, Presentation(as_json, as_text))


def _check(change: Change, settings: Settings) -> CheckedChange:
    auto_schedule = settings.meeting.auto_schedule
    known = [code for code in change.customers if code in settings.customers]
    rules = EffectRules(
        settings.meeting.duration,
        auto_schedule,
        customers=len(known if settings.customers else change.customers),
        is_test_run=is_test_run(change.record),
    )
    effects = describe_effects(change, rules)
    return CheckedChange(
        change,
        needs_meeting(change, auto_schedule=auto_schedule) and change.meeting_start is not None,
        read_status(change.status, read_request_type(change.record)),
        effects,
    )


def _summary(name: str, checked: CheckedChange) -> tuple[str, ...]:
    change = checked.change
    number = len(change.customers)
    customers = f"{number} customer{'' if number == 1 else 's'} ({', '.join(change.customers)})"
    now = checked.effects[checked.status] if checked.status else "nothing happens"
    others = {status: effect for status, effect in checked.effects.items() if status != checked.status}
    return (
        f"{source_name(name)} is fine: {change.title}",
        f"  {change.change_id or 'no id'}, {change.kind}, {customers}",
        f"  arriving as an event as it is, with status {change.status or 'none'}: {now}",
        *(f"  once {status}: {effect}" for status, effect in others.items()),
    )


def _remarks(change: Change, settings: Settings) -> tuple[str, ...]:
    remarks = list(change.warnings)
    if lacks_start(change, auto_schedule=settings.meeting.auto_schedule):
        remarks.append("a meeting is asked for, and nothing says when: the mails go, the meeting fails")
    if not change.change_id:
        remarks.append("it has no id: it cannot arrive as an event")
    if change.status and read_status(change.status, read_request_type(change.record)) is None:
        remarks.append(f"with the status {change.status!r} nothing happens when it arrives as an event")
    if settings.customers:
        unknown = [code for code in change.customers if code not in settings.customers]
        remarks += [f"{code} is not configured" for code in unknown]
    return tuple(remarks)
