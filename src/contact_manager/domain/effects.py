"""What a change will and will not cause when it arrives as an event, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from contact_manager.domain.change import Change
from contact_manager.domain.lifecycle import LIFECYCLE, ChangeStatus, MeetingStep, Steps, needs_meeting

_MINUTES = 60


@dataclass(frozen=True, slots=True)
class EffectRules:
    """What else decides.

    Attributes:
        default_duration: Of a meeting, when the change gives neither a duration nor an end.
        auto_schedule: Whether a change may get a meeting unasked.
        customers: How many customers of the change are mailed.
        is_test_run: Whether only the submitter is mailed.
    """

    default_duration: timedelta
    auto_schedule: bool
    customers: int
    is_test_run: bool = False


@dataclass(frozen=True, slots=True)
class CheckedChange:
    """A change file as it was understood: its status, and what happens when it arrives with each status."""

    change: Change
    gets_meeting: bool
    status: ChangeStatus | None
    effects: Mapping[ChangeStatus, str]


def describe_effects(change: Change, rules: EffectRules) -> Mapping[ChangeStatus, str]:
    """Return for each status what happens when the change arrives with it."""
    return {
        status: f"{_mails(steps, rules)}; {_meeting(change, steps, rules)}"
        for status, steps in LIFECYCLE.items()
    }


def lacks_start(change: Change, *, auto_schedule: bool) -> bool:
    """Return whether a meeting is asked for and nothing says when."""
    return needs_meeting(change, auto_schedule=auto_schedule) and change.meeting_start is None


def _mails(steps: Steps, rules: EffectRules) -> str:
    kind = steps.notification.value.replace("-", " ")
    if rules.is_test_run:
        return f"{kind} mail to the submitter alone, as it is a test run"
    condition = ", if it was approved before" if steps.mails_only_approved else ""
    return f"{kind} mail to {_counted(rules.customers, 'customer')}{condition}"


def _meeting(change: Change, steps: Steps, rules: EffectRules) -> str:
    if rules.is_test_run:
        return "no meeting"
    if steps.meeting is MeetingStep.CANCEL:
        return "a meeting that was made is cancelled"
    if steps.meeting is MeetingStep.LEAVE:
        return "a meeting that was made stays"
    if not needs_meeting(change, auto_schedule=rules.auto_schedule):
        return "no meeting: none was asked for"
    start, end = change.meeting_start, change.meeting_end(rules.default_duration)
    if start is None or end is None:
        return "no meeting: one was asked for, and nothing says when"
    return f"a meeting {_when(start, end)} ({change.time_zone}){_reason(change)}"


def _when(start: datetime, end: datetime) -> str:
    hours, minutes = divmod(round((end.timestamp() - start.timestamp()) / 60), _MINUTES)
    parts = [_counted(number, unit) for number, unit in ((hours, "hour"), (minutes, "minute")) if number]
    return f"on {start:%Y-%m-%d} at {start:%H:%M %Z} for {' '.join(parts)}"


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}"


def _reason(change: Change) -> str:
    request = change.meeting
    if request.wanted or request.title is not None or request.start is not None:
        return ""
    return ", because it has a start and affects several customers"
