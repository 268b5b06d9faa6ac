"""What an S3 object carries is written again in a form that S3 takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contact_manager.adapters.aws.object_properties import kept_parameters, read_properties

NOW = datetime.now(UTC)


def test_what_is_no_property_is_left_behind() -> None:
    answer = {"Body": b"", "ETag": "x", "CacheControl": "no-store", "TagCount": 2, "VersionId": "1"}
    assert read_properties(answer) == {"CacheControl": "no-store", "TagCount": 2}
    assert kept_parameters(read_properties(answer)) == {"CacheControl": "no-store"}


@pytest.mark.parametrize(
    ("storage_class", "is_kept"),
    [
        ("STANDARD_IA", True),
        ("INTELLIGENT_TIERING", True),
        ("GLACIER_IR", True),
        ("GLACIER", False),
        ("DEEP_ARCHIVE", False),
    ],
)
def test_a_copy_restored_from_an_archive_stays_readable(storage_class: str, *, is_kept: bool) -> None:
    assert ("StorageClass" in kept_parameters({"StorageClass": storage_class})) is is_kept


def test_a_retention_is_kept_until_it_ends() -> None:
    def lock(until: datetime) -> dict[str, Any]:
        return {
            "ObjectLockMode": "GOVERNANCE",
            "ObjectLockRetainUntilDate": until,
            "ObjectLockLegalHoldStatus": "ON",
        }

    running = lock(NOW + timedelta(days=1))
    assert kept_parameters(running) == running
    assert kept_parameters(lock(NOW - timedelta(days=1))) == {"ObjectLockLegalHoldStatus": "ON"}


def test_metadata_in_other_letters_goes_as_encoded_words() -> None:
    kept = kept_parameters(
        {"Metadata": {"author": "portal", "owner": "J\u00fcrgen", "word": "=?UTF-8?B?w7w=?="}}
    )
    assert kept["Metadata"] == {
        "author": "portal",
        "owner": "=?utf-8?q?J=C3=BCrgen?=",
        "word": "=?UTF-8?B?w7w=?=",
    }


def test_metadata_that_s3_does_not_return_is_missed_aloud(caplog: pytest.LogCaptureFixture) -> None:
    kept_parameters({"MissingMeta": 2})
    assert "store.metadata_incomplete missing=2" in caplog.text
