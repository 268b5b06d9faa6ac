"""What a change's status asks for: one table, and the jumps it forbids."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from contact_manager.domain.change import Change
from contact_manager.domain.notification import NotificationKind


class ChangeStatus(StrEnum):
    """Where a change is in its life cycle; other words ask for nothing."""

    SUBMITTED = "submitted"
    APPROVED = "approved"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class MeetingStep(StrEnum):
    """What is done about the meeting."""

    LEAVE = "leave"
    SCHEDULE = "schedule"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Steps:
    """What a status asks for: something about the meeting first, then a mail.

    ``mails_only_approved`` keeps the mail back from people who never heard of the change.
    """

    meeting: MeetingStep
    notification: NotificationKind
    mails_only_approved: bool = False


LIFECYCLE: Mapping[ChangeStatus, Steps] = {
    ChangeStatus.SUBMITTED: Steps(MeetingStep.CANCEL, NotificationKind.APPROVAL_REQUEST),
    ChangeStatus.APPROVED: Steps(MeetingStep.SCHEDULE, NotificationKind.ANNOUNCEMENT),
    ChangeStatus.COMPLETED: Steps(MeetingStep.LEAVE, NotificationKind.COMPLETION),
    ChangeStatus.CANCELLED: Steps(
        MeetingStep.CANCEL, NotificationKind.CANCELLATION, mails_only_approved=True
    ),
}
"""``submitted`` cancels as well: a change that is edited after its approval has to be approved anew."""

_STATUSES_OF_REQUESTS = {
    "approved_announcement": ChangeStatus.APPROVED,
    "approval_request": ChangeStatus.SUBMITTED,
}
_STATUSES = {one.value: one for one in ChangeStatus} | {"canceled": ChangeStatus.CANCELLED}
_UNSAFE_IN_KEYS = re.compile(r"[^A-Za-z0-9._-]")
_MAX_READABLE_LENGTH = 40
_DIGEST_LENGTH = 16
_UNSAFE_IN_OLD_KEYS = re.compile(r"[^\w.-]")
_MAX_OLD_KEY_LENGTH = 100
_UNFINISHED = frozenset({"draft", "rejected", "deleted", "archived"})
"""Words of people's own that ask for nothing, whatever the request type says."""

_AFTER_END: Mapping[ChangeStatus, frozenset[ChangeStatus]] = {
    ChangeStatus.COMPLETED: frozenset({ChangeStatus.COMPLETED}),
    ChangeStatus.CANCELLED: frozenset({ChangeStatus.CANCELLED, ChangeStatus.SUBMITTED}),
}
"""What may follow an end: nothing follows a completion; a cancelled change may be submitted anew."""


@dataclass(frozen=True, slots=True)
class Transition:
    """What mails belong to: a version of the change, or, without one, a status and how often it was reached.

    Attributes:
        text: The version exactly as written, or the status with its number.
        is_version: Which of the two it is.
    """

    text: str
    is_version: bool

    @property
    def key(self) -> str:
        """Part of an object's key: readable, and different for different transitions.

        The digest tells apart what looks alike once it is made readable: ``1/0`` and ``1 0``, letters of
        other alphabets, long texts with one beginning, and a version that is called like a status.
        """
        named = f"{'version' if self.is_version else 'status'}:{self.text}"
        digest = hashlib.sha256(named.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_LENGTH]
        return f"{_UNSAFE_IN_KEYS.sub('_', self.text)[:_MAX_READABLE_LENGTH]}-{digest}"

    @property
    def old_key(self) -> str:
        """The key of releases before the digest; several transitions may have had the same one."""
        return _UNSAFE_IN_OLD_KEYS.sub("_", self.text)[:_MAX_OLD_KEY_LENGTH]

    @property
    def label(self) -> str:
        """Name in records and claims: the text where it can stand there as it is, else the key."""
        return self.text if self.text == self.old_key else self.key


@dataclass(frozen=True, slots=True)
class ChangeHistory:
    """The statuses a change went through, oldest first, as its record tells."""

    statuses: tuple[ChangeStatus, ...] = ()
    has_approval: bool = False

    @property
    def was_approved(self) -> bool:
        """Whether anybody approved the change at any time."""
        return self.has_approval or ChangeStatus.APPROVED in self.statuses

    def transition(self, status: ChangeStatus, version: str) -> Transition:
        """Return under what is noted what was done for ``status``.

        That is the version; without one the status, and a number when the change came to this status before
        and left it in between.
        """
        if version:
            return Transition(version, is_version=True)
        path = [one for one, _ in groupby((*self.statuses, status))]
        times = path.count(status)
        return Transition(status.value if times == 1 else f"{status}-{times}", is_version=False)


def read_status(status: str, request_type: str = "") -> ChangeStatus | None:
    """Return the status that a change's own words stand for, or None when they ask for nothing."""
    if status in _UNFINISHED:
        return None
    return _STATUSES.get(status) or _STATUSES_OF_REQUESTS.get(request_type)


def forbidden_jump(status: ChangeStatus, history: ChangeHistory) -> str:
    """Return why the life cycle does not allow ``status`` after ``history``, or ``""``.

    A record that tells nothing of its past forbids nothing.
    """
    past = history.statuses[:-1] if history.statuses[-1:] == (status,) else history.statuses
    if status is ChangeStatus.COMPLETED and past and not history.was_approved:
        return "completed, and it was never approved"
    after_end = _AFTER_END.get(past[-1]) if past else None
    if after_end is not None and status not in after_end:
        return f"{status} after it was {past[-1]}"
    return ""


def needs_meeting(change: Change, *, auto_schedule: bool) -> bool:
    """Return whether a change that arrives by itself gets a meeting.

    What its author says counts; else whether there is a meeting already or details of one are given; else
    whether it touches two or more customers and has an implementation start, if ``auto_schedule`` allows it.
    """
    wish = change.meeting
    if wish.wanted is not None:
        return wish.wanted
    if change.recorded_meeting or wish.title is not None or wish.start is not None:
        return True
    return auto_schedule and len(change.customers) > 1 and change.implementation_start is not None
