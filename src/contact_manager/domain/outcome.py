"""What a run did, as data: the same for people, programs and the record."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from contact_manager.domain.meeting import Attendee, CalendarEvent, MeetingPlan
from contact_manager.domain.recipients import Recipients
from contact_manager.errors import ContactManagerError, InvalidInputError, RemoteServiceError


class Action(StrEnum):
    """What happened to the meeting, or would happen."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    CANCELLED = "cancelled"
    NONE = "none"
    WOULD_CREATE = "would-create"
    WOULD_UPDATE = "would-update"
    WOULD_LEAVE = "would-leave"
    WOULD_CANCEL = "would-cancel"

    @property
    def tentative(self) -> Action:
        """The same, said of a dry run."""
        return _TENTATIVE.get(self, self)


_TENTATIVE = {
    Action.CREATED: Action.WOULD_CREATE,
    Action.UPDATED: Action.WOULD_UPDATE,
    Action.UNCHANGED: Action.WOULD_LEAVE,
    Action.CANCELLED: Action.WOULD_CANCEL,
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
    """Something that kept the run from its end.

    Attributes:
        kind: Who must act.
        type: Name for programs.
        message: For people.
        path: A place in a file, or ``""``.
        customer: Folded code of the one customer it is about, or ``""``.
    """

    kind: ErrorKind
    type: str
    message: str
    path: str = ""
    customer: str = ""


def reported_errors(error: ContactManagerError) -> tuple[ReportedError, ...]:
    """Return an exception as lines of a report."""
    name = type(error).__name__
    if isinstance(error, InvalidInputError):
        return tuple(
            ReportedError(ErrorKind.INPUT, name, problem.message, _place(error.source, problem.path))
            for problem in error.problems
        )
    code = error.code if isinstance(error, RemoteServiceError) else ""
    return (ReportedError(ErrorKind.REMOTE, code or name, str(error)),)


def _place(source: str, path: str) -> str:
    return ": ".join(part for part in (source, path) if part)


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
class Notifies:
    """Who is mailed: so many are invited, so many told that they are out, and perhaps everybody."""

    added: int = 0
    removed: int = 0
    all: bool = False


@dataclass(frozen=True, slots=True)
class Drift:
    """How a meeting differs from what its change asks for.

    Attributes:
        changes: What bringing it in line would do.
        changed_by_hand: Fields that a person changed in the calendar.
        added_by_hand: Addresses that this tool did not invite; they stay.
        removed_by_hand: Subscribers whom the organizer took out; they stay out.
    """

    changes: Changes
    changed_by_hand: tuple[str, ...] = ()
    added_by_hand: tuple[str, ...] = ()
    removed_by_hand: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportedMeeting:
    """The meeting as it shall be, or as it was found; times are aware, in ``time_zone``."""

    subject: str
    organizer: str
    start: datetime
    end: datetime
    time_zone: str
    location: str
    hide_attendees: bool

    @classmethod
    def of_plan(cls, plan: MeetingPlan) -> ReportedMeeting:
        """Return what ``plan`` says."""
        return cls(
            plan.subject,
            plan.organizer,
            plan.start,
            plan.end,
            plan.time_zone,
            plan.location,
            plan.hide_attendees,
        )

    @classmethod
    def of_event(cls, event: CalendarEvent, organizer: str, time_zone: str) -> ReportedMeeting:
        """Return what stands in the calendar, told in ``time_zone``."""
        zone = ZoneInfo(time_zone)
        return cls(
            event.subject,
            organizer,
            event.start.astimezone(zone),
            event.end.astimezone(zone),
            time_zone,
            event.location,
            event.hide_attendees,
        )


@dataclass(frozen=True, slots=True)
class RunReport:
    """Everything there is to tell about one run for one change.

    ``changed_by_hand`` names the fields that a person changed in the calendar; ``drift`` is known only of a
    meeting that was looked at and not touched.
    """

    change_id: str | None = None
    topic: str | None = None
    dry_run: bool = False
    action: Action = Action.NONE
    meeting: ReportedMeeting | None = None
    events: tuple[CalendarEvent, ...] = ()
    recipients: Recipients = field(default_factory=Recipients)
    customers: tuple[CustomerOutcome, ...] = ()
    changes: Changes = field(default_factory=Changes)
    notifies: Notifies = field(default_factory=Notifies)
    changed_by_hand: tuple[str, ...] = ()
    drift: Drift | None = None
    warnings: tuple[str, ...] = ()
    errors: tuple[ReportedError, ...] = ()

    @property
    def is_ok(self) -> bool:
        """Whether the run came to its end; customers that could not be read are told apart by name."""
        return not self.errors

    @property
    def join_url(self) -> str:
        """The one Teams link that all calendar entries of the meeting share, or ``""``."""
        return next((event.join_url for event in self.events if event.join_url), "")

    def attendance(self) -> list[tuple[Attendee, tuple[str, ...], str]]:
        """Return who is in the meeting, by address, with their customers and what brought them in.

        That is ``topic``, ``manual``, ``by-hand``, ``former`` for people who are no longer subscribed, or
        ``unknown`` when not everything could be read.
        """
        invited = {one.address: one for one in self.recipients.invited}
        by_hand = self.drift.added_by_hand if self.drift else ()
        other = "former" if self.drift and not self.unreadable else "unknown"
        people = []
        for one in sorted((one for event in self.events for one in event.attendees), key=_address):
            recipient = invited.get(one.address)
            source = "by-hand" if one.address in by_hand else other
            people.append(
                (one, recipient.customers, recipient.source.value) if recipient else (one, (), source)
            )
        return people

    def with_errors(self, errors: tuple[ReportedError, ...]) -> RunReport:
        """Return the report with ``errors`` added."""
        return replace(self, errors=(*self.errors, *errors))

    def no_customer_readable(self) -> tuple[ReportedError, ...]:
        """Return the error that stands for all customers failing, or nothing."""
        if not self.customers or len(self.unreadable) < len(self.customers):
            return ()
        message = "no customer could be read, so nobody knows who is subscribed; nothing was changed"
        return (ReportedError(ErrorKind.REMOTE, "NoCustomerReadable", message),)

    @property
    def unreadable(self) -> tuple[CustomerOutcome, ...]:
        """The customers whose people are not known."""
        return tuple(one for one in self.customers if one.status is not CustomerStatus.OK)


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One change of many: the file it came from, and its report; ``skipped`` tells why it was left alone."""

    source: str
    report: RunReport
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What a run for many changes did; ``errors`` are those that concern no single change."""

    dry_run: bool = False
    items: tuple[BatchItem, ...] = ()
    errors: tuple[ReportedError, ...] = ()

    @property
    def is_ok(self) -> bool:
        """Whether every change came to its end."""
        return not self.errors and all(item.report.is_ok for item in self.items)


def _address(attendee: Attendee) -> str:
    return attendee.address
