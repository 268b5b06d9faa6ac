"""What became of a change that arrived as an event."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from contact_manager.domain.lifecycle import ChangeStatus
from contact_manager.domain.outcome import ReportedError, RunReport
from contact_manager.domain.recipients import Exclusion
from contact_manager.errors import RemoteServiceError


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a queue.

    Attributes:
        receipt: What it is hidden or deleted by.
        body: What it says.
        receptions: How often it was given out, this time included.
    """

    receipt: str
    body: str
    receptions: int = 1


@dataclass(frozen=True, slots=True)
class MeetingResult:
    """What became of the meeting.

    Attributes:
        report: What was done to the calendar; None when nothing was to be done here.
        errors: What went wrong, as far as it is no part of the report.
        comes_again: Whether something is left that may succeed later.
        is_waiting: Whether another run works on it, and what comes after has to wait.
        is_superseded: Whether the change asks for something else meanwhile.
        was_approved: Whether the change was ever approved, as far as is known.
    """

    report: RunReport | None = None
    errors: tuple[ReportedError, ...] = ()
    comes_again: bool = False
    is_waiting: bool = False
    is_superseded: bool = False
    was_approved: bool = False


@dataclass(frozen=True, slots=True)
class NotifyReport:
    """What was sent: how many now, how many before, who was left out, and what went wrong.

    ``errors`` may pass; a ``problem`` is one of the change itself.
    """

    topic: str
    sent: int = 0
    sent_before: int = 0
    refused: int = 0
    excluded: tuple[Exclusion, ...] = field(default=(), repr=False)
    errors: tuple[RemoteServiceError, ...] = ()
    problem: str = ""


class Verdict(StrEnum):
    """What becomes of the message."""

    DONE = "done"
    IGNORED = "ignored"
    """There was nothing to do."""
    REJECTED = "rejected"
    """It can never succeed; it is told once and not tried again."""
    RETRY = "retry"
    """Something is left that may succeed later."""


@dataclass(frozen=True, slots=True)
class ProcessReport:
    """What was done for one trigger, and how long it took; ``reason`` says why nothing was."""

    change_id: str
    customer: str
    verdict: Verdict
    reason: str = ""
    status: ChangeStatus | None = None
    meeting: MeetingResult | None = None
    mails: NotifyReport | None = None
    errors: tuple[ReportedError, ...] = ()
    duration: timedelta = timedelta(0)
