"""One customer's SES, asked under the customer's role at the account's pace."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

import orjson

from contact_manager.adapters.aws.advice import EXPIRED_CODES
from contact_manager.adapters.aws.contact_json import MalformedError, parse_next_token, parse_object
from contact_manager.adapters.aws.credentials import Role
from contact_manager.adapters.aws.errors import Asked, ThrottledError, malformed
from contact_manager.adapters.aws.rate_limit import RateLimiter
from contact_manager.adapters.aws.retries import Patience
from contact_manager.adapters.aws.session import AwsAccess
from contact_manager.adapters.aws.signed_http import Answer, AwsRequest, Credentials, Endpoint
from contact_manager.broken_off import naming
from contact_manager.errors import RemoteServiceError

_log = logging.getLogger(__name__)

PAGE_SIZE = 1000
"""The most that ListContacts gives at once, as its users found (github.com/aws/aws-sdk-js/issues/3570)."""

_REFUSED_TOKEN_CODES = frozenset(
    {
        "BadRequestException",
        "InvalidNextTokenException",
        "InvalidNextToken",
        "ExpiredNextTokenException",
        "ExpiredNextToken",
        "InvalidPaginationTokenException",
        "ExpiredPaginationTokenException",
        "ValidationException",
        "HTTP400",
    }
)
"""How a request with a token is refused whose first page was not. ListContacts and its like know only
``BadRequestException``, ListSuppressedDestinations ``InvalidNextTokenException`` too (botocore service model
sesv2)."""

T = TypeVar("T")
Page = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """An operation that answers in pages: a GET with a query, or a POST with a JSON body."""

    operation: str
    path: str
    is_post: bool = False

    def with_token(self, token: str | None) -> AwsRequest:
        """Return the request of the page that ``token`` stands for, the first one for None."""
        if self.is_post:
            asked = {"PageSize": PAGE_SIZE, **({"NextToken": token} if token else {})}
            return AwsRequest("POST", self.path, orjson.dumps(asked))
        following = f"&NextToken={quote(token, safe='')}" if token else ""
        return AwsRequest("GET", f"{self.path}?PageSize={PAGE_SIZE}{following}")


class _RefusedTokenError(Exception):
    def __init__(self, error: RemoteServiceError) -> None:
        super().__init__(str(error))
        self.error = error


class SesAccount:
    """The SES of one role in one region.

    Args:
        access: The process's way into AWS.
        role: Role to assume.
        endpoint: Where SES listens, for that region.
        limiter: Pace of the account, shared by all who read it.
    """

    def __init__(self, access: AwsAccess, role: Role, endpoint: Endpoint, limiter: RateLimiter) -> None:
        self._access = access
        self._role = role
        self._endpoint = endpoint
        self._limiter = limiter

    def describe(self, operation: str, list_name: str | None = None) -> Asked:
        """Return a request in words."""
        account = f"account {self._role.account_id} in {self._endpoint.region}"
        where = f'contact list "{list_name}" of {account}' if list_name else account
        return Asked("ses", operation, where, role_arn=self._role.arn, region=self._endpoint.region)

    async def fetch(
        self,
        asked: Asked,
        request: AwsRequest,
        parse: Callable[[Page], T],
        *,
        patience: Patience | None = None,
    ) -> T:
        """Return the parsed answer to one request.

        Raises:
            RemoteServiceError: Refused, no answer, or one that cannot be used.
        """
        return await self._fetch(asked, request, parse, patience or self._access.patience)

    async def send(self, asked: Asked, request: AwsRequest, *, patience: Patience) -> None:
        """Send a request of which only success or refusal is of interest.

        Raises:
            RemoteServiceError: Refused, or no answer.
        """
        await self._send_renewed(asked, request, patience)

    async def fetch_pages(
        self, asked: Asked, request: PageRequest, parse: Callable[[Page], T], pages: list[T]
    ) -> list[T]:
        """Add every parsed page to ``pages`` and return it; what was read before a failure stays in it.

        Only a missing token ends the list; empty pages do not. A token that is refused, because it is too old
        or the list has changed, lets the reading begin again from the first page, once.

        Raises:
            RemoteServiceError: As ``fetch``, a token that was there before, or one that is refused twice.
        """
        try:
            return await self._read_pages(asked, request, parse, pages)
        except _RefusedTokenError as refusal:
            _log.info("ses.reading_begun_again operation=%s code=%s", asked.operation, refusal.error.code)
        pages.clear()
        try:
            return await self._read_pages(asked, request, parse, pages)
        except _RefusedTokenError as refusal:
            raise _unreadable(asked, refusal.error) from refusal.error

    async def _read_pages(
        self, asked: Asked, request: PageRequest, parse: Callable[[Page], T], pages: list[T]
    ) -> list[T]:
        def parse_with_token(page: Page) -> tuple[T, str | None]:
            return parse(page), parse_next_token(page)

        token, seen = None, set[str]()
        while True:
            try:
                parsed, following = await self.fetch(asked, request.with_token(token), parse_with_token)
            except RemoteServiceError as error:
                if token is not None and error.code in _REFUSED_TOKEN_CODES:
                    raise _RefusedTokenError(error) from error
                raise
            pages.append(parsed)
            if following is None:
                return pages
            if following in seen:
                raise malformed(asked, "its pages go round in a circle")
            seen.add(following)
            token = following

    async def _fetch(
        self, asked: Asked, request: AwsRequest, parse: Callable[[Page], T], patience: Patience
    ) -> T:
        answer = await self._send_renewed(asked, request, patience)
        try:
            return parse(parse_object(answer.body))
        except MalformedError as error:
            raise malformed(asked, str(error), request_id=answer.request_id) from error

    async def _send_renewed(self, asked: Asked, request: AwsRequest, patience: Patience) -> Answer:
        """Send under the role; when its session has ended before its time, under a new one, once."""
        with naming(asked.service, asked.operation):
            return await self._send_under_role(asked, request, patience)

    async def _send_under_role(self, asked: Asked, request: AwsRequest, patience: Patience) -> Answer:
        roles, region = self._access.roles, self._endpoint.region
        known = await roles.fetch(self._role, near=region)
        try:
            return await patience.repeat(lambda: self._send_paced(asked, request, known.credentials))
        except RemoteServiceError as error:
            if error.code not in EXPIRED_CODES:
                raise
        _log.info("ses.session_expired role=%s operation=%s", self._role.arn, asked.operation)
        roles.forget(self._role, known)
        renewed = await roles.fetch(self._role, near=region)
        return await patience.repeat(lambda: self._send_paced(asked, request, renewed.credentials))

    async def _send_paced(self, asked: Asked, request: AwsRequest, credentials: Credentials) -> Answer:
        await self._limiter.wait()
        try:
            return await self._access.http.send(asked, request, self._endpoint, credentials)
        except ThrottledError:
            self._access.on_throttle(asked.service)
            self._limiter.slow_down()
            raise


def _unreadable(asked: Asked, error: RemoteServiceError) -> RemoteServiceError:
    return RemoteServiceError(
        f"{asked} could not be read to its end: the token of a page was refused, and again when the reading "
        f"had begun again; run again later. {error}",
        service=asked.service,
        operation=asked.operation,
        code=error.code,
        retryable=True,
        request_id=error.request_id,
    )
