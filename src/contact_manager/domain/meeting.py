"""The one meeting of a change: its key, the plan, the event that is there, and the way between them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from contact_manager.domain.change import AttendeeRole, Change, RecordedMeeting
from contact_manager.domain.recipients import Recipient
from contact_manager.errors import InvalidChangeError, Problem

_ADDRESS_MARK_BYTES = 6
"""48 bits: among 500 people of one event a chance match has odds of about one in two billion."""
_DIGEST_LENGTH = 16

FIRST_PART = 1
"""The calendar entry that owns the Teams meeting; those for people above the limit share its link."""


@dataclass(frozen=True, slots=True)
class MeetingKey:
    """What a meeting is found again by.

    Attributes:
        value: Lower case, because Graph compares property values without case.
        is_derived: Whether the change had no id, so that title and customers had to stand in for it.
    """

    value: str
    is_derived: bool = False


def meeting_key(change: Change) -> MeetingKey:
    """Return the change's own id, or a digest of kind, title and customers when it has none.

    Times are left out of the digest: a rescheduled change keeps its meeting.
    """
    if change.change_id:
        return MeetingKey(change.change_id.strip().lower())
    identity = "\n".join((change.kind, " ".join(change.title.lower().split()), *sorted(change.customers)))
    return MeetingKey(f"derived-{_sha256(identity).hex()[:32]}", is_derived=True)


@dataclass(frozen=True, slots=True)
class Attendee:
    """A person in a plan or an event.

    ``response`` is the vendor's word for the answer, or ``""``; ``customers`` are the codes through whom a
    person in a plan comes.
    """

    address: str
    role: AttendeeRole = AttendeeRole.REQUIRED
    name: str = ""
    response: str = ""
    customers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MeetingPlan:
    """What the calendar shall hold: the whole meeting, or one of its calendar entries.

    Attributes:
        key: Identity, the same for every run and every entry.
        organizer: Folded address of the mailbox that owns the event.
        subject: At most 255 characters.
        start: Aware, in ``time_zone``.
        end: Aware, in ``time_zone``, after ``start``.
        time_zone: IANA name.
        location: Display name.
        hide_attendees: Whether invited people are kept from seeing each other.
        attendees: Sorted by address.
        body: Our own text as an HTML fragment.
        is_complete: Whether every customer could be read; if not, nobody is removed.
        part: Number of the calendar entry; entries above the first are no online meetings themselves.
        recorded: The meeting that the change's record names, or None.
    """

    key: MeetingKey
    organizer: str
    subject: str
    start: datetime
    end: datetime
    time_zone: str
    location: str
    hide_attendees: bool
    attendees: tuple[Attendee, ...]
    body: str
    is_complete: bool = True
    part: int = FIRST_PART
    recorded: RecordedMeeting | None = None

    @property
    def content_digests(self) -> dict[str, str]:
        """What the event remembers of our content; the vendor rewrites the text itself."""
        return visible_digests(self) | {"body": _digest(self.body)}

    def address_mark(self, address: str) -> str:
        """Return the short digest under which the event remembers that this tool invited ``address``."""
        return _sha256(f"{self.key.value}\n{address}")[:_ADDRESS_MARK_BYTES].hex()

    def first_memory(self) -> EventMemory:
        """Return what a new event remembers."""
        marks = frozenset(self.address_mark(attendee.address) for attendee in self.attendees)
        return EventMemory(self.content_digests, marks, part=self.part)


@dataclass(frozen=True, slots=True)
class EventMemory:
    """The last state this tool applied, kept in the event itself.

    Attributes:
        content: Digests of what this tool wrote, by field name.
        invited: Marks of the people this tool invited and who have not unsubscribed since.
        pending: Marks of the people an unfinished update was about to invite or to remove: in the event they
            are ours, not in the event they are nobody's.
        part: Number of the calendar entry.
    """

    content: Mapping[str, str] = field(default_factory=dict)
    invited: frozenset[str] = frozenset()
    pending: frozenset[str] = frozenset()
    part: int = FIRST_PART

    def with_text_of(self, other: EventMemory) -> EventMemory:
        """Return the memory with the text that ``other`` knows, and with none when it knows none."""
        content = {name: digest for name, digest in self.content.items() if name != "body"}
        kept = {name: digest for name, digest in other.content.items() if name == "body"}
        return replace(self, content={**content, **kept})


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """An event as it is at the vendor.

    ``start`` and ``end`` are aware, ``memory`` is None when the event has none, ``is_recreated`` says of a
    new event that an earlier one of the same key was cancelled or deleted, ``keeps_old_text`` of an updated
    one that our text could not be replaced without risk to the join link. ``assumed_part`` is the number of
    a calendar entry that has no memory. ``key`` (lower case, ``""`` for none), ``organizer`` (folded) and
    ``is_organizer`` are known of an event that was read by its id: whose meeting it is.
    """

    event_id: str
    subject: str
    start: datetime
    end: datetime
    location: str
    hide_attendees: bool
    attendees: tuple[Attendee, ...] = ()
    memory: EventMemory | None = None
    join_url: str = ""
    web_link: str = ""
    is_recreated: bool = False
    keeps_old_text: bool = False
    assumed_part: int = FIRST_PART
    key: str = ""
    organizer: str = ""
    is_organizer: bool = True

    @property
    def part(self) -> int:
        """Number of this calendar entry, as the event remembers it or as it is assumed."""
        return self.memory.part if self.memory else self.assumed_part


@dataclass(frozen=True, slots=True)
class EventUpdate:
    """The way from an event to its plan.

    Attributes:
        plan: Where to go.
        fields: Names of what differs, without attendees.
        attendees: The whole new list (a vendor replaces it wholesale), or None to leave it alone.
        added: Addresses that are invited.
        removed: Addresses that are taken out.
        before: What the event shall remember before attendees are written, the content that is written
            before them included; None if that is the same.
        after: What it shall remember afterwards, or None if that is the same.
        by_hand: Names of the fields in which a person changed what this tool wrote.
    """

    plan: MeetingPlan
    fields: tuple[str, ...]
    attendees: tuple[Attendee, ...] | None
    added: tuple[str, ...]
    removed: tuple[str, ...]
    before: EventMemory | None
    after: EventMemory | None
    by_hand: tuple[str, ...] = ()

    @property
    def is_visible(self) -> bool:
        """Whether anybody would see a difference."""
        return bool(self.fields) or self.attendees is not None

    @property
    def leaves_nobody(self) -> bool:
        """Whether the last people are taken out, and nobody is remembered as kept out by hand."""
        return self.attendees == () and not (self.after and self.after.invited)


CONTENT_FIELDS = ("subject", "start", "end", "location", "hide_attendees", "body")
_TIMES = frozenset({"start", "end"})
MAX_LOCATION_LENGTH = 255
"""What is compared of a location: Exchange may cut off a longer one."""


def plan_times(
    change: Change, *, default_duration: timedelta, now: datetime | None
) -> tuple[datetime, datetime]:
    """Return start and end of the meeting.

    Args:
        change: The change.
        default_duration: When the change gives neither a duration nor an end.
        now: Starts before this are refused; None allows the past.

    Raises:
        InvalidChangeError: No start, end not after start, or a start in the past.
    """
    start, end = change.meeting_start, change.meeting_end(default_duration)
    if start is None or end is None:
        missing = Problem("meeting start", "a meeting needs a start; the change names none")
        raise InvalidChangeError([missing, *(Problem("", warning) for warning in change.warnings)])
    if end.timestamp() <= start.timestamp():
        message = f"{end:%Y-%m-%d %H:%M %Z} is not after the start, {start:%Y-%m-%d %H:%M %Z}"
        raise InvalidChangeError([Problem("meeting end", message)])
    if now is not None and start.timestamp() < now.timestamp():
        message = f"{start:%Y-%m-%d %H:%M %Z} is in the past (use --allow-past to go on all the same)"
        raise InvalidChangeError([Problem("meeting start", message)])
    return start, end


def as_attendees(recipients: Iterable[Recipient]) -> tuple[Attendee, ...]:
    """Return recipients as the plan's attendees."""
    return tuple(Attendee(one.address, one.role, customers=one.customers) for one in recipients)


def guests_of(plan: MeetingPlan, event: CalendarEvent) -> tuple[Attendee, ...]:
    """Return the people of ``event`` whom this tool did not invite: they were added by hand."""
    ours = invited_by_us(plan, event)
    return tuple(one for one in event.attendees if plan.address_mark(one.address) not in ours)


def kept_out_by_hand(plan: MeetingPlan, event: CalendarEvent) -> tuple[str, ...]:
    """Return the addresses of ``plan`` that this tool invited and the organizer removed by hand."""
    ours = invited_by_us(plan, event) - {plan.address_mark(one.address) for one in event.attendees}
    return tuple(one.address for one in plan.attendees if plan.address_mark(one.address) in ours)


def plan_update(
    plan: MeetingPlan,
    event: CalendarEvent,
    *,
    force: bool = False,
    is_sent: bool = False,
    guests: tuple[Attendee, ...] = (),
    respect_hand: bool = False,
) -> EventUpdate:
    """Compare what shall be with what is.

    People the organizer added by hand stay, people the organizer removed by hand stay out (until their
    subscription changes, or with ``force``), people this tool invited and who are no longer in the plan go,
    unless a customer could not be read. Without a memory people are only added.
    People who are hidden from each other stay hidden: somebody may still be there who must not be seen.
    ``force`` names every content field, so that the update is sent though nothing differs, unless it
    ``is_sent`` already. ``guests`` are
    people whom the organizer added by hand to a twin of the event; they move here. With ``respect_hand`` a
    subject, time or location that a person changed stays as it is.
    """
    plan = replace(plan, hide_attendees=plan.hide_attendees or event.hide_attendees)
    ours = invited_by_us(plan, event)
    added, removed = _attendee_changes(plan, event, ours, force=force)
    merged = {one.address: one for one in (*guests, *_merged_attendees(plan, event, added, removed))}
    attendees = tuple(merged[address] for address in sorted(merged))
    live = tuple(sorted(event.attendees, key=lambda one: one.address))
    coming, going = (frozenset(map(plan.address_mark, people)) for people in (added, removed))
    differing = _changed_fields(plan, event)
    by_hand = _changed_by_hand(event, differing)
    fields = CONTENT_FIELDS if force and not is_sent else differing
    if respect_hand:
        fields = tuple(name for name in fields if name not in by_hand)
    known = event.memory or EventMemory({"body": plan.content_digests["body"]}, part=plan.part)
    foreign = set(differing).difference(fields)
    ours_now = {name: digest for name, digest in plan.content_digests.items() if name not in foreign}
    content = {**known.content, **ours_now}
    noted = replace(known, content=content) if fields else known
    before = replace(noted, invited=ours - going, pending=coming | going) if added or removed else None
    kept = ours & {plan.address_mark(one.address) for one in plan.attendees} if plan.is_complete else ours
    after = EventMemory(content, kept | coming, part=plan.part)
    return EventUpdate(
        plan,
        fields=fields,
        attendees=None if _same_people(attendees, live) else attendees,
        added=added,
        removed=removed,
        before=before,
        after=after if after != (before or event.memory) and (added or fields or event.memory) else None,
        by_hand=by_hand,
    )


def invited_by_us(plan: MeetingPlan, event: CalendarEvent) -> frozenset[str]:
    """Return the marks of whom this tool invited, an update that broke off midway included."""
    if event.memory is None:
        return frozenset()
    live = {plan.address_mark(attendee.address) for attendee in event.attendees}
    return event.memory.invited | (event.memory.pending & live)


def _changed_fields(plan: MeetingPlan, event: CalendarEvent) -> tuple[str, ...]:
    differs = {
        "subject": _one_line(plan.subject) != _one_line(event.subject),
        "start": not _same_moment(plan.start, event.start),
        "end": not _same_moment(plan.end, event.end),
        "location": _location(plan.location) != _location(event.location),
        "hide_attendees": plan.hide_attendees != event.hide_attendees,
        "body": event.memory is not None and event.memory.content.get("body") != _digest(plan.body),
    }
    return tuple(name for name in CONTENT_FIELDS if differs[name])


def _changed_by_hand(event: CalendarEvent, differing: tuple[str, ...]) -> tuple[str, ...]:
    """Return which of the differing fields are not as this tool wrote them; start and end go together."""
    content = event.memory.content if event.memory else {}
    digests = visible_digests(event)
    by_hand = {name for name in differing if name in digests and digests[name] != content.get(name)}
    if by_hand & _TIMES:
        by_hand |= _TIMES.intersection(differing)
    return tuple(name for name in CONTENT_FIELDS if name in by_hand)


def visible_digests(one: MeetingPlan | CalendarEvent) -> dict[str, str]:
    """Return digests of what a person can change in the calendar, spelled so that equals give equals."""
    return {
        "subject": _digest(_one_line(one.subject)),
        "start": _digest(str(one.start.timestamp())),
        "end": _digest(str(one.end.timestamp())),
        "location": _digest(_location(one.location)),
    }


def _attendee_changes(
    plan: MeetingPlan, event: CalendarEvent, ours: frozenset[str], *, force: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    wanted = {attendee.address for attendee in plan.attendees}
    live = {attendee.address for attendee in event.attendees}
    added = {one for one in wanted - live if force or plan.address_mark(one) not in ours}
    gone = live - wanted if plan.is_complete else set[str]()
    removed = {one for one in gone if plan.address_mark(one) in ours}
    return tuple(sorted(added)), tuple(sorted(removed))


def _merged_attendees(
    plan: MeetingPlan, event: CalendarEvent, added: tuple[str, ...], removed: tuple[str, ...]
) -> tuple[Attendee, ...]:
    wanted = {attendee.address: attendee for attendee in plan.attendees}
    merged = [wanted[address] for address in added]
    for attendee in event.attendees:
        if attendee.address not in removed:
            role = wanted[attendee.address].role if attendee.address in wanted else attendee.role
            merged.append(Attendee(attendee.address, role, attendee.name, attendee.response))
    return tuple(merged)


def _same_people(one: tuple[Attendee, ...], other: tuple[Attendee, ...]) -> bool:
    return [(each.address, each.role) for each in one] == [(each.address, each.role) for each in other]


def _same_moment(one: datetime, other: datetime) -> bool:
    """Compare as timestamps: Python calls a time that exists twice unequal to itself in another zone."""
    return one.timestamp() == other.timestamp()


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _location(text: str) -> str:
    return _one_line(text)[:MAX_LOCATION_LENGTH]


def _digest(text: str) -> str:
    return _sha256(text).hex()[:_DIGEST_LENGTH]


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
