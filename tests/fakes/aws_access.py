"""The AWS adapter, led to a server on this machine and in no mood to wait."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from contact_manager.adapters.aws.retries import Patience
from contact_manager.adapters.aws.session import AwsAccess
from contact_manager.domain.customer import Customer
from tests.fakes.aws_fake import OWN_KEY, OWN_SECRET, contact

TOPIC = "aws-calendar"
HTS = Customer("hts", "HTS", "eu-west-1", "arn:aws:iam::111111111111:role/reader")
CDS = Customer("cds", "CDS", "eu-west-1", "arn:aws:iam::222222222222:role/reader")


async def no_sleep(_seconds: float) -> None:
    """Waiting is not what these tests are about."""


def impatient_access(label: str = "", **chosen: Any) -> AwsAccess:
    """Return access that repeats without waiting."""
    patience = Patience(sleep=no_sleep)
    return AwsAccess(tls=ssl.create_default_context(), label=label, patience=patience, **chosen)


def lead_to(monkeypatch: pytest.MonkeyPatch, url: str, key: str = OWN_KEY, secret: str = OWN_SECRET) -> None:
    """Set an environment in which nothing but ``url`` is AWS, and in which proxies are dead."""
    for name, value in {
        "AWS_ENDPOINT_URL": url.rstrip("/"),
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def people(*addresses: str) -> list[dict[str, object]]:
    """Return contacts who chose the topic."""
    return [contact(address, aws_calendar="OPT_IN") for address in addresses]
