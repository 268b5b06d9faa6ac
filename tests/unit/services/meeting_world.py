"""A change, its customers and a calendar, to run the use case on."""

from __future__ import annotations

from typing import Any

from contact_manager.adapters.dry_run import DryRunCalendar
from contact_manager.domain.change import Change
from contact_manager.domain.outcome import RunReport
from contact_manager.domain.recipients import TopicSelection
from contact_manager.domain.subscription import ContactList
from contact_manager.errors import RemoteServiceError
from contact_manager.services.schedule_meeting import MeetingServices, ScheduleRequest, schedule_meeting
from contact_manager.settings import MeetingSettings, Settings
from tests.fakes.worlds import (
    TOPIC,
    FakeDirectory,
    FixedClock,
    InMemoryCalendar,
    change,
    contact_list,
    customer,
)


class World:
    """Two customers, a calendar, and what a run needs; change its parts before a run."""

    def __init__(self) -> None:
        self.lists: dict[str, ContactList] = {
            "hts": contact_list("ann@example.com", "bob@example.com"),
            "acme": contact_list("ANN@example.com", "cat@example.com"),
        }
        self.failures: dict[str, RemoteServiceError] = {}
        self.calendar: Any = InMemoryCalendar()
        self.meeting = MeetingSettings()

    async def run(self, wanted: Change | None = None, *, dry: bool = False, **request: Any) -> RunReport:
        settings = Settings(
            "config.json", customers={code: customer(code) for code in self.lists}, meeting=self.meeting
        )
        services = MeetingServices(
            settings,
            FakeDirectory(self.lists, self.failures),
            DryRunCalendar(self.calendar) if dry else self.calendar,
            FixedClock(),
            is_dry_run=dry,
        )
        asked = ScheduleRequest(
            wanted or change("hts", "acme"), "changes@example.com", TopicSelection(TOPIC), **request
        )
        return await schedule_meeting(asked, services)
