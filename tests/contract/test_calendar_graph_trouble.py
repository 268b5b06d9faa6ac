"""The calendar at Microsoft Graph when things go wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from contact_manager.adapters.graph.errors import refusal
from contact_manager.domain.meeting import Attendee, plan_update
from contact_manager.errors import ConflictError, RemoteServiceError
from tests.contract.calendar_stages import (
    ATTEMPTS,
    GraphStage,
    open_graph_stage,
)
from tests.contract.graph_lab import ORGANIZER
from tests.fakes.worlds import START, plan

PEOPLE = ("ann@example.com", "bob@example.com")
INVITED = [("invitation", one) for one in PEOPLE]
LATER = plan(*PEOPLE, subject="Later")
ENTRA_DOWN = {"error": "temporarily_unavailable", "error_description": "AADSTS90033: A transient error."}
PAST = "Wed, 21 Oct 2015 07:28:00 GMT"


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[GraphStage]:
    async with open_graph_stage(monkeypatch) as opened:
        yield opened


def statuses(stage: GraphStage) -> list[tuple[str, int]]:
    return [(one["method"], one["status"]) for one in stage.requests]


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"lose_answer_after_commit": True}, id="answer lost"),
        pytest.param({"drop_before": True}, id="request lost"),
        pytest.param({"status": 500, "code": "ErrorInternalServerError"}, id="500"),
        pytest.param({"status": 503, "empty_body": True}, id="503 without a body"),
        pytest.param({"status": 503, "code": "ConcurrentItemSave", "retry_after": 1}, id="503, wait"),
        pytest.param({"status": 409, "code": "ConcurrentItemSave"}, id="409"),
        pytest.param({"status": 412, "code": "ErrorIrresolvableConflict"}, id="412"),
        pytest.param({"status": 429, "code": "ApplicationThrottled"}, id="429"),
        pytest.param({"status": 429, "code": "ApplicationThrottled", "retry_after": 30}, id="429, wait"),
        pytest.param({"status": 504, "times": 2}, id="504 twice"),
    ],
)
async def test_a_create_that_goes_wrong_for_a_moment_makes_one_event(
    stage: GraphStage, fault: dict[str, Any]
) -> None:
    stage.fail("POST", **fault)
    event = await stage.calendar.create_event(plan(*PEOPLE))
    assert [one["id"] for one in stage.events] == [event.event_id]
    assert event.join_url
    assert not event.is_recreated
    assert stage.told() == INVITED


async def test_an_event_whose_answer_was_lost_is_looked_for_and_not_created_again(stage: GraphStage) -> None:
    stage.fail("POST", lose_answer_after_commit=True)
    await stage.calendar.create_event(plan(*PEOPLE))
    assert statuses(stage) == [("POST", 201), ("GET", 200)]


async def test_an_event_that_cannot_be_found_yet_is_created_again_with_the_same_id(stage: GraphStage) -> None:
    event = await stage.calendar.create_event(plan(*PEOPLE))
    stage.fail("POST", status=500)
    stage.server.hand_edit(ORGANIZER, event.event_id, {"singleValueExtendedProperties": []})
    again = await stage.calendar.create_event(plan(*PEOPLE))
    assert again.event_id == event.event_id
    assert stage.told() == INVITED


@pytest.mark.parametrize("status", [400, 409])
@pytest.mark.parametrize("names_event", [True, False])
async def test_an_event_with_the_same_id_in_other_words_is_taken_up(
    stage: GraphStage, status: int, *, names_event: bool
) -> None:
    stage.server.configure({"duplicate_status": status, "names_existing_event": names_event})
    event = await stage.calendar.create_event(plan(*PEOPLE))
    elsewhere = plan(*PEOPLE, start=START.astimezone(ZoneInfo("Europe/London")), time_zone="Europe/London")
    again = await stage.calendar.create_event(elsewhere)
    assert again.event_id == event.event_id
    assert stage.told() == INVITED


@pytest.mark.parametrize("status", [400, 409])
@pytest.mark.parametrize("names_event", [True, False])
async def test_an_event_with_the_same_id_and_other_content_is_a_conflict(
    stage: GraphStage, status: int, *, names_event: bool
) -> None:
    stage.server.configure({"duplicate_status": status, "names_existing_event": names_event})
    await stage.calendar.create_event(plan(*PEOPLE))
    with pytest.raises(ConflictError):
        await stage.calendar.create_event(LATER)
    assert len(stage.events) == 1
    assert stage.told() == INVITED


async def test_an_event_that_cannot_be_found_is_taken_up_by_the_name_in_the_refusal(
    stage: GraphStage,
) -> None:
    stage.server.configure({"names_existing_event": True})
    event = await stage.calendar.create_event(plan(*PEOPLE))
    stage.server.hand_edit(ORGANIZER, event.event_id, {"singleValueExtendedProperties": []})
    elsewhere = plan(*PEOPLE, start=START.astimezone(ZoneInfo("Europe/London")), time_zone="Europe/London")
    assert (await stage.calendar.create_event(elsewhere)).event_id == event.event_id
    assert stage.told() == INVITED


@pytest.mark.parametrize("status", [400, 409])
@pytest.mark.parametrize("names_event", [True, False])
async def test_after_cancellations_a_new_generation_makes_a_new_event(
    stage: GraphStage, status: int, *, names_event: bool
) -> None:
    stage.server.configure({"duplicate_status": status, "names_existing_event": names_event})
    made = [await stage.calendar.create_event(plan(*PEOPLE))]
    for _ in range(2):
        await stage.calendar.cancel_event(made[-1], "Off")
        made.append(await stage.calendar.create_event(plan(*PEOPLE)))
    assert [one.is_recreated for one in made] == [False, True, True]
    assert len({one.event_id for one in made}) == 3
    used = [one["body"]["transactionId"] for one in stage.requests if one["status"] == 201]
    assert len(set(used)) == 3
    assert [one["id"] for one in stage.events] == [made[-1].event_id]


async def test_bad_recipients_that_cost_the_event_are_reported(stage: GraphStage) -> None:
    with pytest.raises(RemoteServiceError) as caught:
        await stage.calendar.create_event(plan("nobody@localhost"))
    assert caught.value.code == "ErrorInvalidRecipients"
    assert not isinstance(caught.value, ConflictError)
    assert statuses(stage).count(("POST", 400)) == 1


async def test_bad_recipients_that_did_not_cost_the_event_leave_one_event(stage: GraphStage) -> None:
    stage.server.configure({"create_despite_invalid_recipients": True})
    event = await stage.calendar.create_event(plan("ann@example.com", "nobody@localhost"))
    assert [one["id"] for one in stage.events] == [event.event_id]
    assert [one.address for one in event.attendees] == ["ann@example.com", "nobody@localhost"]
    assert statuses(stage) == [("POST", 400), ("GET", 200)]


async def test_a_new_event_that_cannot_be_read_again_is_made_all_the_same(stage: GraphStage) -> None:
    stage.server.configure({"join_link_delay_s": 3600})
    stage.fail("GET", status=403, code="ErrorAccessDenied", times=9)
    event = await stage.calendar.create_event(plan(*PEOPLE))
    assert [one["id"] for one in stage.events] == [event.event_id]
    assert event.join_url == ""


@pytest.mark.parametrize("method", ["POST", "PATCH", "GET"])
async def test_a_token_that_expired_is_renewed_once(stage: GraphStage, method: str) -> None:
    event = await stage.given(plan(*PEOPLE))
    stage.fail(method, status=401, code="InvalidAuthenticationToken")
    if method == "PATCH":
        await stage.calendar.update_content(event, plan_update(LATER, event))
    elif method == "GET":
        assert await stage.calendar.find_events(plan().key)
    else:
        assert (await stage.calendar.create_event(plan(*PEOPLE))).event_id == event.event_id
    assert stage.sign_ins == 2


async def test_a_token_that_is_never_accepted_is_reported(stage: GraphStage) -> None:
    stage.fail("GET", status=401, code="InvalidAuthenticationToken", times=9)
    with pytest.raises(RemoteServiceError, match="The token is not accepted") as caught:
        await stage.calendar.find_events(plan().key)
    assert statuses(stage) == [("GET", 401)] * 2
    assert not caught.value.retryable


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"status": 412, "code": "ErrorIrresolvableConflict"}, id="412"),
        pytest.param({"status": 409, "code": "ConcurrentItemSave"}, id="409"),
        pytest.param({"status": 500}, id="500"),
        pytest.param({"status": 503, "empty_body": True}, id="503"),
        pytest.param({"drop_before": True}, id="request lost"),
        pytest.param({"lose_answer_after_commit": True}, id="answer lost"),
    ],
)
async def test_an_update_that_may_be_done_or_outdated_is_a_conflict(
    stage: GraphStage, fault: dict[str, Any]
) -> None:
    event = await stage.given(plan(*PEOPLE))
    stage.fail("PATCH", **fault)
    with pytest.raises(ConflictError):
        await stage.calendar.update_content(event, plan_update(LATER, event))
    stage.fail("PATCH", **fault)
    with pytest.raises(ConflictError):
        await stage.calendar.update_attendees(event, ())
    stage.fail("PATCH", **fault)
    with pytest.raises(ConflictError):
        await stage.calendar.remember(event, plan().first_memory())


@pytest.mark.parametrize("status", [409, 412, 500])
async def test_a_cancellation_that_may_be_done_or_outdated_is_a_conflict(
    stage: GraphStage, status: int
) -> None:
    event = await stage.given(plan(*PEOPLE))
    stage.fail("POST", status=status)
    with pytest.raises(ConflictError):
        await stage.calendar.cancel_event(event, "Off")


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 404, "code": "ErrorInvalidUser"},
        {"status": 404, "code": "Request_ResourceNotFound"},
        {"status": 404, "code": "ResourceNotFound"},
        {"status": 404, "code": "MailboxNotEnabledForRESTAPI"},
        {"status": 403, "code": "ErrorAccessDenied"},
    ],
)
async def test_trouble_with_the_mailbox_is_not_taken_for_a_lost_event(
    stage: GraphStage, fault: dict[str, Any]
) -> None:
    event = await stage.given(plan(*PEOPLE))
    for write in (
        stage.calendar.update_content(event, plan_update(LATER, event)),
        stage.calendar.update_content(event, plan_update(plan(*PEOPLE, body="<p>New</p>"), event)),
        stage.calendar.update_attendees(event, ()),
        stage.calendar.cancel_event(event, "Off"),
        stage.calendar.create_event(plan(*PEOPLE)),
    ):
        stage.server.add_fault({"path_contains": "/events", **fault})
        with pytest.raises(RemoteServiceError, match=ORGANIZER) as caught:
            await write
        assert caught.value.code == fault["code"]
        assert not isinstance(caught.value, ConflictError)
        assert not caught.value.retryable


async def test_a_mailbox_that_does_not_exist_is_told_with_what_to_check(stage: GraphStage) -> None:
    stage.server.configure({"not_enabled_mailboxes": [ORGANIZER]})
    with pytest.raises(RemoteServiceError, match=r"has no Exchange Online mailbox.*name another organizer"):
        await stage.calendar.find_events(plan().key)
    stage.server.configure({"not_enabled_mailboxes": [], "no_access_mailboxes": [ORGANIZER]})
    with pytest.raises(RemoteServiceError, match=r"Application Calendars.ReadWrite"):
        await stage.calendar.create_event(plan(*PEOPLE))


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"status": 412, "code": "ErrorIrresolvableConflict"}, id="412"),
        pytest.param({"status": 500}, id="500"),
        pytest.param({"status": 503, "empty_body": True}, id="503"),
        pytest.param({"status": 429, "retry_after": 60}, id="429"),
        pytest.param({"status": 429, "retry_after": PAST}, id="429, date"),
        pytest.param({"status": 429, "retry_after": 0.5}, id="429, fraction"),
        pytest.param({"status": 429, "retry_after": "-1"}, id="429, nonsense"),
        pytest.param({"drop_before": True}, id="request lost"),
        pytest.param({"lose_answer_after_commit": True}, id="answer lost"),
    ],
)
async def test_reading_is_repeated_until_it_succeeds_or_patience_ends(
    stage: GraphStage, fault: dict[str, Any]
) -> None:
    await stage.given(plan(*PEOPLE))
    stage.fail("GET", times=ATTEMPTS - 1, **fault)
    assert len(await stage.calendar.find_events(plan().key)) == 1
    stage.fail("GET", times=99, **fault)
    with pytest.raises(RemoteServiceError):
        await stage.calendar.find_events(plan().key)


@pytest.mark.parametrize("is_mid_run", [False, True], ids=["at the start", "in the middle of a run"])
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"status": 429, "body": "Too Many Requests"}, id="429 as text"),
        pytest.param({"status": 429, "body": "Too Many Requests", "retry_after": 0}, id="429, wait"),
        pytest.param({"status": 429, "body": "Too Many Requests", "retry_after": PAST}, id="429, date"),
        pytest.param({"status": 429, "body": "Too Many Requests", "retry_after": "soon"}, id="429, nonsense"),
        pytest.param({"status": 500, "empty_body": True}, id="500"),
        pytest.param({"status": 503, "body": "<html>"}, id="503"),
        pytest.param({"status": 504, "empty_body": True}, id="504"),
        pytest.param({"status": 400, "body": json.dumps(ENTRA_DOWN)}, id="400"),
        pytest.param({"drop_before": True}, id="dropped"),
        pytest.param({"status": 200, "body": "<html>proxy</html>"}, id="not JSON"),
    ],
)
async def test_a_sign_in_that_fails_for_a_moment_is_tried_again(
    stage: GraphStage, fault: dict[str, Any], *, is_mid_run: bool
) -> None:
    """Also before a request that writes: without a token nothing was sent."""
    if is_mid_run:
        await stage.calendar.find_events(plan().key)
        stage.fail("POST", status=401, code="InvalidAuthenticationToken")
    stage.server.add_fault({"path_contains": "/token", "times": ATTEMPTS - 1, **fault})
    event = await stage.calendar.create_event(plan(*PEOPLE))
    assert [one["id"] for one in stage.events] == [event.event_id]
    assert stage.told() == INVITED


async def test_a_sign_in_that_stays_away_is_reported_after_the_usual_number_of_attempts(
    stage: GraphStage,
) -> None:
    stage.server.add_fault({"path_contains": "/token", "times": 99, "status": 503, "body": "busy"})
    with pytest.raises(RemoteServiceError, match=r"sign the app in at the moment: HTTP 503") as caught:
        await stage.calendar.create_event(plan(*PEOPLE))
    assert caught.value.service == "entra"
    assert stage.sign_ins == ATTEMPTS
    assert stage.requests == []


async def test_a_refused_credential_is_not_tried_again(stage: GraphStage) -> None:
    refused = {"error": "invalid_client", "error_codes": [7000222], "correlation_id": "c-1"}
    stage.server.add_fault({"path_contains": "/token", "status": 401, "body": json.dumps(refused)})
    with pytest.raises(RemoteServiceError, match=r"AADSTS7000222.*has expired.*correlation id c-1"):
        await stage.calendar.find_events(plan().key)
    assert stage.sign_ins == 1


@pytest.mark.parametrize("wait", ["61", "61.5", "in two minutes"])
async def test_a_longer_wait_than_a_minute_is_reported_and_not_waited_for(
    stage: GraphStage, wait: str
) -> None:
    if wait.startswith("in"):
        wait = format_datetime(datetime.now(UTC) + timedelta(minutes=2), usegmt=True)
    stage.fail("GET", status=429, code="ApplicationThrottled", retry_after=wait)
    with pytest.raises(RemoteServiceError, match="ApplicationThrottled") as caught:
        await stage.calendar.find_events(plan().key)
    assert caught.value.retryable
    stage.fail("POST", status=429, code="ApplicationThrottled", retry_after=wait)
    with pytest.raises(RemoteServiceError, match="ApplicationThrottled"):
        await stage.calendar.create_event(plan(*PEOPLE))
    assert statuses(stage) == [("GET", 429), ("POST", 429)]
    assert stage.events == []


async def test_a_refusal_that_nobody_foresaw_is_told_in_graphs_words(stage: GraphStage) -> None:
    stage.fail("GET", status=418, code="Teapot", message="I am a teapot.")
    with pytest.raises(RemoteServiceError, match=r"HTTP 418 Teapot. Graph says: I am a teapot.") as caught:
        await stage.calendar.find_events(plan().key)
    assert caught.value.request_id in str(caught.value)
    assert (caught.value.service, caught.value.code) == ("graph", "Teapot")


async def test_an_update_that_is_throttled_is_repeated(stage: GraphStage) -> None:
    event = await stage.given(plan(*PEOPLE))
    stage.fail("PATCH", status=429, retry_after=1, times=ATTEMPTS - 1)
    after = await stage.calendar.update_attendees(event, (*event.attendees, Attendee("cal@example.com")))
    assert len(after.attendees) == 3
    assert stage.told()[2:] == [("invitation", "cal@example.com")]


async def test_two_who_create_different_events_at_once_leave_one(stage: GraphStage) -> None:
    made = await asyncio.gather(
        *(stage.calendar.create_event(replace(LATER, subject=f"Take {one}")) for one in range(4)),
        return_exceptions=True,
    )
    assert len(stage.events) == 1
    assert sum(isinstance(one, ConflictError) for one in made) == 3
    assert stage.told() == INVITED


@pytest.mark.parametrize(
    "inner",
    [
        {"innerError": {"request-id": "r-1"}},
        {"innererror": {"Request-Id": "r-1", "client-request-id": "c-1"}},
        {"innerError": {"code": "Inner", "innerError": {"request-id": "r-1"}}},
        {"innerError": {"client-request-id": "r-1"}},
    ],
)
def test_a_refusal_carries_the_request_id_of_its_body_when_no_header_has_it(inner: dict[str, Any]) -> None:
    answer = {"error": {"code": "ErrorAccessDenied", **inner}}
    error = refusal(403, answer, operation="read", mailbox=ORGANIZER, request_id="")
    assert error.request_id == "r-1"
    assert str(error).endswith("(request-id r-1)")
    assert "HTTP 403 ErrorAccessDenied" in str(error)
