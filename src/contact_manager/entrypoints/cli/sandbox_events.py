"""The part of the demo in which a change does it all by itself: bucket, queue, worker, mails and meeting."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import orjson
import typer

from contact_manager.entrypoints.cli.exit_codes import ExitCode
from contact_manager.entrypoints.cli.own_process import own_command, sandbox_environment
from contact_manager.entrypoints.cli.terminal import write_message, write_result

if TYPE_CHECKING:
    from pathlib import Path

    from contact_manager.sandbox.stack import SandboxStack

_POLL_S = 0.1
_PATIENCE_S = 120.0
_GRACE_S = 30.0
_STEPS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Submitted: the approvers of every customer are asked.", {"status": "submitted", "version": 1}),
    ("Approved: the announcement goes out, the meeting is made.", {"status": "approved", "version": 1}),
    (
        "Edited, so it needs a new approval: the meeting is cancelled, the approvers are asked again.",
        {"status": "submitted", "version": 2, "customerImpact": "Up to five minutes without connection."},
    ),
    ("Approved again: a new announcement, a new meeting.", {"status": "approved", "version": 2}),
    ("Completed: everybody who was told of it hears that it is done.", {"status": "completed", "version": 2}),
)


@contextmanager
def running_worker(
    stack: SandboxStack, log: IO[str] | int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the worker in a sandbox, and stop it in peace at the end.

    Args:
        stack: Runs already.
        log: Where its stderr goes; None for ours.
    """
    with subprocess.Popen(  # noqa: S603 - our own command
        own_command("worker"),
        env=sandbox_environment(stack),
        stdin=subprocess.DEVNULL,
        stderr=log,
        process_group=stack.process_group,
    ) as worker:
        try:
            yield worker
        finally:
            worker.terminate()
            try:
                worker.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                worker.kill()


def tell_life_cycle(stack: SandboxStack, example: Path) -> None:
    """Put a change through its life cycle as a portal does, and tell what arrives where."""
    document = orjson.loads(example.read_bytes()) | {"changeId": "CHG-2031-0099", "modifications": []}
    with running_worker(stack, subprocess.DEVNULL) as worker:
        for told, edits in _STEPS:
            document |= edits
            mailed, notices = len(stack.aws.sent_mails), len(stack.graph.state()["notices"])
            write_result("", f"== {told}")
            document["modifications"].append({"modification_type": edits["status"]})
            stack.changes.submit(document)
            _wait_until_done(stack, worker)
            _tell_mails(stack, mailed)
            _tell_calendar(stack, notices)
            document["modifications"] = stack.changes.fetch_record(document["changeId"])["modifications"]


def _wait_until_done(stack: SandboxStack, worker: subprocess.Popen[bytes]) -> None:
    give_up_at = time.monotonic() + _PATIENCE_S
    while stack.changes.queue_depth():
        if worker.poll() is not None or time.monotonic() > give_up_at:
            write_message("The worker did not get through the queue.")
            raise typer.Exit(ExitCode.FAILED)
        time.sleep(_POLL_S)


def _tell_mails(stack: SandboxStack, before: int) -> None:
    mails = stack.aws.sent_mails[before:]
    for subject, number in sorted(Counter(_without_customer(mail.subject) for mail in mails).items()):
        write_result(f"  {number} x mail  {subject}")


def _without_customer(subject: str) -> str:
    return subject.rpartition(" (")[0]


def _tell_calendar(stack: SandboxStack, before: int) -> None:
    state = stack.graph.state()
    told = Counter(one["kind"] for one in state["notices"][before:])
    sent = ", ".join(f"{number} {kind}s" for kind, number in sorted(told.items())) or "nobody is told"
    events = state["mailboxes"][stack.world.organizer]["events"]
    meetings = [one for one in events if not one["isCancelled"]]
    write_result(f"  calendar  {sent}; meetings in it now: {len(meetings)}")
