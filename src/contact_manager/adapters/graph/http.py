"""Requests to Graph: headers, patience, and at most four at once."""

from __future__ import annotations

import asyncio
import logging
import ssl
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
import stamina
from yarl import URL

from contact_manager.adapters.graph.errors import GraphError, refusal
from contact_manager.adapters.graph.retry_after import parse_retry_after
from contact_manager.adapters.graph.tokens import SignInError, TokenSource
from contact_manager.adapters.proxies import choose_proxy
from contact_manager.broken_off import naming
from contact_manager.errors import RemoteServiceError

_log = logging.getLogger(__name__)

MAX_IN_FLIGHT = 4
"""Outlook's limit of concurrent requests per app and mailbox (Microsoft Learn, throttling limits)."""

MAX_ATTEMPTS = 6
MAX_WAIT_S = 60.0
"""A longer Retry-After is not waited for but reported."""

TIMEOUT_S = 60.0
MAX_ANSWER_BYTES = 32 * 1024 * 1024
"""More is not read: a page of ten events with 500 people each takes about 2 MB."""

_OVER_QUOTA, _UNAVAILABLE, _UNAUTHORIZED = 429, 503, 401
_SUCCESS = range(200, 300)


class _TryAgainError(Exception):
    def __init__(self, error: RemoteServiceError, wait_s: float | None) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait_s = wait_s


class _TooLargeError(Exception):
    """An answer has more bytes than are read."""


@dataclass(frozen=True, slots=True)
class _Request:
    """What is sent; ``etag`` is that of the version to change, or ``""`` for whichever there is."""

    method: str
    url: str
    body: bytes | None = None
    etag: str = ""

    @property
    def reads(self) -> bool:
        return self.method == "GET"


class GraphHttp:
    """One mailbox's way to Graph.

    Throttling is waited for, and so is a sign-in that fails for the moment, all within one limit. A request
    that reads is repeated after any passing failure; one that writes is not when it may have been carried
    out: the caller looks first.
    """

    def __init__(
        self,
        base_url: str,
        mailbox: str,
        tokens: TokenSource,
        *,
        tls: ssl.SSLContext,
        on_throttle: Callable[[str], None],
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._mailbox = mailbox
        self._tokens = tokens
        self._tls = tls
        self._on_throttle = on_throttle
        self._proxy = choose_proxy(base_url)
        self._slots = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def read(self, url: str, *, operation: str) -> Any:
        """GET and return the JSON value.

        Raises:
            GraphError: Refused, or no answer after all attempts.
        """
        return await self._send(_Request("GET", url), operation)

    async def write(
        self, method: str, url: str, body: Mapping[str, Any], *, operation: str, etag: str = ""
    ) -> Any:
        """POST or PATCH and return the JSON value, or None; with ``etag`` only if nobody wrote meanwhile.

        Raises:
            GraphError: Refused; ``may_be_done`` says whether it may have been carried out all the same.
        """
        return await self._send(_Request(method, url, orjson.dumps(body), etag), operation)

    async def _send(self, request: _Request, operation: str) -> Any:
        with naming("graph", operation):
            return await self._send_repeatedly(request, operation)

    async def _send_repeatedly(self, request: _Request, operation: str) -> Any:
        try:
            async for attempt in stamina.retry_context(
                on=_wait_before_next,
                attempts=MAX_ATTEMPTS,
                timeout=2 * MAX_WAIT_S,
                wait_initial=1.0,
                wait_max=20.0,
            ):
                with attempt:
                    return await self._send_signed_in(request, operation)
        except _TryAgainError as last:
            raise last.error from last
        raise AssertionError("stamina returns or raises")

    async def _send_signed_in(self, request: _Request, operation: str) -> Any:
        try:
            return await self._send_once(request, operation)
        except GraphError as error:
            if error.status != _UNAUTHORIZED:
                raise
        await self._tokens.forget_token()
        return await self._send_once(request, operation)

    async def _send_once(self, request: _Request, operation: str) -> Any:
        token = await self._fetch_token()
        request_id = str(uuid.uuid4())
        headers = {
            "Authorization": f"Bearer {token}",
            "Prefer": 'IdType="ImmutableId"',
            "client-request-id": request_id,
            "Accept": "application/json",
            **({"Content-Type": "application/json"} if request.body is not None else {}),
            **({"If-Match": request.etag} if request.etag else {}),
        }
        try:
            async with (
                self._slots,
                self._open_session().request(
                    request.method,
                    URL(request.url, encoded=True),
                    data=request.body,
                    headers=headers,
                    proxy=self._proxy,
                    allow_redirects=False,
                ) as response,
            ):
                raw = await _read(response)
                return self._judge(response, raw, reads=request.reads, operation=operation)
        except (aiohttp.ClientError, TimeoutError, _TooLargeError) as error:
            raise self._no_answer(error, request_id, reads=request.reads, operation=operation) from error

    async def _fetch_token(self) -> str:
        """Return a token; without one nothing was sent to Graph, so that it may be tried again."""
        try:
            return await self._tokens.fetch_token()
        except RemoteServiceError as error:
            wait_s = error.retry_after_s if isinstance(error, SignInError) else None
            if not error.retryable or (wait_s or 0) > MAX_WAIT_S:
                raise
            _log.warning("graph.sign_in_retry service=%s code=%s", error.service, error.code)
            raise _TryAgainError(error, wait_s) from error

    def _judge(self, response: aiohttp.ClientResponse, raw: bytes, *, reads: bool, operation: str) -> Any:
        request_id = response.headers.get("request-id", "")
        _log.debug(
            "graph.answered operation=%s status=%d request_id=%s", operation, response.status, request_id
        )
        body = _parse(raw)
        if response.status in _SUCCESS:
            if raw and body is None:
                raise self._no_answer(
                    ValueError("the answer is not JSON, or cut off"),
                    response.request_info.headers.get("client-request-id", ""),
                    reads=reads,
                    operation=operation,
                )
            return body
        error = refusal(
            response.status, body, operation=operation, mailbox=self._mailbox, request_id=request_id
        )
        wait_s = parse_retry_after(response.headers)
        throttled = response.status == _OVER_QUOTA or (response.status == _UNAVAILABLE and wait_s is not None)
        if throttled:
            self._on_throttle("graph")
        passing = throttled or (reads and (error.retryable or error.is_conflict))
        if not passing or (wait_s or 0) > MAX_WAIT_S:
            raise error
        _log.warning("graph.retry operation=%s code=%s request_id=%s", operation, error.code, request_id)
        raise _TryAgainError(error, wait_s)

    def _no_answer(self, error: Exception, request_id: str, *, reads: bool, operation: str) -> Exception:
        host = urlsplit(self.base_url).netloc
        reason = str(error) or type(error).__name__
        failure = GraphError(
            f"Microsoft Graph at {host} gave no answer when asked to {operation}: {reason} "
            f"(client-request-id {request_id})",
            operation=operation,
            code="NoAnswer",
            retryable=True,
            may_be_done=True,
            request_id=request_id,
        )
        return _TryAgainError(failure, None) if reads and not _is_hopeless(error) else failure

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._tls, limit=MAX_IN_FLIGHT),
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            )
        return self._session


def _wait_before_next(error: Exception) -> bool | float:
    if not isinstance(error, _TryAgainError):
        return False
    return True if error.wait_s is None else max(error.wait_s, 0.1)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            response.close()
            raise _TooLargeError(f"the answer has more than {MAX_ANSWER_BYTES} bytes")
    return bytes(body)


def _is_hopeless(error: Exception) -> bool:
    return isinstance(error, aiohttp.ClientConnectorCertificateError | _TooLargeError)


def _parse(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
