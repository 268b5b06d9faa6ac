"""Access tokens for Graph, by MSAL. One request a call: whoever needs the token repeats it."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import orjson

from contact_manager.adapters.graph.credentials import AzureCredential
from contact_manager.adapters.graph.retry_after import parse_retry_after
from contact_manager.adapters.proxies import choose_proxy
from contact_manager.broken_off import naming
from contact_manager.errors import ConfigError, Problem, RemoteServiceError

if TYPE_CHECKING:
    import msal
    import requests

_ENTRA_TIMEOUT_S = 10
"""Ctrl-C has to wait for a request that is under way in its thread."""
_METADATA_PATH = "/v2.0/.well-known/openid-configuration"
_PASSING_STATUSES = frozenset({408, 429, *range(500, 600)})
_PASSING_ERRORS = frozenset({"temporarily_unavailable", "server_error"})
"""OAuth 2.0 errors that say "try again" (RFC 6749, section 4.1.2.1), whatever the status."""

_PASSING_NUMBERS = frozenset({"90006", "90012", "90024", "90033", "90055"})
"""AADSTS numbers of a sign-in service that fails for a moment (Microsoft Learn, Entra error codes)."""

_NUMBER = re.compile(r"AADSTS(\d+)")


class SignInError(RemoteServiceError):
    """Entra refused, or gave no answer that can be used.

    Attributes:
        retry_after_s: How long Entra wants us to wait, in seconds, or None when it does not say.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "EntraUnreachable",
        retryable: bool = False,
        request_id: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(
            message, service="entra", operation="token", code=code, retryable=retryable, request_id=request_id
        )
        self.retry_after_s = retry_after_s


class TokenSource:
    """Gets app-only tokens and keeps the valid one; MSAL renews it early.

    MSAL is synchronous: its one request an hour runs in a thread, the event loop goes on.
    """

    def __init__(
        self,
        find_credential: Callable[[], Awaitable[AzureCredential]],
        *,
        authority_host: str,
        graph_url: str,
        tls: ssl.SSLContext,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find_credential = find_credential
        self._clock = clock
        self._authority_host = authority_host.rstrip("/")
        graph = urlsplit(graph_url)
        self._scope = f"{graph.scheme}://{graph.netloc}/.default"
        self._tls = tls
        self._lock = asyncio.Lock()
        self._sign_in: _SignIn | None = None
        self._pause: _Pause | None = None

    async def fetch_token(self) -> str:
        """Return a valid access token.

        Raises:
            RemoteServiceError: Microsoft Entra refused or cannot be reached; ``retryable`` says whether the
                same call may succeed later.
            ConfigError: The credential cannot be used.
        """
        async with self._lock:
            if self._pause is not None:
                self._pause.check(self._clock())
            if self._sign_in is None:
                credential = await self._find_credential()
                self._sign_in = _SignIn(credential, self._authority_host, self._scope, self._tls)
            try:
                with naming("entra", "sign-in"):
                    return await asyncio.to_thread(self._sign_in.fetch_token)
            except SignInError as error:
                if not error.retryable:
                    self._sign_in = None  # a secret may have been renewed: it is read again next time
                self._pause = _Pause.after(error, self._clock())
                raise

    async def forget_token(self) -> None:
        """Drop the token that Graph no longer accepts, so that the next one is new."""
        async with self._lock:
            if self._sign_in is not None:
                self._sign_in.forget_token()


@dataclass(frozen=True, slots=True)
class _Pause:
    """The time for which Entra wants no request from anybody, and its answer that said so."""

    error: SignInError
    until_s: float

    @classmethod
    def after(cls, error: SignInError, now_s: float) -> _Pause | None:
        """Return the pause that ``error`` demands, or None."""
        return cls(error, now_s + error.retry_after_s) if error.retry_after_s else None

    def check(self, now_s: float) -> None:
        """Answer in Entra's place until the time is over."""
        left_s = self.until_s - now_s
        if left_s > 0:
            raise SignInError(
                str(self.error),
                code=self.error.code,
                retryable=True,
                request_id=self.error.request_id,
                retry_after_s=left_s,
            )


class _SignIn:
    """MSAL's application, made when the first token is needed."""

    def __init__(
        self, credential: AzureCredential, authority_host: str, scope: str, tls: ssl.SSLContext
    ) -> None:
        self._credential = credential
        self._authority = f"{authority_host}/{credential.tenant_id}"
        self._scope = scope
        self._tls = tls
        self._application: msal.ConfidentialClientApplication | None = None

    def forget_token(self) -> None:
        if self._application is not None:
            self._application.remove_tokens_for_client()

    def fetch_token(self) -> str:
        import requests
        from jwt import PyJWTError
        from msal.exceptions import MsalServiceError

        host = urlsplit(self._authority).netloc
        try:
            if self._application is None:
                self._application = self._make_application()
            answer = self._application.acquire_token_for_client(scopes=[self._scope])
        except requests.RequestException as error:
            message = f"Microsoft Entra at {host} cannot be reached: {_reason(error)}"
            raise SignInError(message, retryable=not _is_distrust(error)) from error
        except (MsalServiceError, json.JSONDecodeError) as error:
            message = f"Microsoft Entra at {host} gave no answer that can be understood: {error}"
            raise SignInError(message, code="BadAnswer", retryable=True) from error
        except (ValueError, TypeError, PyJWTError) as error:
            raise ConfigError([Problem("Azure credential", f"MSAL cannot use it: {error}")]) from error
        if isinstance(answer, dict) and "access_token" in answer:
            return str(answer["access_token"])
        raise _refusal(answer if isinstance(answer, dict) else {}, self._credential)

    def _make_application(self) -> msal.ConfidentialClientApplication:
        import msal

        return msal.ConfidentialClientApplication(
            self._credential.client_id,
            client_credential=self._credential.for_msal(),
            authority=_as_https(self._authority),
            instance_discovery=False,
            http_client=_EntraHttp(self._authority, self._tls),
        )


class _EntraHttp:
    """What MSAL sends its requests through.

    It answers MSAL's question for the tenant's metadata itself, because the endpoints are documented
    (Microsoft Learn, "OAuth 2.0 client credentials flow") and asking costs a round trip in every run. And
    it speaks plain http with a loopback address, where MSAL only knows https.
    """

    def __init__(self, authority: str, tls: ssl.SSLContext) -> None:
        import requests

        self._authority = authority
        self._session = requests.Session()
        self._session.trust_env = False
        proxy = choose_proxy(authority)
        self._session.proxies = {"https": proxy} if proxy else {}
        self._session.mount("https://", _adapter_with(tls))

    def get(self, url: str, **kwargs: Any) -> Any:
        """Answer or forward MSAL's GET."""
        if url == _as_https(self._authority) + _METADATA_PATH:
            return _Metadata(_as_https(self._authority))
        return self._send("GET", url, **kwargs)

    def post(self, url: str, **kwargs: Any) -> Any:
        """Forward MSAL's POST."""
        return self._send("POST", url, **kwargs)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _send(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        if urlsplit(self._authority).scheme == "http":
            url = urlunsplit(urlsplit(url)._replace(scheme="http"))
        answer = self._session.request(method, url, timeout=_ENTRA_TIMEOUT_S, **kwargs)
        _check_for_trouble(answer)
        return answer


class _Metadata:
    status_code = 200

    def __init__(self, authority: str) -> None:
        endpoints = {
            "issuer": f"{authority}/v2.0",
            "authorization_endpoint": f"{authority}/oauth2/v2.0/authorize",
            "token_endpoint": f"{authority}/oauth2/v2.0/token",
        }
        self.text = orjson.dumps(endpoints).decode()
        self.headers: dict[str, str] = {}


def _adapter_with(tls: ssl.SSLContext) -> Any:
    from requests.adapters import HTTPAdapter
    from urllib3 import Retry

    class TlsAdapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, ssl_context=tls, **kwargs)

        def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
            """Leave the decision to the context, which knows every trusted file."""

    return TlsAdapter(max_retries=Retry(connect=1, read=0, redirect=0, status=0))


def _as_https(url: str) -> str:
    return urlunsplit(urlsplit(url)._replace(scheme="https"))


def _reason(error: BaseException) -> str:
    """Return the innermost cause's class: messages of requests repeat whole URLs."""
    while error.__cause__ or error.__context__:
        inner = error.__cause__ or error.__context__
        if not isinstance(inner, Exception):
            break
        error = inner
    return f"{type(error).__name__}: {error}".rstrip(": ")


def _is_distrust(error: BaseException) -> bool:
    """Whether Entra's certificate is not trusted: another attempt changes nothing."""
    return "CERTIFICATE_VERIFY_FAILED" in _reason(error)


def _check_for_trouble(answer: requests.Response) -> None:
    """Raise what may pass by itself, before MSAL sees it.

    MSAL keeps a refusal with status 400 for a minute and gives it out again, and fails with a traceback over
    an answer that is no JSON.
    """
    said = _json_object(answer.content)
    numbers, error = _numbers(said), str(said.get("error") or "")
    if not (
        answer.status_code in _PASSING_STATUSES
        or error in _PASSING_ERRORS
        or not _PASSING_NUMBERS.isdisjoint(numbers)
    ):
        return
    raise SignInError(
        f"Microsoft Entra cannot sign the app in at the moment: HTTP {answer.status_code}"
        f"{_spelled(error, numbers)}. Run again later{_trace(said, answer.headers)}",
        code=error or f"HTTP{answer.status_code}",
        retryable=True,
        request_id=_correlation_id(said, answer.headers),
        retry_after_s=parse_retry_after(answer.headers),
    )


def _refusal(answer: dict[str, Any], credential: AzureCredential) -> SignInError:
    numbers = _numbers(answer)
    code = str(answer.get("error") or "unknown")
    return SignInError(
        f"Microsoft Entra refused the app's credential:{_spelled(code, numbers)}. "
        f"{_advice(code, numbers, credential)}{_trace(answer, {})}",
        code=code,
        request_id=_correlation_id(answer, {}),
    )


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _numbers(answer: Mapping[str, Any]) -> list[str]:
    """Return the AADSTS numbers, from the list that has them or from the words."""
    listed = answer.get("error_codes")
    found = [str(number) for number in listed] if isinstance(listed, list) else []
    return found or _NUMBER.findall(str(answer.get("error_description") or ""))[:1]


def _spelled(error: str, numbers: list[str]) -> str:
    """Return error and numbers as they stand in a sentence."""
    detail = f" (AADSTS{', AADSTS'.join(numbers)})" if numbers else ""
    return f" {error}{detail}" if error else detail


def _correlation_id(answer: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    return str(answer.get("correlation_id") or headers.get("x-ms-request-id") or "")


def _trace(answer: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    correlation_id = _correlation_id(answer, headers)
    return f" (correlation id {correlation_id})" if correlation_id else ""


_ADVICE = {
    "7000222": "The client secret has expired: create a new one and store its value.",
    "7000215": "The client secret is wrong: store the secret's value, not its id.",
    "700016": "The client id is not known in this tenant: check client id and tenant id.",
    "90002": "The tenant id is not known: check it.",
    "65001": "The app's permissions lack consent: an administrator of the tenant must grant admin consent.",
    "53003": "A Conditional Access policy blocks the app: an administrator of the tenant must exclude it, "
    "or allow the address it comes from.",
    "7000112": "The app is disabled: an administrator of the tenant must enable its enterprise application.",
    "700024": "The assertion is expired or not yet valid: renew the federated token or the certificate, and "
    "check this machine's clock.",
    "700027": "The assertion's signature is not accepted: upload this certificate to the app registration, "
    "or check the federated credential's issuer and subject.",
}
"""Who must do what, by AADSTS number (Microsoft Learn, Entra error codes)."""


def _advice(code: str, numbers: list[str], credential: AzureCredential) -> str:
    for number in numbers:
        if number in _ADVICE:
            return _ADVICE[number]
    if code == "unauthorized_client":
        return _ADVICE["700016"]
    if code == "invalid_tenant":
        return _ADVICE["90002"]
    if code == "invalid_client":
        kind = "certificate" if credential.certificate_path else "secret or assertion"
        return f"Check client id and {kind}."
    return "Check tenant id, client id and secret of the app registration."
