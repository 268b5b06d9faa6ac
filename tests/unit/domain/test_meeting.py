"""The plan, the event that is there, and the way between them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

import pytest

from contact_manager.domain.change import MeetingRequest, add_elapsed
from contact_manager.domain.meeting import (
    Attendee,
    CalendarEvent,
    EventMemory,
    MeetingPlan,
    meeting_key,
    plan_times,
    plan_update,
)
from contact_manager.errors import InvalidChangeError
from tests.fakes.worlds import NOW, START, change, plan

HOUR = timedelta(hours=1)


def event_of(made: MeetingPlan) -> CalendarEvent:
    return CalendarEvent(
        "event-1",
        made.subject,
        made.start.astimezone(UTC),
        made.end.astimezone(UTC),
        made.location,
        made.hide_attendees,
        made.attendees,
        made.first_memory(),
        "https://teams.example.com/1",
    )


def test_the_key_is_the_change_id_in_lower_case() -> None:
    key = meeting_key(change(change_id=" CHG-77 "))
    assert (key.value, key.is_derived) == ("chg-77", False)


def test_a_change_without_id_keeps_its_key_when_it_is_rescheduled() -> None:
    first = meeting_key(change("hts", "acme", change_id=None))
    later = meeting_key(change("acme", "hts", change_id=None, implementation_start=START + HOUR))
    other = meeting_key(change("acme", "hts", change_id=None, title="Another"))
    assert first.is_derived
    assert first == later != other


@pytest.mark.parametrize(
    ("request_", "has_end", "expected"),
    [
        pytest.param(MeetingRequest(), True, (START, START + 2 * HOUR), id="implementation window"),
        pytest.param(MeetingRequest(), False, (START, START + HOUR), id="default duration"),
        pytest.param(
            MeetingRequest(duration=HOUR / 2), True, (START, START + HOUR / 2), id="duration wins over end"
        ),
        pytest.param(
            MeetingRequest(start=START - HOUR), True, (START - HOUR, START + 2 * HOUR), id="own start"
        ),
        pytest.param(
            MeetingRequest(start=START - HOUR, duration=HOUR),
            True,
            (START - HOUR, START),
            id="own start, duration",
        ),
    ],
)
def test_meeting_times_follow_the_contract(
    request_: MeetingRequest, has_end: bool, expected: tuple[object, object]
) -> None:
    one = change(meeting=request_, implementation_end=START + 2 * HOUR if has_end else None)
    assert plan_times(one, default_duration=HOUR, now=NOW) == expected


def test_an_hour_across_a_clock_change_is_an_hour() -> None:
    before = START.replace(month=3, day=9, hour=1, minute=30)
    assert add_elapsed(before, HOUR).isoformat() == "2031-03-09T03:30:00-04:00"


def test_a_past_start_is_refused_unless_it_is_allowed() -> None:
    later = START + timedelta(days=1)
    with pytest.raises(InvalidChangeError, match="in the past"):
        plan_times(change(), default_duration=HOUR, now=later)
    assert plan_times(change(), default_duration=HOUR, now=None)[0] == START


def test_a_meeting_after_the_implementation_window_needs_a_duration() -> None:
    late = change(meeting=MeetingRequest(start=START + 3 * HOUR))
    with pytest.raises(InvalidChangeError, match="not after the start"):
        plan_times(late, default_duration=HOUR, now=NOW)


def test_an_equal_event_needs_nothing() -> None:
    made = plan("ann@example.com", "bob@example.com")
    update = plan_update(made, event_of(made))
    assert not update.is_visible
    assert (update.before, update.after) == (None, None)


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"subject": "Other"}, "subject"),
        ({"start": START + HOUR}, "start"),
        ({"end": START + 3 * HOUR}, "end"),
        ({"location": "Room 1"}, "location"),
        ({"hide_attendees": True}, "hide_attendees"),
        ({"body": "<p>other</p>"}, "body"),
    ],
)
def test_a_difference_is_named(wanted: dict[str, object], field: str) -> None:
    made = plan("ann@example.com")
    update = plan_update(replace(made, **wanted), event_of(made))  # type: ignore[arg-type]
    assert update.fields == (field,)
    assert update.attendees is None


def test_a_time_that_exists_twice_equals_itself_in_utc() -> None:
    start = START.replace(year=2030, month=11, day=3, hour=1, minute=30)
    made = plan("ann@example.com", start=start, end=start.replace(hour=3))
    assert not plan_update(made, event_of(made)).is_visible


def test_white_space_is_no_difference() -> None:
    made = plan("ann@example.com")
    assert not plan_update(made, replace(event_of(made), subject=f" {made.subject}  ")).is_visible


def test_subscribers_come_and_go() -> None:
    made = plan("ann@example.com", "bob@example.com")
    update = plan_update(plan("bob@example.com", "cat@example.com"), event_of(made))
    assert (update.added, update.removed) == (("cat@example.com",), ("ann@example.com",))
    assert [one.address for one in update.attendees or ()] == ["bob@example.com", "cat@example.com"]
    assert update.fields == ()


def test_nobody_is_removed_when_a_customer_could_not_be_read() -> None:
    made = plan("ann@example.com", "bob@example.com")
    update = plan_update(plan("cat@example.com", is_complete=False), event_of(made))
    assert (update.added, update.removed) == (("cat@example.com",), ())
    known = {made.address_mark(f"{name}@example.com") for name in ("ann", "bob", "cat")}
    assert update.after is not None
    assert update.after.invited == known


def test_people_added_by_hand_stay() -> None:
    made = plan("ann@example.com")
    guest = Attendee("guest@example.org", name="A Guest", response="accepted")
    event = event_of(made)
    event = replace(event, attendees=(*event.attendees, guest))
    assert not plan_update(made, event).is_visible
    update = plan_update(plan("bob@example.com"), event)
    assert update.attendees is not None
    assert guest in update.attendees
    assert update.removed == ("ann@example.com",)


def test_people_removed_by_hand_stay_out_until_their_subscription_changes() -> None:
    made = plan("ann@example.com", "bob@example.com")
    event = replace(event_of(made), attendees=(Attendee("bob@example.com"),))
    assert not plan_update(made, event).is_visible
    assert plan_update(made, event, force=True).added == ("ann@example.com",)
    unsubscribed = plan_update(plan("bob@example.com"), event)
    assert not unsubscribed.is_visible
    assert unsubscribed.after is not None
    again = plan_update(made, replace(event, memory=unsubscribed.after))
    assert again.added == ("ann@example.com",)


def test_without_a_memory_people_are_only_added() -> None:
    made = plan("ann@example.com")
    event = replace(event_of(made), memory=None)
    assert not plan_update(made, event).is_visible
    update = plan_update(plan("bob@example.com"), event)
    assert (update.added, update.removed) == (("bob@example.com",), ())


def test_an_update_that_broke_off_is_taken_up_again() -> None:
    made = plan("ann@example.com")
    wanted = plan("ann@example.com", "bob@example.com")
    first = plan_update(wanted, event_of(made))
    assert first.before is not None
    before_attendees = replace(event_of(made), memory=first.before)
    assert plan_update(wanted, before_attendees).added == ("bob@example.com",)
    after_attendees = replace(before_attendees, attendees=first.attendees or ())
    again = plan_update(wanted, after_attendees)
    assert not again.is_visible
    assert again.after == first.after
    gone = plan_update(made, after_attendees)
    assert gone.removed == ("bob@example.com",)


def test_hidden_people_stay_hidden() -> None:
    hidden = event_of(plan("ann@example.com", hide_attendees=True))
    for force in (False, True):
        update = plan_update(plan("ann@example.com"), hidden, force=force)
        assert update.plan.hide_attendees
    assert not plan_update(plan("ann@example.com"), hidden).is_visible


def test_a_removal_that_broke_off_does_not_keep_out_who_subscribes_again() -> None:
    made = plan("ann@example.com", "bob@example.com")
    first = plan_update(plan("ann@example.com"), event_of(made))
    assert first.before is not None
    before_attendees = replace(event_of(made), memory=first.before)
    assert plan_update(plan("ann@example.com"), before_attendees).removed == ("bob@example.com",)
    after_attendees = replace(before_attendees, attendees=first.attendees or ())
    assert plan_update(made, after_attendees).added == ("bob@example.com",)
    again = plan_update(plan("ann@example.com"), after_attendees)
    assert not again.is_visible
    assert again.after == first.after


def test_who_is_let_in_again_by_force_is_no_longer_noted_as_to_be_invited() -> None:
    made = plan("ann@example.com", "bob@example.com")
    event = replace(event_of(made), attendees=(Attendee("bob@example.com"),))
    update = plan_update(made, event, force=True)
    assert update.before is not None
    assert update.before.pending
    assert update.after == made.first_memory()


@pytest.mark.parametrize(
    ("hand", "wanted", "by_hand"),
    [
        pytest.param({"subject": "By hand"}, {}, ("subject",), id="subject"),
        pytest.param({"start": START - HOUR}, {}, ("start",), id="start"),
        pytest.param({"start": START - HOUR}, {"end": START + 3 * HOUR}, ("start", "end"), id="times"),
        pytest.param({"location": "Room 1"}, {"subject": "Other"}, ("location",), id="location"),
        pytest.param({}, {"subject": "Other", "start": START + HOUR}, (), id="nothing"),
    ],
)
def test_what_a_person_changed_is_told_and_can_be_left(
    hand: dict[str, Any], wanted: dict[str, Any], by_hand: tuple[str, ...]
) -> None:
    made = plan("ann@example.com")
    event = replace(event_of(made), **hand)
    change_of_ours = replace(made, **wanted)
    assert plan_update(change_of_ours, event).by_hand == by_hand
    update = plan_update(change_of_ours, event, respect_hand=True)
    assert not set(by_hand) & set(update.fields)
    assert set(update.fields) == set(wanted) - set(by_hand)
    again = replace(
        event, **{name: wanted[name] for name in update.fields}, memory=update.after or event.memory
    )
    assert plan_update(change_of_ours, again, respect_hand=True).by_hand == by_hand
    assert not plan_update(change_of_ours, again, respect_hand=True).is_visible


def test_a_person_who_writes_what_we_want_has_changed_nothing() -> None:
    made = plan("ann@example.com")
    event = replace(event_of(made), subject="Other")
    update = plan_update(replace(made, subject="Other"), event)
    assert (update.by_hand, update.is_visible) == ((), False)
    assert update.after == replace(made, subject="Other").first_memory()


def test_without_a_memory_every_difference_may_be_a_persons() -> None:
    made = plan("ann@example.com")
    event = replace(event_of(made), memory=None)
    update = plan_update(replace(made, subject="Other"), event, respect_hand=True)
    assert (update.by_hand, update.fields) == (("subject",), ())


def test_a_long_location_that_is_cut_off_is_no_difference() -> None:
    made = plan("ann@example.com", location="https://teams.example.com/" + "x" * 300)
    assert not plan_update(made, replace(event_of(made), location=made.location[:255])).is_visible


def test_a_force_names_every_field_and_keeps_the_people() -> None:
    made = plan("ann@example.com")
    update = plan_update(made, event_of(made), force=True)
    assert "subject" in update.fields
    assert update.attendees is None


def test_a_mark_does_not_tell_the_address_of_another_meeting() -> None:
    made = plan("ann@example.com")
    assert made.address_mark("ann@example.com") != made.address_mark("bob@example.com")
    assert made.first_memory() == EventMemory(
        made.content_digests, frozenset({made.address_mark("ann@example.com")})
    )
