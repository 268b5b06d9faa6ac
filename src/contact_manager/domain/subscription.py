"""Is this contact subscribed to this topic?

The decision is made here and not by the server's filter: whether ``OPT_IN`` leaves out contacts that
unsubscribed from everything is not documented (Amazon SES API v2, ``ListContacts``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

OPT_IN = "OPT_IN"
OPT_OUT = "OPT_OUT"


class Subscription(StrEnum):
    """What a contact's preferences come to for one topic."""

    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"
    UNSUBSCRIBED_ALL = "unsubscribed-all"


@dataclass(frozen=True, slots=True)
class Contact:
    """An entry of a contact list, as far as the topics that were asked for are concerned.

    Attributes:
        address: As it is spelled in the list.
        choices: Topic name to ``OPT_IN`` or ``OPT_OUT``, explicit choices only.
        unsubscribe_all: Whether the person left every topic at once.
    """

    address: str
    choices: Mapping[str, str]
    unsubscribe_all: bool = False


@dataclass(frozen=True, slots=True)
class ContactList:
    """A customer's whole list.

    Attributes:
        name: The list's name in SES.
        topic_defaults: Topic name to the status of contacts without an explicit choice.
        contacts: Every contact of every page.
        suppressed: Folded addresses of the account's suppression list.
        warnings: What could not be read without making the list unusable.
    """

    name: str
    topic_defaults: Mapping[str, str]
    contacts: tuple[Contact, ...] = field(repr=False)
    suppressed: frozenset[str] = field(default_factory=frozenset, repr=False)
    warnings: tuple[str, ...] = ()


def decide_subscription(contact: Contact, topic: str, topic_default: str | None) -> Subscription:
    """Return what ``contact`` has chosen for ``topic``; without a choice the topic's default counts."""
    if contact.unsubscribe_all:
        return Subscription.UNSUBSCRIBED_ALL
    if contact.choices.get(topic, topic_default) == OPT_IN:
        return Subscription.SUBSCRIBED
    return Subscription.UNSUBSCRIBED
