"""A client of botocore that is opened when it is first needed, and kept."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from contact_manager.adapters.aws.errors import Asked
from contact_manager.adapters.aws.session import READ_TIMEOUT_S, AwsAccess


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

    async def open(self, asked: Asked) -> Any:
        """Return the client.

        Raises:
            RemoteServiceError: No region or no credentials are known.
            BotoCoreError: The AWS settings are wrong.
        """
        async with self._opening:
            if self._client is None:
                opening = self._access.open_client(self._service, asked, read_timeout_s=self._read_timeout_s)
                self._client = await self._stack.enter_async_context(opening)
            return self._client

    async def close(self) -> None:
        """Close the connections."""
        self._client = None
        await self._stack.aclose()
