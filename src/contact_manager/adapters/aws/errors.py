"""Refusals and silence of AWS, told as who must act and what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from contact_manager.adapters.aws.advice import DENIED_CODES, advise, advise_denied, is_throttling
from contact_manager.adapters.aws.send_refusals import is_daily_quota
from contact_manager.errors import RemoteServiceError

NO_ANSWER = "NoAnswer"

_FIRST_SERVER_ERROR = 500
_XML_CODE = re.compile(rb"<Code>\s*([\w.:#-]+)\s*</Code>")
_XML_MESSAGE = re.compile(rb"<Message>([^<]*)</Message>")
_XML_REGION = re.compile(rb"<(?:Region|BucketRegion)>\s*([a-z0-9-]+)\s*</")
_NAMED_REGION = re.compile(r"expecting '([a-z0-9-]+)'")
_MESSAGE_TIME = re.compile(r"\b\d{8}T\d{6}Z")
_TIMES_OF_MESSAGE = 3
_MAX_MESSAGE_LENGTH = 300


class RefusedError(RemoteServiceError):
    """AWS answered, and the answer is a refusal.

    Attributes:
        refusal: The answer.
    """

    def __init__(self, message: str, refusal: Refusal, asked: Asked, *, retryable: bool) -> None:
        super().__init__(
            message,
            service=asked.service,
            operation=asked.operation,
            code=refusal.code,
            retryable=retryable,
            request_id=refusal.request_id,
        )
        self.refusal = refusal


class ThrottledError(RefusedError):
    """AWS asks to come more slowly."""


class DeniedError(RefusedError):
    """A permission is missing.

    Attributes:
        remedy: What to do, without the names of role and account.
    """

    remedy = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request in words for people.

    Attributes:
        service: ``ses``, ``sts`` or ``ssm``.
        operation: ``ListContacts``.
        where: What was asked about, and where: ``the contact list "all" of account 1 in eu-west-1``.
        role_arn: Who asked, or ``""`` for the caller's own credentials.
        region: Of the service, if known.
    """

    service: str
    operation: str
    where: str
    role_arn: str = ""
    region: str = ""

    @property
    def account(self) -> str:
        """The account in which the request was carried out, if it is known: that of the role."""
        parts = self.role_arn.split(":") if self.operation != "AssumeRole" else []
        return parts[4] if len(parts) > 4 else ""  # noqa: PLR2004 - arn:partition:service:region:account

    def __str__(self) -> str:
        return f"{self.operation} for {self.where}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The parts of an error answer.

    Attributes:
        status: HTTP status.
        code: Without namespace and link.
        message: AWS's own words as they are shown, or ``""``.
        request_id: By which AWS knows the request, or ``""``.
        whole_message: Its words in full, when they are longer or not to be shown; the end of a long denial
            names the policy that is in the way.
        clock_offset: How far this machine's clock is ahead of AWS's, if the answer says so.
        right_region: Region in which the bucket is, if the answer says so.
    """

    status: int
    code: str
    message: str = ""
    request_id: str = ""
    whole_message: str = ""
    clock_offset: timedelta | None = None
    right_region: str = ""

    @property
    def words(self) -> str:
        """What AWS says, for a decision; never shown."""
        return self.whole_message or self.message


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
    words = one_line(message)
    return Refusal(
        status,
        clean_code(raw_code),
        shorten(words),
        request_id,
        whole_message=words,
        clock_offset=measure_clock(headers, words),
        right_region=find_region(headers, words) or _xml_text(_XML_REGION, body),
    )


def one_line(message: str) -> str:
    """Return AWS's words on one line."""
    return " ".join(message.split())


def shorten(words: str) -> str:
    """Return as much of AWS's words as is shown."""
    return words[:_MAX_MESSAGE_LENGTH]


def measure_clock(headers: Mapping[str, str], words: str) -> timedelta | None:
    """Return how far this machine's clock is ahead of the server's, by its Date header, else its words.

    AWS's words about a signature name three moments: that of the request, the limit, and its own time.
    """
    date = headers.get("Date") or headers.get("date")
    try:
        if date:
            return datetime.now(UTC) - parsedate_to_datetime(date)
        times = [datetime.fromisoformat(found) for found in _MESSAGE_TIME.findall(words)]
    except (TypeError, ValueError):
        return None
    return times[0] - times[2] if len(times) >= _TIMES_OF_MESSAGE else None


def find_region(headers: Mapping[str, str], words: str) -> str:
    """Return the region that Amazon S3 says a bucket is in, or ``""``."""
    named = _NAMED_REGION.search(words)
    return headers.get("x-amz-bucket-region") or (named[1] if named else "")


def clean_code(raw: str) -> str:
    """Return an error code without namespace and link."""
    return raw.split(":", 1)[0].rsplit("#", 1)[-1].strip()


def refused(asked: Asked, refusal: Refusal) -> RefusedError:
    """Return a refusal as an error that says who must act."""
    said = f" AWS says: {refusal.message}" if refusal.message else ""
    trace = f" (request id {refusal.request_id})" if refusal.request_id else ""
    status = f"HTTP {refusal.status}" if refusal.code == f"HTTP{refusal.status}" else refusal.code
    is_quota, denied = is_daily_quota(asked, refusal), refusal.code in DENIED_CODES
    throttled = is_throttling(refusal) and not is_quota
    kind = ThrottledError if throttled else DeniedError if denied else RefusedError
    error = kind(
        f"{asked} was refused with {status}: {advise(asked, refusal)}.{said}{trace}",
        refusal,
        asked,
        retryable=is_passing(refusal) and not is_quota,
    )
    if isinstance(error, DeniedError):
        error.remedy = advise_denied(asked, refusal, who="the role")
    return error


def is_passing(refusal: Refusal) -> bool:
    """Whether the same request may succeed later."""
    return is_throttling(refusal) or refusal.status >= _FIRST_SERVER_ERROR


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
