"""What the calendar at Microsoft Graph sends, and what it makes of what it gets."""

from __future__ import annotations

import asyncio
import base64
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from contact_manager.adapters.graph import calendar as graph_calendar
from contact_manager.adapters.graph.event_json import (
    MEMORY_PROPERTY,
    create_body,
    memory_body,
    transaction_id,
)
from contact_manager.domain.meeting import Attendee, EventMemory, MeetingKey, plan_update
from contact_manager.errors import RemoteServiceError
from tests.contract.calendar_stages import GraphStage, open_graph_stage
from tests.contract.graph_lab import KEY, ORGANIZER
from tests.fakes.worlds import START, plan

PEOPLE = ("ann@example.com", "bob@example.com")
MANY = tuple(f"person-{number:03}@example.com" for number in range(500))
MEMORY = "singleValueExtendedProperties"
CONTENT = {"body": "0123456789abcdef"}


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[GraphStage]:
    async with open_graph_stage(monkeypatch) as opened:
        yield opened


async def test_the_create_request_is_the_whole_meeting(stage: GraphStage) -> None:
    wanted = plan(*PEOPLE, hide_attendees=True)
    await stage.calendar.create_event(wanted)
    [request] = stage.requests
    assert (request["method"], request["path"]) == ("POST", f"/v1.0/users/{ORGANIZER}/events")
    body = request["body"]
    [key, memory] = body.pop("singleValueExtendedProperties")
    assert key == {"id": KEY, "value": "chg-1"}
    assert memory["id"] == MEMORY_PROPERTY
    assert uuid.UUID(body.pop("transactionId")).version == 5
    assert body == {
        "subject": "Change Implementation: Database upgrade",
        "start": {"dateTime": "2031-01-14T18:00:00", "timeZone": "America/New_York"},
        "end": {"dateTime": "2031-01-14T20:00:00", "timeZone": "America/New_York"},
        "location": {"displayName": "Microsoft Teams"},
        "hideAttendees": True,
        "body": {
            "contentType": "html",
            "content": '<div id="contact-manager-text"><h2>Database upgrade</h2></div>',
        },
        "attendees": [{"type": "required", "emailAddress": {"address": one}} for one in PEOPLE],
        "isOnlineMeeting": True,
        "onlineMeetingProvider": "teamsForBusiness",
    }


async def test_every_request_asks_for_immutable_ids_and_can_be_traced(stage: GraphStage) -> None:
    event = await stage.given(plan(*PEOPLE))
    update = plan_update(plan(*PEOPLE, subject="Later", body="<p>New</p>"), event)
    await stage.calendar.update_content(event, update)
    await stage.calendar.cancel_event(event, "Off")
    headers = [one["headers"] for one in stage.requests]
    assert {one["prefer"] for one in headers} == {'IdType="ImmutableId"'}
    assert len({uuid.UUID(one["client-request-id"]) for one in headers}) == len(headers)
    assert all(one["authorized"] for one in headers)
    assert stage.sign_ins == 1


def test_equal_plans_give_equal_bytes() -> None:
    one = create_body(plan(*MANY), 0)
    other = create_body(plan(*reversed(MANY), end=START + timedelta(minutes=120)), 0)
    assert orjson.dumps(one) == orjson.dumps(other)


def test_equal_memories_give_equal_bytes_in_whatever_order_they_were_gathered() -> None:
    marks = [plan().address_mark(one) for one in MANY]
    one, other = (EventMemory(CONTENT, frozenset(each)) for each in (marks, reversed(marks)))
    assert list(one.invited) != list(other.invited)
    assert orjson.dumps(memory_body(one)) == orjson.dumps(memory_body(other))


def test_a_transaction_id_depends_on_key_organizer_entry_and_generation_alone() -> None:
    first = transaction_id(plan(), 0)
    assert first == transaction_id(
        plan(*PEOPLE, key=MeetingKey("chg-1", is_derived=True), subject="Other"), 0
    )
    others = {
        transaction_id(plan(key=MeetingKey("chg-2")), 0),
        transaction_id(plan(organizer="other@example.com"), 0),
        transaction_id(plan(part=2), 0),
        transaction_id(plan(), 1),
    }
    assert len(others | {first}) == 5


async def test_equal_plans_sent_by_two_at_once_are_one_event(stage: GraphStage) -> None:
    made = await asyncio.gather(*(stage.calendar.create_event(plan(*PEOPLE)) for _ in range(5)))
    assert len({event.event_id for event in made}) == 1
    assert stage.told() == [("invitation", one) for one in PEOPLE]


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"subject": "Later"}, {"subject", MEMORY}),
        ({"end": START + timedelta(hours=3)}, {"start", "end", MEMORY}),
        ({"location": "Room 1"}, {"location", MEMORY}),
        ({"hide_attendees": True}, {"hideAttendees"}),
        ({"body": "<p>New</p>"}, {"body", MEMORY}),
        ({"subject": "Later", "location": "Room 1"}, {"subject", "location", MEMORY}),
    ],
)
async def test_an_update_sends_what_differs_and_nothing_else(
    stage: GraphStage, changes: dict[str, Any], names: set[str]
) -> None:
    event = await stage.given(plan(*PEOPLE))
    await stage.calendar.update_content(event, plan_update(plan(*PEOPLE, **changes), event))
    assert set(stage.last_body) == names


async def test_an_update_of_one_field_leaves_the_plans_others_unsent(stage: GraphStage) -> None:
    event = await stage.given(plan(*PEOPLE))
    update = plan_update(plan(*PEOPLE, subject="Later", location="Room 1"), event)
    after = await stage.calendar.update_content(event, replace(update, fields=("subject",)))
    assert {name: value for name, value in stage.last_body.items() if name != MEMORY} == {"subject": "Later"}
    assert (after.subject, after.location) == ("Later", event.location)


async def test_people_and_memory_are_written_in_requests_of_their_own(stage: GraphStage) -> None:
    event = await stage.given(plan(*PEOPLE))
    await stage.calendar.update_attendees(event, event.attendees[:1])
    assert set(stage.last_body) == {"attendees"}
    await stage.calendar.remember(event, plan(*PEOPLE).first_memory())
    assert set(stage.last_body) == {MEMORY}


@pytest.mark.parametrize("rename_ids", [False, True])
async def test_new_text_leaves_the_join_block_and_notes_by_hand(
    stage: GraphStage, *, rename_ids: bool
) -> None:
    stage.server.configure({"rename_ids": rename_ids})
    event = await stage.given(plan(*PEOPLE))
    content = stage.events[0]["body"]["content"].replace("<body>", "<body><p>A note by hand</p>")
    stage.server.hand_edit(ORGANIZER, event.event_id, {"body": {"contentType": "html", "content": content}})
    for text in ("<p>New</p>", "<p>Newer</p>"):
        wanted = plan(*PEOPLE, body=text)
        after = await stage.calendar.update_content(event, plan_update(wanted, event))
        assert after.join_url == event.join_url
    live = stage.events[0]["body"]["content"]
    assert live.count("<p>Newer</p>") == live.count("A note by hand") == live.count("Join the meeting") == 1
    assert "<p>New</p>" not in live


async def test_text_that_cannot_be_told_from_the_join_link_is_left_as_it_is(stage: GraphStage) -> None:
    event = await stage.given(plan(*PEOPLE))
    content = f'<p>Ours and <a href="{event.join_url.replace("&", "&amp;")}">the link</a></p>'
    stage.server.hand_edit(ORGANIZER, event.event_id, {"body": {"contentType": "html", "content": content}})
    wanted = plan(*PEOPLE, body="<p>New</p>")
    after = await stage.calendar.update_content(event, plan_update(wanted, event))
    assert after.join_url == event.join_url
    assert stage.events[0]["body"]["content"] == content
    assert stage.told()[len(PEOPLE) :] == []


async def test_a_comment_goes_with_the_cancellation(stage: GraphStage) -> None:
    event = await stage.given(plan(*PEOPLE))
    await stage.calendar.cancel_event(event, "The change is off.")
    assert stage.requests[-1]["body"] == {"Comment": "The change is off."}
    assert stage.requests[-1]["path"].endswith(f"{event.event_id}/cancel")


async def test_the_oldest_of_two_events_comes_first_and_all_pages_are_read(stage: GraphStage) -> None:
    event = await stage.given(plan(*PEOPLE))
    twins = [stage.server.copy_event(ORGANIZER, event.event_id) for _ in range(11)]
    events = await stage.calendar.find_events(plan().key)
    assert [one.event_id for one in events] == [event.event_id, *twins]
    assert all(one.memory == plan(*PEOPLE).first_memory() for one in events)


async def test_no_more_than_four_requests_are_under_way(stage: GraphStage) -> None:
    stage.server.configure({"request_delay_s": 0.002})
    await asyncio.gather(*(stage.calendar.find_events(plan().key) for _ in range(20)))
    assert stage.server.state()["max_in_flight"] <= 4
    assert {one["status"] for one in stage.requests} == {200}


async def test_the_organizer_is_no_attendee(stage: GraphStage) -> None:
    event = await stage.given(plan(*PEOPLE))
    stage.server.hand_edit(ORGANIZER, event.event_id, {"add": [ORGANIZER.upper(), "CAL@Example.com"]})
    [again] = await stage.calendar.find_events(plan().key)
    assert [one.address for one in again.attendees] == [*PEOPLE, "cal@example.com"]


async def test_a_join_link_that_comes_late_is_waited_for(
    stage: GraphStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delays() -> Iterator[float]:
        yield 0.0
        stage.server.configure({"join_link_delay_s": 0})
        yield from (0.0, 0.0, 0.0)

    stage.server.configure({"join_link_delay_s": 3600})
    monkeypatch.setattr(graph_calendar, "JOIN_LINK_DELAYS_S", delays())
    event = await stage.calendar.create_event(plan(*PEOPLE))
    assert event.join_url
    assert [one["method"] for one in stage.requests] == ["POST", "GET", "GET"]


async def test_a_join_link_that_never_comes_does_not_cost_the_event(stage: GraphStage) -> None:
    stage.server.configure({"join_link_delay_s": 3600})
    event = await stage.calendar.create_event(plan(*PEOPLE))
    assert (event.join_url, len(stage.events)) == ("", 1)


async def test_the_memory_of_five_hundred_people_is_small_and_comes_back(stage: GraphStage) -> None:
    wanted = plan(*MANY)
    event = await stage.given(wanted)
    assert event.memory == wanted.first_memory()
    assert len(event.attendees) == 500
    everybody = frozenset(map(wanted.address_mark, MANY))
    others = frozenset(wanted.address_mark(f"new-{one}") for one in MANY)
    assert len(everybody | others) == 1000
    memory = EventMemory(wanted.content_digests, everybody, others)
    [stored] = memory_body(memory)["singleValueExtendedProperties"]
    assert len(stored["value"].encode()) < 8 * 1024
    await stage.calendar.remember(event, memory)
    [again] = await stage.calendar.find_events(wanted.key)
    assert again.memory == memory


async def test_a_further_entry_is_no_online_meeting_and_nobody_waits_for_its_link(stage: GraphStage) -> None:
    await stage.given(plan(*PEOPLE))
    event = await stage.calendar.create_event(plan("cat@example.com", part=2))
    assert (event.join_url, event.part) == ("", 2)
    assert "isOnlineMeeting" not in stage.last_body
    assert stage.requests[-1]["method"] == "POST"


MARKS = base64.b64encode(bytes(12)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '"text"',
        "{}",
        "not JSON",
        '{"v": 1, "body": "',
        json.dumps({"v": 1, "content": CONTENT}),
        json.dumps({"v": 1, "invited": MARKS}),
        json.dumps({"v": 1, "content": CONTENT, "invited": None}),
        json.dumps({"v": 1, "content": CONTENT, "invited": [MARKS]}),
        json.dumps({"v": 1, "content": CONTENT, "invited": MARKS[:-1]}),
        json.dumps({"v": 1, "content": CONTENT, "invited": MARKS[:4]}),
        json.dumps({"v": 1, "content": CONTENT, "invited": "?" * 16}),
        json.dumps({"v": 1, "content": CONTENT, "invited": MARKS, "pending": "é"}),
        json.dumps({"v": 2, "content": CONTENT, "invited": MARKS}),
        json.dumps({"content": CONTENT, "invited": MARKS}),
        json.dumps({"v": 1, "content": "0123", "invited": MARKS}),
        json.dumps({"v": 1, "content": CONTENT, "invited": MARKS, "part": "two"}),
    ],
)
async def test_a_foreign_or_broken_memory_counts_as_none(stage: GraphStage, text: str) -> None:
    event = await stage.given(plan(*PEOPLE))
    stored = [{"id": KEY, "value": "chg-1"}, {"id": MEMORY_PROPERTY, "value": text}]
    stage.server.hand_edit(ORGANIZER, event.event_id, {"singleValueExtendedProperties": stored})
    [again] = await stage.calendar.find_events(plan().key)
    assert again.memory is None
    assert again.attendees == event.attendees


@pytest.mark.parametrize(
    "edits",
    [
        {"start": {"dateTime": "2031-01-14T18:00:00"}},
        {"attendees": [{"emailAddress": {"address": "ann@example.com"}, "type": "host", "status": {}}]},
        {"onlineMeeting": "https://teams.example.com"},
        {"location": "Room 1"},
    ],
)
async def test_an_event_that_cannot_be_understood_is_an_error_of_the_service(
    stage: GraphStage, monkeypatch: pytest.MonkeyPatch, edits: dict[str, Any]
) -> None:
    from contact_manager.adapters.graph import http

    await stage.given(plan(*PEOPLE))
    broken = {"id": "1", "start": {"dateTime": "x", "timeZone": "UTC"}} | edits
    monkeypatch.setattr(http, "_parse", lambda _: {"value": [broken]})
    with pytest.raises(RemoteServiceError, match="cannot be understood"):
        await stage.calendar.find_events(plan().key)


async def test_a_key_with_quotes_and_colons_is_found(stage: GraphStage) -> None:
    odd = plan(*PEOPLE, key=MeetingKey("chg:1/o'brien & 'sons'?#%41"))
    event = await stage.given(odd)
    assert event.memory == odd.first_memory()
    assert await stage.calendar.find_events(MeetingKey("chg:1/obrien")) == ()


async def test_an_attendee_list_is_always_sent_whole(stage: GraphStage) -> None:
    event = await stage.given(plan(*PEOPLE))
    people = (*event.attendees, Attendee("cal@example.com"))
    await stage.calendar.update_attendees(event, people)
    sent = [one["emailAddress"]["address"] for one in stage.last_body["attendees"]]
    assert sent == [*PEOPLE, "cal@example.com"]
