"""The stand-in for Microsoft Graph: sign-in, mailboxes, and what tests may change while it runs."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import trustme
from tzlocal.windows_tz import tz_win

from tests.contract.graph_lab import (
    KEY,
    ORGANIZER,
    OTHER,
    TENANT,
    GraphClient,
    event_body,
    make_server,
    open_client,
    path_of,
    with_key,
)


@pytest.fixture
async def client() -> AsyncIterator[GraphClient]:
    async with open_client() as opened:
        yield opened


async def test_a_token_is_granted_for_the_secret(client: GraphClient) -> None:
    answer = await client.sign_in()
    assert answer.status == 200
    assert (answer.body["token_type"], answer.body["expires_in"]) == ("Bearer", 3599)
    assert (await client.ask("GET")).body == {"value": []}


async def test_a_token_is_granted_for_an_assertion_in_place_of_the_secret(client: GraphClient) -> None:
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    granted = await client.sign_in(client_secret="", client_assertion_type=kind, client_assertion="a.b.c")
    refused = await client.sign_in(client_secret="", client_assertion_type=kind, client_assertion="no-jwt")
    assert granted.status == 200
    assert (refused.status, refused.body["error_codes"]) == (400, [50027])


@pytest.mark.parametrize(
    ("wrong", "status", "error", "number"),
    [
        pytest.param({"client_secret": "guess"}, 401, "invalid_client", 7000215, id="secret"),
        pytest.param({"client_id": "guess"}, 400, "unauthorized_client", 700016, id="client"),
        pytest.param({"tenant": "guess"}, 400, "invalid_request", 90002, id="tenant"),
        pytest.param({"scope": "https://x.example/Mail.Read"}, 400, "invalid_scope", 70011, id="scope"),
        pytest.param({"grant_type": "password"}, 400, "unsupported_grant_type", 70003, id="grant"),
    ],
)
async def test_a_wrong_credential_is_refused_in_the_form_of_entra(
    client: GraphClient, wrong: dict[str, str], status: int, error: str, number: int
) -> None:
    answer = await client.sign_in(**wrong)
    assert (answer.status, answer.body["error"], answer.body["error_codes"]) == (status, error, [number])
    assert answer.body["error_description"].startswith(f"AADSTS{number}: ")
    assert "access_token" not in answer.body


async def test_without_a_token_and_with_a_foreign_one_nothing_is_shown(client: GraphClient) -> None:
    token = (await client.sign_in()).body["access_token"]
    for header in ("", "Bearer guess", token, f"Basic {token}"):
        answer = await client.ask("GET", headers={"Authorization": header})
        assert answer.refusal == (401, "InvalidAuthenticationToken")


async def test_an_expired_token_is_refused_and_a_new_one_accepted(client: GraphClient) -> None:
    client.server.configure({"token_lifetime_s": 0})
    await client.sign_in()
    assert (await client.ask("GET")).refusal == (401, "InvalidAuthenticationToken")
    client.server.configure({"token_lifetime_s": 60})
    await client.sign_in()
    assert (await client.ask("GET")).status == 200


async def test_metadata_is_given_to_those_who_ask(client: GraphClient) -> None:
    host = client.server.authority_host
    metadata = await client.follow(f"{host}/{TENANT}/v2.0/.well-known/openid-configuration")
    instance = await client.follow(f"{host}/common/discovery/instance")
    assert metadata.body["token_endpoint"] == f"{host}/{TENANT}/oauth2/v2.0/token"
    assert instance.body["tenant_discovery_endpoint"].startswith(host)


async def test_everything_is_the_same_over_tls() -> None:
    authority = trustme.CA()
    theirs, ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(theirs)
    authority.configure_trust(ours)
    with make_server(ssl_context=theirs) as server:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=ours)) as session:
            client = GraphClient(server, session)
            await client.sign_in()
            made = await client.create(event_body("ann@example.com"))
            assert (await client.get(made["id"]))["subject"] == "Database upgrade"
        assert server.base_url.startswith("https://127.0.0.1:")


async def test_a_missing_mailbox_a_locked_one_and_one_without_exchange_are_told_apart(
    client: GraphClient,
) -> None:
    client.server.configure({"no_access_mailboxes": [OTHER], "not_enabled_mailboxes": ["old@example.com"]})
    refusals = [
        (await client.ask("GET", mailbox=one)).refusal
        for one in ("nobody@example.com", OTHER, "old@example.com")
    ]
    assert refusals == [
        (404, "ErrorInvalidUser"),
        (403, "ErrorAccessDenied"),
        (404, "MailboxNotEnabledForRESTAPI"),
    ]
    assert (await client.ask("GET", mailbox=ORGANIZER.upper())).status == 200


async def test_a_calendar_says_which_online_meetings_it_can_hold(client: GraphClient) -> None:
    answer = await client.follow(f"{client.server.base_url}/users/{ORGANIZER}/calendar")
    assert answer.body["allowedOnlineMeetingProviders"] == ["teamsForBusiness"]


async def test_mailboxes_know_nothing_of_each_other(client: GraphClient) -> None:
    made = await client.create(event_body(transactionId="one"))
    twin = await client.create(event_body(transactionId="one"), mailbox=OTHER)
    assert made["id"] != twin["id"]
    assert (await client.ask("GET", path_of(twin["id"]))).refusal == (404, "ErrorItemNotFound")


async def test_a_request_can_be_traced(client: GraphClient) -> None:
    headers = {"client-request-id": "trace-me", "Prefer": 'IdType="ImmutableId"'}
    answer = await client.ask("GET", headers=headers)
    assert answer.headers["client-request-id"] == "trace-me"
    assert answer.headers["Preference-Applied"] == "IdType=ImmutableId"
    assert answer.headers["request-id"]
    logged = client.server.state()["requests"][-1]
    assert (logged["method"], logged["path"], logged["status"]) == (
        "GET",
        f"/v1.0/users/{ORGANIZER}/events",
        200,
    )
    assert logged["headers"]["prefer"] == 'IdType="ImmutableId"'
    assert logged["headers"]["authorized"] is True


async def test_an_error_names_the_request_as_the_headers_do(client: GraphClient) -> None:
    answer = await client.ask("GET", "/none", headers={"client-request-id": "trace-me"})
    inner = answer.body["error"]["innerError"]
    assert inner["request-id"] == answer.headers["request-id"]
    assert inner["client-request-id"] == "trace-me"
    assert inner["date"]


async def test_an_address_that_graph_does_not_have_is_refused_and_logged(client: GraphClient) -> None:
    token = (await client.sign_in()).body["access_token"]
    url = f"{client.server.base_url}/users/{ORGANIZER}/nothing"
    answer = await client.follow(url, headers={"Authorization": f"Bearer {token}"})
    assert answer.refusal == (404, "BadRequest")
    assert client.server.state()["requests"][-1]["status"] == 404


@pytest.mark.parametrize("zone", sorted(set(tz_win.values())))
async def test_every_windows_zone_is_known(zone: str, client: GraphClient) -> None:
    times = {name: {"dateTime": "2031-01-14T18:00:00", "timeZone": zone} for name in ("start", "end")}
    made = await client.create(event_body(**times))
    assert made["subject"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"body": {"contentType": "html", "content": 5}},
        {"location": {"displayName": 5}},
        {"location": {"displayName": "Room 1", "locationType": "moon"}},
        {"locations": [{"displayName": 5}]},
        {"locations": ["Room 1"]},
        {"attendees": [{"emailAddress": {"address": "ann@example.com", "name": 5}}]},
        {"categories": [5]},
        {"reminderMinutesBeforeStart": True},
    ],
)
async def test_a_member_of_another_type_is_refused(client: GraphClient, wrong: dict[str, Any]) -> None:
    answer = await client.ask("POST", body=event_body(**wrong), is_valid=False)
    assert answer.refusal == (400, "RequestBodyRead")
    assert client.server.state()["mailboxes"][ORGANIZER]["events"] == []


async def test_a_whole_day_begins_and_ends_at_midnight_of_one_zone(client: GraphClient) -> None:
    def day(start: str, end: str, zone: str = "UTC") -> dict[str, Any]:
        times = {"start": {"dateTime": start, "timeZone": "UTC"}, "end": {"dateTime": end, "timeZone": zone}}
        return event_body(isAllDay=True, **times)

    midnight, next_midnight = "2031-01-14T00:00:00", "2031-01-15T00:00:00"
    for wrong in (
        day("2031-01-14T18:00:00", next_midnight),
        day(midnight, next_midnight, "America/New_York"),
        day(midnight, midnight),
    ):
        assert (await client.ask("POST", body=wrong)).refusal == (400, "ErrorPropertyValidationFailure")
    assert (await client.create(day(midnight, next_midnight)))["isAllDay"] is True


async def test_plain_text_is_kept_as_html(client: GraphClient) -> None:
    made = await client.create(event_body(body={"contentType": "text", "content": "a < b\nc"}))
    assert made["body"]["contentType"] == "html"
    assert "<body>a &lt; b<br>\nc" in made["body"]["content"]


async def test_any_news_beside_the_attendees_is_told_to_all(client: GraphClient) -> None:
    made = await client.create(event_body("ann@example.com"))
    for changes in ({"showAs": "free"}, {"showAs": "free"}, {"locations": [{"displayName": "Room 1"}]}):
        await client.patch(made["id"], changes)
    assert client.notices()[1:] == [("update", "ann@example.com")] * 2


@pytest.mark.parametrize("wrong", [{"Comment": 5}, {"Reason": "Off"}, ["Off"]])
async def test_a_cancellation_takes_a_comment_and_nothing_else(client: GraphClient, wrong: object) -> None:
    made = await client.create(event_body())
    answer = await client.ask("POST", path_of(made["id"], "/cancel"), wrong)
    assert answer.refusal == (400, "RequestBodyRead")
    assert (await client.ask("POST", path_of(made["id"], "/cancel"), {"comment": "Off"})).status == 202


async def test_events_are_ordered_by_the_moment_they_start(client: GraphClient) -> None:
    for zone in ("America/New_York", "Asia/Tokyo"):
        times = {"start": {"dateTime": "2031-01-14T18:00:00", "timeZone": zone}}
        await client.create(event_body(subject=zone, **times))
    answer = await client.ask("GET", query={"$orderby": "start/dateTime asc"})
    assert answer.subjects == ["Asia/Tokyo", "America/New_York"]
    refused = await client.ask("GET", query={"$orderby": "start/dateTime sideways"})
    assert refused.refusal == (400, "UnsupportedEntityExpression")


async def test_the_log_and_the_state_keep_no_secrets(client: GraphClient) -> None:
    token = (await client.sign_in(client_secret="a-mistyped-secret")).body
    granted = (await client.sign_in()).body["access_token"]
    await client.ask("GET")
    told = json.dumps(client.server.state())
    assert token["error"] == "invalid_client"
    assert "secret" not in told
    assert granted not in told


async def test_the_state_can_be_asked_and_forgotten_over_http(client: GraphClient) -> None:
    await client.create(event_body("ann@example.com", singleValueExtendedProperties=with_key("chg-1")))
    state = (await client.pull("state", method="GET")).body
    [event] = state["mailboxes"][ORGANIZER]["events"]
    assert event["singleValueExtendedProperties"] == [{"id": KEY, "value": "chg-1"}]
    assert [one["address"] for one in state["notices"]] == ["ann@example.com"]
    assert state["max_in_flight"] == 1

    assert (await client.pull("reset")).status == 200
    state = (await client.pull("state", method="GET")).body
    assert (state["mailboxes"][ORGANIZER]["events"], state["notices"], state["requests"]) == ([], [], [])


async def test_settings_and_faults_can_be_changed_over_http(client: GraphClient) -> None:
    await client.pull("settings", {"no_access_mailboxes": [ORGANIZER]})
    assert (await client.ask("GET")).status == 403
    await client.pull("settings", {"no_access_mailboxes": []})
    await client.pull("faults", {"status": 500, "times": 9})
    assert (await client.ask("GET")).status == 500
    await client.pull("faults", method="DELETE")
    assert (await client.ask("GET")).status == 200


async def test_several_faults_are_taken_at_once_or_not_at_all(client: GraphClient) -> None:
    assert (await client.pull("faults", [{"status": 500}, {"statuss": 502}])).status == 400
    assert (await client.ask("GET")).status == 200
    await client.pull("faults", [{"status": 500}, {"status": 502}])
    assert [(await client.ask("GET")).status for _ in range(3)] == [500, 502, 200]


async def test_levers_do_not_care_how_an_address_is_spelled(client: GraphClient) -> None:
    made = await client.create(event_body())
    path = f"mailboxes/{ORGANIZER.upper()}/events{path_of(made['id'])}/hand-edit"
    assert (await client.pull(path, {"subject": "Later"})).status == 200
    client.server.configure({"no_access_mailboxes": [ORGANIZER.upper()]})
    assert (await client.ask("GET")).status == 403


async def test_a_person_can_edit_answer_and_delete_over_http(client: GraphClient) -> None:
    made = await client.create(event_body("ann@example.com", "bob@example.com"))
    by_hand = f"mailboxes/{ORGANIZER}/events{path_of(made['id'])}"
    edits = {"add": ["cal@example.com"], "remove": ["ANN@example.com"], "subject": "Later"}
    await client.pull(f"{by_hand}/hand-edit", edits)
    await client.pull(f"{by_hand}/respond", {"address": "BOB@example.com", "response": "accepted"})
    event = await client.get(made["id"])
    answers = {one["emailAddress"]["address"]: one["status"]["response"] for one in event["attendees"]}
    assert answers == {"bob@example.com": "accepted", "cal@example.com": "none"}
    assert event["subject"] == "Later"
    assert event["changeKey"] != made["changeKey"]

    told = client.notices()
    await client.pull(f"{by_hand}/hand-delete")
    assert (await client.ask("GET", path_of(made["id"]))).refusal == (404, "ErrorItemNotFound")
    assert client.notices() == told


@pytest.mark.parametrize(
    ("lever", "content"),
    [
        ("settings", {"colour": "red"}),
        ("settings", ["colour"]),
        ("faults", {"statuss": 500}),
        (f"mailboxes/{ORGANIZER}/events/none/hand-edit", {}),
        (f"mailboxes/{ORGANIZER}/events/none/hand-delete", None),
        (f"mailboxes/{ORGANIZER}/events/none/respond", {"address": "ann@example.com"}),
        ("mailboxes/nobody@example.com/events/none/hand-delete", None),
    ],
)
async def test_a_wrong_lever_is_told_what_is_wrong(client: GraphClient, lever: str, content: object) -> None:
    answer = await client.pull(lever, content)
    assert answer.status == 400
    assert answer.body["error"]


async def test_the_levers_of_the_server_do_the_same(client: GraphClient) -> None:
    made = await client.create(event_body("ann@example.com"))
    twin = client.server.copy_event(ORGANIZER, made["id"])
    client.server.hand_edit(ORGANIZER, made["id"], {"add": ["bob@example.com"]})
    client.server.respond(ORGANIZER, made["id"], "bob@example.com", "declined")
    assert [one["status"]["response"] for one in (await client.get(made["id"]))["attendees"]] == [
        "none",
        "declined",
    ]
    assert len((await client.get(twin))["attendees"]) == 1
    client.server.hand_delete(ORGANIZER, twin)
    assert len((await client.ask("GET")).subjects) == 1
    client.server.reset()
    assert (await client.ask("GET")).subjects == []


def test_a_server_can_be_started_and_stopped_again_and_again() -> None:
    server = make_server()
    server.start()
    server.start()
    server.stop()
    server.stop()
    with pytest.raises(RuntimeError, match="not running"):
        server.state()
    with server:
        assert server.state()["requests"] == []


def test_a_port_in_use_is_an_os_error() -> None:
    with make_server() as server:
        port = int(server.authority_host.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            make_server(port=port).start()
