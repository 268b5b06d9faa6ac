"""What became of a change that arrived as an event."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from contact_manager.domain.guards import guard_stops
from contact_manager.domain.lifecycle import ChangeStatus
from contact_manager.domain.outcome import ReportedError, RunReport
from contact_manager.domain.recipients import Exclusion
from contact_manager.errors import RemoteServiceError, SendingStoppedError

WAITING = "mail"
"""``service`` of errors that are no failure of any service: something has to wait for the next run."""


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

    @property
    def stops(self) -> tuple[ReportedError, ...]:
        """The safety rules that stopped it."""
        return guard_stops(self.errors)


@dataclass(frozen=True, slots=True)
class NotifyReport:
    """What was sent: how many now, how many before, who was left out, and what went wrong.

    ``errors`` may pass, and there is one for each of the first failures only; ``stops`` are safety rules; a
    ``problem`` is one of the change itself.

    Attributes:
        failed: How many mails were not taken now.
        postponed: How many wait until the account may send again.
    """

    topic: str
    sent: int = 0
    sent_before: int = 0
    refused: int = 0
    failed: int = 0
    postponed: int = 0
    excluded: tuple[Exclusion, ...] = field(default=(), repr=False)
    errors: tuple[RemoteServiceError, ...] = ()
    stops: tuple[ReportedError, ...] = ()
    problem: str = ""

    @property
    def failures(self) -> int:
        """How many mails failed or were refused, at least one if nothing could be tried for a failure.

        What waits for another run, for more time or for the account is no failure.
        """
        has_failed = any(error.service != WAITING for error in self.errors) and not self.postponed
        return self.refused + (self.failed or int(has_failed))

    @property
    def retry_after(self) -> timedelta | None:
        """How long the account needs before it can send again; None when nobody knows."""
        known = (error.retry_after for error in self.errors if isinstance(error, SendingStoppedError))
        return max((rest for rest in known if rest is not None), default=None)


class Verdict(StrEnum):
    """What becomes of the message."""

    DONE = "done"
    IGNORED = "ignored"
    """There was nothing to do."""
    REJECTED = "rejected"
    """It cannot succeed, or a safety rule stopped it: it is reported once and not tried again."""
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

    @property
    def retry_after(self) -> timedelta | None:
        """How long a repetition has to wait at least; a meeting that is not done waits for no quota."""
        if self.mails is None or (self.meeting is not None and self.meeting.comes_again):
            return None
        return self.mails.retry_after

    @property
    def stops(self) -> tuple[ReportedError, ...]:
        """The safety rules that stopped something."""
        return (*(self.meeting.stops if self.meeting else ()), *(self.mails.stops if self.mails else ()))
