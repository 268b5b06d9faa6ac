"""The ``Calendar`` port on Microsoft Graph."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from yarl import URL

from contact_manager.adapters.graph.body import splice
from contact_manager.adapters.graph.errors import GraphError, as_conflict
from contact_manager.adapters.graph.event_json import (
    KEY_PROPERTY,
    MEMORY_PROPERTY,
    adoption_body,
    attendees_body,
    create_body,
    memory_body,
    parse_event,
    update_fields,
)
from contact_manager.adapters.graph.http import GraphHttp
from contact_manager.adapters.graph.tokens import TokenSource
from contact_manager.domain.meeting import (
    FIRST_PART,
    Attendee,
    CalendarEvent,
    EventMemory,
    EventUpdate,
    MeetingKey,
    MeetingPlan,
    plan_update,
)
from contact_manager.errors import ConflictError

_log = logging.getLogger(__name__)

MAX_GENERATIONS = 64
"""How often the meeting of one change can be cancelled or deleted and made anew."""

MAX_LOST_CREATES = 8
MAX_PAGES = 200
"""Of one look-up: more events than any change has entries; an answer that never ends is an error."""

LOOKUP_DELAYS_S = (0.0, 0.5, 1.0, 2.0)
"""A new event may not be found at once (read-after-write delay is not documented)."""

JOIN_LINK_DELAYS_S = (0.5, 1.0, 2.0, 3.0, 4.0)
"""A join link may come after the event (seen in practice; no length is documented)."""


class GraphCalendar:
    """The default calendar of one mailbox."""

    def __init__(
        self,
        organizer: str,
        tokens: TokenSource,
        *,
        base_url: str,
        tls: ssl.SSLContext,
        on_throttle: Callable[[str], None] = lambda _service: None,
    ) -> None:
        self._organizer = organizer
        self._http = GraphHttp(base_url, organizer, tokens, tls=tls, on_throttle=on_throttle)
        self._events_url = f"{self._http.base_url}/users/{quote(organizer, safe='@')}/events"

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def find_events(self, key: MeetingKey) -> tuple[CalendarEvent, ...]:
        """Return the live events of this key, oldest first. Empty is no proof of absence."""
        same_key = f"ep/id eq {_literal(KEY_PROPERTY)} and ep/value eq {_literal(key.value)}"
        query = {
            "$filter": f"singleValueExtendedProperties/Any(ep: {same_key})",
            "$expand": _EXPAND_MEMORY,
        }
        found = await self._read_pages(f"{self._events_url}?{_encode(query)}", operation="find the meeting")
        live = [value for value in found if not value.get("isCancelled")]
        live.sort(key=lambda value: str(value.get("createdDateTime") or ""))
        return tuple(self._parse(value) for value in live)

    async def _read_pages(self, url: str | None, *, operation: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for _ in range(MAX_PAGES):
            if not url:
                return found
            page = await self._http.read(url, operation=operation)
            found += self._values(page)
            url = self._next_page(page)
        raise _not_understood(f"a list of events has no end after {MAX_PAGES} pages")

    async def find_event(self, event_id: str) -> CalendarEvent | None:
        """Return the live event of this id, whoever made it, or None when there is none in this mailbox."""
        try:
            value = await self._read_event(event_id)
        except GraphError as error:
            if error.names_no_event:
                return None
            raise
        return None if value.get("isCancelled") else self._parse(value)

    async def adopt_event(self, event: CalendarEvent, key: MeetingKey, memory: EventMemory) -> CalendarEvent:
        """Write ``key`` and ``memory`` into an event without a key; one that has this key stays as it is.

        Two changes may name the same event: it is read just before, and written only as it was read, as far
        as Exchange obeys ``If-Match`` (not documented for events).
        """
        value = await self._read_or_conflict(event.event_id)
        live = self._parse(value)
        if live.key == key.value:
            return live
        if live.key:
            raise _has_other_key()
        body, etag = adoption_body(key, memory), str(value.get("@odata.etag") or "")
        after = self._parse(await self._write("PATCH", event, body, operation="adopt the meeting", etag=etag))
        return replace(after, key=key.value, memory=memory)

    async def create_event(self, plan: MeetingPlan) -> CalendarEvent:
        """Create the event of ``plan`` and invite its attendees; if it is there already, return that one.

        Before a create is repeated the event is looked for. An id whose event is gone for good (cancelled
        or deleted) is used up; then the next generation's id is tried.
        """
        generation = lost = 0
        while generation < MAX_GENERATIONS:
            try:
                created = await self._post(plan, generation)
            except GraphError as error:
                if not error.may_have_created or lost == MAX_LOST_CREATES - 1:
                    raise
                failure = error
            else:
                if created is not None:
                    return replace(created, is_recreated=generation > 0)
                generation += 1
                continue
            is_first = generation == lost == 0
            existing = await self._existing_after(failure, plan, patient=failure.may_be_done or is_first)
            if existing is not None:
                return await self._taken_up(existing, plan, failure)
            if failure.is_duplicate_transaction:
                generation += 1
            elif failure.may_be_done or failure.is_conflict:
                lost += 1
            else:
                raise failure
        raise _not_understood("no create made an event that can be found")

    async def _post(self, plan: MeetingPlan, generation: int) -> CalendarEvent | None:
        """Return the new event, or None when the answer is an event that was cancelled long ago."""
        body = create_body(plan, generation)
        value = await self._http.write("POST", self._events_url, body, operation="create the meeting")
        event = replace(self._parse(value), memory=plan.first_memory())
        if value.get("isCancelled"):
            return None
        return await self._with_join_link(event) if plan.part == FIRST_PART else event

    async def _taken_up(
        self, existing: CalendarEvent, plan: MeetingPlan, failure: GraphError
    ) -> CalendarEvent:
        """Return the event that is there, unless it must be brought in line first."""
        if plan_update(plan, existing).is_visible:
            raise as_conflict(failure)
        return await self._with_join_link(existing) if plan.part == FIRST_PART else existing

    async def update_content(self, event: CalendarEvent, update: EventUpdate) -> CalendarEvent:
        """Write the fields of ``update``, the text around the vendor's join block. Everybody is told."""
        body = update_fields(update)
        text = await self._spliced_body(event, update) if "body" in update.fields else {}
        keeps_old_text = text is None
        body |= text or {}
        if not body:
            return replace(event, keeps_old_text=keeps_old_text)
        memory = update.before or update.after or event.memory
        if memory and keeps_old_text and event.memory:
            memory = memory.with_text_of(event.memory)
        if memory and memory != event.memory:
            body |= memory_body(memory)
        after = await self._patch(event, body, operation="update the meeting")
        return replace(after, memory=memory, keeps_old_text=keeps_old_text)

    async def update_attendees(self, event: CalendarEvent, attendees: Sequence[Attendee]) -> CalendarEvent:
        """Replace the attendees. Only those who are new or gone are told.

        Nothing else is in the request: with any other property Graph tells everybody.
        """
        body = {"attendees": attendees_body(tuple(attendees))}
        return await self._patch(event, body, operation="change the attendees")

    async def remember(self, event: CalendarEvent, memory: EventMemory) -> CalendarEvent:
        """Keep ``memory`` in the event and return it as it is afterwards. Nobody is told."""
        body = memory_body(memory)
        value = await self._write("PATCH", event, body, operation="note what was done")
        return replace(self._parse(value), memory=memory)

    async def cancel_event(self, event: CalendarEvent, comment: str) -> None:
        """Cancel ``event`` and tell everybody ``comment``; one that is gone already is fine."""
        url = f"{self._event_url(event)}/cancel"
        try:
            await self._http.write("POST", url, {"Comment": comment}, operation="cancel the meeting")
        except GraphError as error:
            if error.is_gone:
                return
            if error.is_conflict or error.may_be_done:
                raise as_conflict(error) from error
            raise

    async def _patch(self, event: CalendarEvent, body: dict[str, Any], *, operation: str) -> CalendarEvent:
        after = self._parse(await self._write("PATCH", event, body, operation=operation))
        return await self._with_join_link(after) if event.join_url else after

    async def _write(
        self, method: str, event: CalendarEvent, body: dict[str, Any], *, operation: str, etag: str = ""
    ) -> Any:
        url = self._event_url(event)
        try:
            return await self._http.write(method, url, body, operation=operation, etag=etag)
        except GraphError as error:
            if error.is_conflict or error.is_gone or error.may_be_done:
                await asyncio.sleep(LOOKUP_DELAYS_S[1])
                raise as_conflict(error) from error
            raise

    async def _spliced_body(self, event: CalendarEvent, update: EventUpdate) -> dict[str, Any] | None:
        value = await self._read_or_conflict(event.event_id)
        live = str((value.get("body") or {}).get("content") or "")
        content = splice(live, update.plan.body, event.join_url)
        if content is None:
            return None
        return {"body": {"contentType": "html", "content": content}}

    async def _existing_after(
        self, error: GraphError, plan: MeetingPlan, *, patient: bool
    ) -> CalendarEvent | None:
        """Return the event that a failed create may have left, looking more than once at first."""
        named = error.body.get("@event.existingeventid")
        if isinstance(named, str) and named:
            event = await self.find_event(named)
            if event is not None:
                return event
        for delay_s in LOOKUP_DELAYS_S if patient else LOOKUP_DELAYS_S[:1]:
            await asyncio.sleep(delay_s)
            found = [one for one in await self.find_events(plan.key) if one.part == plan.part]
            if found:
                return found[0]
        return None

    async def _with_join_link(self, event: CalendarEvent) -> CalendarEvent:
        """Return ``event``, read again for a while as long as its join link has not come.

        That it cannot be read does not undo what was written.
        """
        for delay_s in JOIN_LINK_DELAYS_S:
            if event.join_url:
                break
            await asyncio.sleep(delay_s)
            try:
                event = await self.find_event(event.event_id) or event
            except GraphError as error:
                _log.warning("meeting.join_link_unread code=%s request_id=%s", error.code, error.request_id)
                break
        return event

    async def _read_or_conflict(self, event_id: str) -> dict[str, Any]:
        """Return an event that was there a moment ago."""
        try:
            return await self._read_event(event_id)
        except GraphError as error:
            if error.is_gone:
                raise as_conflict(error) from error
            raise

    async def _read_event(self, event_id: str) -> dict[str, Any]:
        url = f"{self._events_url}/{quote(event_id, safe='')}?{_encode({'$expand': _EXPAND_OURS})}"
        value = await self._http.read(url, operation="read the meeting")
        return value if isinstance(value, dict) else {}

    def _event_url(self, event: CalendarEvent) -> str:
        return f"{self._events_url}/{quote(event.event_id, safe='')}"

    def _parse(self, value: Any) -> CalendarEvent:
        try:
            return parse_event(value, self._organizer)
        except (ValueError, AttributeError) as error:
            raise _not_understood(str(error)) from error

    def _values(self, page: Any) -> list[dict[str, Any]]:
        values = page.get("value") if isinstance(page, dict) else None
        if not isinstance(values, list) or not all(isinstance(one, dict) for one in values):
            raise _not_understood("a list of events has no value")
        return values

    def _next_page(self, page: dict[str, Any]) -> str | None:
        """Return the next page's address; the token goes to no other host."""
        link = page.get("@odata.nextLink")
        if link is not None and _origin(str(link)) != _origin(self._http.base_url):
            raise _not_understood("the next page is on another host")
        return None if link is None else str(link)


def _origin(url: str) -> URL | None:
    """Return scheme, host and port, or None when ``url`` has none."""
    try:
        return URL(url).origin()
    except ValueError:
        return None


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _encode(query: dict[str, str]) -> str:
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())


def _has_other_key() -> ConflictError:
    return ConflictError(
        "the meeting became that of another change meanwhile",
        service="graph",
        operation="adopt the meeting",
        code="OtherKey",
        retryable=True,
        is_undone=True,
    )


_MEMORY_ID = f"id eq {_literal(MEMORY_PROPERTY)}"
_EXPAND_MEMORY = f"singleValueExtendedProperties($filter={_MEMORY_ID})"
_EXPAND_OURS = f"singleValueExtendedProperties($filter={_MEMORY_ID} or id eq {_literal(KEY_PROPERTY)})"


def _not_understood(what: str) -> GraphError:
    return GraphError(
        f"Microsoft Graph's answer cannot be understood: {what}", operation="read", code="BadAnswer"
    )
