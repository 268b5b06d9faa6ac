"""A bucket as an ``ObjectStore``: Amazon S3 with conditional writes."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from contact_manager.adapters.aws.errors import Asked
from contact_manager.adapters.aws.kept_client import KeptClient
from contact_manager.adapters.aws.object_properties import kept_parameters, read_properties
from contact_manager.adapters.aws.session import AwsAccess
from contact_manager.adapters.content_encoding import decode_content, encode_content
from contact_manager.errors import ConflictError, RemoteServiceError, UnusableObjectError
from contact_manager.ports import MAX_OBJECT_BYTES, StoredObject

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

_log = logging.getLogger(__name__)

_CHANGED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "412", "409", "404"})
"""Another object than the expected one, a race, and none at all (Amazon S3 user guide, "Conditional
writes")."""

_GONE = frozenset({"NoSuchKey", "404"})
_RESOLUTION = timedelta(seconds=1)
"""Of ``Last-Modified`` and ``Date`` (RFC 9110, section 5.6.7)."""


class S3ObjectStore:
    """The objects of one bucket. Implements ``ports.ObjectStore``.

    Args:
        access: The process's way into AWS; whoever made it closes it.
        bucket: Name of the bucket.
    """

    def __init__(self, access: AwsAccess, bucket: str) -> None:
        self._client = KeptClient(access, "s3")
        self._bucket = bucket

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def fetch(self, key: str, *, max_size: int = MAX_OBJECT_BYTES) -> StoredObject | None:
        """Return the object, or None when there is none."""
        async with self._calling("GetObject", key) as client:
            try:
                answer = await client.get_object(Bucket=self._bucket, Key=key)
            except client.exceptions.NoSuchKey:
                return None
            async with answer["Body"] as body:
                if answer["ContentLength"] > max_size:
                    raise self._unusable(key, f"it has more than {max_size} bytes")
                raw = await body.read()
        try:
            data = decode_content(answer.get("ContentEncoding", ""), raw, max_size=max_size)
        except ValueError as error:
            raise self._unusable(key, str(error)) from error
        return StoredObject(data, answer["ETag"], _age(answer), read_properties(answer))

    async def exists(self, key: str) -> bool:
        """Whether there is such an object; its bytes are not read.

        A bucket that does not exist looks like an object that does not: the answer has no body.
        """
        try:
            async with self._calling("HeadObject", key) as client:
                await client.head_object(Bucket=self._bucket, Key=key)
        except RemoteServiceError as error:
            if error.code not in _GONE:
                raise
            return False
        return True

    async def write(
        self, key: str, data: bytes, *, etag: str | None, keeping: StoredObject | None = None
    ) -> str:
        """Write the object if it is still the one with ``etag``, or with None if there is none yet.

        With ``keeping``, everything that PutObject takes is written again as it was, but for the access
        control list, which GetObject does not return.
        """
        kept: dict[str, Any] = {"ContentType": "application/json"}
        if keeping is not None:
            kept = {**kept_parameters(keeping.properties), **await self._kept_tags(key, keeping.properties)}
        condition: Any = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        body = encode_content(kept.get("ContentEncoding", ""), data)
        try:
            async with self._calling("PutObject", key) as client:
                answer = await client.put_object(Bucket=self._bucket, Key=key, Body=body, **kept, **condition)
                return answer["ETag"]
        except RemoteServiceError as error:
            if error.code not in _CHANGED:
                raise
            raise _conflict(key, error) from error

    async def delete(self, key: str) -> None:
        """Remove the object; one that is gone already is fine."""
        try:
            async with self._calling("DeleteObject", key) as client:
                await client.delete_object(Bucket=self._bucket, Key=key)
        except RemoteServiceError as error:
            if error.code not in _CHANGED:
                raise
            raise _conflict(key, error) from error

    async def list_keys(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys that begin with ``prefix``."""
        async with self._calling("ListObjectsV2", prefix) as client:
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            async for page in pages:
                for one in page.get("Contents", []):
                    yield one["Key"]

    async def _kept_tags(self, key: str, properties: Mapping[str, Any]) -> dict[str, str]:
        """Return the object's tags as PutObject takes them, which else drops them.

        S3 counts the tags only for those who may read them. Who may not loses them, and reads a warning.
        """
        try:
            async with self._calling("GetObjectTagging", key) as client:
                answer = await client.get_object_tagging(Bucket=self._bucket, Key=key)
        except RemoteServiceError as error:
            if error.code in _GONE:
                return {}
            if error.retryable or "TagCount" in properties:
                raise
            _log.warning("store.tags_unknown key=%s code=%s needs=s3:GetObjectTagging", key, error.code)
            return {}
        tags = [(tag["Key"], tag["Value"]) for tag in answer["TagSet"]]
        return {"Tagging": urlencode(tags)} if tags else {}

    def _unusable(self, key: str, reason: str) -> UnusableObjectError:
        return UnusableObjectError(
            f"{key} in the bucket {self._bucket} cannot be used: {reason}",
            service="s3",
            operation="GetObject",
            code="UnusableObject",
        )

    @asynccontextmanager
    async def _calling(self, operation: str, key: str) -> AsyncIterator[S3Client]:
        asked = Asked("s3", operation, f"{key} in the bucket {self._bucket}")
        async with self._client.calling(asked) as client:
            yield client


def _age(answer: Mapping[str, Any]) -> timedelta:
    """Return how long ago the object was written, at least; by our clock only if something hid S3's."""
    try:
        now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    except (KeyError, ValueError):
        now = datetime.now(UTC)
    age: timedelta = now - answer["LastModified"] - _RESOLUTION
    return max(age, timedelta(0))


def _conflict(key: str, error: RemoteServiceError) -> ConflictError:
    return ConflictError(
        f"somebody else wrote {key} meanwhile",
        service=error.service,
        operation=error.operation,
        code=error.code,
        retryable=True,
        request_id=error.request_id,
    )
