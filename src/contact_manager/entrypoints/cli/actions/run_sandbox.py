"""``sandbox up | demo``: the whole tool without an account."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from contact_manager.entrypoints.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from contact_manager.sandbox.stack import SandboxStack

_PACKAGED_EXAMPLES = Path(__file__).parents[3] / "sandbox" / "examples"
_CHECKOUT_EXAMPLES = Path(__file__).parents[5] / "examples"


def run_sandbox() -> None:
    """Start the sandbox, print the environment to export, and stay until stopped."""
    with _open_stack() as stack:
        sys.stdout.write(stack.shell_exports())
        sys.stdout.flush()
        _say(
            "The sandbox is up, on this machine only. Put the lines above into another shell, then try there:"
        )
        _say(f"  ccoe-customer-contact-manager meeting plan --json-metadata {_example('flat.json')}")
        _say("Ctrl-C stops it; nothing of it stays.")
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


def run_demo() -> None:
    """Run the main job on the example changes in the sandbox, as a person would type it."""
    _say(
        "Starting the sandbox: Amazon SES with a handful of customers, and Microsoft Graph, on this machine."
    )
    with _open_stack() as stack:
        environment = {**os.environ, **stack.environment}
        for name in stack.unset:
            environment.pop(name, None)
        for told, command, change in _STEPS:
            _run_step(told, command, change, environment)
        _say("\nThat was the whole line, through the same code as with real accounts. What next:")
        _say("  sandbox up             keeps the sandbox running for your own experiments")
        _say("  docs/tutorial.md       explains what you have just seen")


_STEPS = (
    ("Who would be invited, and what would happen? Nothing is written.", "meeting plan", "flat.json"),
    ("Make the meeting.", "meeting apply", "flat.json"),
    ("Run it again: nothing to do, and nobody is mailed.", "meeting apply", "flat.json"),
    ("The same change, written in another dialect, is the same meeting.", "meeting apply", "nested.json"),
    ("The calendar entry as it stands in the organizer's mailbox.", "meeting show", "flat.json"),
    (
        "Why does a person get no invitation?",
        "recipients explain lena.fischer@example.com",
        "flat.json",
    ),
    (
        "An announcement has its own topic, and its people never see each other.",
        "meeting apply",
        "announcement-finops.json",
    ),
)


def _run_step(told: str, command: str, change: str, environment: Mapping[str, str]) -> None:
    arguments = [*command.split(), "--json-metadata", str(_example(change))]
    _say(f"\n== {told}\n$ ccoe-customer-contact-manager {' '.join(arguments)}")
    done = subprocess.run(  # noqa: S603 - our own command on our own examples
        [sys.executable, "-m", "contact_manager", *arguments], env=environment, check=False
    )
    if done.returncode != ExitCode.DONE:
        _say(f"The step failed with exit code {done.returncode}.")
        raise typer.Exit(ExitCode.FAILED)


def _open_stack() -> SandboxStack:
    try:
        from contact_manager.sandbox.stack import SandboxStack
    except ModuleNotFoundError as error:
        _say(f"The sandbox needs its extra ({error.name} is missing). Install it with:")
        _say("  pip install 'ccoe-customer-contact-manager[sandbox]'")
        raise typer.Exit(ExitCode.FAILED) from error
    return SandboxStack()


def _example(name: str) -> Path:
    """Return an example's path, relative to the current directory where it lies below it."""
    folder = _PACKAGED_EXAMPLES if _PACKAGED_EXAMPLES.exists() else _CHECKOUT_EXAMPLES
    path = folder / "changes" / name
    with suppress(ValueError):
        return path.relative_to(Path.cwd())
    return path


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
