"""A bucket as an ``ObjectStore``: Amazon S3 with conditional writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from contact_manager.adapters.aws.botocore_errors import translating
from contact_manager.adapters.aws.errors import Asked
from contact_manager.adapters.aws.session import AwsAccess
from contact_manager.errors import ConflictError, RemoteServiceError
from contact_manager.ports import StoredObject

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

_CHANGED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "412", "409", "404"})
"""Another object than the expected one, a race, and none at all (Amazon S3 user guide, "Conditional
writes")."""


class S3ObjectStore:
    """The objects of one bucket. Implements ``ports.ObjectStore``.

    Args:
        access: The process's way into AWS; whoever made it closes it.
        bucket: Name of the bucket.
    """

    def __init__(self, access: AwsAccess, bucket: str) -> None:
        self._access = access
        self._bucket = bucket
        self._stack = AsyncExitStack()
        self._client: S3Client | None = None
        self._opening = asyncio.Lock()

    async def close(self) -> None:
        """Close the connections."""
        self._client = None
        await self._stack.aclose()

    async def fetch(self, key: str) -> StoredObject | None:
        """Return the object, or None when there is none."""
        async with self._calling("GetObject", key) as client:
            try:
                answer = await client.get_object(Bucket=self._bucket, Key=key)
            except client.exceptions.NoSuchKey:
                return None
            async with answer["Body"] as body:
                return StoredObject(await body.read(), answer["ETag"])

    async def write(self, key: str, data: bytes, *, etag: str | None) -> str:
        """Write the object if it is still the one with ``etag``, or with None if there is none yet."""
        condition: Any = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            async with self._calling("PutObject", key) as client:
                answer = await client.put_object(
                    Bucket=self._bucket, Key=key, Body=data, ContentType="application/json", **condition
                )
                return answer["ETag"]
        except RemoteServiceError as error:
            if error.code not in _CHANGED:
                raise
            raise ConflictError(
                f"somebody else wrote {key} meanwhile",
                service=error.service,
                operation=error.operation,
                code=error.code,
                retryable=True,
                request_id=error.request_id,
            ) from error

    async def delete(self, key: str) -> None:
        """Remove the object; one that is gone already is fine."""
        async with self._calling("DeleteObject", key) as client:
            await client.delete_object(Bucket=self._bucket, Key=key)

    async def list_keys(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys that begin with ``prefix``."""
        async with self._calling("ListObjectsV2", prefix) as client:
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            async for page in pages:
                for one in page.get("Contents", []):
                    yield one["Key"]

    @asynccontextmanager
    async def _calling(self, operation: str, key: str) -> AsyncIterator[S3Client]:
        asked = Asked("s3", operation, f"{key} in the bucket {self._bucket}")
        async with translating(asked):
            yield await self._open(asked)

    async def _open(self, asked: Asked) -> S3Client:
        async with self._opening:
            if self._client is not None:
                return self._client
            region = self._access.choose_region(asked)
            opening = self._access.open_session().create_client("s3", region_name=region)
            client: S3Client = await self._stack.enter_async_context(opening)
            self._client = client
            return client
