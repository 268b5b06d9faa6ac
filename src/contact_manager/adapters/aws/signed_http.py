"""Requests to AWS that are signed here and sent as they are.

botocore's own way through models, handlers and its parser takes several times the processor time of the
answer's JSON; ``bench/fan_out.py`` measures it. The signature and the endpoints remain botocore's.
"""

from __future__ import annotations

import logging
import ssl
from contextlib import suppress
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from contact_manager.adapters.aws.errors import Asked, read_refusal, refused, unanswered

_log = logging.getLogger(__name__)

REQUEST_TIME_LIMIT_S = 20.0
_CONNECT_TIME_LIMIT_S = 3.0
_SILENCE_LIMIT_S = 10.0
_READ_BUFFER_BYTES = 1 << 18
_OK = 200
_SUCCESS = range(200, 300)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What requests are signed with."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service listens, for which region and name it wants requests signed, and the way there.

    Attributes:
        url: Without a slash at the end.
        region: Region in the signature.
        signing_name: ``ses`` for the service ``sesv2``.
        proxy: From the environment, or None.
    """

    url: str
    region: str
    signing_name: str
    proxy: str | None = None


@dataclass(frozen=True, slots=True)
class AwsRequest:
    """What is sent: ``path`` begins with a slash and has its query, all of it percent-encoded.

    With ``is_done_by_status`` success as status says that it is done, whatever becomes of the body.
    """

    method: str
    path: str
    body: bytes = b""
    content_type: str = "application/json"
    is_done_by_status: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A yes: the body, and by which id AWS knows the request."""

    body: bytes
    request_id: str


class SignedHttp:
    """One pool of connections for everything that is signed here."""

    def __init__(self, tls: ssl.SSLContext, *, connections: int) -> None:
        self._tls = tls
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def send(
        self, asked: Asked, request: AwsRequest, endpoint: Endpoint, credentials: Credentials
    ) -> Answer:
        """Send once.

        Raises:
            RemoteServiceError: Refused, or no whole answer.
        """
        url = URL(endpoint.url + request.path, encoded=True)
        headers = sign(request, endpoint, credentials)
        try:
            async with self._open().request(
                request.method,
                url,
                data=request.body or None,
                headers=headers,
                proxy=endpoint.proxy,
                allow_redirects=False,
            ) as response:
                if request.is_done_by_status and response.status in _SUCCESS:
                    with suppress(aiohttp.ClientError, TimeoutError, OSError):
                        await response.read()
                    return Answer(b"", response.headers.get("x-amzn-requestid", ""))
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unanswered(asked, error) from error
        if response.status != _OK:
            raise refused(asked, read_refusal(response.status, response.headers, body))
        return Answer(body, response.headers.get("x-amzn-requestid", ""))

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    ssl=self._tls,
                    limit=self._connections,
                    happy_eyeballs_delay=None,  # a second attempt beside a slow one is one descriptor more
                ),
                timeout=aiohttp.ClientTimeout(
                    total=REQUEST_TIME_LIMIT_S,
                    sock_connect=_CONNECT_TIME_LIMIT_S,
                    sock_read=_SILENCE_LIMIT_S,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                read_bufsize=_READ_BUFFER_BYTES,
            )
        return self._session


def sign(request: AwsRequest, endpoint: Endpoint, credentials: Credentials) -> dict[str, str]:
    """Return the headers of a signed request (AWS Signature Version 4)."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest as Signable
    from botocore.credentials import ReadOnlyCredentials

    signer_credentials = ReadOnlyCredentials(
        credentials.access_key, credentials.secret_key, credentials.token, account_id=None
    )
    signable = Signable(request.method, endpoint.url + request.path, data=request.body)
    if request.body:
        signable.headers["Content-Type"] = request.content_type
    SigV4Auth(signer_credentials, endpoint.signing_name, endpoint.region).add_auth(signable)
    return {**signable.headers, "Accept-Encoding": "identity", "User-Agent": "ccoe-customer-contact-manager"}


def _unanswered(asked: Asked, error: Exception) -> Exception:
    if isinstance(error, TimeoutError):
        return unanswered(asked, "none in time")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        reason = f"its certificate is not trusted ({error}); set AWS_CA_BUNDLE"
        return unanswered(asked, reason, retryable=False)
    return unanswered(asked, str(error) or type(error).__name__)
