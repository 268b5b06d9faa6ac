"""Refusals and silence of AWS, told as who must act and what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from contact_manager.errors import RemoteServiceError

THROTTLING_CODES = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "SlowDown",
        "PriorRequestNotComplete",
    }
)
"""What botocore's standard retry mode takes for throttling (botocore, ``retries/standard.py``)."""

NO_ANSWER = "NoAnswer"
EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException"})
_DENIED_CODES = frozenset(
    {"AccessDenied", "AccessDeniedException", "NotAuthorized", "UnauthorizedOperation", "AuthorizationError"}
)
_BAD_CREDENTIALS_CODES = EXPIRED_CODES | {
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "IncompleteSignature",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
}
_CLOCK_CODES = frozenset({"RequestExpired", "RequestTimeTooSkewed"})

_OVER_QUOTA, _FORBIDDEN, _FIRST_SERVER_ERROR = 429, 403, 500
_XML_CODE = re.compile(rb"<Code>\s*([\w.:#-]+)\s*</Code>")
_XML_MESSAGE = re.compile(rb"<Message>([^<]*)</Message>")
_MAX_MESSAGE_LENGTH = 300


class ThrottledError(RemoteServiceError):
    """AWS asks to come more slowly."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request in words for people.

    Attributes:
        service: ``ses``, ``sts`` or ``ssm``.
        operation: ``ListContacts``.
        where: What was asked about, and where: ``the contact list "all" of account 1 in eu-west-1``.
        role_arn: Who asked, or ``""`` for the caller's own credentials.
    """

    service: str
    operation: str
    where: str
    role_arn: str = ""

    def __str__(self) -> str:
        return f"{self.operation} for {self.where}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The parts of an error answer."""

    status: int
    code: str
    message: str = ""
    request_id: str = ""


def read_refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refusal:
    """Return what an error answer says, in JSON or XML, with or without a body.

    A code may come as ``Code:http://…`` in a header and as ``namespace#Code`` in a body (Smithy,
    AWS restJson1 protocol, operation error serialization).
    """
    parts = _json_object(body)
    raw_code = (
        headers.get("x-amzn-errortype")
        or _text(parts, "__type", "code", "Code")
        or _xml_text(_XML_CODE, body)
        or f"HTTP{status}"
    )
    message = _text(parts, "message", "Message") or _xml_text(_XML_MESSAGE, body)
    request_id = headers.get("x-amzn-requestid") or headers.get("x-amz-request-id") or ""
    return Refusal(status, clean_code(raw_code), " ".join(message.split())[:_MAX_MESSAGE_LENGTH], request_id)


def clean_code(raw: str) -> str:
    """Return an error code without namespace and link."""
    return raw.split(":", 1)[0].rsplit("#", 1)[-1].strip()


def refused(asked: Asked, refusal: Refusal) -> RemoteServiceError:
    """Return a refusal as an error that says who must act."""
    advice = _advise(asked, refusal)
    said = f" AWS says: {refusal.message}" if refusal.message else ""
    trace = f" (request id {refusal.request_id})" if refusal.request_id else ""
    status = f"HTTP {refusal.status}" if refusal.code == f"HTTP{refusal.status}" else refusal.code
    throttled = _is_throttling(refusal)
    return (ThrottledError if throttled else RemoteServiceError)(
        f"{asked} was refused with {status}: {advice}.{said}{trace}",
        service=asked.service,
        operation=asked.operation,
        code=refusal.code,
        retryable=throttled or refusal.status >= _FIRST_SERVER_ERROR,
        request_id=refusal.request_id,
    )


def unanswered(asked: Asked, reason: str, *, retryable: bool = True) -> RemoteServiceError:
    """Return the error for a request that brought no whole answer."""
    return RemoteServiceError(
        f"{asked} got no answer: {reason}; check the network, a proxy, and AWS_ENDPOINT_URL if it is set",
        service=asked.service,
        operation=asked.operation,
        code=NO_ANSWER,
        retryable=retryable,
    )


def malformed(asked: Asked, detail: str, *, request_id: str = "") -> RemoteServiceError:
    """Return the error for an answer that says yes and cannot be understood."""
    return RemoteServiceError(
        f"{asked} got an answer that cannot be used: {detail}; check what is between here and AWS",
        service=asked.service,
        operation=asked.operation,
        code="MalformedAnswer",
        request_id=request_id,
    )


def unready(asked: Asked, code: str, reason: str) -> RemoteServiceError:
    """Return the error for a request that could not be sent for want of credentials or a region."""
    return RemoteServiceError(
        f"{asked} could not be asked: {reason}", service=asked.service, operation=asked.operation, code=code
    )


def _is_throttling(refusal: Refusal) -> bool:
    """Whether the name or the status says so; names grow suffixes, and not every 429 has a name."""
    return (
        refusal.status == _OVER_QUOTA
        or refusal.code in THROTTLING_CODES
        or refusal.code.startswith("Throttl")
    )


def _advise(asked: Asked, refusal: Refusal) -> str:
    code, status = refusal.code, refusal.status
    if _is_throttling(refusal):
        return "the account's rate is used up; lower meeting_config.requests_per_second, or run again later"
    if code in _CLOCK_CODES:
        return "set this machine's clock"
    if code in _BAD_CREDENTIALS_CODES:
        return "the AWS credentials are not accepted any more; sign in again, or renew them"
    known = _ADVICE.get((asked.service, code))
    if known is None and (code in _DENIED_CODES or status == _FORBIDDEN):
        return _advise_denied(asked, refusal)
    if status >= _FIRST_SERVER_ERROR:
        return "AWS has trouble; run again later"
    return known or "check the configuration"


def _advise_denied(asked: Asked, refusal: Refusal) -> str:
    named = _MISSING_PERMISSION.search(refusal.message)
    if asked.operation == "AssumeRole":
        return (
            f"the role {asked.role_arn} refused; check that its trust policy names this account and the "
            "external id, and that your own policy allows sts:AssumeRole on it"
        )
    who = f"the role {asked.role_arn}" if asked.role_arn else "your own role or user"
    permission = (
        named[1] if named else f"{asked.service}:{_PERMISSIONS.get(asked.operation, asked.operation)}"
    )
    return f"{who} lacks {permission}; allow it in the role's policy"


_MISSING_PERMISSION = re.compile(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z0-9]+)")
"""How AWS names it: for one request several may be needed, as ``kms:Decrypt`` for GetObject."""
_PERMISSIONS = {"HeadObject": "GetObject", "ListObjectsV2": "ListBucket"}

_ADVICE = {
    ("s3", "InvalidObjectState"): "the object lies in an archive storage class; restore it (aws s3api "
    "restore-object), and keep archive/ out of rules that move objects there",
    ("ses", "NotFoundException"): "there is no such contact list; check contact_list_name and region",
    ("sts", "RegionDisabledException"): "activate STS in this region, or name another one with --region",
    ("sts", "ValidationError"): "check ses_role_arn and external_id in the configuration",
    ("ssm", "InvalidKeyId"): "the parameter's KMS key cannot be used; allow kms:Decrypt on it",
}


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _text(parts: Mapping[str, Any], *names: str) -> str:
    return next((parts[name] for name in names if isinstance(parts.get(name), str)), "")


def _xml_text(pattern: re.Pattern[bytes], body: bytes) -> str:
    match = pattern.search(body)
    return match[1].decode("utf-8", "replace") if match else ""
