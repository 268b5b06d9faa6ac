"""The stand-in for Microsoft Graph: what an event may hold, and how it is made, changed and taken away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.graph_lab import (
    KEY,
    ORGANIZER,
    GraphClient,
    attendees,
    event_body,
    open_client,
    path_of,
    with_key,
)

PEOPLE = ("ann@example.com", "bob@example.com")
INVITED = [("invitation", one) for one in PEOPLE]
NOON = {"dateTime": "2031-01-14T12:00:00", "timeZone": "UTC"}


@pytest.fixture
async def client() -> AsyncIterator[GraphClient]:
    async with open_client() as opened:
        yield opened


async def test_a_new_event_is_answered_whole_and_read_back_the_same(client: GraphClient) -> None:
    made = await client.create(event_body(*PEOPLE, hideAttendees=True, transactionId="one"))
    assert made["organizer"]["emailAddress"]["address"] == ORGANIZER
    assert made["onlineMeeting"]["joinUrl"].startswith("https://teams.example.com/")
    assert (made["isOrganizer"], made["isCancelled"], made["hideAttendees"]) == (True, False, True)
    assert (made["type"], made["transactionId"]) == ("singleInstance", "one")
    assert made["originalStartTimeZone"] == "America/New_York"
    assert made["locations"] == [made["location"]]
    assert made["@odata.etag"] == f'W/"{made["changeKey"]}"'
    assert [one["status"] for one in made["attendees"]] == [
        {"response": "none", "time": "0001-01-01T00:00:00Z"}
    ] * 2
    assert await client.get(made["id"]) == made


async def test_an_id_holds_what_must_be_encoded_in_a_path(client: GraphClient) -> None:
    made = await client.create(event_body())
    assert {"/", "+", "="} <= set(made["id"])
    assert (await client.ask("GET", path_of(made["id"].lower()))).status == 404


@pytest.mark.parametrize(
    ("times", "code"),
    [
        pytest.param({"end": NOON | {"timeZone": "Europe/London"}}, None, id="listed IANA name"),
        pytest.param({"end": NOON | {"timeZone": "Eastern Standard Time"}}, None, id="Windows name"),
        pytest.param({"end": NOON}, None, id="end at the start"),
        pytest.param(
            {"end": NOON | {"timeZone": "Moon/Base"}}, "TimeZoneNotSupportedException", id="no such zone"
        ),
        pytest.param({"end": {"dateTime": NOON["dateTime"]}}, "TimeZoneNotSupportedException", id="no zone"),
        pytest.param(
            {"end": NOON | {"dateTime": "2031-01-14T11:59:59"}},
            "ErrorPropertyValidationFailure",
            id="end before start",
        ),
        pytest.param(
            {"end": NOON | {"timeZone": "Asia/Tokyo"}}, "ErrorPropertyValidationFailure", id="earlier by zone"
        ),
        pytest.param({"end": NOON | {"dateTime": "tomorrow"}}, "ErrorInvalidRequest", id="no time"),
        pytest.param(
            {"end": NOON | {"dateTime": "2031-01-14T13:00:00+00:00"}}, "ErrorInvalidRequest", id="offset"
        ),
    ],
)
async def test_times_must_be_wall_times_of_a_known_zone_in_their_order(
    client: GraphClient, times: dict[str, Any], code: str | None
) -> None:
    answer = await client.ask("POST", body=event_body(start=NOON, **times))
    assert answer.status == (400 if code else 201)
    if code:
        assert answer.refusal == (400, code)


async def test_an_end_is_compared_with_the_start_that_is_there(client: GraphClient) -> None:
    made = await client.create(event_body())
    answer = await client.ask("PATCH", path_of(made["id"]), {"end": NOON})
    assert answer.refusal == (400, "ErrorPropertyValidationFailure")
    assert await client.get(made["id"]) == made


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "mine"},
        {"iCalUId": "mine"},
        {"changeKey": "mine"},
        {"isCancelled": True},
        {"webLink": "https://example.com"},
        {"onlineMeeting": None},
        {"onlineMeetingUrl": "https://example.com"},
        {"organizer": {"emailAddress": {"address": "me@example.com"}}},
    ],
)
async def test_what_the_server_owns_cannot_be_written(client: GraphClient, wrong: dict[str, Any]) -> None:
    assert (await client.ask("POST", body=event_body() | wrong)).refusal == (
        400,
        "ErrorPropertyNotUpdateable",
    )
    made = await client.create(event_body())
    refused = await client.ask("PATCH", path_of(made["id"]), wrong)
    assert refused.refusal == (400, "ErrorPropertyNotUpdateable")
    assert await client.get(made["id"]) == made


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": "Database upgrade"},
        {"subject": 5},
        {"attendees": {"address": "ann@example.com"}},
        {"attendees": ["ann@example.com"]},
        {"attendees": [{"emailAddress": {"address": "ann@example.com"}, "role": "required"}]},
        {"attendees": [{"emailAddress": {"address": "ann@example.com", "mail": "x"}}]},
        {"attendees": [{"emailAddress": {"address": "ann@example.com"}, "type": "Required"}]},
        {"body": {"contentType": "markdown", "content": ""}},
        {"body": {"contentType": 5, "content": ""}},
        {"body": {"html": "<p>Hello</p>"}},
        {"start": NOON | {"offset": 0}},
        {"location": {"name": "Microsoft Teams"}},
        {"importance": "urgent"},
        {"onlineMeetingProvider": "zoom"},
        {"singleValueExtendedProperties": ["chg-1"]},
        {"singleValueExtendedProperties": [{"id": KEY}]},
        {"hideAttendees": "yes"},
        {"@odata.type": "#microsoft.graph.message"},
        {"body": {"@odata.type": "#microsoft.graph.event", "content": ""}},
        {"attendees": [*attendees("ann@example.com"), {"@odata.type": "attendee"}]},
    ],
)
async def test_what_an_event_does_not_have_cannot_be_written(
    client: GraphClient, wrong: dict[str, Any]
) -> None:
    answer = await client.ask("POST", body=event_body() | wrong, is_valid=False)
    assert answer.refusal == (400, "RequestBodyRead")
    assert (await client.ask("GET")).subjects == []


async def test_objects_may_tell_their_type_which_is_not_kept(client: GraphClient) -> None:
    plain = event_body("ann@example.com", singleValueExtendedProperties=with_key("chg-1"))
    made = await client.create(plain | {"transactionId": "once"})
    typed = {"@odata.type": "#microsoft.graph.event"} | plain | {"transactionId": "once"}
    for name, kind in (("start", "dateTimeTimeZone"), ("location", "location"), ("body", "itemBody")):
        typed[name] = {"@odata.type": f"#microsoft.graph.{kind}"} | plain[name]
    address = {"@odata.type": "#microsoft.graph.emailAddress", "address": "ann@example.com"}
    attendee = {"@odata.type": "#microsoft.graph.attendee", "type": "required", "emailAddress": address}
    answer = await client.ask("POST", body=typed | {"attendees": [attendee]}, is_valid=False)
    assert answer.body == made


@pytest.mark.parametrize("name", ["subject", "start", "end"])
async def test_an_event_needs_a_subject_and_times(client: GraphClient, name: str) -> None:
    body = event_body()
    del body[name]
    assert (await client.ask("POST", body=body)).refusal == (400, "ErrorInvalidRequest")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"subject": "x" * 256}, "ErrorInvalidRequest"),
        ({"subject": "two\nlines"}, "ErrorInvalidRequest"),
        ({"singleValueExtendedProperties": with_key("chg-1", "Key")}, "ErrorInvalidProperty"),
        ({"attendees": attendees("nobody@localhost")}, "ErrorInvalidRecipients"),
        (
            {"attendees": attendees(*(f"p{one}@example.com" for one in range(501)))},
            "ErrorExceededMaxRecipientLimit",
        ),
    ],
)
async def test_what_is_too_long_too_many_or_misspelt_is_refused(
    client: GraphClient, wrong: dict[str, Any], code: str
) -> None:
    assert (await client.ask("POST", body=event_body() | wrong)).refusal == (400, code)
    assert (await client.ask("GET")).subjects == []


async def test_five_hundred_people_and_a_long_subject_fit(client: GraphClient) -> None:
    people = [f"p{one}@example.com" for one in range(500)]
    made = await client.create(event_body(*people, subject="x" * 255))
    assert len(made["attendees"]) == 500


async def test_a_body_that_is_no_json_is_refused(client: GraphClient) -> None:
    answer = await client.ask("POST", body=["not", "an", "object"], is_valid=False)
    assert answer.refusal == (400, "RequestBodyRead")
    headers = {"Content-Type": "text/plain"}
    assert (await client.ask("POST", body=event_body(), headers=headers)).refusal == (400, "RequestBodyRead")


async def test_a_bad_address_can_be_refused_after_the_event_was_made(client: GraphClient) -> None:
    client.server.configure({"create_despite_invalid_recipients": True})
    answer = await client.ask("POST", body=event_body("ann@example.com", "nobody@localhost"))
    assert answer.refusal == (400, "ErrorInvalidRecipients")
    assert (await client.ask("GET")).subjects == ["Database upgrade"]


async def test_the_same_create_again_is_the_same_event_and_tells_nobody(client: GraphClient) -> None:
    body = event_body(*PEOPLE, transactionId="one")
    first = await client.create(body)
    again = await client.create(dict(reversed(body.items())))
    assert again == first
    assert client.notices() == INVITED


async def test_without_a_transaction_id_every_create_is_an_event(client: GraphClient) -> None:
    first, second = await client.create(event_body()), await client.create(event_body())
    assert first["id"] != second["id"]
    assert first["transactionId"] is None


@pytest.mark.parametrize("status", [400, 409])
@pytest.mark.parametrize("names_event", [True, False])
async def test_a_transaction_id_is_not_taken_for_other_content(
    client: GraphClient, status: int, *, names_event: bool
) -> None:
    client.server.configure({"duplicate_status": status, "names_existing_event": names_event})
    first = await client.create(event_body(*PEOPLE, transactionId="one"))
    answer = await client.ask("POST", body=event_body(*PEOPLE, transactionId="one", subject="Other"))
    assert answer.refusal == (status, "ErrorDuplicateTransactionId")
    assert answer.body["error"].get("@event.existingEventId") == (first["id"] if names_event else None)
    assert client.notices() == INVITED


@pytest.mark.parametrize("by_hand", [True, False])
async def test_a_transaction_id_stays_taken_when_its_event_is_gone(
    client: GraphClient, *, by_hand: bool
) -> None:
    body = event_body(transactionId="one")
    made = await client.create(body)
    if by_hand:
        client.server.hand_delete(ORGANIZER, made["id"])
    else:
        await client.ask("POST", path_of(made["id"], "/cancel"), {"Comment": "Off"})
    assert (await client.ask("POST", body=body)).refusal == (400, "ErrorDuplicateTransactionId")
    assert (await client.ask("POST", body=body | {"transactionId": "two"})).status == 201


async def test_a_transaction_id_cannot_be_changed(client: GraphClient) -> None:
    made = await client.create(event_body(transactionId="one"))
    refused = await client.ask("PATCH", path_of(made["id"]), {"transactionId": "two"})
    assert refused.refusal == (400, "ErrorInvalidRequest")
    assert (await client.patch(made["id"], {"transactionId": "one"}))["transactionId"] == "one"


async def test_a_patch_changes_what_it_names_and_nothing_else(client: GraphClient) -> None:
    made = await client.create(event_body(*PEOPLE, singleValueExtendedProperties=with_key("chg-1")))
    after = await client.patch(made["id"], {"subject": "Later", "location": {"displayName": "Room 1"}})
    assert (after["subject"], after["location"]["displayName"]) == ("Later", "Room 1")
    assert after["locations"] == [after["location"]]
    moved = {"subject", "location", "locations", "changeKey", "@odata.etag", "lastModifiedDateTime"}
    assert {name for name in made if made[name] != after[name]} == moved
    expand = {"$expand": f"singleValueExtendedProperties($filter=id eq '{KEY}')"}
    assert (await client.get(made["id"], expand))["singleValueExtendedProperties"][0]["value"] == "chg-1"


async def test_a_stale_etag_is_refused_and_the_right_one_is_not(client: GraphClient) -> None:
    made = await client.create(event_body())
    path, stale = path_of(made["id"]), {"If-Match": made["@odata.etag"]}
    fresh = await client.ask("PATCH", path, {"subject": "Later"}, headers=stale)
    refused = await client.ask("PATCH", path, {"subject": "Latest"}, headers=stale)
    assert (fresh.status, refused.refusal) == (200, (412, "ErrorIrresolvableConflict"))
    anyway = await client.ask("PATCH", path, {"subject": "Latest"}, headers={"If-Match": "*"})
    assert anyway.status == 200


async def test_attendees_are_replaced_wholesale_and_keep_their_answers(client: GraphClient) -> None:
    made = await client.create(event_body(*PEOPLE))
    client.server.respond(ORGANIZER, made["id"], "bob@example.com", "accepted")
    people = attendees("BOB@example.com", "cal@example.com")
    people[0] |= {"type": "optional", "status": {"response": "declined", "time": "2031-01-01T00:00:00Z"}}
    people[1]["emailAddress"]["name"] = "Cal C."
    after = await client.patch(made["id"], {"attendees": people})
    told = [
        (one["emailAddress"]["name"], one["type"], one["status"]["response"]) for one in after["attendees"]
    ]
    assert told == [("BOB@example.com", "optional", "accepted"), ("Cal C.", "required", "none")]


async def test_a_cancelled_event_is_gone_and_cannot_be_cancelled_again(client: GraphClient) -> None:
    made = await client.create(event_body(*PEOPLE))
    cancel = path_of(made["id"], "/cancel")
    answer = await client.ask("POST", cancel, {"Comment": "The change is off."})
    assert (answer.status, answer.body) == (202, None)
    assert (await client.ask("GET")).subjects == []
    for method, path, body in (
        ("GET", path_of(made["id"]), None),
        ("PATCH", path_of(made["id"]), {"subject": "Later"}),
        ("POST", cancel, {}),
        ("DELETE", path_of(made["id"]), None),
    ):
        assert (await client.ask(method, path, body)).refusal == (404, "ErrorItemNotFound")


async def test_a_deleted_event_is_gone_and_its_people_are_told(client: GraphClient) -> None:
    made = await client.create(event_body(*PEOPLE))
    answer = await client.ask("DELETE", path_of(made["id"]))
    assert (answer.status, answer.body) == (204, None)
    assert (await client.ask("GET", path_of(made["id"]))).status == 404
    assert client.notices() == [*INVITED, *(("cancellation", one) for one in PEOPLE)]
