"""The adapter against the sandbox's AWS server, which was written without knowing it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from contact_manager.adapters.aws.parameters import fetch_parameters
from contact_manager.adapters.aws.ses_contacts import SesContactDirectory
from contact_manager.adapters.aws.session import AwsAccess
from contact_manager.domain.customer import Customer
from contact_manager.domain.subscription import OPT_IN, OPT_OUT, Contact
from contact_manager.errors import RemoteServiceError, TopicMissingError
from contact_manager.sandbox.aws_server import (
    BASE_ACCESS_KEY_ID,
    BASE_SECRET_ACCESS_KEY,
    AwsServer,
    ContactEntry,
    Fault,
    Place,
    RoleRule,
)
from tests.fakes.aws_access import TOPIC, impatient_access, lead_to

ROLE = "arn:aws:iam::111111111111:role/Reader"
HTS = Customer("hts", "HTS", "us-east-1", ROLE, external_id="word")
PLACE = Place("111111111111", "us-east-1")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsServer]:
    with AwsServer() as running:
        lead_to(monkeypatch, running.endpoint_url, BASE_ACCESS_KEY_ID, BASE_SECRET_ACCESS_KEY)
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        running.set_role(RoleRule(ROLE, external_id="word"))
        running.create_contact_list(PLACE, "people", {TOPIC: OPT_OUT, "aws-approval": OPT_IN})
        yield running


@pytest.fixture
async def access(server: AwsServer) -> AsyncIterator[AwsAccess]:
    async with impatient_access("CHG-1") as access:
        yield access


@pytest.fixture
def directory(access: AwsAccess) -> SesContactDirectory:
    return SesContactDirectory(access, requests_per_second=10_000)


async def test_small_pages_and_an_empty_first_one_give_the_whole_list(
    server: AwsServer, directory: SesContactDirectory
) -> None:
    server.configure(max_page_size=2, empty_first_page=True)
    for number in range(5):
        server.put_contact(PLACE, ContactEntry(f"p{number}@example.com", {TOPIC: OPT_IN}))
    server.suppress(PLACE, "P1@example.com")
    found = await directory.fetch_contacts(HTS, [TOPIC])
    assert found.contacts == tuple(Contact(f"p{number}@example.com", {TOPIC: OPT_IN}) for number in range(5))
    assert found.suppressed == {"p1@example.com"}
    assert found.topic_defaults == {TOPIC: OPT_OUT, "aws-approval": OPT_IN}
    assert (found.name, found.warnings) == ("people", ())


async def test_no_request_is_refused_on_the_way(server: AwsServer, directory: SesContactDirectory) -> None:
    await directory.fetch_contacts(HTS, [TOPIC])
    assert {(one.operation, one.status) for one in server.requests} == {
        ("AssumeRole", 200),
        ("ListContactLists", 200),
        ("GetContactList", 200),
        ("ListContacts", 200),
        ("ListSuppressedDestinations", 200),
    }


async def test_throttling_and_dropped_connections_pass(
    server: AwsServer, directory: SesContactDirectory
) -> None:
    server.add_fault(Fault(service="sts", status=400, code="Throttling"))
    server.add_fault(Fault(operation="ListContacts", status=429, times=2))
    server.add_fault(Fault(operation="GetContactList", drop=True))
    assert (await directory.fetch_contacts(HTS, [TOPIC])).contacts == ()


async def test_a_role_that_does_not_trust_is_told(server: AwsServer, directory: SesContactDirectory) -> None:
    server.set_role(RoleRule(ROLE, denied=True))
    with pytest.raises(RemoteServiceError, match="trust policy") as caught:
        await directory.fetch_contacts(HTS, [TOPIC])
    assert caught.value.code == "AccessDenied"


async def test_a_missing_topic_is_told(server: AwsServer, directory: SesContactDirectory) -> None:
    with pytest.raises(TopicMissingError, match="aws-approval"):
        await directory.fetch_contacts(HTS, ["aws-announce"])


async def test_an_account_without_a_list_is_told(server: AwsServer, directory: SesContactDirectory) -> None:
    other = Customer("cds", "CDS", "us-east-1", "arn:aws:iam::222222222222:role/Reader")
    with pytest.raises(RemoteServiceError, match="222222222222 in us-east-1 has no contact list"):
        await directory.fetch_contacts(other, [TOPIC])


async def test_a_denied_suppression_list_is_a_warning(
    server: AwsServer, directory: SesContactDirectory
) -> None:
    server.add_fault(Fault(operation="ListSuppressedDestinations", status=403, times=None))
    (warning,) = (await directory.fetch_contacts(HTS, [TOPIC])).warnings
    assert "ses:ListSuppressedDestinations" in warning


async def test_a_parameter_that_is_not_there_is_named(access: AwsAccess) -> None:
    with pytest.raises(RemoteServiceError, match="/azure/client-id"):
        await fetch_parameters(access, ["/azure/client-id"])
