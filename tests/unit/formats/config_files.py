"""Small configuration files, and what comes of reading them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from contact_manager.domain.customer import Customer
from contact_manager.errors import ConfigError
from contact_manager.formats.config_json import parse_config
from contact_manager.settings import Settings

EXAMPLE = Path(__file__).parents[3] / "examples" / "config.json"
ROLE = "arn:aws:iam::111122223333:role/reader"
QUEUE = "arn:aws:sqs:us-east-1:111122223333:changes"


def config(customer: dict[str, Any] | None = None, **sections: Any) -> dict[str, Any]:
    """A configuration with one customer."""
    return {"customer_mappings": {"hts": customer or {}}, **sections}


def read(document: Any) -> Settings:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return parse_config(data, source="config.json")


def problems_of(document: Any) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        read(document)
    assert caught.value.source == "config.json"
    return {problem.path: problem.message for problem in caught.value.problems}


def customer_of(entry: dict[str, Any], **sections: Any) -> Customer:
    return read(config(entry, **sections)).customers["hts"]
