"""The descriptor limit of the process, which is 256 on macOS until somebody raises it."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from contact_manager.adapters.aws.descriptors import RESERVED_DESCRIPTORS, fit_connections
from tests.fakes.aws_access import people
from tests.fakes.aws_fake import OWN_KEY, OWN_SECRET, AwsFake, FakeAccount

CUSTOMERS = 300


@dataclass
class Crowd:
    """Holds requests back until ``size`` of them are there, and knows the most connections at a time."""

    size: int
    waiting: int = 0
    most_connections: int = 0

    def __post_init__(self) -> None:
        self._full = asyncio.Event()
        self._connections: set[Any] = set()

    async def wait(self, request: web.Request) -> None:
        self._connections = {one for one in self._connections if not one.is_closing()} | {request.transport}
        self.most_connections = max(self.most_connections, len(self._connections))
        self.waiting += 1
        if self.waiting >= self.size:
            self._full.set()
        await self._full.wait()


@pytest.mark.parametrize(
    ("limits", "most"),
    [((256, 256), 256 - RESERVED_DESCRIPTORS), ((256, 4096), 768)],
)
async def test_three_hundred_customers_are_read_within_the_limit_of_open_files(
    tmp_path: Path, limits: tuple[int, int], most: int
) -> None:
    fake = AwsFake()
    fake.accounts = {
        f"{number:012}": FakeAccount(pages=[people(f"p{number}@x.example")]) for number in range(CUSTOMERS)
    }
    crowd = Crowd(size=40)
    fake.before = dict.fromkeys(("AssumeRole", "ListContacts"), crowd.wait)
    async with fake.make_server() as server:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "contact_manager", "recipients", "list", "--output", "json"),
            env=environment(tmp_path, str(server.make_url("")).rstrip("/")),
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limits),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        stdout, stderr = await process.communicate()
    report = json.loads(stdout)
    assert {one["status"] for one in report["customers"]} == {"ok"}
    assert len(report["recipients"]) == CUSTOMERS
    assert process.returncode == 0
    assert fake.calls["AssumeRole"] == fake.calls["ListContacts"] == CUSTOMERS, "nothing was repeated"
    assert crowd.most_connections <= most
    assert b"Too many open files" not in stderr + stdout


def environment(folder: Path, url: str) -> dict[str, str]:
    customers = {
        f"c{number}": {"region": "us-east-1", "ses_role_arn": f"arn:aws:iam::{number:012}:role/r{number}"}
        for number in range(CUSTOMERS)
    }
    config = folder / "config.json"
    config.write_text(json.dumps({"aws_region": "us-east-1", "customer_mappings": customers}))
    cleaned = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return cleaned | {
        "CONFIG_FILE": str(config),
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": OWN_KEY,
        "AWS_SECRET_ACCESS_KEY": OWN_SECRET,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "fitting"),
    [
        (1024, 4096, 768, 768),
        (256, 256, 768, 128),
        (256, 300, 768, 172),
        (64, 64, 768, 16),
        (8, 8, 768, 2),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, 768, 768),
        (256, resource.RLIM_INFINITY, 768, 768),
    ],
)
def test_connections_fit_the_limit(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, wanted: int, fitting: int
) -> None:
    limits = [(soft, hard)]
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _kind, chosen: limits.append(chosen))
    assert fit_connections(wanted) == fitting
    assert all(chosen[1] == hard for chosen in limits), "the hard limit stays"


def test_a_limit_that_may_not_be_raised_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_kind: int, _limits: tuple[int, int]) -> None:
        raise ValueError("not allowed")

    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (256, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert fit_connections(768) == 128
