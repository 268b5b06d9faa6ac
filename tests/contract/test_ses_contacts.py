from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from contact_manager.adapters.aws.ses_contacts import SesContactDirectory
from contact_manager.adapters.aws.session import AwsAccess
from contact_manager.domain.subscription import Contact
from tests.fakes.aws_access import HTS, TOPIC, impatient_access, lead_to, people
from tests.fakes.aws_fake import AwsFake, FakeAccount, contact


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AwsFake]:
    fake = AwsFake()
    async with fake.make_server() as server:
        lead_to(monkeypatch, str(server.make_url("")))
        yield fake


@pytest.fixture
async def access() -> AsyncIterator[AwsAccess]:
    async with impatient_access("CHG-1 é/1") as access:
        yield access


@pytest.fixture
def directory(fake: AwsFake, access: AwsAccess) -> SesContactDirectory:
    return SesContactDirectory(access, requests_per_second=10_000)


async def test_every_page_is_read_and_an_empty_one_does_not_end_the_list(
    fake: AwsFake, directory: SesContactDirectory
) -> None:
    fake.accounts["111111111111"] = FakeAccount(
        pages=[people("a@x.example"), [], people("b@x.example"), people("C@x.example")]
    )
    found = await directory.fetch_contacts(HTS, [TOPIC])
    assert [one.address for one in found.contacts] == ["a@x.example", "b@x.example", "C@x.example"]
    assert all(asked["PageSize"] == 1000 for asked in fake.requests["ListContacts"])
    assert not any("Filter" in asked for asked in fake.requests["ListContacts"])


async def test_a_contact_keeps_its_spelling_and_only_the_choices_that_were_asked_for(
    fake: AwsFake, directory: SesContactDirectory
) -> None:
    chosen = contact("Ann@X.example", aws_calendar="OPT_IN", other="OPT_OUT")
    fake.accounts["111111111111"] = FakeAccount(
        pages=[[chosen, contact("left@x.example", has_left=True), {"EmailAddress": "bare@x.example"}]],
        topics={TOPIC: "OPT_OUT", "other": "OPT_IN"},
    )
    found = await directory.fetch_contacts(HTS, [TOPIC])
    assert found.contacts == (
        Contact("Ann@X.example", {TOPIC: "OPT_IN"}),
        Contact("left@x.example", {}, unsubscribe_all=True),
        Contact("bare@x.example", {}),
    )
    assert found.name == "all-people"
    assert found.topic_defaults[TOPIC] == "OPT_OUT"


async def test_contacts_who_chose_the_same_share_one_mapping(
    fake: AwsFake, directory: SesContactDirectory
) -> None:
    fake.accounts["111111111111"] = FakeAccount(pages=[people("a@x.example"), people("b@x.example")])
    one, other = (await directory.fetch_contacts(HTS, [TOPIC])).contacts
    assert one.choices is other.choices


async def test_the_configured_list_is_read_without_looking_for_one(
    fake: AwsFake, directory: SesContactDirectory
) -> None:
    fake.accounts["111111111111"] = FakeAccount(list_name="named")
    found = await directory.fetch_contacts(replace(HTS, contact_list_name="named"), [TOPIC])
    assert found.name == "named"
    assert fake.calls["ListContactLists"] == 0


async def test_everything_is_signed_for_the_customer_s_region(
    fake: AwsFake, directory: SesContactDirectory
) -> None:
    fake.accounts["111111111111"] = FakeAccount(suppressed_pages=[["a@x.example"], ["b@x.example"]])
    await directory.fetch_contacts(HTS, [TOPIC])
    assert fake.signed_for == {("ses", "eu-west-1"), ("sts", "eu-west-1")}


async def test_the_region_of_the_run_wins_over_the_customer_s(fake: AwsFake) -> None:
    fake.accounts["111111111111"] = FakeAccount()
    async with impatient_access(region="us-west-2") as access:
        await SesContactDirectory(access, requests_per_second=10_000).fetch_contacts(HTS, [TOPIC])
    assert fake.signed_for == {("ses", "us-west-2"), ("sts", "us-west-2")}


async def test_a_customer_without_a_region_gets_the_configured_one(fake: AwsFake) -> None:
    fake.accounts["111111111111"] = FakeAccount()
    async with impatient_access(default_region="sa-east-1") as access:
        directory = SesContactDirectory(access, requests_per_second=10_000)
        await directory.fetch_contacts(replace(HTS, region=""), [TOPIC])
    assert fake.signed_for == {("ses", "sa-east-1"), ("sts", "sa-east-1")}


async def test_the_role_is_assumed_with_external_id_short_session_and_a_clean_name(
    fake: AwsFake, directory: SesContactDirectory
) -> None:
    fake.accounts["111111111111"] = FakeAccount(external_id="word+1")
    await directory.fetch_contacts(replace(HTS, external_id="word+1"), [TOPIC])
    (asked,) = fake.requests["AssumeRole"]
    assert asked["ExternalId"] == "word+1"
    assert asked["DurationSeconds"] == "900"
    assert asked["RoleSessionName"] == "ccm-CHG-1-1"


async def test_two_customers_with_one_role_assume_it_once(
    fake: AwsFake, directory: SesContactDirectory
) -> None:
    fake.accounts["111111111111"] = FakeAccount()
    twin = replace(HTS, code="twin")
    await asyncio.gather(directory.fetch_contacts(HTS, [TOPIC]), directory.fetch_contacts(twin, [TOPIC]))
    assert fake.calls["AssumeRole"] == 1


async def test_a_reader_who_gives_up_does_not_take_the_shared_role_from_the_other(
    fake: AwsFake, directory: SesContactDirectory
) -> None:
    fake.accounts["111111111111"] = FakeAccount(pages=[people("a@x.example")])
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def wait_for_sign(_request: object) -> None:
        arrived.set()
        await go_on.wait()

    fake.before["AssumeRole"] = wait_for_sign
    impatient = asyncio.create_task(directory.fetch_contacts(HTS, [TOPIC]))
    await arrived.wait()
    patient = asyncio.create_task(directory.fetch_contacts(HTS, [TOPIC]))
    await asyncio.sleep(0)
    impatient.cancel()
    go_on.set()
    assert len((await patient).contacts) == 1
    assert impatient.cancelled()
    assert fake.calls["AssumeRole"] == 1


async def test_the_suppression_list_is_read_to_its_end_and_folded(
    fake: AwsFake, directory: SesContactDirectory
) -> None:
    fake.accounts["111111111111"] = FakeAccount(
        suppressed_pages=[["A@X.example"], [], ["b@x.example", "odd"]]
    )
    found = await directory.fetch_contacts(HTS, [TOPIC])
    assert found.suppressed == {"a@x.example", "b@x.example"}
    assert found.warnings == ()


async def test_access_may_be_closed_twice_and_without_having_been_used() -> None:
    access = impatient_access()
    for _ in range(2):
        await access.close()
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
