"""The stand-in for Microsoft Graph: limits, and trouble on demand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack

import aiohttp
import pytest

from tests.contract.graph_lab import ORGANIZER, GraphClient, event_body, open_client, path_of

EVENTS = f"/v1.0/users/{ORGANIZER}/events"


@pytest.fixture
async def client() -> AsyncIterator[GraphClient]:
    async with open_client() as opened:
        yield opened


async def test_four_requests_at_once_are_served(client: GraphClient) -> None:
    answers = await asyncio.gather(*(client.ask("GET") for _ in range(4)))
    assert [one.status for one in answers] == [200] * 4


async def test_a_fifth_request_at_once_is_refused_with_and_without_a_time_to_wait(
    client: GraphClient,
) -> None:
    with ExitStack() as under_way:
        for _ in range(4):
            under_way.enter_context(client.server._state.in_flight())
        told = await client.ask("GET")
        client.server.configure({"retry_after_on_throttle": False})
        untold = await client.ask("GET")
    assert told.refusal == untold.refusal == (429, "ApplicationThrottled")
    assert told.headers["Retry-After"] == "1"
    assert "Retry-After" not in untold.headers
    assert (await client.ask("GET")).status == 200
    assert client.server.state()["max_in_flight"] == 5


async def test_a_fault_has_the_form_of_graph(client: GraphClient) -> None:
    client.server.add_fault(
        {"status": 503, "code": "ConcurrentItemSave", "message": "Busy.", "retry_after": 7}
    )
    answer = await client.ask("GET")
    error = answer.body["error"]
    assert (answer.status, error["code"], error["message"]) == (503, "ConcurrentItemSave", "Busy.")
    assert answer.headers["Retry-After"] == "7"
    assert answer.headers["request-id"]
    assert (await client.ask("GET")).status == 200


async def test_a_fault_may_have_no_body(client: GraphClient) -> None:
    client.server.add_fault({"status": 503, "empty_body": True})
    answer = await client.ask("GET")
    assert (answer.status, answer.body) == (503, None)
    assert "Retry-After" not in answer.headers


async def test_a_fault_skips_hits_and_is_used_up(client: GraphClient) -> None:
    client.server.add_fault({"status": 500, "skip": 1, "times": 2})
    assert [(await client.ask("GET")).status for _ in range(5)] == [200, 500, 500, 200, 200]


async def test_a_fault_hits_its_method_and_path_only(client: GraphClient) -> None:
    made = await client.create(event_body())
    client.server.add_fault({"method": "PATCH", "status": 412, "code": "ErrorIrresolvableConflict"})
    client.server.add_fault({"path_contains": made["id"], "status": 404, "code": "ErrorItemNotFound"})
    assert (await client.ask("GET")).status == 200
    assert (await client.ask("GET", path_of(made["id"]))).status == 404
    assert (await client.ask("GET", path_of(made["id"]))).status == 200
    assert (await client.ask("PATCH", path_of(made["id"]), {"subject": "Later"})).status == 412
    assert (await client.patch(made["id"], {"subject": "Later"}))["subject"] == "Later"


async def test_faults_come_in_their_order(client: GraphClient) -> None:
    client.server.add_fault({"status": 500})
    client.server.add_fault({"status": 502})
    assert [(await client.ask("GET")).status for _ in range(3)] == [500, 502, 200]


async def test_the_sign_in_can_fail_too(client: GraphClient) -> None:
    client.server.add_fault({"path_contains": "/token", "status": 503})
    assert (await client.sign_in()).status == 503
    assert (await client.sign_in()).status == 200


async def test_a_request_that_is_dropped_was_never_carried_out(client: GraphClient) -> None:
    client.server.add_fault({"method": "POST", "path_contains": EVENTS, "drop_before": True})
    with pytest.raises(aiohttp.ClientError):
        await client.ask("POST", body=event_body("ann@example.com"))
    assert (await client.ask("GET")).subjects == []
    assert client.notices() == []


async def test_a_request_whose_answer_is_lost_was_carried_out(client: GraphClient) -> None:
    fault = {"method": "POST", "path_contains": EVENTS, "lose_answer_after_commit": True}
    client.server.add_fault(fault)
    with pytest.raises(aiohttp.ClientError):
        await client.ask("POST", body=event_body("ann@example.com"))
    assert (await client.ask("GET")).subjects == ["Database upgrade"]
    assert client.notices() == [("invitation", "ann@example.com")]
    assert client.server.state()["requests"][-2]["status"] == 201


async def test_a_delay_alone_changes_nothing_in_the_answer(client: GraphClient) -> None:
    client.server.add_fault({"delay_s": 0.001})
    assert (await client.ask("GET")).status == 200


async def test_a_fault_is_seen_before_the_token_is(client: GraphClient) -> None:
    client.server.add_fault({"status": 503})
    answer = await client.ask("GET", headers={"Authorization": "Bearer guess"})
    assert answer.status == 503
