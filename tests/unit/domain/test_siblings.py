"""Who sits in which calendar entry when one cannot hold everybody."""

from __future__ import annotations

from dataclasses import replace

import hypothesis.strategies as st
from hypothesis import given

from contact_manager.domain.meeting import Attendee, CalendarEvent, EventMemory, MeetingPlan, plan_update
from contact_manager.domain.siblings import by_part, divide
from tests.fakes.worlds import plan

LIMIT = 4


def people(customer: str, number: int, *, first: int = 0) -> tuple[Attendee, ...]:
    return tuple(
        Attendee(f"{customer}{i}@example.com", customers=(customer,)) for i in range(first, first + number)
    )


def whole(*attendees: Attendee, **more: object) -> MeetingPlan:
    ordered = tuple(sorted(attendees, key=lambda one: one.address))
    return replace(plan(**more), attendees=ordered)


def carried_out(plans: dict[int, MeetingPlan], before: dict[int, CalendarEvent]) -> dict[int, CalendarEvent]:
    """Return the entries after an update of each."""
    after = {}
    for number, one in plans.items():
        event = before.get(number)
        if event is None:
            memory = one.first_memory()
            after[number] = CalendarEvent(
                str(number), one.subject, one.start, one.end, one.location, False, one.attendees, memory
            )
        else:
            update = plan_update(one, event)
            attendees = event.attendees if update.attendees is None else update.attendees
            after[number] = replace(event, attendees=attendees, memory=update.after or event.memory)
    return after


def made(*attendees: Attendee, limit: int = LIMIT) -> dict[int, CalendarEvent]:
    return carried_out(divide(whole(*attendees), {}, limit=limit), {})


def addresses(plans: dict[int, MeetingPlan]) -> dict[int, list[str]]:
    return {number: [one.address for one in each.attendees] for number, each in plans.items()}


def seats(events: dict[int, CalendarEvent]) -> dict[str, int]:
    return {one.address: number for number, event in events.items() for one in event.attendees}


def test_everybody_sits_in_one_entry_as_long_as_they_fit() -> None:
    wanted = whole(*people("acme", 2), *people("hts", 2))
    assert divide(wanted, {}, limit=LIMIT) == {1: wanted}


def test_whole_customers_stay_together() -> None:
    plans = divide(whole(*people("acme", 3), *people("hts", 3), *people("zen", 1)), {}, limit=LIMIT)
    assert addresses(plans) == {
        1: ["acme0@example.com", "acme1@example.com", "acme2@example.com", "zen0@example.com"],
        2: ["hts0@example.com", "hts1@example.com", "hts2@example.com"],
    }


def test_a_customer_who_fits_nowhere_fills_entries() -> None:
    plans = divide(whole(*people("acme", 10)), {}, limit=LIMIT)
    assert [len(one.attendees) for one in plans.values()] == [4, 4, 2]


def test_nobody_moves_when_others_go() -> None:
    before = made(*people("acme", 3), *people("hts", 3))
    stay = (people("acme", 1)[0], *people("hts", 3))
    plans = divide(whole(*stay), before, limit=LIMIT)
    assert addresses(plans) == {
        1: ["acme0@example.com"],
        2: ["hts0@example.com", "hts1@example.com", "hts2@example.com"],
    }


def test_new_people_sit_beside_their_customer_first_and_then_where_there_is_room() -> None:
    before = made(*people("acme", 3), *people("hts", 3))
    plans = divide(whole(*people("acme", 3), *people("hts", 6)), before, limit=LIMIT)
    new = [sorted(set(one) - seats(before).keys()) for one in addresses(plans).values()]
    assert new == [["hts4@example.com"], ["hts3@example.com"], ["hts5@example.com"]]


def test_who_was_removed_by_hand_stays_out_of_every_entry() -> None:
    before = made(*people("acme", 3), *people("hts", 3))
    gone = replace(before[2], attendees=before[2].attendees[1:])
    wanted = whole(*people("acme", 3), *people("hts", 3))
    events = {1: before[1], 2: gone}
    plans = divide(wanted, events, limit=LIMIT)
    assert seats(carried_out(plans, events)) == seats(events)
    forced = divide(wanted, events, limit=LIMIT, force=True)
    assert "hts0@example.com" in addresses(forced)[2]


def test_people_added_by_hand_take_places() -> None:
    before = made(*people("acme", 3))
    guest = Attendee("guest@example.org")
    events = {1: replace(before[1], attendees=(*before[1].attendees, guest))}
    plans = divide(whole(*people("acme", 4)), events, limit=LIMIT)
    assert addresses(plans)[2] == ["acme3@example.com"]


def test_too_many_in_one_entry_move_and_guests_stay() -> None:
    before = made(*people("acme", 4))
    guests = tuple(Attendee(f"guest{i}@example.org") for i in range(2))
    events = {1: replace(before[1], attendees=(*before[1].attendees, *guests))}
    wanted = whole(*people("acme", 4))
    plans = divide(wanted, events, limit=LIMIT)
    assert [len(one.attendees) for one in plans.values()] == [2, 2]
    partly = divide(replace(wanted, is_complete=False), events, limit=LIMIT)
    assert list(partly) == [1]


def test_a_move_that_broke_off_between_two_entries_is_finished() -> None:
    before = made(*people("acme", 4))
    wanted = whole(*people("acme", 4))
    plans = divide(wanted, before, limit=2)
    second = carried_out({2: plans[2]}, {})[2]
    events = {1: before[1], 2: second}
    again = divide(wanted, events, limit=2)
    after = carried_out(again, events)
    assert [len(event.attendees) for event in after.values()] == [2, 2]
    assert {one.address for one in after[2].attendees} == {one.address for one in second.attendees}


def test_a_first_entry_that_is_gone_is_filled_again() -> None:
    before = made(*people("acme", 3), *people("hts", 3))
    plans = divide(whole(*people("acme", 3), *people("hts", 3)), {2: before[2]}, limit=LIMIT)
    assert len(plans[1].attendees) == 3
    assert seats(before)["hts0@example.com"] == 2


def test_twins_are_events_of_the_same_entry() -> None:
    events = made(*people("acme", 3), *people("hts", 3))
    twin = replace(events[2], event_id="twin")
    unknown = replace(events[1], event_id="unknown", memory=None, join_url="https://teams.example.com/2")
    assert ids_of(events[1], twin, events[2], unknown) == {1: ["1", "unknown"], 2: ["twin", "2"]}
    assert EventMemory().part == 1


def test_an_event_that_is_known_by_nothing_is_an_entry_of_its_own() -> None:
    events = made(*people("acme", 3), *people("hts", 3))
    bare = replace(events[2], memory=None, join_url="")
    assert ids_of(bare, events[1]) == {1: ["1"], 2: ["2"]}
    assert ids_of(bare) == {1: ["2"]}
    assert ids_of(bare, events[1], events[2], bare) == {1: ["1"], 2: ["2"], 3: ["2"], 4: ["2"]}


def ids_of(*events: CalendarEvent) -> dict[int, list[str]]:
    return {number: [one.event_id for one in same] for number, same in by_part(events).items()}


@given(st.lists(st.dictionaries(st.sampled_from("abcd"), st.integers(0, 9)), min_size=1, max_size=5))
def test_whatever_comes_and_goes_everybody_sits_once_nobody_moves_and_no_entry_is_too_full(
    steps: list[dict[str, int]],
) -> None:
    events: dict[int, CalendarEvent] = {}
    for step in steps:
        wanted = whole(*(one for customer, number in step.items() for one in people(customer, number)))
        before = seats(events)
        events = carried_out(divide(wanted, events, limit=LIMIT), events)
        after = seats(events)
        assert sorted(one.address for event in events.values() for one in event.attendees) == sorted(after)
        assert after.keys() == {one.address for one in wanted.attendees}
        assert all(after[address] == number for address, number in before.items() if address in after)
        assert all(len(event.attendees) <= LIMIT for event in events.values())
