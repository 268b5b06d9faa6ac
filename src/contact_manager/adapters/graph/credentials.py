"""Who we are to Microsoft Entra."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contact_manager.errors import ConfigError, Problem


@dataclass(frozen=True, slots=True)
class AzureCredential:
    """An app registration and one way to prove that we are it; the first that is given counts.

    Attributes:
        tenant_id: GUID or domain.
        client_id: Application id.
        federated_token_file: Path of a JWT that another issuer renews; read anew for every token.
        certificate_path: PEM file with certificate and private key.
        certificate_password: Of the private key, or None.
        client_secret: The secret's value (not its id).
    """

    tenant_id: str
    client_id: str
    federated_token_file: str | None = None
    certificate_path: str | None = None
    certificate_password: str | None = field(default=None, repr=False)
    client_secret: str | None = field(default=None, repr=False)

    @property
    def is_complete(self) -> bool:
        """Whether tenant, app and some proof are there."""
        proof = self.federated_token_file or self.certificate_path or self.client_secret
        return bool(self.tenant_id and self.client_id and proof)

    def for_msal(self) -> str | dict[str, Any]:
        """Return the credential in MSAL's form (MSAL Python, ``ConfidentialClientApplication``).

        Raises:
            ConfigError: A file cannot be read.
        """
        if self.federated_token_file:
            path = self.federated_token_file
            _read(path, "AZURE_FEDERATED_TOKEN_FILE")
            return {"client_assertion": lambda: _read(path, "AZURE_FEDERATED_TOKEN_FILE").strip()}
        if self.certificate_path:
            pem = _read(self.certificate_path, "AZURE_CLIENT_CERTIFICATE_PATH")
            parts = {"private_key": pem, "public_certificate": pem, "passphrase": self.certificate_password}
            return {name: value for name, value in parts.items() if value is not None}
        return self.client_secret or ""


def _read(path: str, variable: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a PEM or JWT text"
        raise ConfigError([Problem(variable, f"cannot read {path}: {reason}")]) from error
