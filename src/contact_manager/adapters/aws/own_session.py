"""The process's own AWS session: botocore's credential providers, each of whose failures is one sentence.

Providers raise what they meet (OSError, ValueError, KeyError, ClientError …), when the chain is gone through
and again inside of any client's call, when credentials are renewed. Both ways lead through this session.
"""

from __future__ import annotations

import asyncio
import getpass
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiobotocore.credentials import AioCredentials
from aiobotocore.session import AioSession

from contact_manager.adapters.aws.provider_errors import (
    Provider,
    no_credentials,
    provider_error,
    settings_error,
)
from contact_manager.adapters.shared_calls import SharedCalls
from contact_manager.broken_off import naming
from contact_manager.errors import RemoteServiceError

_TRACEBACK_LOGGERS = (
    "aiobotocore.credentials",
    "aiobotocore.tokens",
    "botocore.credentials",
    "botocore.tokens",
)
"""They log a traceback with every failed renewal, also of those that are raised."""

TIME_LIMIT_S = 30.0
"""Half of what a customer has by default, so that a provider that hangs is named."""

_ENVIRONMENT = "env"


class OwnSession(AioSession):
    """A session whose credentials are loaded once for all who wait, and fail with one sentence."""

    def __init__(self, profile: str | None) -> None:
        super().__init__(profile=profile)
        self.time_limit_s = TIME_LIMIT_S
        self._loading = SharedCalls[str, OwnCredentials]()
        self._loaded: OwnCredentials | None = None
        for name in _TRACEBACK_LOGGERS:
            logging.getLogger(name).setLevel(logging.CRITICAL)

    async def get_credentials(self) -> OwnCredentials:  # type: ignore[override]
        """Return the credentials of the first provider that has some.

        Raises:
            RemoteServiceError: A provider failed, or none has any; the next call begins anew.
        """
        self._loaded = await self._loading.fetch("", self._load)
        return self._loaded

    def drop_expired(self) -> bool:
        """Drop the credentials, which AWS calls expired; return whether others may take their place."""
        return self._loaded is not None and self._loaded.drop_expired()

    async def close(self) -> None:
        """End the calls that still run."""
        loaded, self._loaded = self._loaded, None
        if loaded is not None:
            await loaded.close()
        await self._loading.close()

    async def find_credentials(self) -> Any:
        """Return what the first provider that has credentials returns.

        Raises:
            RemoteServiceError: A provider failed, or none has any.
        """
        async with self.explaining(""):
            providers = self.get_component("credential_provider").providers
        for provider in providers:
            if provider.METHOD == "assume-role":
                provider._prompter = _read_mfa_code  # noqa: SLF001 - botocore offers no other way
            if provider.METHOD == "custom-process":
                provider._popen = _start_program  # noqa: SLF001 - same
            async with self.explaining(provider.METHOD):
                found = await provider.load()
            if found is not None:
                return found
        raise no_credentials(os.environ)

    @asynccontextmanager
    async def explaining(self, method: str) -> AsyncIterator[None]:
        """Raise any failure of a provider, and its silence, as ``RemoteServiceError``."""
        try:
            limit_s = None if self._waits_for_a_person(method) else self.time_limit_s
            async with asyncio.timeout(limit_s):
                with naming("aws", f"credentials ({method or 'settings'})"):
                    yield
        except RemoteServiceError:
            raise
        except Exception as error:
            raise provider_error(self._describe(method), error) from error

    def _waits_for_a_person(self, method: str) -> bool:
        return method == "assume-role" and "mfa_serial" in self._describe(method).settings

    async def _load(self) -> OwnCredentials:
        return OwnCredentials(await self.find_credentials(), self)

    def _describe(self, method: str) -> Provider:
        profile = self.get_config_variable("profile") or "default"
        settings = self.full_config.get("profiles", {}).get(profile, {})
        return Provider(method, profile, settings if isinstance(settings, dict) else {}, os.environ)


def open_own_session(profile: str | None, ca_bundle: str | None) -> OwnSession:
    """Return a session that has read the AWS files.

    Args:
        profile: Named profile, or None for the AWS chain.
        ca_bundle: Whom to trust when the AWS settings do not say.

    Raises:
        RemoteServiceError: The profile does not exist, or the files cannot be read.
    """
    session = OwnSession(profile)
    try:
        session.get_scoped_config()
        if ca_bundle and not session.get_config_variable("ca_bundle"):
            session.set_config_variable("ca_bundle", ca_bundle)
    except Exception as error:
        raise settings_error(profile or os.environ.get("AWS_PROFILE"), error) from error
    return session


class OwnCredentials(AioCredentials):
    """Credentials as a client of this session takes them.

    After a failed renewal the next one goes through the providers anew: somebody may have signed in again,
    and some of botocore's credentials (those with an MFA code) can be renewed only once.

    Args:
        found: What the provider returned.
        session: Whose provider it was.
    """

    def __init__(self, found: Any, session: OwnSession) -> None:
        super().__init__("", "", method=found.method)
        self._found = found
        self._session = session
        self._renewing = SharedCalls[str, Any](is_fresh=lambda _frozen: False)

    async def get_frozen_credentials(self) -> Any:  # type: ignore[override]
        """Return the credentials as they are now, renewed if they are about to end.

        Raises:
            RemoteServiceError: They cannot be renewed.
        """
        return await self._renewing.fetch("", self._freeze)

    async def get_account_id(self) -> Any:  # type: ignore[override]
        """Return the account they belong to, or None.

        Raises:
            RemoteServiceError: They cannot be renewed.
        """
        return (await self.get_frozen_credentials()).account_id

    def drop_expired(self) -> bool:
        """Go through the providers anew next time; return whether they may have something else by then.

        The environment of a process stays as it is.
        """
        self._found = None
        return self.method != _ENVIRONMENT

    async def close(self) -> None:
        """End a renewal that still runs."""
        await self._renewing.close()

    async def _freeze(self) -> Any:
        found, self._found = self._found or await self._session.find_credentials(), None
        async with self._session.explaining(found.method):
            frozen = await found.get_frozen_credentials()
        self._found = found
        return frozen


class _Program:
    """A program that prints credentials; it ends with whoever waits for it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def returncode(self) -> int | None:
        return self._process.returncode

    async def communicate(self) -> tuple[bytes, bytes]:
        try:
            return await self._process.communicate()
        except asyncio.CancelledError:
            self._process.kill()
            await self._process.communicate()
            raise


async def _start_program(*command: str, stdout: int, stderr: int) -> _Program:
    return _Program(await asyncio.create_subprocess_exec(*command, stdout=stdout, stderr=stderr))


def _read_mfa_code(prompt: str) -> str:
    """Return the code that the person at the terminal types.

    Raises:
        EOFError: There is no terminal; standard input may be a change file and is left alone.
    """
    if not (sys.stdin and sys.stdin.isatty()) and not sys.stderr.isatty():
        raise EOFError
    return getpass.getpass(prompt)
