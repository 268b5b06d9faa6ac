"""A bucket as an ``ObjectStore``: Amazon S3 with conditional writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from contact_manager.adapters.aws.errors import Asked, Refusal, clean_code, refused, unanswered, unready
from contact_manager.adapters.aws.session import AwsAccess
from contact_manager.errors import ConflictError
from contact_manager.ports import StoredObject

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

_NOT_FOUND = frozenset({"NoSuchKey", "404"})
_CHANGED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
"""Another value than the expected one, and a race (Amazon S3 user guide, "Conditional writes")."""


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
        async with self._calling("PutObject", key) as client:
            answer = await client.put_object(
                Bucket=self._bucket, Key=key, Body=data, ContentType="application/json", **condition
            )
            return answer["ETag"]

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
        """Translate what botocore raises."""
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
        from botocore.exceptions import ConnectionError as NoConnectionError

        asked = Asked("s3", operation, f"{key} in the bucket {self._bucket}")
        try:
            yield await self._open(asked)
        except ClientError as error:
            raise _translated(asked, error.response) from error
        except (HTTPClientError, NoConnectionError, TimeoutError) as error:
            raise unanswered(asked, str(error)) from error
        except BotoCoreError as error:
            raise unready(asked, type(error).__name__, f"{error}; check the AWS settings") from error

    async def _open(self, asked: Asked) -> S3Client:
        async with self._opening:
            if self._client is not None:
                return self._client
            region = self._access.choose_region(asked)
            opening = self._access.open_session().create_client("s3", region_name=region)
            client: S3Client = await self._stack.enter_async_context(opening)
            self._client = client
            return client


def _translated(asked: Asked, response: Any) -> Exception:
    metadata = response.get("ResponseMetadata", {})
    refusal = Refusal(
        metadata.get("HTTPStatusCode", 0),
        clean_code(response.get("Error", {}).get("Code", "")),
        response.get("Error", {}).get("Message", ""),
        metadata.get("RequestId", ""),
    )
    if refusal.code in _CHANGED or (refusal.code in _NOT_FOUND and asked.operation == "PutObject"):
        return ConflictError(
            f"{asked} found that somebody else wrote there",
            service=asked.service,
            operation=asked.operation,
            code=refusal.code,
            retryable=True,
            request_id=refusal.request_id,
        )
    return refused(asked, refusal)
