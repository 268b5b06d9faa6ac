"""Access tokens for Graph, by MSAL."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import orjson

from contact_manager.adapters.graph.credentials import AzureCredential
from contact_manager.adapters.proxies import choose_proxy
from contact_manager.errors import ConfigError, Problem, RemoteServiceError

if TYPE_CHECKING:
    import msal
    import requests

_ENTRA_TIMEOUT_S = 10
"""Ctrl-C has to wait for a request that is under way in its thread."""
_METADATA_PATH = "/v2.0/.well-known/openid-configuration"


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
    ) -> None:
        self._find_credential = find_credential
        self._authority_host = authority_host.rstrip("/")
        graph = urlsplit(graph_url)
        self._scope = f"{graph.scheme}://{graph.netloc}/.default"
        self._tls = tls
        self._lock = asyncio.Lock()
        self._sign_in: _SignIn | None = None

    async def fetch_token(self) -> str:
        """Return a valid access token.

        Raises:
            RemoteServiceError: Microsoft Entra refused or cannot be reached.
            ConfigError: The credential cannot be used.
        """
        async with self._lock:
            if self._sign_in is None:
                credential = await self._find_credential()
                self._sign_in = _SignIn(credential, self._authority_host, self._scope, self._tls)
            try:
                return await asyncio.to_thread(self._sign_in.fetch_token)
            except RemoteServiceError as error:
                if not error.retryable:
                    self._sign_in = None  # a secret may have been renewed: it is read again next time
                raise

    async def forget_token(self) -> None:
        """Drop the token that Graph no longer accepts, so that the next one is new."""
        async with self._lock:
            if self._sign_in is not None:
                self._sign_in.forget_token()


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
            raise _entra_error(message, retryable=True) from error
        except (MsalServiceError, json.JSONDecodeError) as error:
            message = f"Microsoft Entra at {host} gave no answer that can be understood: {error}"
            raise _entra_error(message, code="BadAnswer", retryable=True) from error
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
        return self._session.request(method, url, timeout=_ENTRA_TIMEOUT_S, **kwargs)


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


def _reason(error: Exception) -> str:
    """Return the innermost cause's class: messages of requests repeat whole URLs."""
    while error.__cause__ or error.__context__:
        inner = error.__cause__ or error.__context__
        if not isinstance(inner, Exception):
            break
        error = inner
    return f"{type(error).__name__}: {error}".rstrip(": ")


def _refusal(answer: dict[str, Any], credential: AzureCredential) -> RemoteServiceError:
    numbers = [str(number) for number in answer.get("error_codes", [])]
    code = str(answer.get("error", "unknown"))
    detail = f" (AADSTS{', AADSTS'.join(numbers)})" if numbers else ""
    message = (
        f"Microsoft Entra refused the app's credential: {code}{detail}. {_advice(code, numbers, credential)}"
    )
    return _entra_error(message, code=code, request_id=str(answer.get("correlation_id", "")))


def _advice(code: str, numbers: list[str], credential: AzureCredential) -> str:
    if "7000222" in numbers:
        return "The client secret has expired: create a new one and store its value."
    if "7000215" in numbers:
        return "The client secret is wrong: store the secret's value, not its id."
    if "700016" in numbers or code == "unauthorized_client":
        return "The client id is not known in this tenant: check client id and tenant id."
    if "90002" in numbers or code == "invalid_tenant":
        return "The tenant id is not known: check it."
    if code == "invalid_client":
        kind = "certificate" if credential.certificate_path else "secret or assertion"
        return f"Check client id and {kind}."
    return "Check tenant id, client id and secret of the app registration."


def _entra_error(
    message: str, *, code: str = "EntraUnreachable", retryable: bool = False, request_id: str = ""
) -> RemoteServiceError:
    return RemoteServiceError(
        message, service="entra", operation="token", code=code, retryable=retryable, request_id=request_id
    )
