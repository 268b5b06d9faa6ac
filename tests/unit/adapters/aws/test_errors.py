from __future__ import annotations

import pytest

from contact_manager.adapters.aws.errors import Asked, Refusal, ThrottledError, read_refusal, refused

LIST_CONTACTS = Asked(
    "ses", "ListContacts", 'contact list "all" of account 1 in eu-west-1', role_arn="arn:role/reader"
)


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        ({"x-amzn-errortype": "AccessDeniedException"}, b"", "AccessDeniedException"),
        ({"x-amzn-errortype": "NotFoundException:http://internal/doc/"}, b"{}", "NotFoundException"),
        ({}, b'{"__type": "com.amazonaws.ses#BadRequestException"}', "BadRequestException"),
        ({}, b'{"code": "ExpiredToken"}', "ExpiredToken"),
        ({}, b"<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>", "Throttling"),
        ({}, b"<html>bad gateway</html>", "HTTP400"),
        ({}, b'["odd"]', "HTTP400"),
        ({}, b'{"__type": 7}', "HTTP400"),
        ({}, b"", "HTTP400"),
    ],
)
def test_the_code_is_found_wherever_it_stands(headers: dict[str, str], body: bytes, code: str) -> None:
    assert read_refusal(400, headers, body).code == code


def test_the_message_is_one_line_and_not_endless() -> None:
    refusal = read_refusal(400, {}, b'{"message": "one\\n two %b"}' % (b"x" * 999))
    assert refusal.message.startswith("one two x")
    assert len(refusal.message) == 300


@pytest.mark.parametrize(
    ("refusal", "is_throttled"),
    [
        (Refusal(429, "TooManyRequestsException"), True),
        (Refusal(429, "HTTP429"), True),
        (Refusal(400, "Throttling"), True),
        (Refusal(400, "ThrottlingException"), True),
        (Refusal(400, "ThrottlingException_v2"), True),
        (Refusal(400, "BadRequestException"), False),
        (Refusal(503, "SlowDown"), True),
        (Refusal(500, "InternalServiceErrorException"), False),
    ],
)
def test_throttling_is_known_by_name_or_status(refusal: Refusal, is_throttled: bool) -> None:
    assert isinstance(refused(LIST_CONTACTS, refusal), ThrottledError) == is_throttled


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (400, "BadRequestException", False),
        (403, "AccessDeniedException", False),
        (404, "NotFoundException", False),
        (429, "TooManyRequestsException", True),
        (500, "ConcurrentModificationException", True),
        (503, "HTTP503", True),
    ],
)
def test_only_what_may_pass_by_itself_is_retryable(status: int, code: str, retryable: bool) -> None:
    assert refused(LIST_CONTACTS, Refusal(status, code)).retryable == retryable


@pytest.mark.parametrize(
    ("asked", "refusal", "advice"),
    [
        (LIST_CONTACTS, Refusal(403, "AccessDeniedException"), "arn:role/reader lacks ses:ListContacts"),
        (LIST_CONTACTS, Refusal(403, "HTTP403"), "arn:role/reader lacks ses:ListContacts"),
        (LIST_CONTACTS, Refusal(403, "ExpiredTokenException"), "sign in again"),
        (LIST_CONTACTS, Refusal(403, "RequestExpired"), "clock"),
        (LIST_CONTACTS, Refusal(404, "NotFoundException"), "check contact_list_name and region"),
        (LIST_CONTACTS, Refusal(429, "TooManyRequestsException"), "lower meeting_config.requests_per_second"),
        (LIST_CONTACTS, Refusal(500, "HTTP500"), "run again later"),
        (LIST_CONTACTS, Refusal(418, "HTTP418"), "check the configuration"),
        (Asked("sts", "AssumeRole", "r", role_arn="r"), Refusal(403, "AccessDenied"), "trust policy"),
        (Asked("sts", "AssumeRole", "r"), Refusal(403, "RegionDisabledException"), "activate STS"),
        (Asked("ssm", "GetParameters", "/a"), Refusal(400, "AccessDeniedException"), "your own role or user"),
        (Asked("ssm", "GetParameters", "/a"), Refusal(400, "InvalidKeyId"), "kms:Decrypt"),
    ],
)
def test_every_refusal_says_who_must_act(asked: Asked, refusal: Refusal, advice: str) -> None:
    assert advice in str(refused(asked, refusal))


def test_a_refusal_keeps_what_aws_said_and_by_which_id_it_is_known() -> None:
    error = refused(LIST_CONTACTS, Refusal(403, "AccessDeniedException", "User x may not", "req-7"))
    assert (error.service, error.operation) == ("ses", "ListContacts")
    assert (error.code, error.request_id) == ("AccessDeniedException", "req-7")
    assert str(error).endswith("AWS says: User x may not (request id req-7)")
