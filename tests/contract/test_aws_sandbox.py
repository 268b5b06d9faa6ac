"""The AWS server, asked by the AWS SDK itself: what boto3 reads is in the form of its models."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from moto.sts.models import sts_backends

from contact_manager.sandbox.aws_server import BASE_ACCOUNT_ID, AwsServer, ContactEntry, Place, RoleRule
from tests.fakes.aws_clients import READER, assume, open_client, refusal

OTHER_ROLE = "arn:aws:iam::222222222222:role/Reader"
PLACE = Place("111111111111", "us-east-1")


@pytest.fixture(autouse=True)
def no_profile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.delenv("AWS_PROFILE", raising=False)


@pytest.fixture
def server() -> Iterator[AwsServer]:
    with AwsServer() as running:
        running.create_contact_list(PLACE, "people", {"news": "OPT_OUT", "calendar": "OPT_IN"})
        yield running


@pytest.fixture
def ses(server: AwsServer) -> Any:
    return open_client(server, "sesv2", **assume(server))


def add_contacts(server: AwsServer, count: int) -> None:
    for number in range(count):
        status = "OPT_IN" if number % 2 else "OPT_OUT"
        server.put_contact(PLACE, ContactEntry(f"p{number:04d}@example.com", {"news": status}))


def read_pages(ses: Any, **asked: Any) -> list[list[str]]:
    pages: list[list[str]] = []
    token: dict[str, str] = {}
    while True:
        answer = ses.list_contacts(ContactListName="people", **asked, **token)
        pages.append([contact["EmailAddress"] for contact in answer["Contacts"]])
        if "NextToken" not in answer:
            return pages
        token = {"NextToken": answer["NextToken"]}


def test_a_contact_shows_choices_and_the_defaults_of_the_topics_without_one(
    server: AwsServer, ses: Any
) -> None:
    server.put_contact(PLACE, ContactEntry("Ann+x@Example.com", {"news": "OPT_IN"}, unsubscribe_all=True))

    [contact] = ses.list_contacts(ContactListName="people")["Contacts"]

    assert contact.pop("LastUpdatedTimestamp").tzinfo is not None
    assert contact == {
        "EmailAddress": "Ann+x@Example.com",
        "TopicPreferences": [{"TopicName": "news", "SubscriptionStatus": "OPT_IN"}],
        "TopicDefaultPreferences": [{"TopicName": "calendar", "SubscriptionStatus": "OPT_IN"}],
        "UnsubscribeAll": True,
    }


def test_a_page_holds_a_thousand_contacts_unless_told_otherwise(server: AwsServer, ses: Any) -> None:
    add_contacts(server, 1001)

    assert [len(page) for page in read_pages(ses)] == [1000, 1]
    assert [len(page) for page in read_pages(ses, PageSize=600)] == [600, 401]


def test_the_server_can_force_small_pages(server: AwsServer, ses: Any) -> None:
    add_contacts(server, 5)
    server.configure(max_page_size=2)

    pages = read_pages(ses, PageSize=1000)

    assert [len(page) for page in pages] == [2, 2, 1]
    assert len({address for page in pages for address in page}) == 5


def test_the_filter_works_after_the_paging_so_that_empty_pages_come(server: AwsServer, ses: Any) -> None:
    add_contacts(server, 4)
    topic = {"FilteredStatus": "OPT_IN", "TopicFilter": {"TopicName": "news"}}

    assert read_pages(ses, PageSize=1, Filter=topic) == [[], ["p0001@example.com"], [], ["p0003@example.com"]]


def test_the_first_page_can_be_empty_although_more_follows(server: AwsServer, ses: Any) -> None:
    add_contacts(server, 1)
    server.configure(empty_first_page=True)

    assert read_pages(ses) == [[], ["p0000@example.com"]]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["in", "out", "none", "gone"]),
        ({"FilteredStatus": "OPT_IN", "TopicFilter": {"TopicName": "calendar"}}, ["in", "gone"]),
        (
            {
                "FilteredStatus": "OPT_IN",
                "TopicFilter": {"TopicName": "calendar", "UseDefaultIfPreferenceUnavailable": True},
            },
            ["in", "none", "gone"],
        ),
        ({"FilteredStatus": "OPT_OUT", "TopicFilter": {"TopicName": "calendar"}}, ["out"]),
        ({"FilteredStatus": "OPT_OUT"}, ["gone"]),
    ],
)
def test_a_filter_looks_at_choices_and_if_asked_at_defaults(
    server: AwsServer, ses: Any, asked: dict[str, Any], found: list[str]
) -> None:
    for name, choice in {"in": "OPT_IN", "out": "OPT_OUT", "none": None, "gone": "OPT_IN"}.items():
        topics = {"calendar": choice} if choice else {}
        entry = ContactEntry(f"{name}@example.com", topics, unsubscribe_all=name == "gone")
        server.put_contact(PLACE, entry)

    assert read_pages(ses, Filter=asked) == [[f"{name}@example.com" for name in found]]


@pytest.mark.parametrize(
    "wrong",
    [
        {"NextToken": "made-up"},
        {"NextToken": "WyJlbHNld2hlcmUiLCAwXQ=="},
        {"PageSize": 0},
        {"PageSize": 1001},
        {"Filter": {"FilteredStatus": "MAYBE"}},
        {"Filter": {"FilteredStatus": "OPT_IN", "TopicFilter": {"TopicName": "unknown"}}},
    ],
)
def test_a_wrong_listing_request_is_refused(ses: Any, wrong: dict[str, Any]) -> None:
    assert refusal(ses.list_contacts, ContactListName="people", **wrong) == ("BadRequestException", 400)


def test_a_missing_list_is_not_found(ses: Any) -> None:
    assert refusal(ses.list_contacts, ContactListName="none") == ("NotFoundException", 404)
    assert refusal(ses.get_contact_list, ContactListName="none") == ("NotFoundException", 404)


def test_the_list_and_its_topics_can_be_looked_up(ses: Any) -> None:
    [found] = ses.list_contact_lists()["ContactLists"]
    described = ses.get_contact_list(ContactListName=found["ContactListName"])

    assert {topic["TopicName"]: topic["DefaultSubscriptionStatus"] for topic in described["Topics"]} == {
        "news": "OPT_OUT",
        "calendar": "OPT_IN",
    }
    assert described["CreatedTimestamp"].tzinfo is not None


def test_contacts_can_be_written_through_the_service_as_well(ses: Any) -> None:
    one = {"ContactListName": "people", "EmailAddress": "new+tag@example.com"}
    choices = [{"TopicName": "news", "SubscriptionStatus": "OPT_IN"}]
    ses.create_contact(**one, TopicPreferences=choices, AttributesData="{}")
    ses.update_contact(**one, UnsubscribeAll=True)
    found = ses.get_contact(**one)

    assert (found["UnsubscribeAll"], found["AttributesData"]) == (True, "{}")
    assert found["TopicPreferences"] == choices

    ses.delete_contact(**one)
    assert refusal(ses.get_contact, **one) == ("NotFoundException", 404)


def test_the_suppression_list_is_written_read_and_emptied(ses: Any) -> None:
    for address, reason in {"b@example.com": "BOUNCE", "a@example.com": "COMPLAINT"}.items():
        ses.put_suppressed_destination(EmailAddress=address, Reason=reason)

    listed = ses.list_suppressed_destinations()["SuppressedDestinationSummaries"]
    bounced = ses.list_suppressed_destinations(Reasons=["BOUNCE"])["SuppressedDestinationSummaries"]
    known = ses.get_suppressed_destination(EmailAddress="a@example.com")["SuppressedDestination"]
    ses.delete_suppressed_destination(EmailAddress="a@example.com")

    assert [entry["EmailAddress"] for entry in listed] == ["a@example.com", "b@example.com"]
    assert [entry["EmailAddress"] for entry in bounced] == ["b@example.com"]
    assert known["Reason"] == "COMPLAINT"
    gone = refusal(ses.get_suppressed_destination, EmailAddress="a@example.com")
    assert gone == ("NotFoundException", 404)


def test_a_suppressed_address_is_found_in_its_own_spelling_only(server: AwsServer, ses: Any) -> None:
    server.suppress(PLACE, "Ann@example.com")

    assert refusal(ses.get_suppressed_destination, EmailAddress="ann@example.com")[1] == 404
    assert ses.get_suppressed_destination(EmailAddress="Ann@example.com")["SuppressedDestination"]


def test_the_suppression_list_has_pages_and_a_bad_token_has_its_own_error(
    server: AwsServer, ses: Any
) -> None:
    for number in range(3):
        server.suppress(PLACE, f"p{number}@example.com")

    first = ses.list_suppressed_destinations(PageSize=2)
    last = ses.list_suppressed_destinations(PageSize=2, NextToken=first["NextToken"])

    assert [len(page["SuppressedDestinationSummaries"]) for page in (first, last)] == [2, 1]
    wrong = refusal(ses.list_suppressed_destinations, NextToken="made-up")
    assert wrong == ("InvalidNextTokenException", 400)


def test_the_suppression_list_can_be_asked_for_a_time(server: AwsServer, ses: Any) -> None:
    server.suppress(PLACE, "ann@example.com")
    future = datetime(2100, 1, 1, tzinfo=UTC)

    before = ses.list_suppressed_destinations(EndDate=future)["SuppressedDestinationSummaries"]
    after = ses.list_suppressed_destinations(StartDate=future)["SuppressedDestinationSummaries"]
    assert (len(before), len(after)) == (1, 0)


def test_only_an_address_that_is_suppressed_can_be_taken_off(ses: Any) -> None:
    gone = refusal(ses.delete_suppressed_destination, EmailAddress="ann@example.com")
    wrong = refusal(ses.put_suppressed_destination, EmailAddress="ann", Reason="BOUNCE")

    assert (gone, wrong) == (("NotFoundException", 404), ("BadRequestException", 400))


def test_the_account_tells_its_quota(ses: Any) -> None:
    assert ses.get_account()["SendQuota"]["MaxSendRate"] > 0


def test_every_account_and_region_has_its_own_lists(server: AwsServer) -> None:
    server.suppress(PLACE, "a@example.com")
    own, other = assume(server), assume(server, OTHER_ROLE)
    elsewhere = (
        open_client(server, "sesv2"),
        open_client(server, "sesv2", **other),
        open_client(server, "sesv2", region="eu-west-1", **own),
    )

    for ses in elsewhere:
        assert ses.list_contact_lists()["ContactLists"] == []
        assert ses.list_suppressed_destinations()["SuppressedDestinationSummaries"] == []


def test_the_base_credentials_are_the_base_account(server: AwsServer) -> None:
    assert open_client(server, "sts").get_caller_identity()["Account"] == BASE_ACCOUNT_ID


@pytest.mark.parametrize(
    "wrong",
    [
        {"aws_access_key_id": "AKIANOBODY00EXAMPLE0"},
        {"aws_session_token": "made-up"},
    ],
)
def test_unknown_credentials_are_refused(server: AwsServer, wrong: dict[str, str]) -> None:
    ses, sts = open_client(server, "sesv2", **wrong), open_client(server, "sts", **wrong)

    assert refusal(ses.list_contact_lists) == ("UnrecognizedClientException", 403)
    assert refusal(sts.get_caller_identity) == ("InvalidClientTokenId", 403)


def test_a_session_without_its_token_is_refused(server: AwsServer) -> None:
    without = assume(server)
    del without["aws_session_token"]
    ses = open_client(server, "sesv2", **without)

    assert refusal(ses.list_contact_lists) == ("UnrecognizedClientException", 403)


def test_a_signature_with_another_secret_is_refused(server: AwsServer) -> None:
    wrong = {"aws_secret_access_key": "another"}

    ses = refusal(open_client(server, "sesv2", **wrong).list_contact_lists)
    sts = refusal(open_client(server, "sts", **wrong).get_caller_identity)
    assert (ses, sts) == (("InvalidSignatureException", 403), ("SignatureDoesNotMatch", 403))


def test_a_session_that_has_ended_is_refused(server: AwsServer) -> None:
    session = assume(server)
    [role] = sts_backends[PLACE.account]["aws"].assumed_roles
    role.expiration = datetime(2020, 1, 1)  # noqa: DTZ001 - moto keeps it without a zone

    ses = refusal(open_client(server, "sesv2", **session).list_contact_lists)
    sts = refusal(open_client(server, "sts", **session).get_caller_identity)
    assert (ses, sts) == (("ExpiredTokenException", 403), ("ExpiredToken", 403))


def test_an_unsigned_request_is_refused(server: AwsServer) -> None:
    connection = HTTPConnection(server.endpoint_url.removeprefix("http://"))
    connection.request("GET", "/v2/email/contact-lists")
    answer = connection.getresponse()
    connection.close()

    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (403, "MissingAuthenticationTokenException")


def test_a_denied_role_is_refused(server: AwsServer) -> None:
    server.set_role(RoleRule(READER, denied=True))

    assert refusal(assume, server) == ("AccessDenied", 403)


def test_a_role_without_a_rule_is_refused_when_the_server_says_so(server: AwsServer) -> None:
    server.configure(deny_unknown_roles=True)
    server.set_role(RoleRule(READER))

    assert assume(server)
    assert refusal(assume, server, OTHER_ROLE) == ("AccessDenied", 403)


def test_an_external_id_must_be_given_and_must_match(server: AwsServer) -> None:
    server.set_role(RoleRule(READER, external_id="right-one"))

    assert refusal(assume, server) == ("AccessDenied", 403)
    assert refusal(assume, server, ExternalId="wrong-one") == ("AccessDenied", 403)
    assert assume(server, ExternalId="right-one")


def test_the_limits_of_assuming_a_role_are_kept(server: AwsServer) -> None:
    chained = open_client(server, "sts", **assume(server))
    too_long = {"RoleArn": OTHER_ROLE, "RoleSessionName": "test", "DurationSeconds": 7200}

    assert refusal(chained.assume_role, **too_long) == ("ValidationError", 400)
    right = {"RoleArn": READER, "RoleSessionName": "test"}
    for wrong in (
        {"RoleSessionName": "not a name"},
        {"RoleArn": "arn:aws:iam::12:role/Reader"},
        {"DurationSeconds": 43201},
    ):
        assert refusal(open_client(server, "sts").assume_role, **(right | wrong)) == ("ValidationError", 400)
    assert open_client(server, "sts").assume_role(**too_long)


def test_the_other_services_answer_too(server: AwsServer) -> None:
    ssm, sqs, s3 = open_client(server, "ssm"), open_client(server, "sqs"), open_client(server, "s3")
    ssm.put_parameter(Name="/a", Value="secret", Type="SecureString")
    found = ssm.get_parameters(Names=["/a", "/none"], WithDecryption=True)
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="hello")
    s3.create_bucket(Bucket="changes")
    s3.put_object(Bucket="changes", Key="a b/ü.json", Body=b"x" * 200_000)

    assert [parameter["Value"] for parameter in found["Parameters"]] == ["secret"]
    assert found["InvalidParameters"] == ["/none"]
    assert sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "hello"
    assert s3.head_object(Bucket="changes", Key="a b/ü.json")["ContentLength"] == 200_000
    assert len(s3.get_object(Bucket="changes", Key="a b/ü.json")["Body"].read()) == 200_000
    assert refusal(s3.head_object, Bucket="changes", Key="none") == ("404", 404)
