"""The stand-in for Microsoft Graph, driven by Microsoft's own client: it is not only what we believe."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from azure.core.exceptions import ClientAuthenticationError
from msgraph.generated.models.event import Event
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.online_meeting_provider_type import OnlineMeetingProviderType
from msgraph.generated.models.response_type import ResponseType
from msgraph.generated.users.item.events.item.cancel.cancel_post_request_body import CancelPostRequestBody
from msgraph_core.tasks.page_iterator import PageIterator

from contact_manager.adapters.graph.calendar import GraphCalendar
from contact_manager.domain.meeting import MeetingKey
from tests.contract.calendar_stages import open_calendar
from tests.contract.graph_lab import KEY
from tests.contract.sdk_lab import Sdk, list_query, meeting, open_sdk, people, unknown_to_microsoft
from tests.fakes.worlds import START, plan

ANN, BOB, CAL = "ann@example.com", "bob@example.com", "cal@example.com"
INVITED = [("invitation", ANN), ("invitation", BOB)]


@pytest.fixture
async def sdk(tmp_path: Path) -> AsyncIterator[Sdk]:
    async with open_sdk(tmp_path) as opened:
        yield opened


@asynccontextmanager
async def calendar_beside(sdk: Sdk) -> AsyncIterator[GraphCalendar]:
    calendar = open_calendar(sdk.server, tls=sdk.tls)
    try:
        yield calendar
    finally:
        await calendar.close()


async def test_a_meeting_is_created_and_read_back_with_its_join_link(sdk: Sdk) -> None:
    made = await sdk.events.post(meeting(ANN, BOB, transaction_id="once"))
    assert sdk.statuses == [201]
    assert sdk.told() == INVITED
    read = await sdk.get(made)
    assert read.id == made.id
    assert read.transaction_id == "once"
    assert read.is_online_meeting
    assert read.online_meeting_provider == OnlineMeetingProviderType.TeamsForBusiness
    assert read.online_meeting.join_url.startswith("https://teams.")
    assert read.online_meeting.join_url in read.body.content.replace("&amp;", "&")


async def test_what_the_stand_in_answers_is_what_the_client_knows_of_an_event(sdk: Sdk) -> None:
    before = datetime.now(UTC)
    made = await sdk.events.post(meeting(ANN))
    assert before <= made.created_date_time <= made.last_modified_date_time
    assert (made.start.date_time, made.start.time_zone) == ("2031-01-14T23:00:00.0000000", "UTC")
    assert made.original_start_time_zone == "America/New_York"
    assert made.location.display_name == "Microsoft Teams"
    [attendee] = made.attendees
    assert (attendee.email_address.address, attendee.status.response) == (ANN, ResponseType.None_)
    assert list(unknown_to_microsoft(made)) == ["@odata.etag"]


async def test_a_meeting_is_found_by_its_key_and_shows_it(sdk: Sdk) -> None:
    made = await sdk.events.post(meeting(ANN))
    [found] = await sdk.find("chg-1")
    assert found.id == made.id
    [shown] = found.single_value_extended_properties
    assert (shown.id, shown.value) == (KEY, "chg-1")
    assert await sdk.find("chg-2") == []
    [bare] = (await sdk.events.get()).value
    assert bare.single_value_extended_properties is None


async def test_new_attendees_alone_tell_only_those_who_come_and_go(sdk: Sdk) -> None:
    made = await sdk.events.post(meeting(ANN, BOB))
    patched = await sdk.at(made).patch(Event(attendees=people(BOB, CAL)))
    assert [one.email_address.address for one in patched.attendees] == [BOB, CAL]
    assert sdk.told() == [*INVITED, ("invitation", CAL), ("cancellation", ANN)]
    assert patched.online_meeting.join_url == made.online_meeting.join_url


async def test_a_new_subject_tells_everybody_and_keeps_the_join_link(sdk: Sdk) -> None:
    made = await sdk.events.post(meeting(ANN, BOB))
    patched = await sdk.at(made).patch(Event(subject="Later"))
    assert patched.subject == "Later"
    assert patched.change_key != made.change_key
    assert sdk.told() == [*INVITED, ("update", ANN), ("update", BOB)]
    assert (await sdk.get(made)).online_meeting.join_url == made.online_meeting.join_url


async def test_a_cancelled_meeting_is_gone_and_everybody_is_told(sdk: Sdk) -> None:
    made = await sdk.events.post(meeting(ANN, BOB))
    assert await sdk.at(made).cancel.post(CancelPostRequestBody(comment="Not needed")) is None
    assert sdk.statuses[-1] == 202
    assert sdk.server.state()["requests"][-1]["body"] == {"Comment": "Not needed"}
    assert sdk.told() == [*INVITED, ("cancellation", ANN), ("cancellation", BOB)]
    assert await sdk.find("chg-1") == []
    assert (await sdk.events.get()).value == []


async def test_reading_a_cancelled_meeting_is_an_error_that_the_client_understands(sdk: Sdk) -> None:
    made = await sdk.events.post(meeting(ANN))
    await sdk.at(made).cancel.post(CancelPostRequestBody())
    with pytest.raises(ODataError) as caught:
        await sdk.get(made)
    assert caught.value.response_status_code == 404
    error = caught.value.error
    assert (error.code, bool(error.message)) == ("ErrorItemNotFound", True)
    assert error.inner_error.request_id == caught.value.response_headers["request-id"]
    assert error.inner_error.date is not None
    assert list(unknown_to_microsoft(caught.value)) == []


async def test_a_repeated_create_is_the_same_meeting(sdk: Sdk) -> None:
    made = await sdk.events.post(meeting(ANN, BOB, transaction_id="once"))
    again = await sdk.events.post(meeting(ANN, BOB, transaction_id="once"))
    assert again.id == made.id
    assert sdk.statuses == [201, 201]
    assert sdk.told() == INVITED


async def test_a_create_with_a_used_transaction_and_other_content_is_refused(sdk: Sdk) -> None:
    sdk.server.configure({"names_existing_event": True})
    made = await sdk.events.post(meeting(ANN, transaction_id="once"))
    with pytest.raises(ODataError) as caught:
        await sdk.events.post(meeting(ANN, transaction_id="once", subject="Other"))
    assert caught.value.response_status_code == 400
    assert caught.value.error.code == "ErrorDuplicateTransactionId"
    assert caught.value.error.additional_data == {"@event.existingEventId": made.id}


async def test_the_page_iterator_walks_through_all_pages(sdk: Sdk) -> None:
    made = [await sdk.events.post(meeting(subject=f"Meeting {number}")) for number in range(5)]
    first = await sdk.events.get(list_query(top=2, select=["subject"], orderby=["createdDateTime"]))
    seen: list[Event] = []

    def see(one: Event) -> bool:
        seen.append(one)
        return True

    await PageIterator(first, sdk.client.request_adapter).iterate(see)
    assert [one.id for one in seen] == [one.id for one in made]
    assert [one.subject for one in seen] == [f"Meeting {number}" for number in range(5)]
    assert sdk.statuses[len(made) :] == [200] * 3


async def test_a_next_link_leads_to_the_next_page_of_the_same_question(sdk: Sdk) -> None:
    made = [await sdk.events.post(meeting()) for _ in range(3)]
    options = list_query(top=2, orderby=["createdDateTime desc"], select=["id"])
    first = await sdk.events.get(options)
    second = await sdk.events.with_url(first.odata_next_link).get()
    assert [one.id for one in (*first.value, *second.value)] == [one.id for one in reversed(made)]
    assert second.odata_next_link is None


async def test_what_our_calendar_created_is_found_by_the_client(sdk: Sdk) -> None:
    async with calendar_beside(sdk) as calendar:
        created = await calendar.create_event(plan(ANN, BOB))
    [found] = await sdk.find("chg-1")
    assert (found.id, found.subject) == (created.event_id, created.subject)
    assert found.online_meeting.join_url == created.join_url
    assert [one.email_address.address for one in found.attendees] == [ANN, BOB]
    assert list(unknown_to_microsoft(found)) == ["@odata.etag"]


async def test_what_the_client_created_is_found_by_our_calendar(sdk: Sdk) -> None:
    made = await sdk.events.post(meeting(ANN, BOB))
    async with calendar_beside(sdk) as calendar:
        [found] = await calendar.find_events(MeetingKey("chg-1"))
    assert (found.event_id, found.start) == (made.id, START)
    assert found.join_url == made.online_meeting.join_url
    assert [one.address for one in found.attendees] == [ANN, BOB]
    assert found.memory is None


async def test_a_wrong_secret_is_an_error_that_the_sign_in_understands(tmp_path: Path) -> None:
    async with open_sdk(tmp_path, secret="another") as sdk:
        with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
            await sdk.events.get()
