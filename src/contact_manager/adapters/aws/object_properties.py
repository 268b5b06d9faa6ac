"""What S3 keeps beside an object's bytes, from GetObject's answer to PutObject's parameters."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from email.header import Header
from typing import Any

_log = logging.getLogger(__name__)

_KEPT = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
    "Metadata",
    "StorageClass",
    "WebsiteRedirectLocation",
    "ServerSideEncryption",
    "SSEKMSKeyId",
    "BucketKeyEnabled",
    "ObjectLockMode",
    "ObjectLockRetainUntilDate",
    "ObjectLockLegalHoldStatus",
)
"""What GetObject answers and PutObject takes under the same name (Amazon S3 API reference)."""

_ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})
"""Storage classes whose objects cannot be read at once (Amazon S3 user guide, "storage classes")."""


def read_properties(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of an object, from GetObject's answer."""
    return {name: answer[name] for name in (*_KEPT, "TagCount", "MissingMeta") if name in answer}


def kept_parameters(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters with which PutObject keeps the properties, but for the tags.

    A copy that was restored from an archive is written to the standard class: it has to be read again. A
    retention that has ended is not accepted, and left out.
    """
    kept = {name: properties[name] for name in _KEPT if name in properties}
    if kept.get("StorageClass") in _ARCHIVED:
        del kept["StorageClass"]
    if "ObjectLockMode" in kept and kept.get("ObjectLockRetainUntilDate", _NEVER) <= datetime.now(UTC):
        kept = {name: value for name, value in kept.items() if name not in _RETENTION}
    if "Metadata" in kept:
        kept["Metadata"] = {name: _header_text(value) for name, value in kept["Metadata"].items()}
    if properties.get("MissingMeta"):
        _log.warning("store.metadata_incomplete missing=%d", properties["MissingMeta"])
    return kept


_RETENTION = frozenset({"ObjectLockMode", "ObjectLockRetainUntilDate"})
_NEVER = datetime.min.replace(tzinfo=UTC)


def _header_text(value: str) -> str:
    """Return a metadata value as ASCII; S3 takes others as RFC 2047 words (S3 user guide, "metadata")."""
    return value if value.isascii() else Header(value, "utf-8", maxlinelen=0).encode()
