"""Who is invited, and why somebody is not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from contact_manager.domain.change import AttendeeRole, ManualAttendee
from contact_manager.domain.customer import Customer
from contact_manager.domain.email_address import fold_address
from contact_manager.domain.subscription import (
    Contact,
    ContactList,
    Subscription,
    decide_subscription,
)


class ExclusionReason(StrEnum):
    """Why a contact does not become a recipient."""

    UNSUBSCRIBED = "unsubscribed"
    UNSUBSCRIBED_ALL = "unsubscribed-all"
    SUPPRESSED = "suppressed"
    NOT_ON_RESTRICTED_LIST = "not-on-restricted-list"
    INVALID_ADDRESS = "invalid-address"
    ORGANIZER = "organizer"


class RecipientSource(StrEnum):
    """What brought a recipient in."""

    TOPIC = "topic"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person to invite: folded address, and the codes of the customers through whom they come."""

    address: str
    role: AttendeeRole
    customers: tuple[str, ...]
    source: RecipientSource


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A contact who is left out; ``customer`` is None for a person whom the change file names."""

    address: str
    customer: str | None
    reason: ExclusionReason


@dataclass(frozen=True, slots=True)
class Recipients:
    """The decision: both sides sorted by address, nobody twice in ``invited``; no addresses in its repr."""

    invited: tuple[Recipient, ...] = field(default=(), repr=False)
    excluded: tuple[Exclusion, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class TopicSelection:
    """Whose subscribers are asked: required through ``topic``, optional through ``optional_topics``."""

    topic: str
    optional_topics: tuple[str, ...] = ()

    @property
    def all_topics(self) -> tuple[str, ...]:
        """Every topic once, the required one first."""
        return tuple(dict.fromkeys((self.topic, *self.optional_topics)))


@dataclass(slots=True)
class _Invitation:
    """A recipient while customers are still being gathered."""

    role: AttendeeRole
    customers: tuple[str, ...] = ()
    source: RecipientSource = RecipientSource.TOPIC


def decide_recipients(
    readings: Iterable[tuple[Customer, ContactList]],
    selection: TopicSelection,
    *,
    manual: Sequence[ManualAttendee] = (),
    allowed: frozenset[str] | None = None,
    organizer: str | None = None,
) -> Recipients:
    """Decide about every contact of every customer, and about the people whom the change file names.

    A person is known by the folded address, however many customers list them. What a customer's own list
    or allow-list says counts for that customer only. Required wins over optional.

    Args:
        readings: The customers that could be read.
        selection: Topics whose subscribers are invited.
        manual: People whom the change file names.
        allowed: Who of ``manual`` may come, see :func:`allowed_besides`; None for everybody.
        organizer: Folded address that is left out, or None.
    """
    invited: dict[str, _Invitation] = {}
    excluded: list[Exclusion] = []
    for customer, contact_list in readings:
        through = (customer.code,)
        for address, verdict in _decide_customer(customer, contact_list, selection, organizer).items():
            if isinstance(verdict, ExclusionReason):
                excluded.append(Exclusion(address, customer.code, verdict))
            else:
                _invite(invited, address, verdict, through)
    for attendee in manual:
        reason = _reason_to_keep_out_manual(attendee, allowed, organizer)
        _decide_manual(attendee, reason, invited, excluded)
    return Recipients(
        tuple(_recipient(address, invited.pop(address)) for address in sorted(invited)),
        tuple(sorted(set(excluded), key=lambda one: (one.address, one.customer or "", one.reason))),
    )


def allowed_besides(customers: Iterable[Customer]) -> frozenset[str] | None:
    """Return who may be invited besides the subscribers of these customers, or None for everybody.

    When all of them are restricted, nobody but the people on their allow-lists is reached. Whether a
    customer's contact list can be read makes no difference.
    """
    allow_lists = [customer.restricted_recipients for customer in customers]
    if not allow_lists or not all(allow_lists):
        return None
    return frozenset[str]().union(*allow_lists)


_Verdict = AttendeeRole | ExclusionReason


def _decide_customer(
    customer: Customer, contact_list: ContactList, selection: TopicSelection, organizer: str | None
) -> dict[str, _Verdict]:
    """Return a verdict for each folded address of one list.

    Two spellings of one address in the same list are one person; if one of them is left out, so is the
    person: an unsubscribe must not be undone by a second entry.
    """
    topics = _topics_with_roles(contact_list, selection)
    verdicts: dict[str, _Verdict] = {}
    for contact in contact_list.contacts:
        address = fold_address(contact.address)
        if address is None:
            verdicts[contact.address.strip()] = ExclusionReason.INVALID_ADDRESS
            continue
        verdict = _decide_subscriber(contact, topics)
        if isinstance(verdict, AttendeeRole):
            verdict = _reason_to_keep_out(address, customer, contact_list, organizer) or verdict
        known = verdicts.get(address)
        verdicts[address] = verdict if known is None else _stricter(known, verdict)
    return verdicts


def _topics_with_roles(
    contact_list: ContactList, selection: TopicSelection
) -> tuple[tuple[str, str | None, AttendeeRole], ...]:
    defaults = contact_list.topic_defaults
    return tuple(
        (
            topic,
            defaults.get(topic),
            AttendeeRole.REQUIRED if topic == selection.topic else AttendeeRole.OPTIONAL,
        )
        for topic in selection.all_topics
        if topic in defaults
    )


def _decide_subscriber(
    contact: Contact, topics: tuple[tuple[str, str | None, AttendeeRole], ...]
) -> _Verdict:
    for topic, default, role in topics:
        subscription = decide_subscription(contact, topic, default)
        if subscription is Subscription.SUBSCRIBED:
            return role
        if subscription is Subscription.UNSUBSCRIBED_ALL:
            return ExclusionReason.UNSUBSCRIBED_ALL
    return ExclusionReason.UNSUBSCRIBED


def _reason_to_keep_out(
    address: str, customer: Customer, contact_list: ContactList, organizer: str | None
) -> ExclusionReason | None:
    if address in contact_list.suppressed:
        return ExclusionReason.SUPPRESSED
    if customer.is_restricted and address not in customer.restricted_recipients:
        return ExclusionReason.NOT_ON_RESTRICTED_LIST
    return ExclusionReason.ORGANIZER if address == organizer else None


def _stricter(one: _Verdict, other: _Verdict) -> _Verdict:
    if isinstance(one, ExclusionReason):
        return one
    if isinstance(other, ExclusionReason):
        return other
    return _needed(one, other)


def _needed(one: AttendeeRole, other: AttendeeRole) -> AttendeeRole:
    return AttendeeRole.REQUIRED if AttendeeRole.REQUIRED in (one, other) else AttendeeRole.OPTIONAL


def _recipient(address: str, one: _Invitation) -> Recipient:
    customers = tuple(sorted(one.customers)) if len(one.customers) > 1 else one.customers
    return Recipient(address, one.role, customers, one.source)


def _invite(
    invited: dict[str, _Invitation], address: str, role: AttendeeRole, through: tuple[str, ...] = ()
) -> None:
    known = invited.get(address)
    if known is None:
        invited[address] = _Invitation(role, through)
    else:
        known.role = _needed(known.role, role)
        known.customers += through


def _reason_to_keep_out_manual(
    attendee: ManualAttendee, allowed: frozenset[str] | None, organizer: str | None
) -> ExclusionReason | None:
    address = fold_address(attendee.address)
    if address is None:
        return ExclusionReason.INVALID_ADDRESS
    if address == organizer:
        return ExclusionReason.ORGANIZER
    if allowed is not None and address not in allowed:
        return ExclusionReason.NOT_ON_RESTRICTED_LIST
    return None


def _decide_manual(
    attendee: ManualAttendee,
    reason: ExclusionReason | None,
    invited: dict[str, _Invitation],
    excluded: list[Exclusion],
) -> None:
    address = fold_address(attendee.address) or attendee.address.strip()
    if reason is not None:
        excluded.append(Exclusion(address, None, reason))
    elif address in invited:
        _invite(invited, address, attendee.role)
    else:
        invited[address] = _Invitation(attendee.role, source=RecipientSource.MANUAL)
