"""The mails that go with a change's life cycle."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from contact_manager.domain.change import ChangeKind


class NotificationKind(StrEnum):
    """What a mail tells; the value names its template folder and its ledger object."""

    APPROVAL_REQUEST = "approval-request"
    ANNOUNCEMENT = "announcement"
    COMPLETION = "completion"
    CANCELLATION = "cancellation"


@dataclass(frozen=True, slots=True)
class NotificationTopics:
    """SES topics whose subscribers get the mails.

    Announcements have their own but for their approval; the meeting invites the same subscribers.
    """

    approval_request: str = "aws-approval"
    announcement: str = "aws-announce"
    completion: str = "aws-announce"
    cancellation: str = "aws-announce"
    announcement_approval_request: str = "announce-approval"
    cic: str = "cic-announce"
    finops: str = "finops-announce"
    innersource: str = "inner-announce"
    general: str = "general-updates"

    def topic_for(self, kind: NotificationKind, change_kind: ChangeKind) -> str:
        """Return the topic of one mail about one kind of change."""
        if not change_kind.is_announcement:
            return str(getattr(self, kind.name.lower()))
        if kind is NotificationKind.APPROVAL_REQUEST:
            return self.announcement_approval_request
        return self.of_announcement(change_kind)

    def of_announcement(self, change_kind: ChangeKind) -> str:
        """Return the topic of one kind of announcement: its mails go there, and its meeting invites there."""
        return str(getattr(self, change_kind.value))


@dataclass(frozen=True, slots=True)
class Mail:
    """One message to one person.

    Attributes:
        sender: Folded address.
        recipient: Folded address.
        subject: One line.
        text: Plain text.
        html: The same as HTML.
        contact_list: SES contact list of the recipient, for the unsubscribe link; None for mail that is no
            subscription.
        topic: SES topic the mail belongs to.
    """

    sender: str
    recipient: str
    subject: str
    text: str
    html: str
    contact_list: str | None = None
    topic: str | None = None
