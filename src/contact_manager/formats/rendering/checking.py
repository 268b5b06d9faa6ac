"""Trying templates out on sample changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from contact_manager.domain.change import (
    AttendeeRole,
    Change,
    ChangeKind,
    ManualAttendee,
    MeetingRequest,
)
from contact_manager.errors import ConfigError, Problem
from contact_manager.formats.json_document import first_problems
from contact_manager.formats.rendering.names import kinds_of
from contact_manager.formats.rendering.texts import Templates

_START = datetime(2031, 5, 10, 18, 0, tzinfo=ZoneInfo("America/New_York"))


def check_templates(templates: Templates) -> None:
    """Try every template with changes that say everything, and that say only what they must.

    Raises:
        ConfigError: Some cannot be used; all problems at once, each with its file and line.
    """
    problems: dict[Problem, str] = {}
    for name in templates.names:
        for sample, change in _samples(name.partition("/")[0]):
            for problem in _problems(templates, name, change):
                problems.setdefault(problem, sample)
    if problems:
        told = (Problem(one.path, f"{one.message} (tried with {sample})") for one, sample in problems.items())
        raise ConfigError(first_problems(told))


def _problems(templates: Templates, name: str, change: Change) -> tuple[Problem, ...]:
    try:
        templates.render(name, change)
    except ConfigError as error:
        return error.problems
    return ()


def _samples(folder: str) -> Iterator[tuple[str, Change]]:
    for kind in kinds_of(folder):
        more = _announcement() if kind.is_announcement else _technical_change(folder)
        record = {"title": "A sample", "customers": ["hts", "fabrikam"]}
        yield "a change that says everything", _change(kind, change_id="SAMPLE-1", record=record, **more)
        yield "a change that says only what it must", _change(kind, meeting=MeetingRequest(start=_START))


def _change(kind: ChangeKind, **more: Any) -> Change:
    return Change(
        kind=kind,
        title="Replace the transit gateway & move the routes",
        customers=("hts", "fabrikam"),
        time_zone="America/New_York",
        **({"change_id": None} | more),
    )


def _announcement() -> dict[str, Any]:
    return {
        "meeting": _meeting(),
        "summary": "One hour, and time for questions.",
        "content": "What changes.\nWhat each team has to decide.",
        "status": "approved",
        "version": "1",
    }


def _technical_change(folder: str) -> dict[str, Any]:
    return {
        "implementation_start": _START,
        "implementation_end": _START + timedelta(hours=2),
        "meeting": _meeting(),
        "reason": "The present gateway reaches the end of its support.",
        "implementation_plan": "1. Attach the new gateway.\n2. Move the routes.",
        "test_plan": "Reach the health pages.",
        "customer_impact": "Connections drop for up to two minutes.",
        "rollback_plan": "Move the routes back.",
        "service_now_ticket": "CHG0042042",
        "jira_ticket": "NET-4242",
        "status": "approved",
        "version": "3",
        "change_type": folder,
    }


def _meeting() -> MeetingRequest:
    return MeetingRequest(
        wanted=True,
        title="Bridge call",
        start=_START,
        duration=timedelta(hours=1),
        location="Room 4",
        attendees=(ManualAttendee("ann@example.com", AttendeeRole.OPTIONAL),),
    )
