"""What every calendar does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from contact_manager.domain.change import AttendeeRole
from contact_manager.domain.meeting import (
    Attendee,
    CalendarEvent,
    EventMemory,
    EventUpdate,
    MeetingKey,
    MeetingPlan,
    plan_update,
)
from contact_manager.errors import ConflictError
from contact_manager.ports import Calendar
from tests.contract.calendar_stages import GraphStage, MemoryStage, Stage, open_graph_stage
from tests.fakes.worlds import START, plan

EVERY = pytest.mark.parametrize("stage", ["memory", "graph", "dry run"], indirect=True)
WRITING = pytest.mark.parametrize("stage", ["memory", "graph"], indirect=True)
PEOPLE = ("ann@example.com", "bob@example.com")
OTHER_KEY = MeetingKey("chg-10")


@pytest.fixture
async def stage(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[GraphStage | MemoryStage]:
    if request.param == "graph":
        async with open_graph_stage(monkeypatch) as opened:
            yield opened
    else:
        yield MemoryStage(is_dry_run=request.param == "dry run")


def seen(event: CalendarEvent) -> dict[str, Any]:
    """Return what people see of an event, times as moments; names are the vendor's own when we give none."""
    return {
        "subject": event.subject,
        "start": event.start.timestamp(),
        "end": event.end.timestamp(),
        "location": event.location,
        "hide_attendees": event.hide_attendees,
        "attendees": {(one.address, one.role, one.response.removeprefix("none")) for one in event.attendees},
        "join_url": event.join_url,
    }


async def found(calendar: Calendar, key: MeetingKey | None = None) -> CalendarEvent:
    [event] = await calendar.find_events(key or plan().key)
    return event


@WRITING
async def test_what_is_created_is_found_again_by_its_key(stage: Stage) -> None:
    wanted = plan(*PEOPLE, hide_attendees=True)
    assert await stage.calendar.find_events(wanted.key) == ()
    made = await stage.calendar.create_event(wanted)
    again = await found(stage.calendar)
    assert again.event_id == made.event_id
    assert seen(again) == seen(made)
    assert again.memory == wanted.first_memory()
    assert not plan_update(wanted, again).is_visible
    assert made.join_url
    assert made.web_link
    assert not made.is_recreated
    assert stage.told() == [("invitation", one) for one in PEOPLE]


@WRITING
async def test_what_is_created_twice_is_one_event(stage: Stage) -> None:
    first = await stage.calendar.create_event(plan(*PEOPLE))
    second = await stage.calendar.create_event(plan(*PEOPLE))
    assert second.event_id == first.event_id
    assert not second.is_recreated
    assert (await found(stage.calendar)).event_id == first.event_id
    assert len(stage.told()) == len(PEOPLE)


@EVERY
async def test_keys_are_independent(stage: Stage) -> None:
    one = await stage.given(plan(*PEOPLE))
    other = await stage.given(plan("cal@example.com", key=OTHER_KEY, subject="Another change"))
    assert one.event_id != other.event_id
    assert (await found(stage.calendar)).subject == one.subject
    assert (await found(stage.calendar, OTHER_KEY)).subject == "Another change"
    assert await stage.calendar.find_events(MeetingKey("chg")) == ()


@WRITING
async def test_a_change_of_one_meeting_leaves_the_others_alone(stage: Stage) -> None:
    event = await stage.given(plan(*PEOPLE))
    other = await stage.given(plan(*PEOPLE, key=OTHER_KEY))
    await stage.calendar.update_content(event, plan_update(plan(*PEOPLE, subject="Later"), event))
    await stage.calendar.update_attendees(event, ())
    await stage.calendar.cancel_event(event, "Off")
    assert seen(await found(stage.calendar, OTHER_KEY)) == seen(other)


@EVERY
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"subject": "Change Implementation: \N{ROCKET} <b>&amp; 'quotes'\""}, id="subject"),
        pytest.param({"end": START + timedelta(hours=3)}, id="end"),
        pytest.param(
            {"start": START + timedelta(days=90), "end": START + timedelta(days=90, hours=2)},
            id="start and end",
        ),
        pytest.param({"location": "Room 1"}, id="location"),
        pytest.param({"hide_attendees": True}, id="hide_attendees"),
        pytest.param({"body": "<h2>Database upgrade</h2><p>Later</p>"}, id="body"),
    ],
)
async def test_a_content_update_changes_its_fields_and_keeps_people_and_join_link(
    stage: Stage, changes: dict[str, Any]
) -> None:
    event = await stage.given(plan(*PEOPLE))
    update = plan_update(plan(*PEOPLE, **changes), event)
    assert set(update.fields) == set(changes)
    after = await stage.calendar.update_content(event, update)
    visible = {name: value for name, value in changes.items() if name != "body"}
    assert seen(after) == seen(replace(event, **visible))
    assert (after.event_id, after.web_link) == (event.event_id, event.web_link)


@WRITING
async def test_a_content_update_is_read_back_and_everybody_is_told(stage: Stage) -> None:
    event = await stage.given(plan(*PEOPLE))
    wanted = plan(*PEOPLE, subject="Later", location="Room 1", body="<p>New</p>")
    after = await stage.calendar.update_content(event, plan_update(wanted, event))
    again = await found(stage.calendar)
    assert seen(again) == seen(after)
    assert again.memory == after.memory == wanted.first_memory()
    assert stage.told()[len(PEOPLE) :] == [("update", one) for one in PEOPLE]


@WRITING
@pytest.mark.parametrize(
    ("people", "told"),
    [
        pytest.param((*PEOPLE, "cal@example.com"), [("invitation", "cal@example.com")], id="one more"),
        pytest.param(PEOPLE[:1], [("cancellation", "bob@example.com")], id="one less"),
        pytest.param(
            ("ann@example.com", "cal@example.com"),
            [("invitation", "cal@example.com"), ("cancellation", "bob@example.com")],
            id="one for another",
        ),
        pytest.param(PEOPLE, [], id="the same"),
        pytest.param((), [("cancellation", one) for one in PEOPLE], id="nobody"),
    ],
)
async def test_an_attendee_update_tells_only_those_who_come_or_go(
    stage: Stage, people: tuple[str, ...], told: list[tuple[str, str]]
) -> None:
    event = await stage.given(plan(*PEOPLE))
    after = await stage.calendar.update_attendees(event, tuple(map(Attendee, people)))
    assert [one.address for one in after.attendees] == list(people)
    assert stage.told()[len(PEOPLE) :] == told
    again = await found(stage.calendar)
    assert seen(again) == seen(after)
    assert seen(again) | {"attendees": ()} == seen(event) | {"attendees": ()}
    assert again.memory == event.memory


@EVERY
async def test_an_attendee_update_answers_the_event_with_the_people_given(stage: Stage) -> None:
    event = await stage.given(plan(*PEOPLE))
    after = await stage.calendar.update_attendees(event, (*event.attendees, Attendee("cal@example.com")))
    wanted = plan(*PEOPLE, "cal@example.com")
    assert seen(after) == seen(replace(event, attendees=wanted.attendees))


@WRITING
async def test_what_is_remembered_is_read_back_and_nobody_is_told(stage: Stage) -> None:
    event = await stage.given(plan(*PEOPLE))
    memory = EventMemory({"body": "another-digest"}, frozenset({"0a" * 6}), frozenset({"0b" * 6, "0c" * 6}))
    after = await stage.calendar.remember(event, memory)
    again = await found(stage.calendar)
    assert again.memory == memory
    assert seen(again) == seen(after) == seen(event)
    assert len(stage.told()) == len(PEOPLE)


@WRITING
async def test_roles_names_and_answers_survive_a_change_of_people_and_of_content(stage: Stage) -> None:
    wanted = replace(
        plan(),
        attendees=(Attendee("ann@example.com", AttendeeRole.OPTIONAL), Attendee("bob@example.com")),
    )
    event = await stage.given(wanted)
    by_hand = (
        Attendee("cal@example.com", name="Cal C. <b>"),
        Attendee("room@example.com", AttendeeRole.RESOURCE),
    )
    event = await stage.calendar.update_attendees(event, (*event.attendees, *by_hand))
    stage.respond(event, "ann@example.com", "accepted")
    stage.respond(event, "cal@example.com", "declined")
    event = await found(stage.calendar)
    event = await stage.calendar.update_attendees(event, (*event.attendees, Attendee("dan@example.com")))
    await stage.calendar.update_content(event, plan_update(replace(wanted, subject="Later"), event))
    people = {one.address: one for one in (await found(stage.calendar)).attendees}
    assert {
        address: (one.role.value, one.response.removeprefix("none")) for address, one in people.items()
    } == {
        "ann@example.com": ("optional", "accepted"),
        "bob@example.com": ("required", ""),
        "cal@example.com": ("required", "declined"),
        "room@example.com": ("resource", ""),
        "dan@example.com": ("required", ""),
    }
    assert people["cal@example.com"].name == "Cal C. <b>"


@WRITING
async def test_further_entries_of_a_meeting_share_its_key_and_keep_their_number(stage: Stage) -> None:
    first = await stage.calendar.create_event(plan(*PEOPLE))
    second = await stage.calendar.create_event(plan("cal@example.com", part=2))
    again = await stage.calendar.create_event(plan("cal@example.com", part=2))
    assert again.event_id == second.event_id != first.event_id
    assert [(one.event_id, one.part) for one in await stage.calendar.find_events(plan().key)] == [
        (first.event_id, 1),
        (second.event_id, 2),
    ]
    assert (bool(first.join_url), bool(second.join_url)) == (True, False)
    later = plan("cal@example.com", "dan@example.com", part=2, subject="Later")
    update = plan_update(later, second)
    after = await stage.calendar.update_content(second, update)
    await stage.calendar.remember(after, later.first_memory())
    assert [one.part for one in await stage.calendar.find_events(plan().key)] == [1, 2]


MEMORY = EventMemory({"subject": "a-digest"}, frozenset({"0a" * 6}))


async def recorded(stage: Stage, event_id: str) -> CalendarEvent:
    event = await stage.calendar.find_event(event_id)
    assert event is not None
    return event


@EVERY
async def test_an_event_of_another_program_is_found_by_its_id(stage: Stage) -> None:
    event = await recorded(stage, await stage.put(*PEOPLE))
    assert [one.address for one in event.attendees] == list(PEOPLE)
    assert (event.key, event.memory) == ("", None)
    assert (event.is_organizer, event.organizer) == (True, plan().organizer)
    assert event.join_url
    assert await stage.calendar.find_events(plan().key) == ()


@EVERY
async def test_an_event_found_by_its_id_shows_its_key(stage: Stage) -> None:
    event = await stage.given(plan(*PEOPLE))
    assert await recorded(stage, event.event_id) == replace(
        event, key=plan().key.value, organizer=plan().organizer
    )


@EVERY
@pytest.mark.parametrize("event_id", ["none", "../messages", "a b?c#d%2F", "AAMk/" + "x" * 60])
async def test_an_id_without_an_event_finds_nothing(stage: Stage, event_id: str) -> None:
    assert await stage.calendar.find_event(event_id) is None


@EVERY
async def test_an_event_that_is_gone_is_not_found_by_its_id(stage: Stage) -> None:
    event = await stage.given(plan(*PEOPLE))
    stage.lose(event)
    assert await stage.calendar.find_event(event.event_id) is None


@WRITING
async def test_an_adopted_event_is_found_by_its_key_and_nobody_is_told(stage: Stage) -> None:
    before = await recorded(stage, await stage.put(*PEOPLE))
    told = stage.told()
    for _ in range(2):
        after = await stage.calendar.adopt_event(before, plan().key, MEMORY)
        assert (after.key, after.memory, seen(after)) == (plan().key.value, MEMORY, seen(before))
        again = await found(stage.calendar)
        assert (again.event_id, again.memory, seen(again)) == (before.event_id, MEMORY, seen(before))
    assert stage.told() == told


@WRITING
async def test_an_event_is_adopted_once(stage: Stage) -> None:
    before = await recorded(stage, await stage.put(*PEOPLE))
    await stage.calendar.adopt_event(before, plan().key, MEMORY)
    after = await stage.calendar.adopt_event(before, plan().key, EventMemory())
    assert after.memory == MEMORY
    with pytest.raises(ConflictError):
        await stage.calendar.adopt_event(before, OTHER_KEY, EventMemory())
    assert (await found(stage.calendar)).memory == MEMORY
    assert await stage.calendar.find_events(OTHER_KEY) == ()


@WRITING
async def test_adopting_an_event_that_is_gone_is_a_conflict(stage: Stage) -> None:
    before = await recorded(stage, await stage.put(*PEOPLE))
    stage.lose(before)
    with pytest.raises(ConflictError):
        await stage.calendar.adopt_event(before, plan().key, MEMORY)


@WRITING
async def test_an_adopted_event_is_updated_and_keeps_its_join_link(stage: Stage) -> None:
    before = await recorded(stage, await stage.put(*PEOPLE))
    event = await stage.calendar.adopt_event(before, plan().key, EventMemory())
    wanted = plan(*PEOPLE, subject="Ours now")
    after = await stage.calendar.update_content(event, plan_update(wanted, event))
    assert (after.event_id, after.join_url) == (before.event_id, before.join_url)
    assert (await found(stage.calendar)).subject == "Ours now"


async def _update(calendar: Calendar, event: CalendarEvent, wanted: MeetingPlan) -> object:
    return await calendar.update_content(event, plan_update(wanted, event))


async def _invite(calendar: Calendar, event: CalendarEvent, wanted: MeetingPlan) -> object:
    return await calendar.update_attendees(event, wanted.attendees)


async def _remember(calendar: Calendar, event: CalendarEvent, wanted: MeetingPlan) -> object:
    return await calendar.remember(event, wanted.first_memory())


@pytest.mark.parametrize("stage", ["memory", "graph"], indirect=True)
@pytest.mark.parametrize(
    ("write", "changes"),
    [
        pytest.param(_update, {"subject": "Later"}, id="subject"),
        pytest.param(_update, {"body": "<p>New</p>"}, id="body"),
        pytest.param(_invite, {}, id="attendees"),
        pytest.param(_remember, {}, id="memory"),
    ],
)
async def test_writing_to_an_event_that_is_gone_is_a_conflict(
    stage: Stage, write: Any, changes: dict[str, Any]
) -> None:
    event = await stage.given(plan(*PEOPLE))
    stage.lose(event)
    with pytest.raises(ConflictError):
        await write(stage.calendar, event, plan(*PEOPLE, "cal@example.com", **changes))
    assert len(stage.told()) == len(PEOPLE)
    assert await stage.calendar.find_events(plan().key) == ()


@WRITING
async def test_a_cancelled_event_is_gone_and_everybody_is_told_once(stage: Stage) -> None:
    event = await stage.given(plan(*PEOPLE))
    await stage.calendar.cancel_event(event, "The change is off.")
    assert await stage.calendar.find_events(plan().key) == ()
    told = stage.told()
    assert told[len(PEOPLE) :] == [("cancellation", one) for one in PEOPLE]
    await stage.calendar.cancel_event(event, "The change is off.")
    assert stage.told() == told


@WRITING
async def test_after_a_cancellation_a_new_event_can_be_made(stage: Stage) -> None:
    event = await stage.given(plan(*PEOPLE))
    await stage.calendar.cancel_event(event, "The change is off.")
    again = await stage.calendar.create_event(plan(*PEOPLE))
    assert again.event_id != event.event_id
    assert (await found(stage.calendar)).event_id == again.event_id


async def test_a_dry_run_reads_the_calendar_and_never_writes_to_it() -> None:
    stage = MemoryStage(is_dry_run=True)
    event = await stage.given(plan(*PEOPLE))
    told, writes, events = stage.told(), list(stage.inner.writes), dict(stage.inner.events)
    wanted = plan(*PEOPLE, "cal@example.com", subject="Later", body="<p>New</p>")
    update: EventUpdate = plan_update(wanted, event)

    made = await stage.calendar.create_event(plan("dan@example.com", key=OTHER_KEY))
    await stage.calendar.update_content(event, update)
    await stage.calendar.update_attendees(event, wanted.attendees)
    await stage.calendar.remember(event, wanted.first_memory())
    await stage.calendar.cancel_event(event, "Off")
    adopted = await stage.calendar.adopt_event(event, OTHER_KEY, MEMORY)

    assert (adopted.key, adopted.memory) == (OTHER_KEY.value, MEMORY)
    assert (made.event_id, made.join_url, made.web_link) == ("", "", "")
    assert [one.address for one in made.attendees] == ["dan@example.com"]
    assert await found(stage.calendar) == event
    assert await stage.calendar.find_events(OTHER_KEY) == ()
    assert (stage.told(), stage.inner.writes, stage.inner.events) == (told, writes, events)
