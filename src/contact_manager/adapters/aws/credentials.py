"""The customers' roles, assumed."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from contact_manager.adapters.aws.errors import Asked, malformed
from contact_manager.adapters.aws.retries import Patience
from contact_manager.adapters.aws.signed_http import Answer, AwsRequest, Credentials, Endpoint, SignedHttp
from contact_manager.adapters.shared_calls import SharedCalls
from contact_manager.broken_off import naming

_log = logging.getLogger(__name__)

SESSION_DURATION_S = 900
"""The shortest there is; a role that assumes a role may have 3600 at most (AWS STS API, AssumeRole)."""

RENEW_BEFORE_EXPIRY = timedelta(minutes=5)
MAX_SESSION_NAME_LENGTH = 64
_NOT_IN_SESSION_NAME = re.compile(r"[^A-Za-z0-9_+=,.@-]+")
"""botocore service model sts, ``roleSessionNameType``."""

_API_VERSION = "2011-06-15"
_XML_NAMESPACE = "{https://sts.amazonaws.com/doc/2011-06-15/}"
_FORM = "application/x-www-form-urlencoded; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Role:
    """A role, and the word its trust policy asks for."""

    arn: str
    external_id: str | None = None

    @property
    def account_id(self) -> str:
        """The account that owns the role, or ``""`` when the ARN has none."""
        parts = self.arn.split(":")
        return parts[4] if len(parts) > 4 else ""  # noqa: PLR2004 - arn:partition:service:region:account


@dataclass(frozen=True, slots=True)
class RoleCredentials:
    """Temporary credentials of a role, and when they end."""

    credentials: Credentials
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Caller:
    """The own side of AssumeRole: where STS is, and how the own credentials are got."""

    fetch_endpoint: Callable[[str], Awaitable[Endpoint]]
    fetch_credentials: Callable[[], Awaitable[Credentials]]


def role_session_name(label: str) -> str:
    """Return the name under which the customer's CloudTrail shows the session: ``ccm-<label>``."""
    cleaned = _NOT_IN_SESSION_NAME.sub("-", f"ccm-{label}".strip())
    return cleaned[:MAX_SESSION_NAME_LENGTH].rstrip("-")


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


class AssumedRoles:
    """The credentials of every role that was assumed, each fetched once and renewed before it ends."""

    def __init__(
        self,
        caller: Caller,
        http: SignedHttp,
        *,
        session_name: str,
        patience: Patience,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._caller = caller
        self._http = http
        self._session_name = session_name
        self._patience = patience
        self._now = now
        self._calls = SharedCalls[Role, RoleCredentials](is_fresh=self._is_fresh)

    async def fetch(self, role: Role, *, near: str) -> RoleCredentials:
        """Return credentials of ``role`` that last for at least five minutes.

        Args:
            role: Role to assume.
            near: Region whose STS is asked when the caller has no region.

        Raises:
            RemoteServiceError: The role refused, or STS cannot be asked.
        """
        return await self._calls.fetch(role, lambda: self._assume(role, near))

    def forget(self, role: Role, known: RoleCredentials) -> None:
        """Forget credentials that were refused as expired, unless they have been renewed meanwhile."""
        self._calls.forget(role, known)

    async def close(self) -> None:
        """End the calls that still run."""
        await self._calls.close()

    def _is_fresh(self, known: RoleCredentials) -> bool:
        return known.expires_at - self._now() > RENEW_BEFORE_EXPIRY

    async def _assume(self, role: Role, near: str) -> RoleCredentials:
        asked = Asked("sts", "AssumeRole", role.arn, role_arn=role.arn)
        own = await self._caller.fetch_credentials()
        endpoint = await self._caller.fetch_endpoint(near)
        request, asked = self._request(role), replace(asked, region=endpoint.region)
        with naming(asked.service, asked.operation):
            answer = await self._patience.repeat(lambda: self._http.send(asked, request, endpoint, own))
        assumed = _parse_assumed(asked, answer)
        _log.debug("sts.role_assumed role=%s request_id=%s", role.arn, answer.request_id)
        return assumed

    def _request(self, role: Role) -> AwsRequest:
        parameters = {
            "Action": "AssumeRole",
            "Version": _API_VERSION,
            "RoleArn": role.arn,
            "RoleSessionName": self._session_name,
            "DurationSeconds": str(SESSION_DURATION_S),
            **({"ExternalId": role.external_id} if role.external_id else {}),
        }
        return AwsRequest("POST", "/", urlencode(parameters).encode(), content_type=_FORM)


def _parse_assumed(asked: Asked, answer: Answer) -> RoleCredentials:
    try:
        found = ET.fromstring(answer.body)  # noqa: S314 - from STS, whose word is trusted anyway
    except (ET.ParseError, LookupError, ValueError) as error:
        raise malformed(asked, "it is not XML", request_id=answer.request_id) from error
    parts = {
        child.tag.removeprefix(_XML_NAMESPACE): child.text or ""
        for child in found.iterfind(f".//{_XML_NAMESPACE}Credentials/*")
    }
    try:
        return RoleCredentials(
            Credentials(parts["AccessKeyId"], parts["SecretAccessKey"], parts["SessionToken"]),
            _parse_moment(parts["Expiration"]),
        )
    except (KeyError, ValueError) as error:
        raise malformed(asked, "it has no complete credentials", request_id=answer.request_id) from error


def _parse_moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
