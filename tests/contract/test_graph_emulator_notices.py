"""The stand-in for Microsoft Graph: who is mailed, and what becomes of bodies and online meetings."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.graph_lab import (
    ORGANIZER,
    GraphClient,
    attendees,
    event_body,
    open_client,
    path_of,
    with_key,
)

PEOPLE = ("ann@example.com", "bob@example.com")
ADDED = {"attendees": attendees(*PEOPLE, "cal@example.com")}
REMOVED = {"attendees": attendees("ann@example.com")}
UPDATED = [("update", one) for one in PEOPLE]


@pytest.fixture
async def client() -> AsyncIterator[GraphClient]:
    async with open_client() as opened:
        yield opened


async def made_with(client: GraphClient, **changes: Any) -> dict[str, Any]:
    return await client.create(event_body(*PEOPLE, **changes))


async def test_everybody_is_invited_to_a_new_event(client: GraphClient) -> None:
    made = await made_with(client)
    assert client.notices() == [("invitation", one) for one in PEOPLE]
    assert client.server.state()["notices"][0] == {
        "kind": "invitation",
        "address": "ann@example.com",
        "event_id": made["id"],
        "subject": "Database upgrade",
    }


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param(ADDED, [("invitation", "cal@example.com")], id="one more"),
        pytest.param(REMOVED, [("cancellation", "bob@example.com")], id="one less"),
        pytest.param({"attendees": attendees(*reversed(PEOPLE))}, [], id="the same in another order"),
        pytest.param({"subject": "Later"}, UPDATED, id="subject"),
        pytest.param({"body": {"contentType": "html", "content": "<p>New</p>"}}, UPDATED, id="body"),
        pytest.param({"location": {"displayName": "Room 1"}}, UPDATED, id="location"),
        pytest.param({"hideAttendees": True}, UPDATED, id="hideAttendees"),
        pytest.param({"end": {"dateTime": "2031-01-15T03:00:00", "timeZone": "UTC"}}, UPDATED, id="end"),
        pytest.param(
            ADDED | {"subject": "Later"},
            [("invitation", "cal@example.com"), *UPDATED],
            id="one more, subject",
        ),
        pytest.param(
            REMOVED | {"subject": "Later"},
            [("cancellation", "bob@example.com"), UPDATED[0]],
            id="one less, s.",
        ),
        pytest.param({"singleValueExtendedProperties": with_key("chg-1")}, [], id="extended property"),
    ],
)
async def test_a_patch_tells_those_whom_it_concerns(
    client: GraphClient, changes: dict[str, Any], told: list[tuple[str, str]]
) -> None:
    made = await made_with(client)
    await client.patch(made["id"], changes)
    assert client.notices()[len(PEOPLE) :] == told


async def test_a_cancellation_goes_to_everybody_who_is_in_the_event_now(client: GraphClient) -> None:
    made = await made_with(client)
    await client.patch(made["id"], REMOVED)
    await client.ask("POST", path_of(made["id"], "/cancel"), {"Comment": "Off"})
    assert client.notices()[-1] == ("cancellation", "ann@example.com")
    assert client.notices().count(("cancellation", "bob@example.com")) == 1


async def test_nobody_is_told_what_was_refused(client: GraphClient) -> None:
    made = await made_with(client)
    bad = {"subject": "Later", "attendees": attendees("nobody@localhost")}
    assert (await client.ask("PATCH", path_of(made["id"]), bad)).refusal == (400, "ErrorInvalidRecipients")
    assert len(client.notices()) == len(PEOPLE)
    assert await client.get(made["id"]) == made


async def test_html_is_kept_as_a_whole_page_with_a_preview(client: GraphClient) -> None:
    content = "<body class='x'><div id='own'>a &lt; b</div></body>"
    made = await made_with(client, isOnlineMeeting=False, body={"contentType": "html", "content": content})
    kept = made["body"]["content"]
    assert re.fullmatch(
        r"<html><head>.*</head><body><div id=\"own\">a &lt; b</div></body></html>", kept, re.DOTALL
    )
    assert made["bodyPreview"] == "a < b"
    assert made["body"]["contentType"] == "html"


async def test_ids_may_get_a_prefix_once(client: GraphClient) -> None:
    client.server.configure({"rename_ids": True})
    made = await made_with(client, body={"contentType": "html", "content": '<div id="own">text</div>'})
    assert '<div id="x_own">' in made["body"]["content"]
    after = await client.patch(made["id"], {"body": made["body"]})
    assert '<div id="x_own">' in after["body"]["content"]


async def test_teams_puts_its_block_with_the_join_link_behind_the_text(client: GraphClient) -> None:
    content = (await made_with(client))["body"]["content"]
    text, line, link = content.index("<p>Hello</p>"), content.index("_" * 80), content.index("meetup-join")
    assert text < line < link
    assert "context=a&amp;tenant=b" in content


async def test_a_body_that_keeps_the_block_keeps_the_meeting(client: GraphClient) -> None:
    made = await made_with(client)
    body = made["body"] | {"content": made["body"]["content"].replace("Hello", "Bye")}
    after = await client.patch(made["id"], {"body": body})
    assert after["onlineMeeting"] == made["onlineMeeting"]
    assert (after["body"], after["isOnlineMeeting"]) == (body, True)


async def test_a_body_without_the_block_ends_the_online_meeting(client: GraphClient) -> None:
    made = await made_with(client)
    after = await client.patch(made["id"], {"body": {"contentType": "html", "content": "<p>Bye</p>"}})
    assert after["onlineMeeting"] is None
    assert (after["isOnlineMeeting"], after["onlineMeetingProvider"]) == (False, "unknown")
    assert "meetup-join" not in after["body"]["content"]


async def test_an_online_meeting_cannot_be_switched_off(client: GraphClient) -> None:
    made = await made_with(client)
    after = await client.patch(made["id"], {"isOnlineMeeting": False, "subject": "Later"})
    assert (after["isOnlineMeeting"], after["onlineMeeting"]) == (True, made["onlineMeeting"])


async def test_without_online_meeting_there_is_no_link(client: GraphClient) -> None:
    made = await made_with(client, isOnlineMeeting=False)
    assert (made["isOnlineMeeting"], made["onlineMeeting"]) == (False, None)
    assert "meetup-join" not in made["body"]["content"]


async def test_a_join_link_may_come_after_the_event(client: GraphClient) -> None:
    client.server.configure({"join_link_delay_s": 3600})
    made = await made_with(client)
    assert (made["isOnlineMeeting"], made["onlineMeeting"]) == (True, None)
    client.server.configure({"join_link_delay_s": 0})
    after = await client.get(made["id"])
    assert after["onlineMeeting"]["joinUrl"]
    assert "meetup-join" in after["body"]["content"]
    assert await client.get(made["id"]) == after


async def test_an_edit_by_hand_tells_nobody_here(client: GraphClient) -> None:
    made = await made_with(client)
    client.server.hand_edit(ORGANIZER, made["id"], {"add": ["cal@example.com"], "subject": "Later"})
    assert len(client.notices()) == len(PEOPLE)
    assert (await client.get(made["id"]))["subject"] == "Later"
