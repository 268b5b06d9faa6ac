"""Access tokens: how the app proves who it is, and what is said when that fails."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from contact_manager.adapters.graph.credentials import AzureCredential
from contact_manager.adapters.graph.tokens import SignInError, TokenSource
from contact_manager.errors import ConfigError, RemoteServiceError
from contact_manager.sandbox.graph_server import GraphServer

TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "66666666-7777-8888-9999-000000000000"
SECRET = "hush-hush-secret"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
GRAPH = "https://graph.example.com/v1.0"
BY_SECRET = AzureCredential(TENANT, CLIENT, client_secret=SECRET)


def make_server(**more: Any) -> GraphServer:
    return GraphServer(tenant_id=TENANT, client_id=CLIENT, client_secret=SECRET, mailboxes=(), **more)


@pytest.fixture
def server() -> Iterator[GraphServer]:
    with make_server() as running:
        yield running


@pytest.fixture(autouse=True)
def dead_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lead astray whoever listens to the environment with a loopback address."""
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


def source(
    credential: AzureCredential,
    authority_host: str,
    tls: ssl.SSLContext | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> TokenSource:
    async def find_credential() -> AzureCredential:
        return credential

    return TokenSource(
        find_credential,
        authority_host=authority_host,
        graph_url=GRAPH,
        tls=tls or ssl.create_default_context(),
        clock=clock,
    )


def asked(server: GraphServer) -> list[tuple[str, str]]:
    return [(one["method"], one["path"]) for one in server.state()["requests"]]


def told_by(error: RemoteServiceError) -> tuple[str, str]:
    return error.service, error.code


class Entra:
    """A sign-in that keeps the forms it gets and answers as told."""

    def __init__(self) -> None:
        self.forms: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.answer: dict[str, Any] | str = {}
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._reply)
        self.server = TestServer(app)

    @property
    def host(self) -> str:
        return str(self.server.make_url("")).rstrip("/")

    def refuse(self, number: int, error: str, status: int = 401) -> None:
        """Refuse from now on, and repeat the secret in the description."""
        described = f"AADSTS{number}: '{SECRET}' is not good. Trace ID: 1 Timestamp: 2"
        self.status = status
        self.answer = {
            "error": error,
            "error_description": described,
            "error_codes": [number],
            "correlation_id": "a-correlation-id",
        }

    async def _reply(self, request: web.Request) -> web.Response:
        self.paths.append(request.path)
        self.forms.append({name: str(value) for name, value in (await request.post()).items()})
        token = {"token_type": "Bearer", "expires_in": 3599, "access_token": f"token-{len(self.forms)}"}
        answer = self.answer or token
        return web.Response(
            text=answer if isinstance(answer, str) else json.dumps(answer),
            status=self.status,
            headers=self.headers,
        )


@pytest.fixture
async def entra() -> AsyncIterator[Entra]:
    entra = Entra()
    async with entra.server:
        yield entra


class KeyPair:
    """A throw-away certificate and its key."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")]), datetime.now(UTC)
        builder = x509.CertificateBuilder(name, name, self.key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1))
        self.certificate = builder.sign(self.key, hashes.SHA256())

    def parts(self, password: str | None = None) -> list[bytes]:
        """Return key and certificate as PEM."""
        lock: KeySerializationEncryption = NoEncryption()
        if password:
            lock = BestAvailableEncryption(password.encode())
        return [
            self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock),
            self.certificate.public_bytes(Encoding.PEM),
        ]


@pytest.fixture(scope="module")
def pair() -> KeyPair:
    return KeyPair()


def write_pem(folder: Path, *parts: bytes) -> str:
    path = folder / "app.pem"
    path.write_bytes(b"".join(parts))
    return str(path)


def decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


async def test_plain_http_on_loopback_works_and_asks_for_nothing_but_the_token(server: GraphServer) -> None:
    tokens = source(BY_SECRET, server.authority_host)
    assert (await tokens.fetch_token()).startswith("sandbox.")
    assert asked(server) == [("POST", f"/{TENANT}/oauth2/v2.0/token")]


async def test_a_token_is_fetched_once_and_anew_when_it_is_forgotten(server: GraphServer) -> None:
    tokens = source(BY_SECRET, server.authority_host + "/")
    first = set(await asyncio.gather(*(tokens.fetch_token() for _ in range(5))))
    await tokens.forget_token()
    second = await tokens.fetch_token()
    assert len(first) == 1
    assert second not in first
    assert len(asked(server)) == 2


async def test_forgetting_a_token_that_never_was_does_nothing(server: GraphServer) -> None:
    tokens = source(BY_SECRET, server.authority_host)
    await tokens.forget_token()
    assert asked(server) == []


async def test_tls_is_trusted_as_the_context_says() -> None:
    authority = trustme.CA()
    theirs, ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(theirs)
    authority.configure_trust(ours)
    with make_server(ssl_context=theirs) as server:
        with pytest.raises(RemoteServiceError, match="cannot be reached") as caught:
            await source(BY_SECRET, server.authority_host).fetch_token()
        assert await source(BY_SECRET, server.authority_host, ours).fetch_token()
    assert "CERTIFICATE_VERIFY_FAILED" in str(caught.value)
    assert not caught.value.retryable
    assert told_by(caught.value) == ("entra", "EntraUnreachable")


async def test_nobody_at_the_address_is_told_without_the_secret(server: GraphServer) -> None:
    server.stop()
    with pytest.raises(RemoteServiceError, match=r"Entra at 127.0.0.1:\d+ cannot be reached") as caught:
        await source(BY_SECRET, server.authority_host).fetch_token()
    assert caught.value.retryable
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("password", [None, "open-sesame"])
@pytest.mark.parametrize("certificate_first", [False, True])
async def test_a_certificate_signs_an_assertion_in_place_of_the_secret(
    entra: Entra, pair: KeyPair, tmp_path: Path, *, password: str | None, certificate_first: bool
) -> None:
    parts = pair.parts(password)
    pem = write_pem(tmp_path, *(reversed(parts) if certificate_first else parts))
    credential = AzureCredential(TENANT, CLIENT, certificate_path=pem, certificate_password=password)
    assert await source(credential, entra.host).fetch_token() == "token-1"
    [form] = entra.forms
    assert (form["client_id"], form["client_assertion_type"]) == (CLIENT, ASSERTION)
    assert (form["scope"], form["grant_type"]) == (
        "https://graph.example.com/.default",
        "client_credentials",
    )
    assert "client_secret" not in form
    header, claims, signature = form["client_assertion"].split(".")
    assert json.loads(decode(claims))["iss"] == CLIENT
    signed, algorithm = f"{header}.{claims}".encode(), json.loads(decode(header))["alg"]
    schemes: dict[str, padding.AsymmetricPadding] = {
        "RS256": padding.PKCS1v15(),
        "PS256": padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH),
    }
    pair.key.public_key().verify(decode(signature), signed, schemes[algorithm], hashes.SHA256())


async def test_a_certificate_is_accepted_by_the_stand_in(
    server: GraphServer, pair: KeyPair, tmp_path: Path
) -> None:
    credential = AzureCredential(TENANT, CLIENT, certificate_path=write_pem(tmp_path, *pair.parts()))
    assert await source(credential, server.authority_host).fetch_token()
    assert asked(server) == [("POST", f"/{TENANT}/oauth2/v2.0/token")]


async def test_a_federated_token_is_sent_as_it_stands_and_read_anew_each_time(
    entra: Entra, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    path.write_text("first.web.token\n")
    tokens = source(AzureCredential(TENANT, CLIENT, federated_token_file=str(path)), entra.host)
    await tokens.fetch_token()
    path.write_text("second.web.token\n")
    await tokens.forget_token()
    await tokens.fetch_token()
    assert [one["client_assertion"] for one in entra.forms] == ["first.web.token", "second.web.token"]
    assert {one["client_assertion_type"] for one in entra.forms} == {ASSERTION}
    assert all("client_secret" not in one for one in entra.forms)


async def test_a_federated_token_is_accepted_by_the_stand_in(server: GraphServer, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("a.web.token")
    credential = AzureCredential(TENANT, CLIENT, federated_token_file=str(path))
    assert await source(credential, server.authority_host).fetch_token()


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("certificate_path", "AZURE_CLIENT_CERTIFICATE_PATH"),
        ("federated_token_file", "AZURE_FEDERATED_TOKEN_FILE"),
    ],
)
async def test_a_file_that_cannot_be_read_is_named_with_its_variable(
    server: GraphServer, tmp_path: Path, name: str, variable: str, content: bytes | None
) -> None:
    path = tmp_path / "missing"
    if content is not None:
        path.write_bytes(content)
    credential = AzureCredential(TENANT, CLIENT, **{name: str(path)})
    with pytest.raises(ConfigError) as caught:
        await source(credential, server.authority_host).fetch_token()
    [problem] = caught.value.problems
    assert problem.path == variable
    assert str(path) in problem.message
    assert asked(server) == []


async def test_a_federated_token_that_vanishes_is_named_too(entra: Entra, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("a.web.token")
    tokens = source(AzureCredential(TENANT, CLIENT, federated_token_file=str(path)), entra.host)
    await tokens.fetch_token()
    await tokens.forget_token()
    path.unlink()
    with pytest.raises(ConfigError, match="AZURE_FEDERATED_TOKEN_FILE"):
        await tokens.fetch_token()


@pytest.mark.parametrize("wrong", ["no key", "no certificate", "wrong password", "no password"])
async def test_a_certificate_that_cannot_be_used_is_an_error_of_the_configuration(
    server: GraphServer, pair: KeyPair, tmp_path: Path, wrong: str
) -> None:
    key, certificate = pair.parts("open-sesame" if "password" in wrong else None)
    kept = {"no key": [certificate], "no certificate": [key]}.get(wrong, [key, certificate])
    credential = AzureCredential(
        TENANT,
        CLIENT,
        certificate_path=write_pem(tmp_path, *kept),
        certificate_password="guess-guess" if wrong == "wrong password" else None,
    )
    with pytest.raises(ConfigError) as caught:
        await source(credential, server.authority_host).fetch_token()
    assert "guess-guess" not in str(caught.value)
    assert "PRIVATE KEY" not in str(caught.value)
    assert asked(server) == []


@pytest.mark.parametrize(
    ("number", "error", "advice"),
    [
        (7000215, "invalid_client", r"The client secret is wrong: store the secret's value, not its id\."),
        (7000222, "invalid_client", r"The client secret has expired: create a new one and store its value\."),
        (700016, "unauthorized_client", r"check client id and tenant id\."),
        (90002, "invalid_request", r"The tenant id is not known: check it\."),
        (65001, "invalid_grant", r"must grant admin consent\."),
        (53003, "access_denied", r"must exclude it, or allow the address it comes from\."),
        (7000112, "unauthorized_client", r"must enable its enterprise application\."),
        (700024, "invalid_client", r"renew the federated token or the certificate, and check .* clock\."),
        (700027, "invalid_client", r"upload this certificate to the app registration"),
        (50027, "invalid_client", r"Check client id and secret or assertion\."),
        (50034, "invalid_grant", r"Check tenant id, client id and secret of the app registration\."),
    ],
)
async def test_a_refusal_says_what_to_do_and_never_the_secret(
    entra: Entra, number: int, error: str, advice: str
) -> None:
    entra.refuse(number, error)
    message = rf"{error} \(AADSTS{number}\)\. .*{advice}.* \(correlation id a-correlation-id\)"
    with pytest.raises(RemoteServiceError, match=message) as caught:
        await source(BY_SECRET, entra.host).fetch_token()
    assert SECRET not in str(caught.value)
    assert told_by(caught.value) == ("entra", error)
    assert caught.value.request_id == "a-correlation-id"
    assert not caught.value.retryable
    assert len(entra.forms) == 1


@pytest.mark.parametrize(
    ("wrong", "number"),
    [
        ({"client_secret": "another-secret"}, 7000215),
        ({"client_id": "another"}, 700016),
        ({"tenant_id": "another.example.com"}, 90002),
    ],
)
async def test_the_stand_in_refuses_what_entra_refuses(
    server: GraphServer, wrong: dict[str, str], number: int
) -> None:
    chosen = {"tenant_id": TENANT, "client_id": CLIENT, "client_secret": SECRET} | wrong
    with pytest.raises(RemoteServiceError, match=f"AADSTS{number}") as caught:
        await source(AzureCredential(**chosen), server.authority_host).fetch_token()
    assert chosen["client_secret"] not in str(caught.value)
    assert [method for method, _ in asked(server)] == ["POST"]


async def test_a_certificate_that_is_refused_is_what_to_check(
    entra: Entra, pair: KeyPair, tmp_path: Path
) -> None:
    entra.refuse(50027, "invalid_client")
    credential = AzureCredential(TENANT, CLIENT, certificate_path=write_pem(tmp_path, *pair.parts()))
    with pytest.raises(RemoteServiceError, match=r"Check client id and certificate\."):
        await source(credential, entra.host).fetch_token()


@pytest.mark.parametrize(("status", "answer"), [(200, "<html>proxy</html>"), (503, "busy"), (429, "")])
async def test_an_answer_that_is_none_of_entras_is_no_fault_of_the_configuration(
    entra: Entra, status: int, answer: str
) -> None:
    entra.status, entra.answer = status, answer or "<html></html>"
    with pytest.raises(RemoteServiceError) as caught:
        await source(BY_SECRET, entra.host).fetch_token()
    assert caught.value.service == "entra"
    assert caught.value.retryable
    assert SECRET not in str(caught.value)


def passing(error: str, number: int) -> dict[str, Any]:
    described = f"AADSTS{number}: A transient error has occurred. Trace ID: 1"
    return {"error": error, "error_description": described, "correlation_id": "a-correlation-id"}


@pytest.mark.parametrize(
    ("status", "answer", "code"),
    [
        pytest.param(429, "Too Many Requests", "HTTP429", id="429 as text"),
        pytest.param(429, "<html>", "HTTP429", id="429 as HTML"),
        pytest.param(429, passing("invalid_request", 90055), "invalid_request", id="429 as JSON"),
        pytest.param(429, "[1]", "HTTP429", id="429 as a list"),
        pytest.param(408, " ", "HTTP408", id="408"),
        pytest.param(500, "oops", "HTTP500", id="500"),
        pytest.param(503, passing("temporarily_unavailable", 90033), "temporarily_unavailable", id="503"),
        pytest.param(504, " ", "HTTP504", id="504"),
        pytest.param(400, passing("temporarily_unavailable", 90033), "temporarily_unavailable", id="400"),
        pytest.param(400, passing("invalid_grant", 90033), "invalid_grant", id="400 by number"),
        pytest.param(401, passing("server_error", 50000), "server_error", id="server_error"),
    ],
)
async def test_trouble_at_entra_is_told_apart_from_a_refused_credential(
    entra: Entra, status: int, answer: dict[str, Any] | str, code: str
) -> None:
    """And the next call asks again: MSAL would give out a kept 400 for a minute."""
    entra.status, entra.answer = status, answer
    tokens = source(BY_SECRET, entra.host)
    with pytest.raises(RemoteServiceError, match=rf"at the moment: HTTP {status}") as caught:
        await tokens.fetch_token()
    assert told_by(caught.value) == ("entra", code)
    assert caught.value.retryable
    assert "credential" not in str(caught.value)
    entra.status, entra.answer = 200, {}
    assert await tokens.fetch_token() == "token-2"


async def test_nobody_sends_before_the_time_that_entra_demanded_is_over(entra: Entra) -> None:
    entra.status, entra.answer, entra.headers = 429, "Too Many Requests", {"Retry-After": "30"}
    moments = iter([100.0, 110.0, 129.0, 130.0])
    tokens = source(BY_SECRET, entra.host, clock=lambda: next(moments))
    waits = []
    for _ in range(3):
        with pytest.raises(SignInError, match="HTTP 429") as caught:
            await tokens.fetch_token()
        assert caught.value.retryable
        waits.append(caught.value.retry_after_s)
    assert waits == [30.0, 20.0, 1.0]
    entra.status, entra.answer = 200, {}
    assert await tokens.fetch_token() == "token-2"


def test_secrets_are_kept_out_of_the_repr() -> None:
    shown = repr(AzureCredential(TENANT, CLIENT, client_secret=SECRET, certificate_password="open-sesame"))
    assert SECRET not in shown
    assert "open-sesame" not in shown
