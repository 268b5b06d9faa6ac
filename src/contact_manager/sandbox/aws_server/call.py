"""Which operation a request is, told from its line, its headers and its body."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from werkzeug.datastructures import EnvironHeaders

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

DEFAULT_REGION = "us-east-1"
_SCOPE = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<key>[^/\s]+)/(?P<day>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/"
)
SES_PREFIX = "/v2/email/"
_LISTS = r"/v2/email/contact-lists"
_LIST = _LISTS + r"/(?P<list>[^/]+)"
_CONTACT = _LIST + r"/contacts/(?P<address>.+)"
_SUPPRESSED = r"/v2/email/suppression/addresses"

# The request lines of the botocore service model "sesv2"; the first that fits counts.
_SES_LINES = tuple(
    (method, re.compile(pattern), operation)
    for method, pattern, operation in (
        ("GET", _LISTS, "ListContactLists"),
        ("POST", _LISTS, "CreateContactList"),
        ("GET", _LIST, "GetContactList"),
        ("PUT", _LIST, "UpdateContactList"),
        ("DELETE", _LIST, "DeleteContactList"),
        ("POST", _LIST + "/contacts/list", "ListContacts"),
        ("POST", _LIST + "/contacts", "CreateContact"),
        ("GET", _CONTACT, "GetContact"),
        ("PUT", _CONTACT, "UpdateContact"),
        ("DELETE", _CONTACT, "DeleteContact"),
        ("GET", _SUPPRESSED, "ListSuppressedDestinations"),
        ("PUT", _SUPPRESSED, "PutSuppressedDestination"),
        ("GET", _SUPPRESSED + r"/(?P<address>.+)", "GetSuppressedDestination"),
        ("DELETE", _SUPPRESSED + r"/(?P<address>.+)", "DeleteSuppressedDestination"),
        ("GET", r"/v2/email/account", "GetAccount"),
        ("POST", r"/v2/email/outbound-emails", "SendEmail"),
    )
)


# Object operations by method, and those on an object's tags; with another query they are others, which nobody
# names here.
_S3_OBJECT = {"GET": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject", "HEAD": "HeadObject"}


@dataclass(frozen=True, slots=True)
class AwsCall:
    """One request to an AWS service.

    Attributes:
        method: HTTP method.
        path: Decoded path.
        raw_target: Path and query as they stood in the request line.
        headers: As sent.
        body: Whole body.
        service: Signing name, such as ``ses``; empty for an unsigned request.
        region: From the credential scope.
        access_key: From the credential scope, or None for an unsigned request.
        operation: Name in the service's model; method and path where it is not known.
        names: What the path names: ``list`` and ``address``.
        query: Pairs of the query string, in order.
        form: Parameters of a form-encoded body (STS).
    """

    method: str
    path: str
    raw_target: str
    headers: EnvironHeaders
    body: bytes
    service: str
    region: str
    access_key: str | None
    operation: str
    names: Mapping[str, str] = field(default_factory=dict)
    query: tuple[tuple[str, str], ...] = ()
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_form(self) -> bool:
        """Whether the body is a form, as in the ``query`` protocol."""
        return self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")

    @property
    def role_arn(self) -> str | None:
        """The role that is asked for, when this is AssumeRole."""
        return self.form.get("RoleArn") if self.operation == "AssumeRole" else None


def read_call(environ: WSGIEnvironment) -> AwsCall:
    """Tell what a request asks, and leave its body to be read again.

    The credential scope names service and region (AWS General Reference, Signature Version 4).
    """
    headers = EnvironHeaders(environ)
    scope = _SCOPE.match(headers.get("Authorization", ""))
    service = scope["service"].lower() if scope else ""
    method, path = (
        environ["REQUEST_METHOD"],
        environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"),
    )
    body = _read_body(environ)
    form = _form(service, body)
    query = environ.get("QUERY_STRING", "")
    operation, names = _operation(service, method, path, query)
    return AwsCall(
        method=method,
        path=path,
        raw_target=environ.get("RAW_URI", path),
        headers=headers,
        body=body,
        service=service,
        region=scope["region"] if scope else DEFAULT_REGION,
        access_key=scope["key"] if scope else None,
        operation=_named_operation(headers, form) or operation,
        names=names,
        query=tuple(parse_qsl(query, keep_blank_values=True)),
        form=form,
    )


def _read_body(environ: WSGIEnvironment) -> bytes:
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = BytesIO(body)
    return body


def _form(service: str, body: bytes) -> dict[str, str]:
    return (
        dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)) if service == "sts" else {}
    )


def _named_operation(headers: EnvironHeaders, form: Mapping[str, str]) -> str | None:
    target = headers.get("X-Amz-Target")
    return target.rpartition(".")[2] if target else form.get("Action")


def _operation(service: str, method: str, path: str, query: str) -> tuple[str, dict[str, str]]:
    if service == "s3":
        _, _, key = path.removeprefix("/").partition("/")
        if key:
            of_tags = "Tagging" if query.split("=", maxsplit=1)[0] == "tagging" else ""
            return _S3_OBJECT.get(method, f"{method} {path}") + of_tags, {}
        if "list-type=2" in query:
            return "ListObjectsV2", {}
    if service == "ses":
        for known_method, pattern, operation in _SES_LINES:
            match = pattern.fullmatch(path)
            if match and method == known_method:
                return operation, match.groupdict()
    return f"{method} {path}", {}
