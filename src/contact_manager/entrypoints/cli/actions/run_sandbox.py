"""``sandbox up | demo``: the whole tool without an account."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from contact_manager.entrypoints.cli.exit_codes import ExitCode
from contact_manager.entrypoints.cli.own_process import own_command, sandbox_environment
from contact_manager.entrypoints.cli.sandbox_events import running_worker, tell_life_cycle
from contact_manager.entrypoints.cli.terminal import write_message, write_result

if TYPE_CHECKING:
    from contact_manager.sandbox.stack import SandboxStack

_LOOK_AGAIN_S = 0.5
_PACKAGED_EXAMPLES = Path(__file__).parents[3] / "sandbox" / "examples"
_CHECKOUT_EXAMPLES = Path(__file__).parents[5] / "examples"


def run_sandbox() -> None:
    """Start the sandbox, print the environment to export, and stay until stopped."""
    with _running_stack() as stack, running_worker(stack):
        write_result(*stack.shell_exports().splitlines())
        command, flat = "ccoe-customer-contact-manager", _example("flat.json")
        write_message(
            "The sandbox is up, on this machine only. Put the lines above into another shell and try:",
            f"  {command} meeting plan --json-metadata {flat}",
            "or, as the change's trigger for one customer would do it, with mails:",
            f"  {command} change process {flat} --customer-code hts",
            f"A worker listens to the bucket s3://{stack.world.bucket_name} and tells here what it does.",
            "Its services can be made to fail (docs/reference/sandbox.md says how), through",
            f"  {stack.aws.admin_url} and {stack.graph.admin_url}",
            "Ctrl-C stops it; nothing of it stays.",
        )
        with suppress(KeyboardInterrupt):
            while True:  # a signal that another thread takes does not end a wait without a limit
                time.sleep(_LOOK_AGAIN_S)


def run_demo() -> None:
    """Run the main job on the example changes in the sandbox, as a person would type it."""
    write_result("Starting the sandbox: Amazon SES with six customers, and Microsoft Graph, on this machine.")
    with _running_stack() as stack:
        flat = str(_example("flat.json"))
        run = _Demo(stack).run
        run("Who would be invited, and what would happen? Nothing is written.", "meeting plan", flat)
        run("Make the meeting.", "meeting apply", flat)
        run("Run it again: nothing to do, and nobody is mailed.", "meeting apply", flat)
        run(
            "The same change in another dialect is the same meeting.",
            "meeting apply",
            _example("nested.json"),
        )
        _subscribe(stack, "new.colleague@example.com")
        run("Somebody subscribes: only that person is mailed.", "meeting apply", flat)
        moved = _moved_by_a_day(flat, stack.directory)
        run("The change moves by a day: the same meeting, the same join link.", "meeting apply", moved)
        run("The calendar entry as it stands in the organizer's mailbox.", "meeting show", moved)
        run("Why does a person get no invitation?", "recipients explain lena.fischer@example.com", flat)
        finops = _example("announcement-finops.json")
        run("An announcement has its own topic; its people never see each other.", "meeting apply", finops)
        write_result(
            "",
            "Now a change that does it all by itself. A portal writes it into a bucket, with a trigger for",
            "each customer; a worker listens to the bucket's queue, sends mails and sees to the meeting.",
        )
        tell_life_cycle(stack, Path(flat))
        write_result(
            "",
            "That was the whole line, through the same code as with real accounts. What next:",
            "  sandbox up             keeps the sandbox running for your own experiments",
            "  docs/tutorial.md       explains what you have just seen",
        )


class _Demo:
    """Runs the command in the sandbox's environment and tells what it does."""

    def __init__(self, stack: SandboxStack) -> None:
        self._stack = stack

    def run(self, told: str, command: str, change: str | Path) -> None:
        arguments = [*command.split(), "--json-metadata", str(change)]
        write_result("", f"== {told}", f"$ ccoe-customer-contact-manager {' '.join(arguments)}")
        done = subprocess.run(  # noqa: S603 - our own command on our own examples
            own_command(*arguments),
            env=sandbox_environment(self._stack),
            stdin=subprocess.DEVNULL,
            process_group=self._stack.process_group,
            check=False,
        )
        if done.returncode != ExitCode.DONE:
            write_message(f"The step failed with exit code {done.returncode}.")
            raise typer.Exit(ExitCode.FAILED)


def _subscribe(stack: SandboxStack, address: str) -> None:
    from contact_manager.sandbox.aws_server import ContactEntry, Place

    customer = stack.world.customers[0]
    entry = ContactEntry(address, {"aws-calendar": "OPT_IN"})
    stack.aws.put_contact(Place(customer.account_id, customer.region), entry)


def _moved_by_a_day(change: str, folder: Path) -> Path:
    """Write a copy of the change whose times are a day later."""
    moved = folder / "flat-moved.json"
    text = Path(change).read_text(encoding="utf-8")
    moved.write_text(text.replace("-05-11T", "-05-12T").replace("-05-10T", "-05-11T"), encoding="utf-8")
    return moved


@contextmanager
def _running_stack() -> Iterator[SandboxStack]:
    try:
        from contact_manager.sandbox.stack import SandboxStack
    except ModuleNotFoundError as error:
        write_message(f"The sandbox needs its extra ({error.name} is missing). Install it with:")
        write_message("  pip install 'ccoe-customer-contact-manager[sandbox]'")
        raise typer.Exit(ExitCode.FAILED) from error
    stack = SandboxStack()
    try:
        stack.start()
    except OSError as error:
        write_message(f"The sandbox cannot start: {error}")
        raise typer.Exit(ExitCode.FAILED) from error
    with stack:
        yield stack


def _example(name: str) -> Path:
    """Return an example's path, relative to the current directory where it lies below it."""
    folder = _PACKAGED_EXAMPLES if _PACKAGED_EXAMPLES.exists() else _CHECKOUT_EXAMPLES
    path = folder / "changes" / name
    with suppress(ValueError):
        return path.relative_to(Path.cwd())
    return path
