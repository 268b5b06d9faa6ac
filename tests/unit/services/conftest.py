"""Tests of whole use cases wait for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

from tests.fakes.skipping_loop import SkippingLoop


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Let the tests of these files run in a loop in which sleeps and time-outs come at once."""
    if item.path.name.startswith("test_process_"):
        return {"skipping": SkippingLoop}
    return {"waiting": asyncio.SelectorEventLoop}
