"""How a meeting that another program made becomes ours."""

from __future__ import annotations

from contact_manager.domain.meeting import CalendarEvent, EventMemory, MeetingPlan, visible_digests


def memory_of_adopted(plan: MeetingPlan, event: CalendarEvent) -> EventMemory:
    """Return what the event that the plan's record names remembers from its adoption on.

    Subject, times and location count as written by this tool, so that they follow the change; the text is
    not known and will be written. The people whom the record lists count as invited by this tool, those who
    are in the event and not in the record as added by hand. When the record lists nobody, the people of the
    plan count as invited by this tool. Who is listed and not in the event is invited like anybody new:
    nobody knows whether a person removed them.
    """
    listed = plan.recorded.attendees if plan.recorded else None
    ours = {person.address for person in plan.attendees} if listed is None else listed
    invited = {plan.address_mark(person.address) for person in event.attendees if person.address in ours}
    return EventMemory(visible_digests(event), frozenset(invited))
