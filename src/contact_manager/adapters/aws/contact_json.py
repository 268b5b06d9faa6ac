"""What SES API v2 answers about contact lists, read into domain values (botocore service model sesv2)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

import orjson

from contact_manager.domain.email_address import fold_address
from contact_manager.domain.subscription import Contact


class MalformedError(ValueError):
    """An answer is not what the service model promises; the text says what is missing, without data."""


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object of ``body``.

    Raises:
        MalformedError: It is something else.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedError("it is not JSON") from error
    if not isinstance(value, dict):
        raise MalformedError("it is not a JSON object")
    return value


def parse_next_token(page: Mapping[str, Any]) -> str | None:
    """Return the token of the next page, or None on the last one.

    Raises:
        MalformedError: It is not a string.
    """
    token = page.get("NextToken")
    if token is not None and not isinstance(token, str):
        raise MalformedError("NextToken is not a string")
    return token or None


def parse_list_names(page: Mapping[str, Any]) -> list[str]:
    """Return the names in one page of ``ListContactLists``.

    Raises:
        MalformedError: The page is not one.
    """
    return [_string(entry, "ContactListName") for entry in _entries(page, "ContactLists")]


def parse_topic_defaults(answer: Mapping[str, Any]) -> dict[str, str]:
    """Return the default status of every topic in the answer of ``GetContactList``.

    Raises:
        MalformedError: It has something else in their place. A list without topics has no such key.
    """
    topics = _entries(answer, "Topics") if answer.get("Topics") is not None else []
    return {_string(one, "TopicName"): _string(one, "DefaultSubscriptionStatus") for one in topics}


def parse_suppressed(page: Mapping[str, Any]) -> set[str]:
    """Return the folded addresses in one page of ``ListSuppressedDestinations``.

    Raises:
        MalformedError: The page is not one.
    """
    entries = _entries(page, "SuppressedDestinationSummaries")
    folded = (fold_address(_string(entry, "EmailAddress")) for entry in entries)
    return {address for address in folded if address is not None}


class ContactParser:
    """Reads pages of ``ListContacts``; equal choices of any two contacts are one object."""

    def __init__(self, topics: Collection[str]) -> None:
        self._topics = frozenset(topics)
        self._known: dict[tuple[tuple[str, str], ...], Mapping[str, str]] = {}

    def parse_page(self, page: Mapping[str, Any]) -> list[Contact]:
        """Return the page's contacts.

        Raises:
            MalformedError: The page is not one.
        """
        entries = _entries(page, "Contacts")
        try:
            return [self._parse_contact(entry) for entry in entries]
        except (KeyError, TypeError, AttributeError) as error:
            raise MalformedError("a contact in it is not complete") from error

    def _parse_contact(self, entry: Mapping[str, Any]) -> Contact:
        """Return one contact; all the time of reading large lists goes by in here."""
        address, has_left, topics = entry["EmailAddress"], entry.get("UnsubscribeAll", False), self._topics
        if type(address) is not str or type(has_left) is not bool:
            raise TypeError
        asked = entry.get("TopicPreferences") or ()
        chosen = tuple(
            [(one["TopicName"], one["SubscriptionStatus"]) for one in asked if one["TopicName"] in topics]
        )
        choices = self._known.get(chosen)
        return Contact(address, self._intern(chosen) if choices is None else choices, has_left)

    def _intern(self, chosen: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
        if not all(isinstance(status, str) for _topic, status in chosen):
            raise TypeError
        return self._known.setdefault(chosen, MappingProxyType(dict(chosen)))


def _entries(page: Mapping[str, Any], key: str) -> list[Any]:
    entries = page.get(key)
    if not isinstance(entries, list):
        raise MalformedError(f"it has no list {key}")
    return entries


def _string(entry: Any, key: str) -> str:
    value = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(value, str):
        raise MalformedError(f"an entry in it has no {key}")
    return value
