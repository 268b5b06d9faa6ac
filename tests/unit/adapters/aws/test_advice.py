"""What is said about every kind of refusal: a table of AWS's own words and of who must act."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from contact_manager.adapters.aws.botocore_errors import read_client_error
from contact_manager.adapters.aws.errors import Asked, DeniedError, Refusal, read_refusal, refused

ROLE = "arn:aws:iam::111111111111:role/Reader"
LIST_CONTACTS = Asked("ses", "ListContacts", "account 111111111111", role_arn=ROLE, region="eu-west-1")
ASSUME = Asked("sts", "AssumeRole", ROLE, role_arn=ROLE, region="us-east-1")
PARAMETERS = Asked("ssm", "GetParameters", "/a", region="us-east-1")
GET_OBJECT = Asked("s3", "GetObject", "archive/a.json in the bucket b")
LIST_OBJECTS = Asked("s3", "ListObjectsV2", "archive/ in the bucket b")
RECEIVE = Asked("sqs", "ReceiveMessage", "https://sqs.us-east-1.amazonaws.com/1/q")
SERVICES = [LIST_CONTACTS, ASSUME, PARAMETERS, GET_OBJECT, RECEIVE]


def sentence(asked: Asked, refusal: Refusal) -> str:
    """Return the sentence without AWS's own words."""
    return str(refused(asked, refusal)).split(" AWS says:")[0]


SIGNED_LATE = (
    "Signature expired: 20310510T100000Z is now earlier than 20310510T101200Z (20310510T101700Z - 5 min.)"
)
SIGNED_EARLY = (
    "Signature not yet current: 20310510T103000Z is still later than 20310510T101500Z "
    "(20310510T101000Z + 5 min.)"
)


@pytest.mark.parametrize("asked", SERVICES)
@pytest.mark.parametrize(
    ("refusal", "advice"),
    [
        (Refusal(403, "RequestTimeTooSkewed"), "set this machine's clock"),
        (Refusal(400, "RequestExpired"), "set this machine's clock"),
        (Refusal(403, "InvalidSignatureException", "Signature expired"), "set this machine's clock"),
        (Refusal(403, "SignatureDoesNotMatch", "Signature not yet current: x"), "set this machine's clock"),
        (Refusal(403, "AccessDenied", "Request has expired"), "set this machine's clock"),
        (Refusal(401, "AuthFailure", clock_offset=timedelta(minutes=-7)), "it is 7 minutes behind AWS's"),
        (Refusal(403, "RequestExpired", clock_offset=timedelta(seconds=2)), "clock; at present it agrees"),
    ],
)
def test_a_wrong_clock_is_named_at_every_service(asked: Asked, refusal: Refusal, advice: str) -> None:
    assert advice in sentence(asked, refusal)
    assert "sign in" not in sentence(asked, refusal)


@pytest.mark.parametrize(
    ("words", "advice"),
    [(SIGNED_LATE, "it is 17 minutes behind AWS's"), (SIGNED_EARLY, "it is 20 minutes ahead of AWS's")],
)
def test_how_far_the_clock_is_off_stands_in_aws_s_words(words: str, advice: str) -> None:
    body = f'{{"message": "{words}"}}'.encode()
    headers = {"x-amzn-errortype": "InvalidSignatureException"}
    assert advice in sentence(LIST_CONTACTS, read_refusal(403, headers, body))


@pytest.mark.parametrize(
    ("off", "advice"),
    [
        (timedelta(minutes=12), "12 minutes behind"),
        (timedelta(minutes=-61), "61 minutes ahead of"),
        (timedelta(0), "clock; at present it agrees"),
    ],
)
def test_how_far_the_clock_is_off_is_measured_by_the_date_of_the_answer(off: timedelta, advice: str) -> None:
    date = format_datetime(datetime.now(UTC) + off, usegmt=True)
    over_http = read_refusal(403, {"x-amzn-errortype": "RequestExpired", "Date": date}, b"")
    assert advice in sentence(LIST_CONTACTS, over_http)
    by_botocore = client_error("RequestTimeTooSkewed", 403, headers={"date": date})
    assert advice in sentence(GET_OBJECT, by_botocore)


@pytest.mark.parametrize("date", ["", "yesterday", "Wed, 99 Foo 2031", "2031-05-10T10:00:00Z"])
def test_a_date_that_is_none_is_no_obstacle(date: str) -> None:
    headers = {"x-amzn-errortype": "RequestExpired", "Date": date}
    assert "set this machine's clock" in sentence(LIST_CONTACTS, read_refusal(403, headers, b""))
    nonsense = b'{"message": "Signature expired: 20319999T999999Z 20319999T999999Z 20319999T999999Z"}'
    assert "set this machine's clock" in sentence(LIST_CONTACTS, read_refusal(403, {}, nonsense))


@pytest.mark.parametrize("region", ["af-south-1", "ap-east-1", "me-south-1", "eu-south-1", "mx-central-1"])
@pytest.mark.parametrize(
    "code", ["UnrecognizedClientException", "InvalidClientTokenId", "OptInRequired", "AuthFailure"]
)
def test_a_region_that_has_to_be_enabled_is_the_first_suspect(region: str, code: str) -> None:
    asked = Asked("ses", "ListContacts", "x", role_arn=ROLE, region=region)
    assert f"{region} may not be enabled in account 111111111111" in sentence(asked, Refusal(403, code))


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-3", "cn-north-1", "us-gov-west-1", "us-iso-east-1"])
def test_a_region_that_everybody_has_is_none(region: str) -> None:
    asked = Asked("ses", "ListContacts", "x", role_arn=ROLE, region=region)
    assert "sign in again" in sentence(asked, Refusal(403, "UnrecognizedClientException"))


DENIAL = (
    "User: arn:aws:sts::111111111111:assumed-role/Reader/ccm is not authorized to perform: {} on resource: r "
)
EXPLICIT, IMPLICIT = "with an explicit deny in a", "because no"


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException"])
@pytest.mark.parametrize(
    ("ending", "advice"),
    [
        (f"{EXPLICIT} service control policy", "service control policy of the organization denies"),
        (
            f"{EXPLICIT} service control policy: arn:aws:organizations::1:policy/o-1/p",
            "the organization's administrator",
        ),
        (f"{IMPLICIT} service control policy allows the x action", "does not allow"),
        (f"{EXPLICIT} resource control policy", "resource control policy of the organization denies"),
        (f"{EXPLICIT} permissions boundary", "the permissions boundary of the role denies"),
        (f"{IMPLICIT} permissions boundary allows the x action", "boundary of the role does not allow"),
        (f"{EXPLICIT} session policy", "the session's policy denies"),
        (f"{IMPLICIT} VPC endpoint policy allows the x action", "policy of the VPC endpoint does not allow"),
    ],
)
@pytest.mark.parametrize("asked", SERVICES)
def test_a_policy_above_the_role_is_named_and_who_may_change_it(
    asked: Asked, ending: str, advice: str, code: str
) -> None:
    action = f"{asked.service}:{asked.operation}"
    refusal = Refusal(403, code, DENIAL.format(action) + ending)
    assert advice in sentence(asked, refusal)
    assert action in sentence(asked, refusal)
    assert "allow it in the role's policy" not in sentence(asked, refusal)


def test_the_kind_of_policy_is_read_at_the_end_of_a_message_that_is_too_long_to_show() -> None:
    words = DENIAL.format("ses:ListContacts") + "x" * 600 + f" {EXPLICIT} service control policy"
    error = refused(
        LIST_CONTACTS, read_refusal(403, {}, b'{"code": "AccessDenied", "message": "%b"}' % words.encode())
    )
    assert "service control policy of the organization" in str(error)
    assert "x" * 400 not in str(error)


@pytest.mark.parametrize(
    ("asked", "ending", "advice"),
    [
        (LIST_CONTACTS, f"{IMPLICIT} identity-based policy allows the x action", f"role {ROLE} lacks x:Do"),
        (LIST_CONTACTS, f"{EXPLICIT}n identity-based policy", f"policy of the role {ROLE} explicitly denies"),
        (LIST_CONTACTS, f"{EXPLICIT} resource-based policy", "policy of the resource denies"),
        (PARAMETERS, f"{IMPLICIT} identity-based policy allows the x action", "your own role or user lacks"),
        (ASSUME, f"{IMPLICIT} identity-based policy allows the x action", "your own policy is in the way"),
        (ASSUME, f"{EXPLICIT}n identity-based policy", "take the Deny out of your own"),
        (ASSUME, f"{IMPLICIT} resource-based policy allows the x action", "trust policy names this account"),
        (ASSUME, "", "check that it exists"),
    ],
)
def test_explicit_and_missing_statements_are_distinguished(asked: Asked, ending: str, advice: str) -> None:
    assert advice in sentence(asked, Refusal(403, "AccessDenied", DENIAL.format("x:Do") + ending))


@pytest.mark.parametrize(
    ("asked", "refusal", "advice"),
    [
        (ASSUME, Refusal(403, "AccessDenied", DENIAL.format("sts:TagSession")), "allow sts:TagSession"),
        (ASSUME, Refusal(403, "RegionDisabledException"), "activate STS in this region"),
        (ASSUME, Refusal(400, "MalformedPolicyDocument"), "mend the session policy"),
        (ASSUME, Refusal(400, "PackedPolicyTooLarge"), "fewer or shorter session tags"),
        (
            ASSUME,
            Refusal(
                400,
                "ValidationError",
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role "
                "chaining",
            ),
            "lower duration_seconds to 3600",
        ),
        (
            ASSUME,
            Refusal(400, "ValidationError", "It exceeds the MaxSessionDuration set for the role"),
            "maximum session duration raised",
        ),
        (ASSUME, Refusal(403, "ExpiredTokenException"), "sign in again"),
        (ASSUME, Refusal(400, "ExpiredToken"), "sign in again"),
        (PARAMETERS, Refusal(400, "ParameterNotFound"), "correct its name in graph_config"),
        (
            PARAMETERS,
            Refusal(
                400,
                "AccessDeniedException",
                "The ciphertext refers to a customer master key that does not exist, does not exist in this "
                "region, or you are not allowed to access.",
            ),
            "the KMS key may not be used",
        ),
        (PARAMETERS, Refusal(400, "AccessDenied", DENIAL.format("kms:Decrypt")), "lacks kms:Decrypt"),
        (GET_OBJECT, Refusal(403, "AccessDenied", DENIAL.format("kms:Decrypt")), "in the key's policy"),
        (
            GET_OBJECT,
            Refusal(403, "AccessDenied", DENIAL.format("kms:Decrypt") + f"{EXPLICIT} service control policy"),
            "a service control policy of the organization denies kms:Decrypt",
        ),
        (GET_OBJECT, Refusal(400, "KMS.DisabledException"), "the KMS key is disabled"),
        (GET_OBJECT, Refusal(400, "KMS.NotFoundException"), "the KMS key is disabled, deleted or not there"),
        (RECEIVE, Refusal(403, "KMS.AccessDeniedException"), "the KMS key may not be used"),
        (RECEIVE, Refusal(400, "KmsAccessDenied"), "the KMS key may not be used"),
        (GET_OBJECT, Refusal(404, "NoSuchBucket"), "there is no such bucket; check s3_config.bucket_name"),
        (GET_OBJECT, Refusal(403, "AllAccessDisabled"), "contact AWS Support"),
        (GET_OBJECT, Refusal(301, "PermanentRedirect"), "the bucket is in another region"),
        (GET_OBJECT, Refusal(301, "PermanentRedirect", right_region="eu-west-1"), "bucket is in eu-west-1"),
        (
            GET_OBJECT,
            Refusal(400, "AuthorizationHeaderMalformed", right_region="eu-west-1"),
            "the bucket is in eu-west-1; set aws_region, AWS_REGION or --region to it",
        ),
        (GET_OBJECT, Refusal(403, "AccessDenied"), "without s3:ListBucket an object that is not there"),
        (LIST_OBJECTS, Refusal(403, "AccessDenied"), "lacks s3:ListBucket"),
        (RECEIVE, Refusal(400, "AWS.SimpleQueueService.NonExistentQueue"), "there is no such queue"),
        (RECEIVE, Refusal(400, "QueueDoesNotExist"), "there is no such queue"),
        (
            Asked("sqs", "DeleteMessageBatch", "q"),
            Refusal(403, "AccessDenied"),
            "your own role or user lacks sqs:DeleteMessage;",
        ),
        (
            LIST_CONTACTS,
            Refusal(403, "SignatureDoesNotMatch", "Credential should be scoped to a valid region."),
            "check the region eu-west-1",
        ),
    ],
)  # fmt: skip
def test_every_refusal_says_what_to_do(asked: Asked, refusal: Refusal, advice: str) -> None:
    assert advice in sentence(asked, refusal)


@pytest.mark.parametrize("code", ["KMS.ThrottlingException", "KmsThrottled", "RequestThrottled"])
def test_a_throttled_key_is_throttling(code: str) -> None:
    assert refused(GET_OBJECT, Refusal(400, code)).retryable


def test_the_right_region_is_read_from_the_answer() -> None:
    words = "the region 'us-east-1' is wrong; expecting 'eu-west-1'"
    for refusal in (
        client_error("AuthorizationHeaderMalformed", 400, words),
        client_error("AuthorizationHeaderMalformed", 400, Region="eu-west-1"),
        client_error("PermanentRedirect", 301, headers={"x-amz-bucket-region": "eu-west-1"}),
        read_refusal(
            400, {}, b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>"
        ),
    ):
        assert "the bucket is in eu-west-1" in sentence(GET_OBJECT, refusal)


def test_words_that_may_repeat_a_secret_decide_and_are_not_shown() -> None:
    error = ClientError(
        {"Error": {"Code": "AccessDeniedException", "Message": DENIAL.format("kms:Decrypt") + "hush"}},
        "GetParameters",
    )
    shown = refused(PARAMETERS, read_client_error(error, with_words=False))
    assert isinstance(shown, DeniedError)
    assert "lacks kms:Decrypt" in str(shown)
    assert "hush" not in str(shown)


def client_error(
    code: str, status: int, message: str = "", *, headers: dict[str, str] | None = None, **more: Any
) -> Refusal:
    response: Any = {
        "Error": {"Code": code, "Message": message, **more},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers or {}},
    }
    return read_client_error(ClientError(response, "GetObject"))
