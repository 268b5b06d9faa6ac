"""The token of the next page is refused in the middle of a list: the reading begins again, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from contact_manager.adapters.aws.ses_contacts import SesContactDirectory
from contact_manager.errors import RemoteServiceError
from tests.fakes.aws_access import HTS, TOPIC, impatient_access, lead_to, people
from tests.fakes.aws_fake import AwsFake, FakeAccount, Trouble, refuse, say

REFUSALS = [
    (400, "BadRequestException"),
    (400, "InvalidNextTokenException"),
    (400, "ExpiredNextTokenException"),
]
LISTS = ["ListContacts", "ListSuppressedDestinations", "ListContactLists"]


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AwsFake]:
    fake = AwsFake()
    fake.accounts["111111111111"] = FakeAccount(
        pages=[people("a@x.example"), people("b@x.example"), people("c@x.example")],
        suppressed_pages=[["a@x.example"], ["b@x.example"]],
    )
    async with fake.make_server() as server:
        lead_to(monkeypatch, str(server.make_url("")))
        yield fake


@pytest.fixture
async def directory(fake: AwsFake) -> AsyncIterator[SesContactDirectory]:
    async with impatient_access() as access:
        yield SesContactDirectory(access, requests_per_second=10_000)


def first_page(operation: str) -> Trouble:
    """Return a first page of its own, so that a second reading is seen to replace it."""
    name = {
        "ListContacts": b'"Contacts": [{"EmailAddress": "gone@x.example"}]',
        "ListSuppressedDestinations": b'"SuppressedDestinationSummaries": [{"EmailAddress": "g@x.example"}]',
        "ListContactLists": b'"ContactLists": [{"ContactListName": "gone"}]',
    }[operation]
    return say(b'{%s, "NextToken": "old"}' % name)


@pytest.mark.parametrize("operation", LISTS)
@pytest.mark.parametrize("refusal", REFUSALS)
async def test_a_token_that_is_refused_lets_the_reading_begin_again_and_nothing_is_doubled(
    fake: AwsFake, directory: SesContactDirectory, operation: str, refusal: tuple[int, str]
) -> None:
    fake.interrupt(operation, first_page(operation), refuse(*refusal))
    found = await directory.fetch_contacts(replace(HTS, contact_list_name=None), [TOPIC])
    assert [contact.address for contact in found.contacts] == ["a@x.example", "b@x.example", "c@x.example"]
    assert found.suppressed == {"a@x.example", "b@x.example"}
    assert found.warnings == ()
    assert fake.calls[operation] == 2 + {"ListContacts": 3, "ListContactLists": 1}.get(operation, 2)
    tokens = [asked.get("NextToken") for asked in fake.requests[operation]]
    assert tokens[:3] == [None, "old", None]


@pytest.mark.parametrize("operation", LISTS)
async def test_a_token_that_is_refused_twice_is_an_unread_customer(
    fake: AwsFake, directory: SesContactDirectory, operation: str
) -> None:
    pages: list[Any] = [first_page(operation), refuse(400, "BadRequestException")]
    fake.interrupt(operation, *pages, *pages)
    with pytest.raises(
        RemoteServiceError, match=f"{operation} for .* could not be read to its end"
    ) as caught:
        await directory.fetch_contacts(HTS, [TOPIC])
    assert caught.value.code == "BadRequestException"
    assert caught.value.retryable
    assert fake.calls[operation] == 4


async def test_a_first_page_that_is_refused_is_not_read_again(
    fake: AwsFake, directory: SesContactDirectory
) -> None:
    fake.interrupt("ListContacts", refuse(400, "BadRequestException"))
    with pytest.raises(RemoteServiceError, match="BadRequestException"):
        await directory.fetch_contacts(HTS, [TOPIC])
    assert fake.calls["ListContacts"] == 1


async def test_another_refusal_in_the_middle_is_not_taken_for_one_of_the_token(
    fake: AwsFake, directory: SesContactDirectory
) -> None:
    fake.interrupt("ListContacts", first_page("ListContacts"), refuse(403, "AccessDeniedException"))
    with pytest.raises(RemoteServiceError, match="AccessDeniedException"):
        await directory.fetch_contacts(HTS, [TOPIC])
    assert fake.calls["ListContacts"] == 2
