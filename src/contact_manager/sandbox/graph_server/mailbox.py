"""A mailbox's calendar: events, and who was told what. No HTTP here."""

from __future__ import annotations

import base64
import copy
import itertools
import json
import re
import uuid
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from contact_manager.sandbox.graph_server.bodies import mentions, preview, rewritten, with_join_block
from contact_manager.sandbox.graph_server.event_rules import (
    NEWS,
    address_of,
    as_html,
    check_attendees,
    check_times,
    check_write,
    in_zone,
    kept_attendees,
)
from contact_manager.sandbox.graph_server.refusals import RefusedError, bad_request, malformed_id, not_found

_TEAMS = "teamsForBusiness"
_ID = re.compile(r"[A-Za-z0-9+/=_-]{40,}")
"""What an id looks like; anything else is answered with ErrorInvalidIdMalformed before it is looked up (as
seen in practice, not documented)."""


@dataclass(slots=True)
class Behaviour:
    """What may be switched while the server runs.

    Attributes:
        join_link_delay_s: How long a new online meeting has no join link.
        rename_ids: Whether Exchange puts ``x_`` before ids in bodies.
        duplicate_status: HTTP status of a transaction id that is taken, 400 or 409.
        names_existing_event: Whether that error names the event.
        create_despite_invalid_recipients: Whether the event is made although an address is refused.
        no_access_mailboxes: Answered with 403.
        not_enabled_mailboxes: Answered with MailboxNotEnabledForRESTAPI.
        retry_after_on_throttle: Whether 429 has a Retry-After.
        request_delay_s: Before every answer.
        token_lifetime_s: Of access tokens.
    """

    join_link_delay_s: float = 0.0
    rename_ids: bool = False
    duplicate_status: int = 400
    names_existing_event: bool = False
    create_despite_invalid_recipients: bool = False
    no_access_mailboxes: list[str] = field(default_factory=list)
    not_enabled_mailboxes: list[str] = field(default_factory=list)
    retry_after_on_throttle: bool = True
    request_delay_s: float = 0.0
    token_lifetime_s: int = 3599


@dataclass(frozen=True, slots=True)
class Notice:
    """A mail that Exchange sent: ``invitation``, ``update`` or ``cancellation``."""

    kind: str
    address: str
    event_id: str
    subject: str


class Mailbox:
    """One organizer's default calendar."""

    def __init__(self, address: str, behaviour: Behaviour) -> None:
        self.address = address
        self.behaviour = behaviour
        self.events: dict[str, dict[str, Any]] = {}
        self.deleted: dict[str, dict[str, Any]] = {}
        self.notices: list[Notice] = []
        self._transactions: dict[str, tuple[str, str]] = {}
        self._serial = itertools.count(1)

    def describe(self) -> dict[str, Any]:
        """Return everything the mailbox holds."""
        return copy.deepcopy(
            {
                "events": list(self.events.values()),
                "deleted": list(self.deleted.values()),
                "notices": [asdict(one) for one in self.notices],
            }
        )

    def get(self, event_id: str) -> dict[str, Any]:
        """Return a live event; its join link appears when its time has come.

        Raises:
            RefusedError: It is not there.
        """
        event = self.events.get(event_id)
        if event is None:
            raise not_found() if _ID.fullmatch(event_id) else malformed_id()
        self._let_join_link_appear(event)
        return event

    def all(self) -> list[dict[str, Any]]:
        """Return all live events."""
        return [self.get(event_id) for event_id in list(self.events)]

    def create(self, body: Any) -> dict[str, Any]:
        """Make an event and invite its attendees, or return the one with the same transaction id.

        Raises:
            RefusedError: Something in it cannot be.
        """
        wanted = check_write(body)
        for name in ("subject", "start", "end"):
            if name not in wanted:
                raise bad_request("ErrorInvalidRequest", f"The property '{name}' is missing.")
        check_times(wanted["start"], wanted["end"], is_all_day=wanted.get("isAllDay", False))
        same = self._same_transaction(wanted)
        if same is not None:
            return self.get(same)
        refusal = self._recipients_refusal(wanted.get("attendees", []))
        if refusal and not self.behaviour.create_despite_invalid_recipients:
            raise refusal
        event = self._new_event(wanted)
        self._tell("invitation", event, event["attendees"])
        if refusal:
            raise refusal
        return event

    def update(self, event_id: str, body: Any, *, if_match: str | None = None) -> dict[str, Any]:
        """Change an event; who is told depends on what changed (Microsoft Learn, "Update event").

        Raises:
            RefusedError: It is not there, or something cannot be.
        """
        event = self.get(event_id)
        changes = check_write(body)
        if if_match not in (None, "*", event["@odata.etag"]):
            raise RefusedError(412, "ErrorIrresolvableConflict", "The change key passed in is out of date.")
        if changes.get("transactionId", event["transactionId"]) != event["transactionId"]:
            raise bad_request("ErrorInvalidRequest", "ClientId/TransactionId is immutable.")
        after = event | changes
        check_times(after["start"], after["end"], is_all_day=after["isAllDay"])
        check_attendees(changes.get("attendees", []))
        before = copy.deepcopy(event)
        self._apply(event, changes)
        self._tell_changes(before, event)
        self._touch(event)
        return event

    def cancel(self, event_id: str) -> None:
        """Cancel an event: everybody is told, and it moves to Deleted Items.

        Raises:
            RefusedError: It is not there.
        """
        event = self.get(event_id)
        event["isCancelled"] = True
        self._tell("cancellation", event, event["attendees"])
        self.deleted[event_id] = self.events.pop(event_id)

    def edit_by_hand(self, event_id: str, edits: dict[str, Any]) -> None:
        """Do what a person does in Outlook: ``add``, ``remove`` (addresses), or plain members."""
        event = self.get(event_id)
        gone = {str(one).lower() for one in edits.pop("remove", [])}
        come = [{"emailAddress": {"address": one}} for one in edits.pop("add", [])]
        people = [one for one in event["attendees"] if address_of(one) not in gone]
        event["attendees"] = kept_attendees([*people, *come], event["attendees"])
        event.update(edits)
        self._touch(event)

    def delete_by_hand(self, event_id: str) -> None:
        """Remove an event as a person does, without a word to anybody."""
        self.deleted[event_id] = self.events.pop(event_id)

    def copy(self, event_id: str) -> str:
        """Put a second event like this one into the calendar and return its id."""
        twin_id = _opaque_id(self.address, next(self._serial))
        twin = copy.deepcopy(self.get(event_id)) | {"id": twin_id, "createdDateTime": _stamp()}
        self.events[twin_id] = twin
        return twin_id

    def respond(self, event_id: str, address: str, response: str) -> None:
        """Let an attendee answer the invitation."""
        for one in self.get(event_id)["attendees"]:
            if address_of(one) == address.lower():
                one["status"] = {"response": response, "time": _stamp()}

    def _same_transaction(self, wanted: dict[str, Any]) -> str | None:
        name = wanted.get("transactionId")
        if name not in self._transactions:
            return None
        event_id, content = self._transactions[name]
        if content == _content(wanted) and event_id in self.events:
            return event_id
        more: dict[str, Any] = {}
        if self.behaviour.names_existing_event:
            more["@event.existingEventId"] = event_id
        message = "Your request can't be completed: the transactionId was used to create a different event."
        raise RefusedError(self.behaviour.duplicate_status, "ErrorDuplicateTransactionId", message, **more)

    def _recipients_refusal(self, attendees: list[dict[str, Any]]) -> RefusedError | None:
        try:
            check_attendees(attendees)
        except RefusedError as refusal:
            if refusal.code != "ErrorInvalidRecipients":
                raise
            return refusal
        return None

    def _new_event(self, wanted: dict[str, Any]) -> dict[str, Any]:
        event_id = _opaque_id(self.address, next(self._serial))
        now = _stamp()
        event: dict[str, Any] = {
            "id": event_id,
            "iCalUId": uuid.uuid4().hex.upper(),
            "createdDateTime": now,
            "type": "singleInstance",
            "isCancelled": False,
            "isOrganizer": True,
            "isDraft": False,
            "isAllDay": False,
            "organizer": {"emailAddress": {"name": self.address, "address": self.address}},
            "responseStatus": {"response": "organizer", "time": "0001-01-01T00:00:00Z"},
            "webLink": f"https://outlook.example.com/calendar/item/{uuid.uuid4().hex}",
            "originalStartTimeZone": wanted["start"].get("timeZone"),
            "originalEndTimeZone": wanted["end"].get("timeZone"),
            "transactionId": None,
            "isOnlineMeeting": False,
            "onlineMeetingProvider": "unknown",
            "onlineMeeting": None,
            "hideAttendees": False,
            "attendees": [],
            "body": {"contentType": "html", "content": ""},
            "singleValueExtendedProperties": [],
            "_online_at": datetime.now(UTC).isoformat(),
        }
        self._apply(event, wanted)
        self._touch(event)
        self.events[event_id] = event
        if wanted.get("transactionId"):
            event["transactionId"] = wanted["transactionId"]
            self._transactions[wanted["transactionId"]] = (event_id, _content(wanted))
        self._let_join_link_appear(event)
        return event

    def _apply(self, event: dict[str, Any], changes: dict[str, Any]) -> None:
        plain = set(changes) - {
            "attendees",
            "body",
            "location",
            "singleValueExtendedProperties",
            "transactionId",
        }
        plain -= {"isOnlineMeeting", "onlineMeetingProvider"}
        event.update({name: changes[name] for name in plain})
        if "attendees" in changes:
            event["attendees"] = kept_attendees(changes["attendees"], event["attendees"])
        if "location" in changes:
            location = {"locationType": "default", "uniqueIdType": "private", **changes["location"]}
            event |= {"location": location, "locations": [location]}
        if "body" in changes:
            self._write_body(event, as_html(changes["body"]))
        if changes.get("isOnlineMeeting") and changes.get("onlineMeetingProvider", _TEAMS) == _TEAMS:
            event |= {"isOnlineMeeting": True, "onlineMeetingProvider": _TEAMS}
        for one in changes.get("singleValueExtendedProperties", []):
            others = [other for other in event["singleValueExtendedProperties"] if other["id"] != one["id"]]
            event["singleValueExtendedProperties"] = [*others, {"id": one["id"], "value": one["value"]}]

    def _write_body(self, event: dict[str, Any], content: str) -> None:
        """Keep a body; one without the join link ends the online meeting."""
        event["body"] = {
            "contentType": "html",
            "content": rewritten(content, rename_ids=self.behaviour.rename_ids),
        }
        online = event["onlineMeeting"]
        if online and not mentions(content, online["joinUrl"]):
            event |= {"onlineMeeting": None, "isOnlineMeeting": False, "onlineMeetingProvider": "unknown"}

    def _let_join_link_appear(self, event: dict[str, Any]) -> None:
        if not event["isOnlineMeeting"] or event["onlineMeeting"]:
            return
        due = datetime.fromisoformat(event["_online_at"])
        if datetime.now(UTC) < due + timedelta(seconds=self.behaviour.join_link_delay_s):
            return
        url = f"https://teams.example.com/l/meetup-join/{uuid.uuid4().hex}%40thread.v2/0?context=a&tenant=b"
        event["onlineMeeting"] = {"joinUrl": url}
        event["body"]["content"] = with_join_block(
            event["body"]["content"] or rewritten("", rename_ids=False), url
        )
        event["bodyPreview"] = preview(event["body"]["content"])

    def _touch(self, event: dict[str, Any]) -> None:
        key = base64.b64encode(uuid.uuid4().bytes).decode()
        event |= {
            "changeKey": key,
            "@odata.etag": f'W/"{key}"',
            "lastModifiedDateTime": _stamp(),
            "bodyPreview": preview(event["body"]["content"]),
        }

    def _tell_changes(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        known = {address_of(one) for one in before["attendees"]}
        wanted = {address_of(one) for one in after["attendees"]}
        come = [one for one in after["attendees"] if address_of(one) not in known]
        self._tell("invitation", after, come)
        self._tell(
            "cancellation", after, [one for one in before["attendees"] if address_of(one) not in wanted]
        )
        if any(before.get(name) != after.get(name) for name in NEWS):
            self._tell("update", after, [one for one in after["attendees"] if address_of(one) in known])

    def _tell(self, kind: str, event: dict[str, Any], people: list[dict[str, Any]]) -> None:
        self.notices += [Notice(kind, address_of(one), event["id"], event["subject"]) for one in people]


def shown(event: dict[str, Any], *, zone: str, properties: frozenset[str]) -> dict[str, Any]:
    """Return an event as Graph answers it: times in ``zone``, only the expanded extended properties."""
    hidden = {"_online_at", "singleValueExtendedProperties"}
    answer = {name: value for name, value in event.items() if name not in hidden}
    answer |= {name: in_zone(event[name], zone) for name in ("start", "end")}
    wanted = [one for one in event["singleValueExtendedProperties"] if one["id"] in properties]
    return answer | ({"singleValueExtendedProperties": wanted} if wanted else {})


def _content(wanted: dict[str, Any]) -> str:
    return json.dumps(wanted, sort_keys=True)


def _opaque_id(address: str, serial: int) -> str:
    """Return an id with the characters that must be percent-encoded in a path."""
    return (
        "AAMk/"
        + base64.b64encode(f"{address}+{serial:06}+{uuid.uuid4()}".encode()).decode().rstrip("=")
        + "+A="
    )


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
