from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from contact_manager.adapters.aws.retries import MAX_ATTEMPTS
from contact_manager.adapters.aws.ses_contacts import SesContactDirectory
from contact_manager.adapters.aws.session import AwsAccess
from contact_manager.errors import RemoteServiceError, TopicMissingError
from tests.fakes.aws_access import CDS, HTS, TOPIC, impatient_access, lead_to, people
from tests.fakes.aws_fake import AwsFake, FakeAccount, Trouble, drop_mid_body, refuse, say


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
    async with impatient_access(profile="nobody") as access:
        with pytest.raises(RemoteServiceError, match="nobody") as caught:
            await SesContactDirectory(access, requests_per_second=10).fetch_contacts(HTS, [TOPIC])
    assert caught.value.code == "ProfileNotFound"


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
        'the contact list "all-people" has no topic "aws-announce", nobody comes through it',
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


SCP = "User: x is not authorized to perform: ses:ListSuppressedDestinations%s with an explicit deny in a %s"


@pytest.mark.parametrize(
    ("trouble", "remedy"),
    [
        (refuse(403, "AccessDeniedException"), "the role lacks ses:ListSuppressedDestinations"),
        (refuse(400, "AccessDeniedException"), "the role lacks ses:ListSuppressedDestinations"),
        (refuse(403, "AccessDenied"), "the role lacks ses:ListSuppressedDestinations"),
        (
            refuse(403, "AccessDeniedException", SCP % ("", "service control policy")),
            "service control policy of the organization denies ses:ListSuppressedDestinations",
        ),
        (
            refuse(400, "AccessDeniedException", SCP % (" on " + "x" * 300, "service control policy")),
            "the organization's administrator",
        ),
    ],
)
async def test_a_suppression_list_that_the_role_may_not_read_is_a_warning_with_the_permission(
    fake: AwsFake, directory: SesContactDirectory, trouble: Trouble, remedy: str
) -> None:
    fake.accounts["111111111111"] = FakeAccount(pages=[people("a@x.example")])
    fake.interrupt("ListSuppressedDestinations", trouble)
    found = await directory.fetch_contacts(HTS, [TOPIC])
    assert len(found.contacts) == 1
    [warning] = found.warnings
    assert remedy in warning
    assert "111111111111" not in warning, "the same warning for every customer is shown once"
    assert fake.calls["ListSuppressedDestinations"] == 1


PASSING_FOR_A_WHILE: list[Trouble] = [
    *PASSING,
    refuse(503, "ServiceUnavailable"),
    refuse(501, "NotImplemented"),
    say(b"", status=500),
]


@pytest.mark.parametrize("trouble", PASSING_FOR_A_WHILE)
async def test_the_suppression_list_is_read_as_persistently_as_the_contacts(
    fake: AwsFake, directory: SesContactDirectory, trouble: Trouble
) -> None:
    fake.accounts["111111111111"] = FakeAccount(suppressed_pages=[["a@x.example"], ["b@x.example"]])
    fake.interrupt("ListSuppressedDestinations", *[trouble] * (MAX_ATTEMPTS - 1))
    found = await directory.fetch_contacts(HTS, [TOPIC])
    assert found.suppressed == {"a@x.example", "b@x.example"}
    assert not found.warnings


@pytest.mark.parametrize(
    "trouble",
    [
        *PASSING_FOR_A_WHILE,
        refuse(404, "NotFoundException"),
        refuse(403, "UnrecognizedClientException"),
        refuse(403, "ExpiredTokenException"),
        refuse(403, "SignatureDoesNotMatch"),
        refuse(400, "BadRequestException"),
        say(b"<html>blocked by the proxy</html>", status=403),
        say(b"<html>"),
        say(b"{}"),
        say(b'{"SuppressedDestinationSummaries": [7]}'),
    ],
)
@pytest.mark.parametrize("pages_before", [0, 1])
async def test_a_customer_whose_suppression_list_cannot_be_read_now_is_not_read(
    fake: AwsFake, directory: SesContactDirectory, trouble: Trouble, pages_before: int
) -> None:
    fake.accounts["111111111111"] = FakeAccount(pages=[people("a@x.example")])
    page = b'{"SuppressedDestinationSummaries": [{"EmailAddress": "a@x.example"}], "NextToken": "t"}'
    fake.interrupt("ListSuppressedDestinations", *[say(page)] * pages_before, *[trouble] * 20)
    with pytest.raises(RemoteServiceError) as caught:
        await directory.fetch_contacts(HTS, [TOPIC])
    assert caught.value.operation == "ListSuppressedDestinations"
    assert "111111111111 in eu-west-1" in str(caught.value)


async def test_a_suppression_list_that_never_answers_takes_the_customer_s_time_limit(
    fake: AwsFake, access: AwsAccess
) -> None:
    fake.accounts["111111111111"] = FakeAccount()
    gone = asyncio.Event()

    async def hang(_request: object) -> None:
        await gone.wait()

    fake.before["ListSuppressedDestinations"] = hang
    directory = SesContactDirectory(
        access, requests_per_second=10_000, time_limit=timedelta(milliseconds=300)
    )
    with pytest.raises(TimeoutError):
        await directory.fetch_contacts(HTS, [TOPIC])
    gone.set()


async def test_a_role_that_is_denied_while_the_suppression_list_is_read_fails_the_customer(
    fake: AwsFake, directory: SesContactDirectory
) -> None:
    fake.accounts["111111111111"] = FakeAccount()

    async def end_session(_request: object) -> None:
        fake.accounts["111111111111"].external_id = "changed"
        fake.expired.add("ASIA111111111111N1")

    fake.before["ListSuppressedDestinations"] = end_session
    with pytest.raises(RemoteServiceError) as caught:
        await directory.fetch_contacts(HTS, [TOPIC])
    assert (caught.value.operation, caught.value.code) == ("AssumeRole", "AccessDenied")


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
