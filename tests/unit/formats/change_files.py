"""Small change files, and what comes of reading them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from contact_manager.domain.change import Change
from contact_manager.errors import InvalidChangeError
from contact_manager.formats.change_json import parse_change

ROOT = Path(__file__).parents[3]
FIXTURES = ROOT / "tests" / "fixtures" / "changes"
EXAMPLES = ROOT / "examples" / "changes"


def flat(**more: Any) -> dict[str, Any]:
    """A flat change file; None takes a key away."""
    document = {
        "changeTitle": "Replace the gateway",
        "customers": ["hts"],
        "implementationStart": "2031-05-10T18:00",
        **more,
    }
    return {key: value for key, value in document.items() if value is not None}


def nested(*, schedule: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A nested change file; ``more`` stands at its top level."""
    metadata = {
        "changeTitle": "Replace the gateway",
        "customerCodes": ["hts"],
        "schedule": {"implementationStart": "2031-05-10T18:00"} if schedule is None else schedule,
    }
    return {"changeMetadata": metadata, **more}


def announcement(**more: Any) -> dict[str, Any]:
    """An announcement file; None takes a key away."""
    document = {
        "object_type": "announcement_cic",
        "title": "News",
        "customers": ["hts"],
        "meeting_date": "2031-05-10T18:00",
        **more,
    }
    return {key: value for key, value in document.items() if value is not None}


def read(document: Any, *, default_time_zone: str = "America/New_York", **more: Any) -> Change:
    """Read a document (or bytes) as a change."""
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return parse_change(data, source="change.json", default_time_zone=default_time_zone, **more)


def problems_of(document: Any, **more: Any) -> dict[str, str]:
    """Return the problems of a document by their paths."""
    with pytest.raises(InvalidChangeError) as caught:
        read(document, **more)
    assert caught.value.source == "change.json"
    return {problem.path: problem.message for problem in caught.value.problems}
