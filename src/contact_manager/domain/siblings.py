"""How the people of one meeting are spread over calendar entries when one entry cannot hold them all."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from contact_manager.domain.meeting import (
    FIRST_PART,
    Attendee,
    CalendarEvent,
    MeetingPlan,
    invited_by_us,
    kept_out_by_hand,
)


def divide(
    plan: MeetingPlan,
    events: Mapping[int, CalendarEvent],
    *,
    limit: int,
    force: bool = False,
    guests: Mapping[int, tuple[Attendee, ...]] | None = None,
) -> dict[int, MeetingPlan]:
    """Return a plan for each calendar entry, by its number; together they hold the people of ``plan``.

    Whoever is in an entry stays there, unless it has more than ``limit`` people; then as many of ours move
    as are too many, provided that every customer could be read. A new customer's people come into one entry
    where they fit; other new people fill free places, first beside people of their customer.

    Args:
        plan: The whole meeting.
        events: The entries there are.
        limit: People in one entry, the organizer not counted.
        force: Whether people whom the organizer removed are invited again.
        guests: People who were added by hand to a twin of an entry, and move there.
    """
    seating = _Seating(plan, events, limit, guests or {})
    new = seating.keep_present()
    if not force:
        kept_out = {one: number for number in events for one in kept_out_by_hand(plan, events[number])}
        new = seating.remember(new, kept_out)
    seating.place([*new, *seating.take_surplus()])
    return seating.plans()


def by_part(events: Iterable[CalendarEvent]) -> dict[int, list[CalendarEvent]]:
    """Return the events of one meeting by the number of their entry; more than one of a number are twins.

    An event that lost both its memory and its join link is no twin: it may be an entry of its own, whose
    people must not get a cancellation. It takes the first free number.
    """
    entries: defaultdict[int, list[CalendarEvent]] = defaultdict(list)
    strays = []
    for event in events:
        if event.memory is None and not event.join_url:
            strays.append(event)
        else:
            entries[event.part].append(event)
    for stray in strays:
        number = _first_free(entries)
        entries[number].append(replace(stray, assumed_part=number))
    return dict(sorted(entries.items()))


class _Seating:
    """The entries while they are being filled."""

    def __init__(
        self,
        plan: MeetingPlan,
        events: Mapping[int, CalendarEvent],
        limit: int,
        guests: Mapping[int, tuple[Attendee, ...]],
    ) -> None:
        self._plan = plan
        self._limit = limit
        self._present = {
            number: {one.address for one in (*event.attendees, *guests.get(number, ()))}
            for number, event in events.items()
        }
        self._ours = {number: invited_by_us(plan, event) for number, event in events.items()}
        self._members: dict[int, list[Attendee]] = {number: [] for number in sorted({FIRST_PART, *events})}
        self._people: Counter[int] = Counter()
        self._customers: defaultdict[str, Counter[int]] = defaultdict(Counter)

    def keep_present(self) -> list[Attendee]:
        """Leave everybody where they are, and return those of the plan who are nowhere yet."""
        homes: dict[str, int] = {}
        new = []
        for person in self._plan.attendees:
            number = self._home(person.address)
            if number is None:
                new.append(person)
            else:
                homes[person.address] = number
                self._members[number].append(person)
                self._customers[_customer(person)][number] += 1
        for number, people in self._present.items():
            self._people[number] = sum(
                homes.get(one) == number or not self._may_go(one, number) for one in people
            )
        return new

    def remember(self, new: list[Attendee], kept_out: Mapping[str, int]) -> list[Attendee]:
        """Leave people who are kept out by hand to the entry that knows it, and return the others."""
        for person in new:
            if person.address in kept_out:
                self._members[kept_out[person.address]].append(person)
        return [one for one in new if one.address not in kept_out]

    def take_surplus(self) -> list[Attendee]:
        """Take people of ours out of entries that hold too many, and return them."""
        taken: list[Attendee] = []
        for number, people in self._present.items():
            surplus = self._people[number] - self._limit
            movable = [
                one
                for one in self._members[number]
                if one.address in people and self._may_go(one.address, number)
            ]
            movable.sort(key=lambda one: (_customer(one), one.address))
            going = movable[-surplus:] if surplus > 0 else []
            gone = {one.address for one in going}
            self._members[number] = [one for one in self._members[number] if one.address not in gone]
            self._people[number] -= len(going)
            taken += going
        return taken

    def place(self, people: Iterable[Attendee]) -> None:
        """Find a place for everybody, the largest groups first."""
        groups: defaultdict[str, list[Attendee]] = defaultdict(list)
        for person in people:
            groups[_customer(person)].append(person)
        for customer in sorted(groups, key=lambda code: (-len(groups[code]), code)):
            group, known = groups[customer], self._customers[customer]
            if not known and len(group) <= self._limit:
                self._put(self._entry_for(len(group)), group)
            else:
                self._fill([number for number, _ in known.most_common()], group)

    def plans(self) -> dict[int, MeetingPlan]:
        """Return the entries as plans."""
        return {
            number: replace(
                self._plan, part=number, attendees=tuple(sorted(members, key=lambda one: one.address))
            )
            for number, members in sorted(self._members.items())
        }

    def _home(self, address: str) -> int | None:
        """Return the entry in which a person stays: of several, one that we invited to and that has room."""
        numbers = [number for number, people in self._present.items() if address in people]
        if len(numbers) < 2:  # noqa: PLR2004
            return numbers[0] if numbers else None
        mark = self._plan.address_mark(address)
        return min(numbers, key=lambda one: (mark not in self._ours[one], len(self._present[one]), one))

    def _may_go(self, address: str, number: int) -> bool:
        return self._plan.is_complete and self._plan.address_mark(address) in self._ours[number]

    def _entry_for(self, size: int) -> int:
        fitting = (one for one in self._members if self._people[one] + size <= self._limit)
        return next(fitting, None) or self._open_entry()

    def _fill(self, first: list[int], group: list[Attendee]) -> None:
        for number in [*first, *self._members]:
            free = max(0, self._limit - self._people[number])
            self._put(number, group[:free])
            group = group[free:]
        while group:
            self._put(self._open_entry(), group[: self._limit])
            group = group[self._limit :]

    def _put(self, number: int, group: list[Attendee]) -> None:
        if group:
            self._members[number] += group
            self._people[number] += len(group)
            self._customers[_customer(group[0])][number] += len(group)

    def _open_entry(self) -> int:
        number = _first_free(self._members)
        self._members[number] = []
        return number


def _first_free(numbers: Collection[int]) -> int:
    return next(one for one in range(FIRST_PART, len(numbers) + 2) if one not in numbers)


def _customer(person: Attendee) -> str:
    """Return the customer beside whose people a person sits."""
    return person.customers[0] if person.customers else ""
