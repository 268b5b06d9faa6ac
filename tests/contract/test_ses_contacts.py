from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from tests.fakes.aws_fake import (
    OWN_KEY,
    OWN_SECRET,
    AwsFake,
    FakeAccount,
    Trouble,
    contact,
    drop_mid_body,
    refuse,
    say,
)

from contact_manager.adapters.aws.parameters import fetch_parameters
from contact_manager.adapters.aws.retries import MAX_ATTEMPTS, Patience
from contact_manager.adapters.aws.ses_contacts import SesContactDirectory
from contact_manager.adapters.aws.session import AwsAccess
from contact_manager.domain.customer import Customer
from contact_manager.domain.subscription import Contact
from contact_manager.errors import RemoteServiceError, TopicMissingError

TOPIC = "aws-calendar"
HTS = Customer("hts", "HTS", "eu-west-1", "arn:aws:iam::111111111111:role/reader")
CDS = Customer("cds", "CDS", "eu-west-1", "arn:aws:iam::222222222222:role/reader")


async def no_sleep(_seconds: float) -> None:
    """Waiting is not what these tests are about."""


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AwsFake]:
    fake = AwsFake()
    async with fake.make_server() as server:
        for name, value in {
            "AWS_ENDPOINT_URL": str(server.make_url("")).rstrip("/"),
            "AWS_ACCESS_KEY_ID": OWN_KEY,
            "AWS_SECRET_ACCESS_KEY": OWN_SECRET,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
            "HTTP_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.1",
        }.items():
            monkeypatch.setenv(name, value)
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        yield fake


@pytest.fixture
async def access() -> AsyncIterator[AwsAccess]:
    patience = Patience(sleep=no_sleep)
    async with AwsAccess(tls=ssl.create_default_context(), label="CHG-1 é/1", patience=patience) as access:
        yield access


@pytest.fixture
def directory(fake: AwsFake, access: AwsAccess) -> SesContactDirectory:
    return SesContactDirectory(access, requests_per_second=10_000)


def people(*addresses: str) -> list[dict[str, object]]:
    return [contact(address, aws_calendar="OPT_IN") for address in addresses]


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
    async with AwsAccess(tls=ssl.create_default_context(), region="us-west-2") as access:
        await SesContactDirectory(access, requests_per_second=10_000).fetch_contacts(HTS, [TOPIC])
    assert fake.signed_for == {("ses", "us-west-2"), ("sts", "us-west-2")}


async def test_a_customer_without_a_region_gets_the_configured_one(fake: AwsFake) -> None:
    fake.accounts["111111111111"] = FakeAccount()
    async with AwsAccess(tls=ssl.create_default_context(), default_region="sa-east-1") as access:
        directory = SesContactDirectory(access, requests_per_second=10_000)
        await directory.fetch_contacts(replace(HTS, region=""), [TOPIC])
    assert fake.signed_for == {("ses", "sa-east-1"), ("sts", "sa-east-1")}


async def test_without_any_region_the_error_says_where_to_set_one(directory: SesContactDirectory) -> None:
    with pytest.raises(RemoteServiceError, match="AWS_REGION, or --region") as caught:
        await directory.fetch_contacts(replace(HTS, region=""), [TOPIC])
    assert caught.value.code == "NoRegion"


async def test_without_credentials_the_error_says_how_to_get_some(
    directory: SesContactDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(RemoteServiceError, match="sign in") as caught:
        await directory.fetch_contacts(HTS, [TOPIC])
    assert caught.value.code == "NoCredentials"


async def test_a_profile_that_does_not_exist_is_a_refusal_and_no_crash(fake: AwsFake) -> None:
    async with AwsAccess(tls=ssl.create_default_context(), profile="nobody") as access:
        with pytest.raises(RemoteServiceError, match="nobody") as caught:
            await SesContactDirectory(access, requests_per_second=10).fetch_contacts(HTS, [TOPIC])
    assert caught.value.code == "ProfileNotFound"


async def test_the_role_is_assumed_with_external_id_short_session_and_a_clean_name(
    fake: AwsFake, directory: SesContactDirectory
) -> None:
    fake.accounts["111111111111"] = FakeAccount(external_id="word+1")
    await directory.fetch_contacts(replace(HTS, external_id="word+1"), [TOPIC])
    (asked,) = fake.requests["AssumeRole"]
    assert asked["ExternalId"] == "word+1"
    assert asked["DurationSeconds"] == "900"
    assert asked["RoleSessionName"] == "ccm-CHG-1-1"


async def test_a_wrong_external_id_is_told_with_the_role_and_what_to_check(
    fake: AwsFake, directory: SesContactDirectory
) -> None:
    fake.accounts["111111111111"] = FakeAccount(external_id="right")
    with pytest.raises(RemoteServiceError, match=r"role/reader refused.*trust policy.*external id") as caught:
        await directory.fetch_contacts(HTS, [TOPIC])
    assert (caught.value.service, caught.value.operation) == ("sts", "AssumeRole")
    assert (caught.value.code, caught.value.retryable) == ("AccessDenied", False)
    assert caught.value.request_id == "sts-1"
    assert fake.calls["AssumeRole"] == 1


async def test_two_customers_with_one_role_assume_it_once(
    fake: AwsFake, directory: SesContactDirectory
) -> None:
    fake.accounts["111111111111"] = FakeAccount()
    twin = replace(HTS, code="twin")
    await asyncio.gather(directory.fetch_contacts(HTS, [TOPIC]), directory.fetch_contacts(twin, [TOPIC]))
    assert fake.calls["AssumeRole"] == 1


async def test_one_denied_role_does_not_disturb_the_others(
    fake: AwsFake, directory: SesContactDirectory
) -> None:
    fake.accounts["222222222222"] = FakeAccount(pages=[people("c@x.example")])
    denied, read = await asyncio.gather(
        directory.fetch_contacts(HTS, [TOPIC]), directory.fetch_contacts(CDS, [TOPIC]), return_exceptions=True
    )
    assert isinstance(denied, RemoteServiceError)
    assert not isinstance(read, BaseException)
    assert [one.address for one in read.contacts] == ["c@x.example"]


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


PASSING: list[Trouble] = [
    refuse(429, "TooManyRequestsException"),
    refuse(400, "ThrottlingException"),
    refuse(500, "InternalServiceErrorException"),
    say(b"<html>bad gateway</html>", status=502),
    drop_mid_body,
]


@pytest.mark.parametrize("operation", ["AssumeRole", "ListContactLists", "GetContactList", "ListContacts"])
@pytest.mark.parametrize("trouble", PASSING)
async def test_what_passes_is_tried_again(
    fake: AwsFake, directory: SesContactDirectory, operation: str, trouble: Trouble
) -> None:
    fake.accounts["111111111111"] = FakeAccount(pages=[people("a@x.example")])
    fake.interrupt(operation, trouble, trouble)
    found = await directory.fetch_contacts(HTS, [TOPIC])
    assert [one.address for one in found.contacts] == ["a@x.example"]
    assert fake.calls[operation] == 3


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (refuse(429, "TooManyRequestsException"), "TooManyRequestsException"),
        (refuse(500, "InternalServiceErrorException"), "InternalServiceErrorException"),
        (drop_mid_body, "NoAnswer"),
    ],
)
async def test_what_does_not_pass_is_given_up_after_five_attempts(
    fake: AwsFake, directory: SesContactDirectory, trouble: Trouble, code: str
) -> None:
    fake.accounts["111111111111"] = FakeAccount()
    fake.interrupt("ListContacts", *[trouble] * 9)
    with pytest.raises(RemoteServiceError) as caught:
        await directory.fetch_contacts(HTS, [TOPIC])
    assert (caught.value.code, caught.value.retryable) == (code, True)
    assert fake.calls["ListContacts"] == MAX_ATTEMPTS


async def test_a_refusal_is_not_repeated_and_names_role_and_permission(
    fake: AwsFake, directory: SesContactDirectory
) -> None:
    fake.accounts["111111111111"] = FakeAccount()
    fake.interrupt("ListContacts", refuse(403, "AccessDeniedException", "User is not authorized"))
    with pytest.raises(RemoteServiceError, match=r"role/reader lacks ses:ListContacts") as caught:
        await directory.fetch_contacts(HTS, [TOPIC])
    assert caught.value.code == "AccessDeniedException"
    assert caught.value.request_id == "req-1"
    assert "111111111111 in eu-west-1" in str(caught.value)
    assert fake.calls["ListContacts"] == 1


async def test_a_session_that_ends_early_is_renewed_once(
    fake: AwsFake, directory: SesContactDirectory
) -> None:
    fake.accounts["111111111111"] = FakeAccount(pages=[people("a@x.example")])
    await directory.fetch_contacts(HTS, [TOPIC])
    fake.expired.add("ASIA111111111111N1")
    found = await directory.fetch_contacts(HTS, [TOPIC])
    assert len(found.contacts) == 1
    assert fake.calls["AssumeRole"] == 2


async def test_a_session_that_stays_expired_is_reported(
    fake: AwsFake, directory: SesContactDirectory
) -> None:
    fake.accounts["111111111111"] = FakeAccount()
    fake.expired.update({"ASIA111111111111N1", "ASIA111111111111N2"})
    with pytest.raises(RemoteServiceError, match="not accepted any more") as caught:
        await directory.fetch_contacts(HTS, [TOPIC])
    assert caught.value.code == "ExpiredTokenException"
    assert fake.calls["AssumeRole"] == 2


async def test_a_missing_topic_is_told_with_the_list_and_its_topics(
    fake: AwsFake, directory: SesContactDirectory
) -> None:
    fake.accounts["111111111111"] = FakeAccount(topics={"aws-approval": "OPT_IN", "aws-announce": "OPT_IN"})
    with pytest.raises(TopicMissingError, match=r'"all-people".*"aws-calendar".*aws-announce, aws-approval'):
        await directory.fetch_contacts(HTS, [TOPIC])


async def test_a_missing_optional_topic_is_a_warning(fake: AwsFake, directory: SesContactDirectory) -> None:
    fake.accounts["111111111111"] = FakeAccount()
    found = await directory.fetch_contacts(HTS, [TOPIC, "aws-announce"])
    assert found.warnings == (
        'hts: the contact list "all-people" has no topic "aws-announce", nobody comes through it',
    )


async def test_an_account_without_a_list_is_told_and_none_is_made(
    fake: AwsFake, directory: SesContactDirectory
) -> None:
    fake.accounts["111111111111"] = FakeAccount(list_name=None)
    with pytest.raises(RemoteServiceError, match="account 111111111111 in eu-west-1") as caught:
        await directory.fetch_contacts(HTS, [TOPIC])
    assert caught.value.code == "ContactListMissing"
    assert set(fake.calls) == {"AssumeRole", "ListContactLists"}


async def test_a_configured_list_that_is_not_there_is_told(
    fake: AwsFake, directory: SesContactDirectory
) -> None:
    fake.accounts["111111111111"] = FakeAccount()
    with pytest.raises(RemoteServiceError, match="check contact_list_name") as caught:
        await directory.fetch_contacts(replace(HTS, contact_list_name="gone"), [TOPIC])
    assert caught.value.code == "NotFoundException"


async def test_pages_that_go_round_in_a_circle_are_an_error(
    fake: AwsFake, directory: SesContactDirectory
) -> None:
    fake.accounts["111111111111"] = FakeAccount()
    page = b'{"Contacts": [], "NextToken": "again"}'
    fake.interrupt("ListContacts", say(page), say(page), say(page))
    with pytest.raises(RemoteServiceError, match="circle"):
        await directory.fetch_contacts(HTS, [TOPIC])


MALFORMED = [
    b"",
    b"<html>sign in to the hotel's network</html>",
    b"[]",
    b"{}",
    b'{"Contacts": null}',
    b'{"Contacts": {}}',
    b'{"Contacts": ["a@x.example"]}',
    b'{"Contacts": [{}]}',
    b'{"Contacts": [{"EmailAddress": null}]}',
    b'{"Contacts": [{"EmailAddress": "a@x.example", "UnsubscribeAll": "no"}]}',
    b'{"Contacts": [{"EmailAddress": "a@x.example", "TopicPreferences": 7}]}',
    b'{"Contacts": [{"EmailAddress": "a@x.example", "TopicPreferences": [{"TopicName": "aws-calendar"}]}]}',
    b'{"Contacts": [{"EmailAddress": "a@x.example", "TopicPreferences": [%b]}]}'
    % b'{"TopicName": "aws-calendar", "SubscriptionStatus": []}',
    b'{"Contacts": [{"EmailAddress": "a@x.example", "TopicPreferences": [%b]}]}'
    % b'{"TopicName": "aws-calendar", "SubscriptionStatus": 1}',
    b'{"Contacts": [], "NextToken": 7}',
    b'{"Contacts": [{"EmailAddress": "a@x.ex',
]


@pytest.mark.parametrize("body", MALFORMED)
async def test_a_page_that_cannot_be_understood_is_an_error_and_never_no_contacts(
    fake: AwsFake, directory: SesContactDirectory, body: bytes
) -> None:
    fake.accounts["111111111111"] = FakeAccount(pages=[people("a@x.example")])
    fake.interrupt("ListContacts", say(body))
    with pytest.raises(RemoteServiceError) as caught:
        await directory.fetch_contacts(HTS, [TOPIC])
    assert (caught.value.code, caught.value.request_id) == ("MalformedAnswer", "req-2")
    assert "a@x.ex" not in str(caught.value)


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("AssumeRole", b"not XML"),
        ("AssumeRole", b"<AssumeRoleResponse/>"),
        ("ListContactLists", b'{"ContactLists": [{"Name": "x"}]}'),
        ("GetContactList", b'{"Topics": {"aws-calendar": "OPT_IN"}}'),
        ("GetContactList", b'{"Topics": [{"TopicName": "aws-calendar"}]}'),
    ],
)
async def test_other_answers_that_cannot_be_understood_are_errors_too(
    fake: AwsFake, directory: SesContactDirectory, operation: str, body: bytes
) -> None:
    fake.accounts["111111111111"] = FakeAccount()
    fake.interrupt(operation, say(body))
    with pytest.raises(RemoteServiceError) as caught:
        await directory.fetch_contacts(HTS, [TOPIC])
    assert (caught.value.operation, caught.value.code) == (operation, "MalformedAnswer")


async def test_the_suppression_list_is_read_to_its_end_and_folded(
    fake: AwsFake, directory: SesContactDirectory
) -> None:
    fake.accounts["111111111111"] = FakeAccount(
        suppressed_pages=[["A@X.example"], [], ["b@x.example", "odd"]]
    )
    found = await directory.fetch_contacts(HTS, [TOPIC])
    assert found.suppressed == {"a@x.example", "b@x.example"}
    assert found.warnings == ()


@pytest.mark.parametrize(
    "trouble",
    [
        refuse(403, "AccessDeniedException"),
        refuse(404, "NotFoundException"),
        refuse(501, "NotImplemented"),
        refuse(429, "TooManyRequestsException"),
        say(b"<html>"),
        say(b'{"SuppressedDestinationSummaries": [7]}'),
        drop_mid_body,
    ],
)
async def test_an_unreadable_suppression_list_is_a_warning_that_names_the_permission(
    fake: AwsFake, directory: SesContactDirectory, trouble: Trouble
) -> None:
    fake.accounts["111111111111"] = FakeAccount(pages=[people("a@x.example")])
    fake.interrupt("ListSuppressedDestinations", *[trouble] * 9)
    found = await directory.fetch_contacts(HTS, [TOPIC])
    assert len(found.contacts) == 1
    assert len(found.warnings) == 1
    assert "ses:ListSuppressedDestinations" in found.warnings[0]
    assert fake.calls["ListSuppressedDestinations"] <= 2


async def test_what_was_read_of_the_suppression_list_before_it_failed_still_counts(
    fake: AwsFake, directory: SesContactDirectory
) -> None:
    fake.accounts["111111111111"] = FakeAccount()
    page = b'{"SuppressedDestinationSummaries": [{"EmailAddress": "a@x.example"}], "NextToken": "t"}'
    fake.interrupt("ListSuppressedDestinations", say(page), refuse(403, "AccessDeniedException"))
    found = await directory.fetch_contacts(HTS, [TOPIC])
    assert found.suppressed == {"a@x.example"}
    assert len(found.warnings) == 1


async def test_nobody_s_address_and_no_secret_is_logged(
    fake: AwsFake, directory: SesContactDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="contact_manager")
    fake.accounts["111111111111"] = FakeAccount(
        pages=[people("someone@x.example")], suppressed_pages=[["someone@x.example"]]
    )
    fake.interrupt("ListContacts", refuse(500, "InternalServiceErrorException"))
    await directory.fetch_contacts(HTS, [TOPIC])
    assert "ses.page_read customer=hts contacts=1" in caplog.text
    assert "someone" not in caplog.text
    assert "secret" not in caplog.text
    assert "token" not in caplog.text


async def test_an_address_where_nobody_listens_is_told_as_such(
    directory: SesContactDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    with pytest.raises(RemoteServiceError, match="AWS_ENDPOINT_URL") as caught:
        await directory.fetch_contacts(HTS, [TOPIC])
    assert (caught.value.service, caught.value.code) == ("sts", "NoAnswer")


async def test_access_may_be_closed_twice_and_without_having_been_used() -> None:
    access = AwsAccess(tls=ssl.create_default_context())
    await access.close()
    await access.close()


async def test_parameters_are_read_in_one_call_and_decrypted(
    fake: AwsFake, access: AwsAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    fake.parameters.update({"/b": "two", "/a": "one"})
    assert await fetch_parameters(access, ["/b", "/a"]) == {"/a": "one", "/b": "two"}
    assert fake.requests["GetParameters"] == [{"Names": ["/b", "/a"], "WithDecryption": True}]


async def test_parameters_that_are_missing_are_named_and_values_are_not(
    fake: AwsFake, access: AwsAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    fake.parameters["/there"] = "hush"
    with pytest.raises(RemoteServiceError, match=r"no parameter /gone in us-east-1") as caught:
        await fetch_parameters(access, ["/there", "/gone"])
    assert caught.value.code == "InvalidParameters"
    assert "hush" not in str(caught.value)


async def test_a_denied_parameter_is_told_with_the_permission(
    fake: AwsFake, access: AwsAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    fake.interrupt("GetParameters", refuse(400, "AccessDeniedException"))
    with pytest.raises(RemoteServiceError, match=r"your own role or user lacks ssm:GetParameters") as caught:
        await fetch_parameters(access, ["/there"])
    assert (caught.value.service, caught.value.code) == ("ssm", "AccessDeniedException")
