"""What an event may hold, and what the server makes of it (Microsoft Learn, ``event``, create and update)."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, time
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from contact_manager.sandbox.graph_server.refusals import bad_request
from contact_manager.sandbox.graph_server.windows_zones import WINDOWS_ZONES

MAX_ATTENDEES = 500
MAX_SUBJECT = 255
_READ_ONLY = frozenset(
    "id iCalUId type onlineMeeting onlineMeetingUrl changeKey isCancelled isOrganizer createdDateTime "
    "lastModifiedDateTime webLink bodyPreview organizer responseStatus originalStart "
    "originalStartTimeZone originalEndTimeZone seriesMasterId hasAttachments isDraft".split()
)
_WRITABLE: dict[str, type | tuple[type, ...]] = {
    "subject": str,
    "body": dict,
    "start": dict,
    "end": dict,
    "location": dict,
    "locations": list,
    "attendees": list,
    "hideAttendees": bool,
    "isOnlineMeeting": bool,
    "onlineMeetingProvider": str,
    "transactionId": str,
    "singleValueExtendedProperties": list,
    "allowNewTimeProposals": bool,
    "responseRequested": bool,
    "categories": list,
    "importance": str,
    "isAllDay": bool,
    "isReminderOn": bool,
    "reminderMinutesBeforeStart": int,
    "sensitivity": str,
    "showAs": str,
}
_MEMBERS = {
    "body": {"content", "contentType"},
    "start": {"dateTime", "timeZone"},
    "end": {"dateTime", "timeZone"},
    "location": set(
        "address coordinates displayName locationEmailAddress locationType locationUri uniqueId "
        "uniqueIdType".split()
    ),
}
_WORDS = {
    "importance": ("low", "normal", "high"),
    "sensitivity": ("normal", "personal", "private", "confidential"),
    "showAs": ("unknown", "free", "tentative", "busy", "oof", "workingElsewhere"),
    "onlineMeetingProvider": ("unknown", "skypeForBusiness", "skypeForConsumer", "teamsForBusiness"),
}
_LOCATION_WORDS = {
    "locationType": tuple(
        "default conferenceRoom homeAddress businessAddress geoCoordinates streetAddress hotel restaurant "
        "localBusiness postalAddress".split()
    ),
    "uniqueIdType": ("unknown", "locationStore", "directory", "private", "bing"),
}
_TYPES = {
    "address": "physicalAddress",
    "attendees": "attendee",
    "body": "itemBody",
    "coordinates": "outlookGeoCoordinates",
    "end": "dateTimeTimeZone",
    "locations": "location",
    "proposedNewTime": "timeSlot",
    "singleValueExtendedProperties": "singleValueLegacyExtendedProperty",
    "start": "dateTimeTimeZone",
    "status": "responseStatus",
}
"""Of the members whose type has another name than they have."""

_NOT_TOLD = frozenset({"attendees", "singleValueExtendedProperties", "transactionId"})
NEWS = frozenset(_WRITABLE) - _NOT_TOLD
"""What all attendees are told of when it changes; changed attendees are told apart, one by one."""

_ADDRESS = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;]+")
_PROPERTY_ID = re.compile(r"String \{[0-9a-fA-F-]{36}\} Name \w+")


def check_write(body: Any) -> dict[str, Any]:
    """Return what ``body`` writes if an event may be written with it.

    Raises:
        RefusedError: A property is unknown, read-only, of the wrong type, or holds something impossible.
    """
    body = _without_types(body, "event")
    if not isinstance(body, dict):
        raise bad_request("RequestBodyRead", "The request body is not a JSON object.")
    for name, value in body.items():
        if name in _READ_ONLY:
            raise bad_request("ErrorPropertyNotUpdateable", f"The property '{name}' is read-only.")
        expected = _WRITABLE.get(name)
        if expected is None:
            raise bad_request("RequestBodyRead", f"The property '{name}' does not exist on type 'event'.")
        if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
            raise bad_request("RequestBodyRead", f"The property '{name}' has a value of another type.")
    _check_subject(body.get("subject", ""))
    _check_members(body)
    return body


def check_times(start: dict[str, Any], end: dict[str, Any], *, is_all_day: bool = False) -> None:
    """Refuse an end before the start, and a whole day that is none (Microsoft Learn, ``event``)."""
    is_backwards = moment(end) < moment(start)
    if is_backwards or (is_all_day and not _are_days(start, end)):
        raise bad_request("ErrorPropertyValidationFailure", "At least one property failed validation.")


def check_attendees(attendees: list[dict[str, Any]]) -> None:
    """Refuse too many attendees, and addresses that are none."""
    if len(attendees) > MAX_ATTENDEES:
        raise bad_request("ErrorExceededMaxRecipientLimit", "The maximum number of recipients is exceeded.")
    for one in attendees:
        if not _ADDRESS.fullmatch(one["emailAddress"]["address"]):
            raise bad_request("ErrorInvalidRecipients", "At least one recipient is not valid.")


def moment(value: dict[str, Any]) -> datetime:
    """Return a ``dateTimeTimeZone`` as a moment in UTC."""
    local = _wall_time(value)
    if local.tzinfo is not None:
        raise bad_request("ErrorInvalidRequest", "A dateTime must not have an offset.")
    return local.replace(tzinfo=_zone(str(value.get("timeZone", "")))).astimezone(UTC)


def in_zone(value: dict[str, Any], zone: str) -> dict[str, str]:
    """Return a ``dateTimeTimeZone`` as Graph answers it, in ``zone``."""
    local = moment(value).astimezone(_zone(zone))
    return {"dateTime": local.strftime("%Y-%m-%dT%H:%M:%S.0000000"), "timeZone": zone}


def kept_attendees(wanted: list[dict[str, Any]], known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the new list of attendees; who was there before keeps the answer."""
    answers = {address_of(one): one["status"] for one in known}
    unanswered = {"response": "none", "time": "0001-01-01T00:00:00Z"}
    return [
        {
            "type": one.get("type", "required"),
            "status": answers.get(address_of(one), unanswered),
            "emailAddress": {
                "name": one["emailAddress"].get("name") or one["emailAddress"]["address"],
                "address": one["emailAddress"]["address"],
            },
        }
        for one in wanted
    ]


def as_html(body: dict[str, Any]) -> str:
    """Return what is written into a body; plain text becomes HTML, as every body is answered."""
    content = str(body.get("content", ""))
    if str(body.get("contentType", "html")).lower() == "html":
        return content
    return html.escape(content, quote=False).replace("\n", "<br>\n")


def address_of(attendee: dict[str, Any]) -> str:
    """Return an attendee's address in lower case."""
    return str(attendee["emailAddress"]["address"]).lower()


def _without_types(value: Any, kind: str) -> Any:
    """Take out the ``@odata.type`` that any object may carry (Microsoft Learn, ``event``, ``attendee``)."""
    if isinstance(value, list):
        return [_without_types(one, kind) for one in value]
    if not isinstance(value, dict):
        return value
    true_type = f"#microsoft.graph.{kind}"
    if value.get("@odata.type", true_type) != true_type:
        raise bad_request("RequestBodyRead", f"The '@odata.type' is not '{true_type}'.")
    members = {name: one for name, one in value.items() if name != "@odata.type"}
    return {name: _without_types(one, _TYPES.get(name, name)) for name, one in members.items()}


def _wall_time(value: dict[str, Any]) -> datetime:
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+$", r"\1", str(value["dateTime"])))
    except (KeyError, ValueError):
        raise bad_request("ErrorInvalidRequest", "A dateTime cannot be read.") from None


def _are_days(start: dict[str, Any], end: dict[str, Any]) -> bool:
    midnights = _wall_time(start).time() == _wall_time(end).time() == time.min
    return midnights and start["timeZone"] == end["timeZone"] and moment(start) < moment(end)


@cache
def _zone(name: str) -> ZoneInfo:
    iana = WINDOWS_ZONES.get(name, name)
    if iana not in available_timezones():
        raise bad_request("TimeZoneNotSupportedException", f"The time zone '{name}' is not supported.")
    return ZoneInfo(iana)


def _check_subject(subject: str) -> None:
    if len(subject) > MAX_SUBJECT or any(ord(one) < ord(" ") for one in subject):
        raise bad_request("ErrorInvalidRequest", "The subject is too long or has control characters.")


def _check_members(body: dict[str, Any]) -> None:
    _check_names_and_words(body)
    for name in ("start", "end"):
        if name in body:
            moment(body[name])
    for one in body.get("locations", ()):
        _check_location(one)
    for one in body.get("attendees", ()):
        _check_attendee(one)
    for one in body.get("singleValueExtendedProperties", ()):
        _check_property(one)
    if any(not isinstance(one, str) for one in body.get("categories", ())):
        raise bad_request("RequestBodyRead", "A category is not a text.")
    if not isinstance(body.get("body", {}).get("content", ""), str):
        raise bad_request("RequestBodyRead", "The body's content is not a text.")
    if "body" in body and str(body["body"].get("contentType", "html")).lower() not in ("html", "text"):
        raise bad_request("RequestBodyRead", "The body's content type does not exist.")


def _check_location(location: Any) -> None:
    if not isinstance(location, dict) or set(location) - _MEMBERS["location"]:
        raise bad_request("RequestBodyRead", "A location cannot be read.")
    for name, value in location.items():
        if not isinstance(value, dict if name in ("address", "coordinates") else str):
            raise bad_request("RequestBodyRead", f"The location's '{name}' has a value of another type.")
        if value not in _LOCATION_WORDS.get(name, (value,)):
            raise bad_request("RequestBodyRead", f"The value of '{name}' does not exist.")


def _check_names_and_words(body: dict[str, Any]) -> None:
    for name, members in _MEMBERS.items():
        unknown = set(body.get(name, ())) - members
        if unknown:
            raise bad_request("RequestBodyRead", f"The property '{min(unknown)}' does not exist on '{name}'.")
    if "location" in body:
        _check_location(body["location"])
    for name, words in _WORDS.items():
        if name in body and body[name] not in words:
            raise bad_request("RequestBodyRead", f"The value of '{name}' does not exist.")


def _check_property(one: Any) -> None:
    if not isinstance(one, dict) or set(one) != {"id", "value"} or not isinstance(one["value"], str):
        raise bad_request("RequestBodyRead", "An extended property cannot be read.")
    if not _PROPERTY_ID.fullmatch(str(one["id"])):
        raise bad_request("ErrorInvalidProperty", "An extended property is not valid.")


def _check_attendee(attendee: Any) -> None:
    mailbox = attendee.get("emailAddress") if isinstance(attendee, dict) else None
    if not isinstance(mailbox, dict) or not all(
        isinstance(mailbox.get(name, default), str) for name, default in (("address", None), ("name", ""))
    ):
        raise bad_request("RequestBodyRead", "An attendee cannot be read.")
    if attendee.get("type", "required") not in ("required", "optional", "resource"):
        raise bad_request("RequestBodyRead", "An attendee's type does not exist.")
    if set(attendee) - {"type", "emailAddress", "status", "proposedNewTime"} or set(mailbox) - {
        "name",
        "address",
    }:
        raise bad_request("RequestBodyRead", "An attendee has a property that does not exist.")
