"""Events that another program made, at Microsoft Graph: what is sent, and what its refusals mean."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from contact_manager.domain.meeting import CalendarEvent, EventMemory, MeetingKey, plan_update
from contact_manager.errors import ConflictError, RemoteServiceError
from tests.contract.calendar_stages import ATTEMPTS, GraphStage, open_graph_stage
from tests.contract.graph_lab import KEY, ORGANIZER, OTHER, event_body
from tests.fakes.worlds import plan

PEOPLE = ("ann@example.com", "bob@example.com")
MEMORY = EventMemory({"subject": "a-digest"})


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[GraphStage]:
    async with open_graph_stage(monkeypatch) as opened:
        yield opened


async def recorded(stage: GraphStage, event_id: str = "") -> CalendarEvent:
    event = await stage.calendar.find_event(event_id or await stage.put(*PEOPLE))
    assert event is not None
    return event


async def test_an_id_is_one_segment_of_the_path(stage: GraphStage) -> None:
    event = await recorded(stage)
    assert "/" in event.event_id
    assert stage.requests[-1]["path"].endswith(f"/events/{event.event_id}")
    assert await stage.calendar.find_event(f"{event.event_id}/../..") is None


@pytest.mark.parametrize(
    "refusal",
    [
        {"status": 404, "code": "ErrorItemNotFound"},
        {"status": 404, "code": "itemNotFound"},
        {"status": 404, "code": "ErrorInvalidMailboxItemId"},
        {"status": 400, "code": "ErrorInvalidMailboxItemId"},
        {"status": 400, "code": "ErrorInvalidIdMalformed"},
        {"status": 400, "code": "ErrorInvalidIdEmpty"},
        {"status": 404, "code": "ErrorInvalidIdMalformed"},
    ],
)
async def test_an_event_that_is_not_in_this_mailbox_is_none(
    stage: GraphStage, refusal: dict[str, Any]
) -> None:
    stage.fail("GET", **refusal)
    assert await stage.calendar.find_event("AAMk=") is None


@pytest.mark.parametrize(
    "refusal",
    [
        {"status": 404, "code": "ErrorInvalidUser"},
        {"status": 404, "code": "MailboxNotEnabledForRESTAPI"},
        {"status": 404, "code": "ResourceNotFound"},
        {"status": 404, "empty_body": True},
        {"status": 403, "code": "ErrorAccessDenied"},
        {"status": 400, "code": "ErrorInvalidRequest"},
        {"status": 500, "times": ATTEMPTS},
    ],
)
async def test_any_other_refusal_says_nothing_about_the_event(
    stage: GraphStage, refusal: dict[str, Any]
) -> None:
    stage.fail("GET", **refusal)
    with pytest.raises(RemoteServiceError):
        await stage.calendar.find_event("AAMk=")


async def test_an_event_of_another_mailbox_is_not_found(stage: GraphStage) -> None:
    assert await stage.calendar.find_event(stage.server.put_event(OTHER, event_body(*PEOPLE))) is None


async def test_an_event_that_is_cancelled_and_still_there_is_not_found(stage: GraphStage) -> None:
    event = await recorded(stage)
    stage.server.hand_edit(ORGANIZER, event.event_id, {"isCancelled": True})
    assert await stage.calendar.find_event(event.event_id) is None


async def test_an_event_tells_who_organizes_it(stage: GraphStage) -> None:
    event = await recorded(stage)
    boss = {"emailAddress": {"name": "Boss", "address": "Boss@Example.org"}}
    stage.server.hand_edit(ORGANIZER, event.event_id, {"isOrganizer": False, "organizer": boss})
    again = await recorded(stage, event.event_id)
    assert (again.is_organizer, again.organizer) == (False, "boss@example.org")
    stage.server.hand_edit(ORGANIZER, event.event_id, {"organizer": None})
    assert (await recorded(stage, event.event_id)).organizer == ""


async def test_adoption_writes_two_properties_and_only_to_the_event_as_it_was_read(stage: GraphStage) -> None:
    event = await recorded(stage)
    etag = stage.events[0]["@odata.etag"]
    await stage.calendar.adopt_event(event, plan().key, MEMORY)
    assert set(stage.last_body) == {"singleValueExtendedProperties"}
    names = [prop["id"] for prop in stage.last_body["singleValueExtendedProperties"]]
    assert (names[0], len(names)) == (KEY, 2)
    assert stage.requests[-1]["headers"]["if-match"] == etag


async def test_two_changes_that_adopt_one_event_at_the_same_moment_leave_it_to_one(stage: GraphStage) -> None:
    event = await recorded(stage)
    stage.fail("PATCH", status=412, code="ErrorIrresolvableConflict")
    with pytest.raises(ConflictError):
        await stage.calendar.adopt_event(event, MeetingKey("chg-2"), MEMORY)
    await stage.calendar.adopt_event(event, plan().key, MEMORY)
    with pytest.raises(ConflictError):
        await stage.calendar.adopt_event(event, MeetingKey("chg-2"), MEMORY)
    assert (await recorded(stage, event.event_id)).key == plan().key.value


@pytest.mark.parametrize(
    "content",
    [
        "<p>Old text</p>",
        "<html><body><h2>Old</h2><p>text</p></body></html>",
        "Old text, and a line: " + "_" * 40,
        "",
    ],
)
async def test_the_older_text_gives_way_to_ours_and_the_join_block_stays(
    stage: GraphStage, content: str
) -> None:
    body = {"contentType": "html", "content": content}
    event_id = stage.server.put_event(ORGANIZER, event_body(*PEOPLE, body=body))
    event = await recorded(stage, event_id)
    event = await stage.calendar.adopt_event(event, plan().key, EventMemory())
    update = plan_update(plan(*PEOPLE, body="<p>Our text</p>"), event)
    after = await stage.calendar.update_content(event, update)
    [live] = stage.events
    text = live["body"]["content"]
    assert ("Our text" in text, "Old text" in text) == (True, False)
    assert after.join_url == event.join_url
    assert event.join_url.replace("&", "&amp;") in text


async def test_a_text_that_cannot_be_told_from_the_join_link_is_kept(stage: GraphStage) -> None:
    event = await recorded(stage)
    link = event.join_url.replace("&", "&amp;")
    by_hand = {"contentType": "html", "content": f"<p>Old text, <a href='{link}'>join</a></p>"}
    stage.server.hand_edit(ORGANIZER, event.event_id, {"body": by_hand})
    event = await stage.calendar.adopt_event(event, plan().key, EventMemory())
    for _ in range(2):
        update = plan_update(plan(*PEOPLE), event)
        assert "body" in update.fields
        event = await stage.calendar.update_content(event, update)
        assert event.keeps_old_text
        assert event.join_url
    assert "Old text" in stage.events[0]["body"]["content"]
