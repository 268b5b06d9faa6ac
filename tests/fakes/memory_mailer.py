"""A mail service in memory that can refuse, fail and crash."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from contact_manager.domain.customer import Customer
from contact_manager.domain.notification import Mail
from contact_manager.errors import (
    MailRejectedError,
    RecipientUnverifiedError,
    RemoteServiceError,
    SendingStoppedError,
)


@dataclass
class MemoryMailer:
    """Implements ``ports.Mailer``.

    Attributes:
        sent: What was accepted, in order.
        troubles: By address, what is raised instead.
        crashes_after: After so many accepted mails ``crash`` is raised, once.
        crash: What is raised then.
    """

    sent: list[Mail] = field(default_factory=list)
    troubles: dict[str, Exception] = field(default_factory=dict)
    crashes_after: int | None = None
    crash: BaseException = field(default_factory=KeyboardInterrupt)
    tried: Counter[str] = field(default_factory=Counter)

    async def send(self, customer: Customer, mail: Mail) -> None:
        if self.crashes_after is not None and len(self.sent) >= self.crashes_after:
            self.crashes_after = None
            raise self.crash
        self.tried[mail.recipient] += 1
        if mail.recipient in self.troubles:
            raise self.troubles[mail.recipient]
        self.sent.append(mail)

    @property
    def recipients(self) -> list[str]:
        """Who was sent something, in order."""
        return [mail.recipient for mail in self.sent]


def rejection() -> MailRejectedError:
    return MailRejectedError("no", service="memory", operation="SendEmail", code="MessageRejected")


def outage() -> RemoteServiceError:
    return RemoteServiceError(
        "down", service="memory", operation="SendEmail", code="ServiceUnavailable", retryable=True
    )


def unverified() -> RecipientUnverifiedError:
    return RecipientUnverifiedError("no", service="memory", operation="SendEmail", code="MessageRejected")


def stopped(retry_after: timedelta | None = None) -> SendingStoppedError:
    return SendingStoppedError(
        "no", service="memory", operation="SendEmail", code="SendingPausedException", retry_after=retry_after
    )
