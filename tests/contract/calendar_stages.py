"""The calendars to test, each with a way to look behind it."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Protocol

import pytest
import stamina

from contact_manager.adapters.dry_run import DryRunCalendar
from contact_manager.adapters.graph import calendar as graph_calendar
from contact_manager.adapters.graph import http
from contact_manager.adapters.graph.calendar import GraphCalendar
from contact_manager.adapters.graph.credentials import AzureCredential
from contact_manager.adapters.graph.tokens import TokenSource
from contact_manager.domain.meeting import CalendarEvent, MeetingKey, MeetingPlan
from contact_manager.ports import Calendar
from contact_manager.sandbox.graph_server import GraphServer
from tests.contract.graph_lab import (
    CLIENT,
    ORGANIZER,
    SECRET,
    TENANT,
    check_event,
    event_body,
    event_writes,
    events_in,
    make_server,
    told,
    with_key,
)
from tests.fakes import worlds
from tests.fakes.worlds import InMemoryCalendar

ATTEMPTS = 3
_TLS = ssl.create_default_context()


class Stage(Protocol):
    """A calendar under test and the hands of the people around it."""

    @property
    def calendar(self) -> Calendar: ...

    async def given(self, plan: MeetingPlan) -> CalendarEvent:
        """Return the event of ``plan`` as it is found after it was made."""

    async def put(self, *addresses: str, key: str = "") -> str:
        """Let another program make an event, and return its id."""

    def told(self) -> list[tuple[str, str]]:
        """Return who was told what so far."""

    def respond(self, event: CalendarEvent, address: str, response: str) -> None:
        """Let an attendee answer."""

    def lose(self, event: CalendarEvent) -> None:
        """Take the event away behind the tool's back."""


class MemoryStage:
    """A calendar in memory; with ``is_dry_run`` nothing may reach it."""

    def __init__(self, *, is_dry_run: bool = False) -> None:
        self.inner = InMemoryCalendar()
        self.calendar: Calendar = DryRunCalendar(self.inner) if is_dry_run else self.inner

    async def given(self, plan: MeetingPlan) -> CalendarEvent:
        await self.inner.create_event(plan)
        [event] = await self.inner.find_events(plan.key)
        return event

    async def put(self, *addresses: str, key: str = "") -> str:
        made = await self.inner.create_event(worlds.plan(*addresses, key=MeetingKey("others")))
        self.inner.put(replace(made, memory=None))
        self.inner.keys[made.event_id] = key
        return made.event_id

    def told(self) -> list[tuple[str, str]]:
        return list(self.inner.notices)

    def respond(self, event: CalendarEvent, address: str, response: str) -> None:
        live = self.inner.events[event.event_id]
        people = tuple(
            replace(one, response=response) if one.address == address else one for one in live.attendees
        )
        self.inner.events[event.event_id] = replace(live, attendees=people)

    def lose(self, event: CalendarEvent) -> None:
        del self.inner.events[event.event_id]


class GraphStage:
    """Graph's calendar against the stand-in."""

    def __init__(self, server: GraphServer, calendar: GraphCalendar) -> None:
        self.server = server
        self.calendar = calendar

    async def given(self, plan: MeetingPlan) -> CalendarEvent:
        await self.calendar.create_event(plan)
        [event] = await self.calendar.find_events(plan.key)
        return event

    async def put(self, *addresses: str, key: str = "") -> str:
        more = {"singleValueExtendedProperties": with_key(key)} if key else {}
        return self.server.put_event(ORGANIZER, event_body(*addresses, **more))

    def told(self) -> list[tuple[str, str]]:
        return told(self.server)

    def respond(self, event: CalendarEvent, address: str, response: str) -> None:
        self.server.respond(ORGANIZER, event.event_id, address, response)

    def lose(self, event: CalendarEvent) -> None:
        self.server.hand_delete(ORGANIZER, event.event_id)

    @property
    def events(self) -> list[dict[str, Any]]:
        """What is in the mailbox."""
        events: list[dict[str, Any]] = self.server.state()["mailboxes"][ORGANIZER]["events"]
        return events

    @property
    def requests(self) -> list[dict[str, Any]]:
        """What was asked of Graph so far, sign-in left out."""
        return [one for one in self.server.state()["requests"] if one["path"].startswith("/v1.0/")]

    @property
    def sign_ins(self) -> int:
        return sum(one["path"].endswith("/token") for one in self.server.state()["requests"])

    @property
    def last_body(self) -> dict[str, Any]:
        """Of the last request that wrote."""
        body: dict[str, Any] = list(event_writes(self.server))[-1]["body"]
        return body

    def fail(self, method: str, **fault: Any) -> None:
        """Let the next such request for events go wrong."""
        self.server.add_fault({"method": method, "path_contains": "/events", **fault})


async def find_credential() -> AzureCredential:
    return AzureCredential(TENANT, CLIENT, client_secret=SECRET)


def open_calendar(server: GraphServer, *, base_url: str = "", tls: ssl.SSLContext = _TLS) -> GraphCalendar:
    """Return the calendar; ``base_url`` leads it away from the server, where it only signs in."""
    url = base_url or server.base_url
    tokens = TokenSource(
        find_credential, authority_host=server.authority_host, graph_url=server.base_url, tls=tls
    )
    return GraphCalendar(ORGANIZER, tokens, base_url=url, tls=tls)


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for an event or a join link to appear."""
    monkeypatch.setattr(graph_calendar, "LOOKUP_DELAYS_S", (0.0, 0.0))
    monkeypatch.setattr(graph_calendar, "JOIN_LINK_DELAYS_S", (0.0, 0.0))


@asynccontextmanager
async def open_graph_stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[GraphStage]:
    """Open the calendar; whatever it reads and writes is checked against Graph's description."""
    parse = http._parse

    def parse_and_check(raw: bytes) -> Any:
        answer = parse(raw)
        for event in events_in(answer):
            check_event(event)
        return answer

    hurry(monkeypatch)
    monkeypatch.setattr(http, "_parse", parse_and_check)
    with make_server() as server, stamina.set_testing(True, attempts=ATTEMPTS, cap=True):
        calendar = open_calendar(server)
        try:
            yield GraphStage(server, calendar)
        finally:
            await calendar.close()
        for request in event_writes(server):
            check_event(request["body"])
