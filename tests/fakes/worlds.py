"""Small worlds for tests: customers, contacts, changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from contact_manager.domain.change import Change, ChangeKind
from contact_manager.domain.customer import Customer
from contact_manager.domain.meeting import (
    FIRST_PART,
    Attendee,
    CalendarEvent,
    EventMemory,
    EventUpdate,
    MeetingKey,
    MeetingPlan,
)
from contact_manager.domain.subscription import OPT_IN, OPT_OUT, Contact, ContactList
from contact_manager.errors import ConflictError, RemoteServiceError

TOPIC = "aws-calendar"
NOW = datetime(2030, 1, 1, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
START = datetime(2031, 1, 14, 18, 0, tzinfo=NEW_YORK)


class FixedClock:
    def now(self) -> datetime:
        return NOW


def customer(code: str, *allowed: str, **more: Any) -> Customer:
    return Customer(
        code,
        code.upper(),
        "us-east-1",
        "arn:aws:iam::111111111111:role/contact-reader",
        restricted_recipients=frozenset(allowed),
        **more,
    )


def contact(address: str, choice: str | None = OPT_IN, *, unsubscribe_all: bool = False) -> Contact:
    return Contact(address, {TOPIC: choice} if choice else {}, unsubscribe_all)


def contact_list(*contacts: Contact | str, default: str = OPT_OUT, **more: Any) -> ContactList:
    listed = tuple(one if isinstance(one, Contact) else contact(one) for one in contacts)
    return ContactList("main", {TOPIC: default}, listed, **more)


def change(*customers: str, **more: Any) -> Change:
    values: dict[str, Any] = {
        "change_id": "CHG-1",
        "kind": ChangeKind.CHANGE,
        "title": "Database upgrade",
        "time_zone": "America/New_York",
        "implementation_start": START,
        "implementation_end": START + timedelta(hours=2),
    }
    return Change(customers=customers or ("hts",), **(values | more))


def plan(*addresses: str, **more: Any) -> MeetingPlan:
    values: dict[str, Any] = {
        "key": MeetingKey("chg-1"),
        "organizer": "changes@example.com",
        "subject": "Change Implementation: Database upgrade",
        "start": START,
        "end": START + timedelta(hours=2),
        "time_zone": "America/New_York",
        "location": "Microsoft Teams",
        "hide_attendees": False,
        "body": "<h2>Database upgrade</h2>",
    }
    return MeetingPlan(attendees=tuple(map(Attendee, sorted(addresses))), **(values | more))


@dataclass
class FakeDirectory:
    """Contact lists from memory; a customer may fail instead."""

    lists: Mapping[str, ContactList]
    failures: Mapping[str, RemoteServiceError] = field(default_factory=dict)

    async def fetch_contacts(self, customer: Customer, topics: Sequence[str]) -> ContactList:
        if customer.code in self.failures:
            raise self.failures[customer.code]
        return self.lists[customer.code]


@dataclass
class InMemoryCalendar:
    """A calendar that keeps events by key and counts who was told what; ``keys`` has ``""`` for none."""

    events: dict[str, CalendarEvent] = field(default_factory=dict)
    notices: list[tuple[str, str]] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)

    async def find_events(self, key: MeetingKey) -> tuple[CalendarEvent, ...]:
        return tuple(event for event_id, event in self.events.items() if self.keys[event_id] == key.value)

    async def find_event(self, event_id: str) -> CalendarEvent | None:
        event = self.events.get(event_id)
        return None if event is None else replace(event, key=self.keys[event_id])

    async def adopt_event(self, event: CalendarEvent, key: MeetingKey, memory: EventMemory) -> CalendarEvent:
        live = replace(self._live(event), key=self.keys[event.event_id])
        if live.key == key.value:
            return live
        if live.key:
            raise ConflictError("another change's", service="memory", operation="adopt", is_undone=True)
        self.keys[event.event_id] = key.value
        return self._keep("adopt", replace(live, key=key.value, memory=memory))

    def put(self, event: CalendarEvent) -> CalendarEvent:
        """Put an event into the calendar as another program does: it has no key."""
        self.keys[event.event_id] = ""
        self.events[event.event_id] = event
        return event

    async def create_event(self, plan: MeetingPlan) -> CalendarEvent:
        found = [one for one in await self.find_events(plan.key) if one.part == plan.part]
        if found:
            return found[0]
        event_id = f"event-{len(self.keys) + 1}"
        event = CalendarEvent(
            event_id,
            plan.subject,
            plan.start,
            plan.end,
            plan.location,
            plan.hide_attendees,
            plan.attendees,
            plan.first_memory(),
            f"https://teams.example.com/{event_id}" if plan.part == FIRST_PART else "",
            f"https://outlook.example.com/{event_id}",
            organizer=plan.organizer,
        )
        self.keys[event_id] = plan.key.value
        self._keep("create", event)
        self._tell("invitation", [one.address for one in plan.attendees])
        return event

    async def update_content(self, event: CalendarEvent, update: EventUpdate) -> CalendarEvent:
        live, wanted = self._live(event), update.plan
        self._tell("update", [one.address for one in live.attendees])
        return self._keep(
            "content",
            replace(
                live,
                subject=wanted.subject,
                start=wanted.start,
                end=wanted.end,
                location=wanted.location,
                hide_attendees=wanted.hide_attendees,
                memory=update.before or update.after or live.memory,
            ),
        )

    async def update_attendees(self, event: CalendarEvent, attendees: Sequence[Attendee]) -> CalendarEvent:
        live = self._live(event)
        before, after = ({one.address for one in people} for people in (live.attendees, attendees))
        self._tell("invitation", sorted(after - before))
        self._tell("cancellation", sorted(before - after))
        return self._keep("attendees", replace(live, attendees=tuple(attendees)))

    async def remember(self, event: CalendarEvent, memory: EventMemory) -> CalendarEvent:
        return self._keep("memory", replace(self._live(event), memory=memory))

    async def cancel_event(self, event: CalendarEvent, comment: str) -> None:
        live = self.events.pop(event.event_id, None)
        if live is not None:
            self.writes.append("cancel")
            self._tell("cancellation", [one.address for one in live.attendees])

    def _live(self, event: CalendarEvent) -> CalendarEvent:
        if event.event_id not in self.events:
            raise ConflictError("the event is gone", service="memory", operation="write")
        return self.events[event.event_id]

    def _keep(self, write: str, event: CalendarEvent) -> CalendarEvent:
        self.writes.append(write)
        self.events[event.event_id] = event
        return event

    def _tell(self, kind: str, addresses: list[str]) -> None:
        self.notices += [(kind, address) for address in addresses]
