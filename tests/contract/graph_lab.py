"""The Graph stand-in, plain HTTP to it, and Graph's own description of an event to check everything with."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
from jsonschema import Draft202012Validator, FormatChecker
from yarl import URL

from contact_manager.sandbox.graph_server import GraphServer

TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "66666666-7777-8888-9999-000000000000"
SECRET = "a-secret-for-tests"
ORGANIZER = "changes@example.com"
OTHER = "other@example.com"
SCOPE = "https://graph.example.com/.default"
KEY = "String {6f1f5d0e-6f8a-4d53-9a3c-2f6f6b0a7c11} Name ContactManagerKey"

_FORMATS = FormatChecker(formats=())
_FORMATS.checks("date-time", raises=ValueError)(lambda text: bool(datetime.fromisoformat(str(text))))
_FORMATS.checks("date", raises=ValueError)(lambda text: bool(date.fromisoformat(str(text))))
_SCHEMA_FILE = Path(__file__).parents[1] / "fixtures" / "graph" / "event.schema.json"
_EVENT = Draft202012Validator(json.loads(_SCHEMA_FILE.read_text()), format_checker=_FORMATS)


def check_event(value: Any) -> None:
    """Fail unless ``value`` is an event, or a part of one to write, as Graph describes it."""
    _EVENT.validate(value)


def events_in(answer: Any) -> list[dict[str, Any]]:
    """Return the events of an answer: a page, one event, or none."""
    if not isinstance(answer, dict):
        return []
    values = answer["value"] if isinstance(answer.get("value"), list) else [answer]
    return [one for one in values if "@odata.etag" in one]


def make_server(**more: Any) -> GraphServer:
    """Return a server with two mailboxes."""
    mailboxes = (ORGANIZER, OTHER)
    return GraphServer(tenant_id=TENANT, client_id=CLIENT, client_secret=SECRET, mailboxes=mailboxes, **more)


def attendees(*addresses: str) -> list[dict[str, Any]]:
    return [{"type": "required", "emailAddress": {"address": one}} for one in addresses]


def event_body(*addresses: str, **changes: Any) -> dict[str, Any]:
    """Return a body that creates an online meeting with these attendees."""
    body: dict[str, Any] = {
        "subject": "Database upgrade",
        "start": {"dateTime": "2031-01-14T18:00:00", "timeZone": "America/New_York"},
        "end": {"dateTime": "2031-01-14T20:00:00", "timeZone": "America/New_York"},
        "location": {"displayName": "Microsoft Teams"},
        "body": {"contentType": "html", "content": "<p>Hello</p>"},
        "attendees": attendees(*addresses),
        "isOnlineMeeting": True,
        "onlineMeetingProvider": "teamsForBusiness",
    }
    return body | changes


def with_key(value: str, name: str = KEY) -> list[dict[str, str]]:
    return [{"id": name, "value": value}]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and error code."""
        return self.status, self.body["error"]["code"]

    @property
    def subjects(self) -> list[str]:
        """Of the events of a page."""
        return [one["subject"] for one in self.body["value"]]


class GraphClient:
    """A signed-in client that knows no more than HTTP and JSON, and believes no event unchecked."""

    def __init__(self, server: GraphServer, session: aiohttp.ClientSession) -> None:
        self.server = server
        self._session = session
        self._token = ""

    async def sign_in(self, *, tenant: str = TENANT, **changes: str) -> Answer:
        """Ask for a token; ``changes`` alter the form."""
        form = {"client_id": CLIENT, "client_secret": SECRET, "scope": SCOPE}
        form |= {"grant_type": "client_credentials"} | changes
        url = f"{self.server.authority_host}/{tenant}/oauth2/v2.0/token"
        async with self._session.post(url, data=form) as response:
            answer = Answer(response.status, await response.json(), response.headers)
        self._token = answer.body.get("access_token", self._token)
        return answer

    async def ask(
        self,
        method: str,
        path: str = "",
        body: Any = None,
        *,
        mailbox: str = ORGANIZER,
        is_valid: bool = True,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask for ``/users/{mailbox}/events{path}``.

        ``is_valid`` is False for a body that is wrong on purpose.
        """
        if body is not None and is_valid and not path.endswith("/cancel"):
            check_event(body)
        options = "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in (query or {}).items())
        url = f"{self.server.base_url}/users/{mailbox}/events{path}" + (f"?{options}" if options else "")
        return await self.follow(url, method=method, body=body, headers=headers)

    async def follow(
        self, url: str, *, method: str = "GET", body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request and check every event of the answer."""
        sent = {"Authorization": f"Bearer {self._token}", **(headers or {})}
        target = URL(url, encoded=True)
        async with self._session.request(method, target, json=body, headers=sent) as response:
            raw = await response.read()
            answer = Answer(response.status, json.loads(raw) if raw else None, response.headers)
        for event in events_in(answer.body):
            check_event(event)
        return answer

    async def create(self, body: dict[str, Any], *, mailbox: str = ORGANIZER) -> dict[str, Any]:
        return one_event(await self.ask("POST", body=body, mailbox=mailbox), status=201)

    async def get(self, event_id: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        return one_event(await self.ask("GET", path_of(event_id), query=query))

    async def patch(self, event_id: str, changes: dict[str, Any]) -> dict[str, Any]:
        return one_event(await self.ask("PATCH", path_of(event_id), changes))

    async def pull(self, lever: str, content: Any = None, *, method: str = "POST") -> Answer:
        """Use the admin API."""
        url = f"{self.server.admin_url}/{lever}"
        async with self._session.request(method, URL(url, encoded=True), json=content) as response:
            return Answer(response.status, await response.json(), response.headers)

    def notices(self) -> list[tuple[str, str]]:
        """Who was told what, in order."""
        return told(self.server)


@asynccontextmanager
async def open_client(**more: Any) -> AsyncIterator[GraphClient]:
    """Run a server and sign in."""
    with make_server(**more) as server:
        async with aiohttp.ClientSession() as session:
            client = GraphClient(server, session)
            await client.sign_in()
            yield client


def one_event(answer: Answer, *, status: int = 200) -> dict[str, Any]:
    assert answer.status == status, answer.body
    event = answer.body
    assert isinstance(event, dict)
    return event


def path_of(event_id: str, verb: str = "") -> str:
    return f"/{quote(event_id, safe='')}{verb}"


def told(server: GraphServer) -> list[tuple[str, str]]:
    return [(one["kind"], one["address"]) for one in server.state()["notices"]]


def event_writes(server: GraphServer) -> Iterator[dict[str, Any]]:
    """Return the requests that wrote events; cancelling carries no event."""
    for one in server.state()["requests"]:
        if one["method"] in ("POST", "PATCH") and "/events" in one["path"] and "cancel" not in one["path"]:
            yield one
