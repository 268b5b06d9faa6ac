"""Objects of S3 that were written longer ago."""

from __future__ import annotations

from datetime import timedelta

from moto.s3.models import s3_backends

from contact_manager.sandbox.aws_server.credentials import BASE_ACCOUNT_ID


def age_objects(bucket_name: str, key_contains: str, by: timedelta) -> None:
    """Put back when the objects of a bucket were last modified, by what S3 answers."""
    for key, stored in s3_backends[BASE_ACCOUNT_ID]["aws"].head_bucket(bucket_name).keys.items():
        if key_contains in key:
            stored.last_modified -= by
