"""The mails that were handed over, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock


@dataclass(frozen=True, slots=True)
class SentMail:
    """A mail that SES accepted.

    Attributes:
        account: Whose SES.
        region: Of this SES.
        sender: ``FromEmailAddress``.
        recipient: The one address.
        subject: As sent.
        text: Plain text, the unsubscribe link filled in.
        html: The same as HTML.
        contact_list: Of ``ListManagementOptions``, or None.
        topic: Of ``ListManagementOptions``, or None.
        bounced: Why it was not delivered, or ``""``.
    """

    account: str
    region: str
    sender: str
    recipient: str
    subject: str
    text: str
    html: str
    contact_list: str | None = None
    topic: str | None = None
    bounced: str = ""


class Outbox:
    """All mails since the start, in the order in which they were accepted."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._mails: list[SentMail] = []

    def add(self, mail: SentMail) -> None:
        """Append a mail."""
        with self._lock:
            self._mails.append(mail)

    def clear(self) -> None:
        """Forget all mails."""
        with self._lock:
            self._mails.clear()

    def mails(self) -> tuple[SentMail, ...]:
        """Return all mails."""
        with self._lock:
            return tuple(self._mails)
