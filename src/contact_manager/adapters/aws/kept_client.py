"""A client of botocore that is opened when it is first needed, and kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from contact_manager.adapters.aws.advice import EXPIRED_CODES
from contact_manager.adapters.aws.botocore_errors import translating
from contact_manager.adapters.aws.errors import Asked
from contact_manager.adapters.aws.session import READ_TIMEOUT_S, AwsAccess
from contact_manager.errors import RemoteServiceError


class KeptClient:
    """One client for all calls. An opening that fails leaves nothing behind: the next call opens anew.

    Args:
        access: The process's way into AWS; whoever made it closes it.
        service: ``s3`` or ``sqs``.
        read_timeout_s: Longest silence of the service.
    """

    def __init__(self, access: AwsAccess, service: str, *, read_timeout_s: float = READ_TIMEOUT_S) -> None:
        self._access = access
        self._service = service
        self._read_timeout_s = read_timeout_s
        self._stack = AsyncExitStack()
        self._client: Any = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def calling(self, asked: Asked) -> AsyncIterator[Any]:
        """Yield the client for one call.

        Raises:
            RemoteServiceError: What went wrong in the body, or no region or no credentials are known. Expired
                credentials may be others in the next call, and then it says that the failure passes.
        """
        try:
            async with translating(asked):
                yield await self._open(asked)
        except RemoteServiceError as error:
            if error.code in EXPIRED_CODES:
                error.retryable = self._access.open_session().drop_expired()
            raise

    async def _open(self, asked: Asked) -> Any:
        async with self._opening:
            if self._client is None:
                opening = self._access.open_client(self._service, asked, read_timeout_s=self._read_timeout_s)
                self._client = await self._stack.enter_async_context(opening)
            return self._client

    async def close(self) -> None:
        """Close the connections."""
        self._client = None
        await self._stack.aclose()
