"""A sandbox for each story, and the command, run as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from contact_manager.sandbox.stack import SandboxStack

EXAMPLES = Path(__file__).parents[2] / "examples" / "changes"


@dataclass(frozen=True, slots=True)
class Done:
    """What a command left behind."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def report(self) -> dict[str, Any]:
        value = json.loads(self.stdout)
        assert isinstance(value, dict)
        return value


class Sandbox:
    """The running stack and the command in its environment."""

    def __init__(self, stack: SandboxStack, folder: Path) -> None:
        self.stack = stack
        self.folder = folder
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        self.environment = {**inherited, **stack.environment}
        for name in stack.unset:
            self.environment.pop(name, None)

    def run(self, *arguments: str, stdin: str | None = None, **environment: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "contact_manager", *arguments],
            env=self.environment | environment,
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    @property
    def measured(self) -> dict[str, str]:
        """The environment for processes whose coverage counts; it costs a third more time."""
        coverage = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
        return self.environment | coverage

    def meeting(self, verb: str, change: dict[str, Any] | str, *flags: str, **environment: str) -> Done:
        """Run ``meeting VERB`` on a change and check that stdout is one JSON object."""
        path = change if isinstance(change, str) else self.write(change)
        done = self.run("meeting", verb, "--json-metadata", path, "--output", "json", *flags, **environment)
        assert done.report["schema"] == "contact-manager/meeting/v1"
        return done

    def write(self, change: dict[str, Any]) -> str:
        path = self.folder / "change.json"
        path.write_text(json.dumps(change))
        return str(path)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The live events in the organizer's calendar."""
        mailbox = self.stack.graph.state()["mailboxes"]["changes@example.com"]
        events: list[dict[str, Any]] = mailbox["events"]
        return events

    @property
    def notices(self) -> list[tuple[str, str]]:
        return [(one["kind"], one["address"]) for one in self.stack.graph.state()["notices"]]

    @property
    def graph_writes(self) -> list[dict[str, Any]]:
        log = self.stack.graph.state()["requests"]
        writes = ("POST", "PATCH", "DELETE")
        return [one for one in log if one["method"] in writes and "/events" in one["path"]]


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with SandboxStack() as stack:
        yield Sandbox(stack, tmp_path)


@pytest.fixture
def change() -> dict[str, Any]:
    """A flat change for three customers; tests alter it."""
    value: dict[str, Any] = json.loads((EXAMPLES / "flat.json").read_text())
    return value
