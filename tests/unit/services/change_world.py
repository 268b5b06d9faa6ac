"""A bucket, a calendar, a mailer and two customers in memory, through which changes go as events."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from contact_manager.domain.processing import ProcessReport, Verdict
from contact_manager.domain.subscription import OPT_IN, Contact, ContactList
from contact_manager.errors import RemoteServiceError
from contact_manager.formats.s3_event import Trigger, trigger_key
from contact_manager.services.leases import Leases
from contact_manager.services.process_change import ProcessServices, process_change
from contact_manager.services.schedule_meeting import MeetingServices
from contact_manager.settings import MeetingSettings, NotificationSettings, Settings
from tests.fakes.memory_mailer import MemoryMailer
from tests.fakes.memory_store import MemoryStore
from tests.fakes.moving_clock import MovingClock
from tests.fakes.worlds import FakeDirectory, InMemoryCalendar, customer

LEASE = timedelta(minutes=5)
MAX_DELIVERIES = 40


def listed(*addresses: str) -> ContactList:
    """Return a list whose contacts want everything."""
    topics = ("aws-calendar", "aws-announce", "aws-approval")
    return ContactList(
        "main",
        dict.fromkeys(topics, OPT_IN),
        tuple(Contact(address, dict.fromkeys(topics, OPT_IN)) for address in addresses),
    )


@dataclass
class ChangeWorld:
    """Change its parts before a run."""

    lists: dict[str, ContactList] = field(
        default_factory=lambda: {
            "hts": listed(*(f"h{number:02}@example.com" for number in range(13))),
            "acme": listed("ann@example.org", "bob@example.org"),
        }
    )
    clock: MovingClock = field(default_factory=MovingClock)
    calendar: InMemoryCalendar = field(default_factory=InMemoryCalendar)
    mailer: MemoryMailer = field(default_factory=MemoryMailer)
    meeting: MeetingSettings = field(default_factory=MeetingSettings)
    notification: NotificationSettings = field(default_factory=NotificationSettings)
    failures: dict[str, RemoteServiceError] = field(default_factory=dict)
    unconfigured: set[str] = field(default_factory=set)
    is_out_of_time: Callable[[], bool] = lambda: False
    store: MemoryStore = field(init=False)
    runs: int = 0

    def __post_init__(self) -> None:
        self.store = MemoryStore(self.clock)

    def submit(self, **edits: Any) -> dict[str, Any]:
        """Write a change and its triggers, as a portal does."""
        document = {
            "changeId": "CHG-1",
            "changeTitle": "Replace the gateway",
            "customers": list(self.lists),
            "implementationStart": "2031-05-10T18:00:00Z",
            "implementationEnd": "2031-05-10T20:00:00Z",
            "meetingTitle": "Call",
            "status": "approved",
            "version": "1",
            **edits,
        }
        self.store.objects["archive/CHG-1.json"] = json.dumps(document).encode()
        for code in self.lists:
            self.store.objects[trigger_key(code, "CHG-1")] = b"{}"
        return document

    def move_to(self, status: str, **edits: Any) -> None:
        """Write the change with another status, as a portal does: it adds a line to what the record tells."""
        record = self.record if "archive/CHG-1.json" in self.store.objects else {}
        lines = [*record.get("modifications", []), {"modification_type": status}]
        kept = {name: record[name] for name in ("meeting_metadata",) if name in record}
        self.submit(**{"status": status, "modifications": lines} | kept | edits)

    def services(self) -> ProcessServices:
        """Return what one run works with."""
        self.runs += 1
        settings = Settings(
            "config.json",
            customers={code: customer(code) for code in self.lists if code not in self.unconfigured},
            meeting=self.meeting,
            notification=self.notification,
        )
        directory = FakeDirectory(self.lists, self.failures)
        return ProcessServices(
            meeting=MeetingServices(settings, directory, self.calendar, self.clock),
            store=self.store,
            mailer=self.mailer,
            leases=Leases(self.store, self.clock, owner=f"run-{self.runs}", duration=LEASE),
            topics=self.notification.topics,
            sender="changes@example.com",
            organizer="changes@example.com",
            role="contact-manager",
            is_out_of_time=self.is_out_of_time,
        )

    async def deliver(self, code: str, services: ProcessServices | None = None) -> ProcessReport:
        """Process a customer's trigger."""
        trigger = Trigger("changes", trigger_key(code, "CHG-1"), code, "CHG-1")
        return await process_change(trigger, services or self.services())

    async def deliver_until_done(self, *, at_once: bool = False) -> None:
        """Deliver every customer's trigger, again after a while if it has to come again."""
        waiting = list(self.lists)
        for _ in range(MAX_DELIVERIES):
            if at_once:
                done = await asyncio.gather(*map(self.deliver, waiting))
            else:
                done = [await self.deliver(code) for code in waiting]
            reports = dict(zip(waiting, done, strict=True))
            waiting = [code for code, report in reports.items() if report.verdict is Verdict.RETRY]
            if not waiting:
                return
            self.clock.move(LEASE)
        raise AssertionError(f"not done: {reports}")

    @property
    def mails(self) -> Counter[tuple[str, str]]:
        """Recipients with the word that their subject begins with."""
        return Counter((mail.recipient, mail.subject.split(":")[0]) for mail in self.mailer.sent)

    @property
    def record(self) -> dict[str, Any]:
        """The archive object."""
        document: dict[str, Any] = json.loads(self.store.objects["archive/CHG-1.json"])
        return document

    @property
    def entries(self) -> Counter[tuple[str, str | None]]:
        """How often each kind of modification stands in the record, for each customer."""
        entries = self.record.get("modifications", [])
        return Counter((entry["modification_type"], entry.get("customer_code")) for entry in entries)

    @property
    def outcome(self) -> dict[str, Any]:
        """What must be the same however the way to it was."""
        return {
            "people": set(self.mails),
            "meetings": len(self.calendar.events),
            "notices": Counter(self.calendar.notices),
            "entries": self.entries,
            "has_meeting": "meeting_metadata" in self.record,
            "keys": set(self.store.objects),
        }
