"""The calendar entries of one meeting: what they are, and what each shall become."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from contact_manager.domain.meeting import (
    FIRST_PART,
    CalendarEvent,
    EventUpdate,
    MeetingPlan,
    guests_of,
    plan_update,
)
from contact_manager.domain.siblings import by_part, divide
from contact_manager.formats.join_link import render_join_link


@dataclass(frozen=True, slots=True)
class AlignmentRules:
    """How a plan is carried out.

    Attributes:
        attendee_limit: People one calendar entry may have.
        max_removals: More stop the run before anything is written; None means no limit.
        force: Send the update though nothing differs, and invite again who was removed by hand.
        respect_hand: Leave a subject, time or location as a person changed it in the calendar.
    """

    attendee_limit: int
    max_removals: int | None = None
    force: bool = False
    respect_hand: bool = False


class MeetingEntries:
    """The whole plan, spread over the entries that were found and those that are missing, by number.

    The content of the entries ``sent`` is not sent once more by force.

    Attributes:
        events: The entries there are.
        twins: Events that an entry has besides.
        plans: Who shall be in each entry; :meth:`plan` knows the rest.
        link: The join link that leads to the meeting, ``""`` as long as there is none.
    """

    def __init__(
        self,
        whole: MeetingPlan,
        found: Sequence[CalendarEvent],
        rules: AlignmentRules,
        sent: Collection[int] = (),
    ) -> None:
        there = by_part(found)
        self._rules = rules
        self._sent = sent
        self.events = {number: same[0] for number, same in there.items()}
        self.twins = {number: same[1:] for number, same in there.items()}
        self._guests = {
            number: tuple(guest for twin in twins for guest in guests_of(whole, twin))
            for number, twins in self.twins.items()
        }
        self.plans = divide(
            whole, self.events, limit=rules.attendee_limit, force=rules.force, guests=self._guests
        )
        self.link = self.events[FIRST_PART].join_url if FIRST_PART in self.events else ""

    def plan(self, number: int) -> MeetingPlan:
        """Return what an entry shall be; one that is no online meeting itself leads to the one that is."""
        plan = self.plans[number]
        if number == FIRST_PART:
            return plan
        followed = self._as_the_first_was_set(plan)
        return replace(
            followed, location=self.link or plan.location, body=plan.body + render_join_link(self.link)
        )

    def update(self, number: int) -> EventUpdate:
        """Return the way from an entry that is there to its plan.

        A person's hand counts in the first entry; the others follow that one, because it is one meeting.
        """
        return plan_update(
            self.plan(number),
            self.events[number],
            force=self._rules.force,
            is_sent=number in self._sent,
            guests=self._guests[number],
            respect_hand=self._rules.respect_hand and number == FIRST_PART,
        )

    def updates(self) -> dict[int, EventUpdate]:
        """Return the updates of all entries that are there."""
        return {number: self.update(number) for number in self.events}

    def are_for_nobody(self, updates: Iterable[EventUpdate]) -> bool:
        """Return whether there is no first entry, and would be nobody in any."""
        people = any(plan.attendees for plan in self.plans.values())
        return FIRST_PART not in self.events and not people and all(one.leaves_nobody for one in updates)

    def _as_the_first_was_set(self, plan: MeetingPlan) -> MeetingPlan:
        """Return ``plan`` with the subject and the times that a person gave the first entry."""
        if not self._rules.respect_hand or FIRST_PART not in self.events:
            return plan
        first, by_hand = self.events[FIRST_PART], self.update(FIRST_PART).by_hand
        zone = ZoneInfo(plan.time_zone)
        return replace(
            plan,
            subject=first.subject if "subject" in by_hand else plan.subject,
            start=first.start.astimezone(zone) if "start" in by_hand else plan.start,
            end=first.end.astimezone(zone) if "end" in by_hand else plan.end,
        )
