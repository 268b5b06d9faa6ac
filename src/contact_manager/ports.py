"""The seams: what the use cases need from outside, in domain words.

Every verb is safe to repeat; the contract suites run on every implementation.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from contact_manager.domain.customer import Customer
from contact_manager.domain.meeting import (
    Attendee,
    CalendarEvent,
    EventMemory,
    EventUpdate,
    MeetingKey,
    MeetingPlan,
)
from contact_manager.domain.notification import Mail
from contact_manager.domain.processing import Message
from contact_manager.domain.subscription import ContactList

MAX_OBJECT_BYTES = 64 * 1024 * 1024
"""Nothing larger is read: a ledger of a million people has half of that."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as it was read.

    Attributes:
        data: Its bytes, decompressed.
        etag: What the object is recognised by when it is written again.
        age: How long ago it was written, at least, by the store's own clock alone.
        properties: What the store keeps beside the bytes; only the store that gave it reads it.
    """

    data: bytes
    etag: str
    age: timedelta
    properties: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present moment, aware."""


class ContactDirectory(Protocol):
    """Reads the customers' contact lists; never writes."""

    async def fetch_contacts(self, customer: Customer, topics: Sequence[str]) -> ContactList:
        """Return every contact of the customer's list with the choices for ``topics``.

        Raises:
            TopicMissingError: The list does not have ``topics[0]``.
            RemoteServiceError: The account cannot be read.
            TimeoutError: It took longer than a customer has.
        """


class Calendar(Protocol):
    """One organizer's calendar at a vendor.

    Every verb raises ``ConflictError`` when the event changed or went meanwhile, and ``RemoteServiceError``
    for everything else that goes wrong.
    """

    async def find_events(self, key: MeetingKey) -> tuple[CalendarEvent, ...]:
        """Return the live events of this key, oldest first. Empty is no proof of absence."""

    async def find_event(self, event_id: str) -> CalendarEvent | None:
        """Return the live event of this id, whoever made it, with its key and its organizer.

        None when there is no such event in this calendar, when it is cancelled, or when this is no id at all.
        Its id may be another spelling of ``event_id``.
        """

    async def adopt_event(self, event: CalendarEvent, key: MeetingKey, memory: EventMemory) -> CalendarEvent:
        """Write ``key`` and ``memory`` into an event without a key; one that has this key stays as it is.

        Nobody is notified. An event that got another key meanwhile is a conflict.
        """

    async def create_event(self, plan: MeetingPlan) -> CalendarEvent:
        """Create the event of ``plan`` and invite its attendees; if it is there already, return that one."""

    async def update_content(self, event: CalendarEvent, update: EventUpdate) -> CalendarEvent:
        """Write the fields of ``update``, the text around the vendor's join block. Everybody is told.

        In the same request the event is given ``update.before`` to remember, or ``update.after`` if there is
        no ``before``.
        """

    async def update_attendees(self, event: CalendarEvent, attendees: Sequence[Attendee]) -> CalendarEvent:
        """Replace the attendees. Only those who are new or gone are told."""

    async def remember(self, event: CalendarEvent, memory: EventMemory) -> CalendarEvent:
        """Keep ``memory`` in the event and return it as it is afterwards. Nobody is told."""

    async def cancel_event(self, event: CalendarEvent, comment: str) -> None:
        """Cancel ``event`` and tell everybody ``comment``; one that is gone already is fine."""


class ObjectStore(Protocol):
    """Named bytes with conditional writes.

    Every verb raises ``RemoteServiceError`` when the store cannot be used.
    """

    async def fetch(self, key: str, *, max_size: int = MAX_OBJECT_BYTES) -> StoredObject | None:
        """Return the object, or None when there is none.

        Raises:
            UnusableObjectError: It has more than ``max_size`` bytes, and no more than that is read; or it is
                compressed in a way that is not known.
        """

    async def exists(self, key: str) -> bool:
        """Whether there is such an object; its bytes are not read."""

    async def write(
        self, key: str, data: bytes, *, etag: str | None, keeping: StoredObject | None = None
    ) -> str:
        """Write the object if it is still the one with ``etag``, or with None if there is none yet.

        Args:
            key: Of the object.
            data: Its new bytes, not compressed.
            etag: Of the object that is replaced.
            keeping: Whose properties the object keeps; None for a plain JSON object.

        Returns:
            The new etag.

        Raises:
            ConflictError: The object may be another one by now: by somebody else's hand, or by this very
                write, whose first answer was lost. Read it again to know.
        """

    async def delete(self, key: str) -> None:
        """Remove the object; one that is gone already is fine.

        Raises:
            ConflictError: Somebody else wrote it at the same moment; it may be there still.
        """

    def list_keys(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys that begin with ``prefix``."""


class MessageQueue(Protocol):
    """A queue that gives messages out again unless they are deleted in time.

    Every verb raises ``RemoteServiceError`` when the queue cannot be used.
    """

    async def receive(self, hidden_for: timedelta) -> Sequence[Message]:
        """Wait a while for messages and return them, hidden from others so long."""

    async def hide(self, hidden_for: Mapping[str, timedelta]) -> None:
        """Keep messages, by receipt, from others for so long from now; ones that are gone are fine."""

    async def delete(self, receipts: Sequence[str]) -> None:
        """Take messages off the queue; ones that are gone already are fine."""


class Mailer(Protocol):
    """Sends mail in the customers' accounts, at the pace each account allows."""

    async def send(self, customer: Customer, mail: Mail) -> None:
        """Hand over one message. Not safe to repeat: a lost answer may hide a message that was sent.

        Raises:
            MailRejectedError: This message can never be sent to this person.
            RemoteServiceError: It was not taken now.
        """
