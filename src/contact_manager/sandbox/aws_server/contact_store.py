"""Contact lists, where moto keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from moto.ses.exceptions import NotFoundException
from moto.ses.models import Contact, ContactList
from moto.sesv2.models import SESV2Backend, sesv2_backends

from contact_manager.sandbox.aws_server.answers import not_found


@dataclass(frozen=True, slots=True)
class Place:
    """An account and a Region: SES keeps everything apart by both."""

    account: str
    region: str


@dataclass(frozen=True, slots=True)
class ContactEntry:
    """A person of a contact list.

    Attributes:
        address: As the person typed it.
        topics: Explicit choices, ``OPT_IN`` or ``OPT_OUT`` by topic name.
        unsubscribe_all: Whether the person left every topic.
    """

    address: str
    topics: Mapping[str, str] = field(default_factory=dict)
    unsubscribe_all: bool = False


def create_list(place: Place, name: str, topic_defaults: Mapping[str, str]) -> None:
    """Create a contact list, or put an empty one in the place of the list of this name."""
    topics = [
        {"TopicName": topic, "DisplayName": topic, "Description": topic, "DefaultSubscriptionStatus": default}
        for topic, default in topic_defaults.items()
    ]
    _backend(place).create_contact_list({"ContactListName": name, "Topics": topics})


def contact_lists(place: Place) -> list[ContactList]:
    """Return the lists of an account in a Region."""
    return list(_backend(place).list_contact_lists())


def find_list(place: Place, name: str | None) -> ContactList:
    """Return a list by name, or the first one there is when no name is given.

    Raises:
        RefusedError: ``NotFoundException`` when there is none.
    """
    if name is None:
        lists = contact_lists(place)
        if not lists:
            raise not_found(f"Account {place.account} has no contact list in {place.region}.")
        return lists[0]
    try:
        return _backend(place).get_contact_list(name)
    except NotFoundException as exc:
        raise not_found(f"List with name: {name} doesn't exist.") from exc


def find_contact(contact_list: ContactList, address: str) -> Contact:
    """Return a contact of a list.

    Raises:
        RefusedError: ``NotFoundException`` when it is not in the list.
    """
    contact: Contact | None = contact_list.contacts.get(address)
    if contact is None:
        raise not_found(f"{address} doesn't exist in List.")
    return contact


def put_contact(place: Place, list_name: str | None, entry: ContactEntry) -> None:
    """Add a contact, or replace the one with the same address."""
    contact_list = find_list(place, list_name)
    contact_list.create_contact(
        contact_list.contact_list_name,
        {
            "EmailAddress": entry.address,
            "TopicPreferences": [
                {"TopicName": topic, "SubscriptionStatus": status} for topic, status in entry.topics.items()
            ],
            "UnsubscribeAll": entry.unsubscribe_all,
        },
    )


def delete_contact(place: Place, list_name: str | None, address: str) -> None:
    """Remove a contact.

    Raises:
        RefusedError: ``NotFoundException`` when it is not in the list.
    """
    contact_list = find_list(place, list_name)
    del contact_list.contacts[find_contact(contact_list, address).email_address]


def _backend(place: Place) -> SESV2Backend:
    return sesv2_backends[place.account][place.region]
