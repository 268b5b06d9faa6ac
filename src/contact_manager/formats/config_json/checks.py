"""What single values of the configuration may look like.

Each function returns the value as it is used and raises ValueError with a sentence for the operator.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from contact_manager.domain.email_address import fold_address
from contact_manager.formats.plain_text import one_line, quote
from contact_manager.formats.time_zones import resolve_time_zone

REGION_PATTERN = r"[a-z]{2,4}(-[a-z]{2,12}){1,3}-[0-9]{1,2}"
"""``us-east-1``, ``us-gov-west-1``, ``eusc-de-east-1``."""

ROLE_ARN_PATTERN = r"arn:aws(-cn|-us-gov)?:iam::[0-9]{12}:role/([!-.0-~]+/){0,64}[A-Za-z0-9_+=,.@-]{1,64}"
"""IAM user guide, "IAM identifiers": a path of printable characters, then a name of up to 64."""

QUEUE_ARN_PATTERN = rf"arn:aws(-cn|-us-gov)?:sqs:{REGION_PATTERN}:[0-9]{{12}}:[A-Za-z0-9_-]{{1,80}}(\.fifo)?"
"""Amazon SQS developer guide, "Queue and message identifiers"."""

EXTERNAL_ID_PATTERN = r"[A-Za-z0-9_+=,.@:/-]{2,1224}"
"""STS API reference, AssumeRole, ``ExternalId``."""

LIST_OR_TOPIC_PATTERN = r"[A-Za-z0-9_-]{1,64}"
"""SES API v2 reference, CreateContactList: names of contact lists and topics."""

LOG_LEVELS = ("debug", "info", "warning", "warn", "error", "critical")

_LOOPBACK_V4 = ipaddress.ip_network("127.0.0.0/8")
_LOOPBACK_V6 = ipaddress.ip_address("::1")
_HOST_AND_PORT = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?)(:[0-9]*)?")
_NOT_IN_URLS = re.compile(r"[\s\x00-\x1f\x7f\\]")


def matching(pattern: str, value: str, form: str) -> str:
    """Return ``value`` if all of it matches; ``form`` says in words what is allowed.

    Raises:
        ValueError: It does not match.
    """
    if not re.fullmatch(pattern, value):
        raise ValueError(f"{quote(value)} is not {form}")
    return value


def region(value: str) -> str:
    """Return the name of an AWS region, or the empty text."""
    return value and matching(REGION_PATTERN, value, "an AWS region, for example us-east-1")


def role_arn(value: str) -> str:
    """Return the ARN of an IAM role, or the empty text."""
    example = "arn:aws:iam::111122223333:role/name"
    return value and matching(ROLE_ARN_PATTERN, value, f"the ARN of an IAM role, for example {example}")


def queue_arn(value: str) -> str:
    """Return the ARN of an SQS queue, or the empty text."""
    example = "arn:aws:sqs:us-east-1:111122223333:name"
    return value and matching(QUEUE_ARN_PATTERN, value, f"the ARN of an SQS queue, for example {example}")


def external_id(value: str) -> str:
    """Return an external id, as a role's trust policy may ask for; empty is none."""
    return value and matching(
        EXTERNAL_ID_PATTERN, value, "an external id: 2 to 1224 letters, digits and _+=,.@:/-"
    )


def contact_list_name(value: str) -> str:
    """Return the name of an SES contact list; empty is none."""
    return value and matching(
        LIST_OR_TOPIC_PATTERN, value, "a contact list's name: 1 to 64 letters, digits, _ and -"
    )


def topic_name(value: str) -> str:
    """Return the name of an SES topic."""
    return matching(LIST_OR_TOPIC_PATTERN, value, "a topic's name: 1 to 64 letters, digits, _ and -")


def address(value: str) -> str:
    """Return an e-mail address in its one spelling."""
    folded = fold_address(value)
    if folded is None:
        raise ValueError(f"{quote(value)} is not an e-mail address")
    return folded


def optional_address(value: str) -> str:
    """Return an e-mail address in its one spelling, or the empty text."""
    return value and address(value)


def log_level(value: str) -> str:
    """Return the log level in lower case, ``warn`` as ``warning``, or the empty text."""
    word = value.lower()
    if word and word not in LOG_LEVELS:
        raise ValueError(f"{quote(value)} is not a log level; write one of {', '.join(LOG_LEVELS)}")
    return "warning" if word == "warn" else word


def time_zone(value: str) -> str:
    """Return the IANA name of a time zone."""
    return resolve_time_zone(value)


def single_line(value: str) -> str:
    """Return a text on one line, without control characters."""
    return one_line(value)


def parameter_name(value: str) -> str:
    """Return the name of an SSM parameter."""
    if not value:
        raise ValueError("must be the name of an SSM parameter, not empty")
    return single_line(value)


def check_service_url(value: str) -> str:
    """Return the base URL of a service, without a slash at its end.

    Only ``https`` is allowed, and ``http`` for this machine itself (127.0.0.0/8, ``::1``, ``localhost``),
    because access tokens and secrets travel over it. The message never repeats the value.

    Raises:
        ValueError: It is no such URL, or it holds credentials, a query or a fragment.
    """
    url = value.strip()
    if _NOT_IN_URLS.search(url):
        raise ValueError("must be a URL without white space and backslashes")
    if not url.isascii():
        raise ValueError("must be a URL in ASCII; an international host name is written in its xn-- form")
    parts = _split(url)
    if parts.scheme not in {"https", "http"}:
        raise ValueError("must be a URL that begins with https://")
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise ValueError("must be a URL without user name, password, query and fragment")
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise ValueError("must begin with https://; plain http is for 127.0.0.0/8, [::1] and localhost only")
    return url.rstrip("/")


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        place = parts.netloc.rpartition("@")[2].lower()
        is_valid = parts.port != 0 and _HOST_AND_PORT.fullmatch(place) is not None
    except ValueError:
        is_valid = False
    if not is_valid:
        raise ValueError("must be a URL such as https://example.com, with a valid host and port")
    return parts


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return False
    return ip in _LOOPBACK_V4 or ip == _LOOPBACK_V6
