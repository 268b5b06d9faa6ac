"""What a run did, as data: the same for people, programs and the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from contact_manager.domain.meeting import CalendarEvent, MeetingPlan
from contact_manager.domain.recipients import Recipients


class Action(StrEnum):
    """What happened to the meeting, or would happen."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    NONE = "none"
    WOULD_CREATE = "would-create"
    WOULD_UPDATE = "would-update"
    WOULD_LEAVE = "would-leave"

    @property
    def tentative(self) -> Action:
        """The same, said of a dry run."""
        return _TENTATIVE.get(self, self)


_TENTATIVE = {
    Action.CREATED: Action.WOULD_CREATE,
    Action.UPDATED: Action.WOULD_UPDATE,
    Action.UNCHANGED: Action.WOULD_LEAVE,
}


class CustomerStatus(StrEnum):
    """Whether a customer's list was read."""

    OK = "ok"
    FAILED = "failed"
    NOT_CONFIGURED = "not-configured"


class ErrorKind(StrEnum):
    """Who must act."""

    INPUT = "input"
    GUARD = "guard"
    REMOTE = "remote"


@dataclass(frozen=True, slots=True)
class ReportedError:
    """Something that kept the run from its end; ``path`` is a place in a file, or ``""``."""

    kind: ErrorKind
    type: str
    message: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class CustomerOutcome:
    """How reading one customer ended; ``error_type`` and ``error_message`` are empty when it is fine."""

    code: str
    name: str
    status: CustomerStatus
    contacts: int = 0
    recipients: int = 0
    error_type: str = ""
    error_message: str = ""
    duration: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Changes:
    """What was, or would be, different from before."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunReport:
    """Everything there is to tell about one run for one change."""

    change_id: str | None = None
    topic: str | None = None
    dry_run: bool = False
    action: Action = Action.NONE
    plan: MeetingPlan | None = None
    events: tuple[CalendarEvent, ...] = ()
    recipients: Recipients = field(default_factory=Recipients)
    customers: tuple[CustomerOutcome, ...] = ()
    changes: Changes = field(default_factory=Changes)
    warnings: tuple[str, ...] = ()
    errors: tuple[ReportedError, ...] = ()

    @property
    def is_ok(self) -> bool:
        """Whether the run came to its end; customers that could not be read are told apart by name."""
        return not self.errors

    @property
    def unreadable(self) -> tuple[CustomerOutcome, ...]:
        """The customers whose people are not known."""
        return unreadable_customers(self.customers)


def unreadable_customers(customers: Sequence[CustomerOutcome]) -> tuple[CustomerOutcome, ...]:
    """Return those that could not be read, for whatever reason."""
    return tuple(one for one in customers if one.status is not CustomerStatus.OK)
