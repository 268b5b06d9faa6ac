"""Microsoft's sign-in: metadata, and tokens for an application (Microsoft Learn, client credentials flow)."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contact_manager.sandbox.graph_server.refusals import RefusedError

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_JWT_PARTS = 3


@dataclass(frozen=True, slots=True)
class SignInError(Exception):
    """A refusal in Entra's form: OAuth error, AADSTS number and words."""

    status: int
    error: str
    number: int
    words: str

    def body(self) -> dict[str, Any]:
        """Return the JSON of the answer."""
        trace = str(uuid.uuid4())
        return {
            "error": self.error,
            "error_description": f"AADSTS{self.number}: {self.words} Trace ID: {trace}",
            "error_codes": [self.number],
            "timestamp": time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime()),
            "trace_id": trace,
            "correlation_id": str(uuid.uuid4()),
        }


class SignIn:
    """One tenant with one application."""

    def __init__(self, *, tenant_id: str, client_id: str, client_secret: str) -> None:
        self._tenant_id = tenant_id
        self._client_id = client_id
        self._client_secret = client_secret
        self._valid_until: dict[str, float] = {}

    def metadata(self, host: str, tenant: str) -> dict[str, str]:
        """Return the OpenID metadata of a tenant.

        Raises:
            SignInError: The tenant does not exist.
        """
        self._check_tenant(tenant)
        base = f"{host}/{self._tenant_id}"
        return {
            "issuer": f"{base}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
        }

    def grant(self, tenant: str, form: Mapping[str, str], *, lifetime_s: int) -> dict[str, Any]:
        """Return a token answer for the client credentials in ``form``.

        Raises:
            SignInError: Tenant, application, proof or scope is wrong.
        """
        self._check_tenant(tenant)
        if form.get("grant_type") != "client_credentials":
            raise SignInError(400, "unsupported_grant_type", 70003, "The grant type is not supported.")
        if form.get("client_id") != self._client_id:
            raise SignInError(
                400, "unauthorized_client", 700016, "Application was not found in the directory."
            )
        self._check_proof(form)
        if not form.get("scope", "").endswith("/.default"):
            raise SignInError(400, "invalid_scope", 70011, "The provided value for scope is not valid.")
        token = f"sandbox.{uuid.uuid4().hex}.token"
        self._valid_until[token] = time.monotonic() + lifetime_s
        return {
            "token_type": "Bearer",
            "expires_in": lifetime_s,
            "ext_expires_in": lifetime_s,
            "access_token": token,
        }

    def check_token(self, authorization: str) -> None:
        """Refuse a request without a valid token."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or self._valid_until.get(token, 0.0) <= time.monotonic():
            message = (
                "Lifetime validation failed, the token is expired." if token else "Access token is empty."
            )
            raise RefusedError(401, "InvalidAuthenticationToken", message)

    def _check_tenant(self, tenant: str) -> None:
        if tenant not in (self._tenant_id, "common"):
            raise SignInError(400, "invalid_request", 90002, "Tenant not found.")

    def _check_proof(self, form: Mapping[str, str]) -> None:
        if form.get("client_assertion_type") == _ASSERTION:
            if len(form.get("client_assertion", "").split(".")) == _JWT_PARTS:
                return
            raise SignInError(400, "invalid_client", 50027, "The assertion is not a valid JWT.")
        if form.get("client_secret") != self._client_secret:
            raise SignInError(401, "invalid_client", 7000215, "Invalid client secret provided.")
