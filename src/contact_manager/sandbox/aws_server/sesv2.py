"""The part of SES v2 that moto lacks, or answers in another form than botocore's service model ``sesv2``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from moto.ses.models import Contact, ContactList
from werkzeug.wrappers import Response

from contact_manager.sandbox.aws_server.answers import bad_request, json_answer, not_found
from contact_manager.sandbox.aws_server.call import AwsCall
from contact_manager.sandbox.aws_server.contact_store import Place, contact_lists, find_contact, find_list
from contact_manager.sandbox.aws_server.paging import BadTokenError, Page, Paging
from contact_manager.sandbox.aws_server.sending import get_account, send_email
from contact_manager.sandbox.aws_server.state import ServerState
from contact_manager.sandbox.aws_server.suppression import Suppressed

Handler = Callable[[AwsCall, Place, ServerState], Response]
ItemT = TypeVar("ItemT")

_STATUSES = frozenset({"OPT_IN", "OPT_OUT"})
_REASONS = frozenset({"BOUNCE", "COMPLAINT"})
_PAGE_LIMIT = 1000


def find_handler(call: AwsCall) -> Handler | None:
    """Return what answers an SES request here, or None when moto does."""
    return _HANDLERS.get(call.operation) if call.service == "ses" else None


def _list_contacts(call: AwsCall, place: Place, state: ServerState) -> Response:
    """Cut the page first and filter it then, as the service does (aws-cli issue 8742)."""
    contact_list = find_list(place, call.names["list"])
    asked = _json_body(call)
    keeps = _contact_filter(contact_list, asked.get("Filter") or {})
    paging = Paging(
        scope=f"{place.account}/{place.region}/{contact_list.contact_list_name}",
        size=_page_size(asked.get("PageSize"), state),
        token=asked.get("NextToken"),
        empty_first_page=state.settings.empty_first_page,
    )
    page = _cut(paging, list(contact_list.contacts.values()), "BadRequestException")
    contacts = [_contact(contact_list, contact) for contact in page.items if keeps(contact)]
    return _page_answer("Contacts", contacts, page.next_token)


def _contact_filter(contact_list: ContactList, asked: Mapping[str, Any]) -> Callable[[Contact], bool]:
    """Read ``Filter``; a topic filter looks at the topic alone, whatever ``UnsubscribeAll`` says."""
    status, topic_filter = asked.get("FilteredStatus"), asked.get("TopicFilter") or {}
    if status is None:
        return lambda _contact: True
    if status not in _STATUSES:
        raise bad_request(f"FilteredStatus must be one of {sorted(_STATUSES)}.")
    topic = topic_filter.get("TopicName")
    if topic is None:
        return lambda contact: contact.unsubscribe_all is (status == "OPT_OUT")
    defaults = _defaults(contact_list)
    if topic not in defaults:
        raise bad_request(f"List doesn't have topic {topic}.")
    default = defaults[topic] if topic_filter.get("UseDefaultIfPreferenceUnavailable") else None
    return lambda contact: _choices(contact).get(topic, default) == status


def _contact(contact_list: ContactList, contact: Contact) -> dict[str, Any]:
    """Return a contact of a listing: explicit choices, and the defaults of the topics without one."""
    chosen = _choices(contact)
    defaults = {topic: status for topic, status in _defaults(contact_list).items() if topic not in chosen}
    return {
        "EmailAddress": contact.email_address,
        "TopicPreferences": contact.topic_preferences,
        "TopicDefaultPreferences": _preferences(defaults),
        "UnsubscribeAll": contact.unsubscribe_all,
        "LastUpdatedTimestamp": _timestamp(contact.last_updated_timestamp),
    }


def _get_contact(call: AwsCall, place: Place, _state: ServerState) -> Response:
    contact_list = find_list(place, call.names["list"])
    contact = find_contact(contact_list, call.names["address"])
    content = _contact(contact_list, contact) | {
        "ContactListName": contact_list.contact_list_name,
        "CreatedTimestamp": _timestamp(contact.created_timestamp),
    }
    if contact.attributes_data is not None:
        content["AttributesData"] = contact.attributes_data
    return json_answer(content)


def _list_contact_lists(call: AwsCall, place: Place, state: ServerState) -> Response:
    query = dict(call.query)
    paging = Paging(
        f"{place.account}/{place.region}", _page_size(query.get("PageSize"), state), query.get("NextToken")
    )
    page = _cut(paging, contact_lists(place), "BadRequestException")
    lists = [
        {
            "ContactListName": contact_list.contact_list_name,
            "LastUpdatedTimestamp": _timestamp(contact_list.last_updated_timestamp),
        }
        for contact_list in page.items
    ]
    return _page_answer("ContactLists", lists, page.next_token)


def _get_contact_list(call: AwsCall, place: Place, _state: ServerState) -> Response:
    contact_list = find_list(place, call.names["list"])
    content = {
        "ContactListName": contact_list.contact_list_name,
        "Topics": contact_list.topics,
        "CreatedTimestamp": _timestamp(contact_list.created_timestamp),
        "LastUpdatedTimestamp": _timestamp(contact_list.last_updated_timestamp),
        "Tags": [],
    }
    if contact_list.description is not None:
        content["Description"] = contact_list.description
    return json_answer(content)


def _list_suppressed(call: AwsCall, place: Place, state: ServerState) -> Response:
    query = dict(call.query)
    reasons = {value for name, value in call.query if name == "Reason"} or _REASONS
    since, until = _moment(query.get("StartDate")), _moment(query.get("EndDate"))
    entries = [
        entry
        for entry in state.suppression.entries(place)
        if entry.reason in reasons
        and (since is None or entry.updated >= since)
        and (until is None or entry.updated <= until)
    ]
    scope = f"{place.account}/{place.region}/suppression"
    paging = Paging(scope, _page_size(query.get("PageSize"), state), query.get("NextToken"))
    page = _cut(paging, entries, "InvalidNextTokenException")
    summaries = [_suppressed(entry) for entry in page.items]
    return _page_answer("SuppressedDestinationSummaries", summaries, page.next_token)


def _get_suppressed(call: AwsCall, place: Place, state: ServerState) -> Response:
    entry = state.suppression.find(place, call.names["address"])
    if entry is None:
        raise _not_suppressed(call.names["address"])
    return json_answer({"SuppressedDestination": _suppressed(entry)})


def _put_suppressed(call: AwsCall, place: Place, state: ServerState) -> Response:
    asked = _json_body(call)
    address, reason = asked.get("EmailAddress"), asked.get("Reason")
    if not isinstance(address, str) or "@" not in address or reason not in _REASONS:
        raise bad_request("An EmailAddress and a Reason (BOUNCE or COMPLAINT) are needed.")
    state.suppression.put(place, Suppressed(address, reason, datetime.now(UTC)))
    return json_answer({})


def _delete_suppressed(call: AwsCall, place: Place, state: ServerState) -> Response:
    if not state.suppression.remove(place, call.names["address"]):
        raise _not_suppressed(call.names["address"])
    return json_answer({})


def _not_suppressed(address: str) -> Exception:
    return not_found(f"Email address {address} does not exist on your suppression list.")


def _suppressed(entry: Suppressed) -> dict[str, Any]:
    return {
        "EmailAddress": entry.address,
        "Reason": entry.reason,
        "LastUpdateTime": entry.updated.timestamp(),
    }


def _page_answer(name: str, items: Sequence[Any], next_token: str | None) -> Response:
    return json_answer({name: items} | ({"NextToken": next_token} if next_token else {}))


def _cut(paging: Paging, items: Sequence[ItemT], code: str) -> Page[ItemT]:
    try:
        return paging.cut(items)
    except BadTokenError as exc:
        raise bad_request("The specified next token is invalid.", code) from exc


def _page_size(asked: Any, state: ServerState) -> int:
    """Read ``PageSize``, 1 to 1000 (aws-sdk-js issue 3570)."""
    try:
        size = _PAGE_LIMIT if asked is None else int(asked)
    except (TypeError, ValueError):
        size = 0
    if not 1 <= size <= _PAGE_LIMIT:
        raise bad_request(f"PageSize must be between 1 and {_PAGE_LIMIT}.")
    return min(size, state.settings.max_page_size or _PAGE_LIMIT)


def _json_body(call: AwsCall) -> dict[str, Any]:
    try:
        content = json.loads(call.body or b"{}")
    except ValueError as exc:
        raise bad_request("The body is not JSON.", "SerializationException") from exc
    if not isinstance(content, dict):
        raise bad_request("The body is not a JSON object.", "SerializationException")
    return content


def _choices(contact: Contact) -> dict[str, str]:
    return {choice["TopicName"]: choice["SubscriptionStatus"] for choice in contact.topic_preferences}


def _defaults(contact_list: ContactList) -> dict[str, str]:
    return {topic["TopicName"]: topic["DefaultSubscriptionStatus"] for topic in contact_list.topics}


def _preferences(statuses: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"TopicName": topic, "SubscriptionStatus": status} for topic, status in statuses.items()]


def _timestamp(text: str) -> float:
    """Seconds since 1970, the form of timestamps in ``rest-json`` bodies; moto keeps ISO 8601 texts."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError as exc:
        raise bad_request(f"{text} is not a date.") from exc


_HANDLERS: dict[str, Handler] = {
    "ListContacts": _list_contacts,
    "GetContact": _get_contact,
    "ListContactLists": _list_contact_lists,
    "GetContactList": _get_contact_list,
    "ListSuppressedDestinations": _list_suppressed,
    "GetSuppressedDestination": _get_suppressed,
    "PutSuppressedDestination": _put_suppressed,
    "DeleteSuppressedDestination": _delete_suppressed,
    "GetAccount": get_account,
    "SendEmail": send_email,
}
