"""A refused mail is final for one person only if the words can mean nothing else."""

from __future__ import annotations

from itertools import product

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from contact_manager.adapters.aws.errors import Asked, Refusal, ThrottledError, refused
from contact_manager.adapters.aws.send_refusals import Scope, is_daily_quota, judge
from contact_manager.domain.notification import Mail

MAIL = Mail("changes@example.com", "ann@example.org", "subject", "text", "<p>html</p>")
SEND = Asked("ses", "SendEmail", "account 111111111111")

BY_CODE = {
    "AccountSuspendedException": Scope.ACCOUNT,
    "SendingPausedException": Scope.ACCOUNT,
    "MailFromDomainNotVerifiedException": Scope.ACCOUNT,
    "LimitExceededException": Scope.ACCOUNT,
    "NotFoundException": Scope.ACCOUNT,
    "TooManyRequestsException": Scope.UNKNOWN,
    "MessageRejected": Scope.UNKNOWN,
    "BadRequestException": Scope.UNKNOWN,
}
"""What each error of SendEmail is about when its message says nothing."""

PAUSED = (
    "Sending paused for this account. For more information, please check the inbox of the email address "
    "associated with your AWS account."
)
UNVERIFIED = "Email address is not verified. The following identities failed the check in region US-EAST-1"
ABOUT_THE_ACCOUNT = [
    PAUSED,
    "Sending suspended for this account. For more information, please check the inbox of ann@example.org",
    "Sending paused for this configuration set. For more information, please check the inbox",
    "Email sending for the account is paused.",
    f"{UNVERIFIED}: changes@example.com",
    f"{UNVERIFIED}: Contoso <Changes@Example.com>, ann@example.org",
    f"{UNVERIFIED}: example.com",
    "List with name: people doesn't exist.",
    "List doesn't have topic aws-announce.",
    "Topic aws-announce does not exist on list people",
    "Configuration set <set-1> does not exist.",
    "Invalid email address changes@example.com.",
]
ABOUT_THE_RECIPIENT = [
    "Invalid email address ann@example.org.",
    "Invalid email address<ann@example.org>.",
    "Invalid email address .",
    "Illegal address",
    "Illegal address: ann@example.org.",
    "Transaction failed: Illegal address",
    "Local address contains control or whitespace",
    "Local address starts with dot",
    "Domain contains control or whitespace",
    "Domain contains illegal character",
    "Domain contains dot-dot",
    "Domain starts with dot",
    "Domain ends with dot.",
    "Missing final '@domain'",
    "Missing domain",
    "Missing local name",
    "Address blacklisted.",
    "Address is on the suppression list",
    "Recipient address is on the suppression list for your account.",
]
UNCERTAIN = [
    "",
    "Recipient is invalid because contact list main does not contain it",
    "Invalid Recipient: topic aws-announce unknown",
    "Destination is invalid: contact list not found",
    "Invalid recipient email address ann@example.com; daily sends limit reached",
    "Invalid address in FeedbackForwardingEmailAddress: Missing domain",
    "Message content rejected",
    "Transaction failed: Expected ';', got \"x\"",
    "Missing required header 'From'.",
    "Invalid From address provided.",
    "Invalid email address in Reply-To.",
    "Invalid email address other@example.net.",
    "Return-Path: Missing final '@domain'",
    "Email address is not verified.",
    "Something that nobody met before about an address",
    "Control characters in the subject.",
]
CODES = ["MessageRejected", "BadRequestException", "InvalidParameterValue", "MessageRejectedException"]


def scope(message: str, code: str = "MessageRejected", status: int = 400) -> Scope:
    return judge(Refusal(status, code, message), MAIL)


def variants(message: str) -> list[str]:
    return [message, message.upper(), message.lower(), f"  {message} (Service: AmazonSES; Request ID: 1-2-3)"]


def test_every_error_of_the_model_is_known_and_none_is_final_by_its_name() -> None:
    model = ServiceModel(Loader().load_service_model("sesv2", "service-2"), "sesv2")
    errors = model.operation_model("SendEmail").error_shapes
    assert {error.name for error in errors} == BY_CODE.keys()
    for error in errors:
        status = error.metadata["error"]["httpStatusCode"]
        assert scope("", error.name, status) is BY_CODE[error.name], error.name


@pytest.mark.parametrize(("message", "code"), [*product(ABOUT_THE_ACCOUNT, CODES)])
def test_what_holds_for_everybody_is_about_the_account(message: str, code: str) -> None:
    assert {scope(one, code) for one in variants(message)} == {Scope.ACCOUNT}


@pytest.mark.parametrize(("message", "code"), [*product(ABOUT_THE_RECIPIENT, CODES)])
def test_what_only_an_address_can_be_blamed_for_is_about_the_recipient(message: str, code: str) -> None:
    assert {scope(one, code) for one in variants(message)} == {Scope.RECIPIENT}


@pytest.mark.parametrize(("message", "code"), [*product(UNCERTAIN, CODES)])
def test_what_may_be_about_something_else_is_not_known(message: str, code: str) -> None:
    assert {scope(one, code) for one in variants(message)} == {Scope.UNKNOWN}


@pytest.mark.parametrize("code", [*BY_CODE, "AccessDeniedException", "SomethingNew"])
def test_a_recipient_who_is_not_verified_is_never_refused_for_good(code: str) -> None:
    assert scope(f"{UNVERIFIED}: ann@example.org", code) is not Scope.RECIPIENT


def test_a_recipient_who_is_not_verified_stops_nobody_else() -> None:
    assert scope(f"{UNVERIFIED}: Ann <ANN@example.org>") is Scope.UNVERIFIED_RECIPIENT


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (403, "AccessDeniedException", Scope.ACCOUNT),
        (500, "InternalFailure", Scope.UNKNOWN),
        (503, "MessageRejected", Scope.UNKNOWN),
        (400, "SomethingNewException", Scope.UNKNOWN),
    ],
)
def test_other_refusals_are_final_for_nobody(status: int, code: str, expected: Scope) -> None:
    assert scope("Illegal address", code, status) is expected


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (400, "ThrottlingException", "Daily message quota exceeded"),
        (400, "Throttling", "DAILY MESSAGE QUOTA EXCEEDED. (Request ID: 1)"),
        (400, "LimitExceededException", "Daily sending quota exceeded."),
        (429, "TooManyRequestsException", "Daily message quota exceeded."),
        (400, "MessageRejected", "You have reached the maximum number of emails in a 24-hour period."),
        (400, "AccountDailyQuotaExceededException", ""),
        (454, "ThrottlingFailure", "Daily message quota exceeded; the sending rate is 14 per second"),
    ],
)
def test_a_quota_of_a_day_is_no_throttling(status: int, code: str, message: str) -> None:
    refusal = Refusal(status, code, message)
    assert is_daily_quota(SEND, refusal)
    error = refused(SEND, refusal)
    assert not isinstance(error, ThrottledError)
    assert not error.retryable
    assert "24 hours" in str(error)


@pytest.mark.parametrize(
    ("operation", "status", "code", "message"),
    [
        ("SendEmail", 400, "ThrottlingException", "Maximum sending rate exceeded."),
        ("SendEmail", 429, "TooManyRequestsException", "Too many requests."),
        ("SendEmail", 400, "Throttling", "Rate exceeded"),
        ("SendEmail", 400, "ThrottlingException", "Quota of the sending rate exceeded for daily@example.com"),
        ("ListContacts", 429, "TooManyRequestsException", "Daily message quota exceeded."),
    ],
)
def test_a_rate_is_no_quota_of_a_day(operation: str, status: int, code: str, message: str) -> None:
    asked = Asked("ses", operation, "account 111111111111")
    refusal = Refusal(status, code, message)
    assert not is_daily_quota(asked, refusal)
    assert isinstance(refused(asked, refusal), ThrottledError)
