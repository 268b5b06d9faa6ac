"""Every command, given texts that try to drive the terminal or to forge a line of its output."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer

from contact_manager.entrypoints.cli.main import app, run
from contact_manager.sandbox.aws_server import Fault
from contact_manager.sandbox.demo_world import DEMO_WORLD
from contact_manager.sandbox.stack import SandboxStack
from contact_manager.sandbox.world import SandboxContact, SandboxWorld
from tests.fakes.hostile import HIDDEN, HOSTILE, MARKUP, forbidden, forged_lines

EXAMPLES = Path(__file__).parents[2] / "examples" / "changes"
ORGANIZER = "changes@example.com"
ACCEPTED = f"Rock {MARKUP}\u200b\u200f"
"""What files may hold and a terminal may not be given as it is."""

SHOWN = f"Rock {MARKUP}\\u200b\\u200f"
OPT_IN = {"aws-calendar": "OPT_IN"}


def commands(group: Any, *path: str) -> Iterator[tuple[str, ...]]:
    """Yield every command of the program by its words."""
    for name, command in getattr(group, "commands", {}).items():
        if hasattr(command, "commands"):
            yield from commands(command, *path, name)
        else:
            yield (*path, name)


COMMANDS = sorted(" ".join(words) for words in commands(typer.main.get_command(app)))
CHANGE = ("--json-metadata", "change.json")
RECIPES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "ses": (
        ("--action", HOSTILE),
        ("--action", "create-meeting-invite", "--dry-run", *CHANGE),
    ),
    "meeting plan": (CHANGE, ("--batch", "folder"), (*CHANGE, "--customer-code", HOSTILE)),
    "meeting apply": (CHANGE, ("--sender-email", HOSTILE, *CHANGE), ("--json-metadata", HOSTILE)),
    "meeting reconcile": (("folder",), (HOSTILE,)),
    "meeting show": (CHANGE, (*CHANGE, "--topic-name", HOSTILE)),
    "meeting cancel": (CHANGE, ("--json-metadata", "hostile.json")),
    "change process": (
        ("change.json", "--customer", "hts"),
        ("change.json", "--customer", HOSTILE),
        (HOSTILE, "--customer", "hts"),
    ),
    "change validate": (("change.json",), ("hostile.json",), ("oddities.json",), (HOSTILE,)),
    "recipients list": ((), CHANGE, ("--topic-name", HOSTILE)),
    "recipients explain": ((HOSTILE,), (HOSTILE, *CHANGE)),
    "config check": ((), ("--config-file", "hostile.json"), ("--config-file", "odd-config.json")),
    "config show": ((), ("--config-file", "hostile.json")),
    "config schema": ((),),
    "worker": (("--config-file", "odd-config.json"), ("--config-file", HOSTILE)),
    "sandbox up": ((HOSTILE,),),
    "sandbox demo": ((HOSTILE,),),
}
"""What each command is tried with besides wrong command lines: texts in files, arguments and services."""

TRIED = [(name, arguments) for name, recipes in RECIPES.items() for arguments in recipes]


def hostile_world() -> SandboxWorld:
    first, refusing, *_ = DEMO_WORLD.customers
    nasty = [SandboxContact(f"eve{HIDDEN}{MARKUP}\x1b[31m\x9b@example.com", OPT_IN)]
    return replace(
        DEMO_WORLD,
        customers=(replace(first, name=ACCEPTED, contacts=(*first.contacts, *nasty)), refusing),
    )


@pytest.fixture(scope="module")
def stack() -> Iterator[SandboxStack]:
    with SandboxStack(hostile_world()) as running:
        yield running


@pytest.fixture
def folder(stack: SandboxStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of hostile files, in the sandbox's environment; the services refuse in hostile words."""
    for name in stack.unset:
        monkeypatch.delenv(name, raising=False)
    for name, value in stack.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    config = json.loads(stack.config_file.read_text(encoding="utf-8"))
    change = json.loads((EXAMPLES / "flat.json").read_text())
    change |= {"changeTitle": ACCEPTED, "meetingLocation": ACCEPTED, "customers": ["hts", "fabrikam"]}
    texts = {"changeTitle": HOSTILE, "meetingLocation": HOSTILE, "timezone": HOSTILE, HOSTILE: HOSTILE}
    odd = {"customers": [HOSTILE], "status": HOSTILE, "attendees": [HOSTILE], "meetingDuration": HOSTILE}
    for name, document in {
        "change.json": change,
        "hostile.json": change | texts,
        "oddities.json": change | odd,
        "odd-config.json": config
        | {"s3_config": {"bucket_name": HOSTILE}, "aws_region": HOSTILE, HOSTILE: 1},
        "folder/ok.json": change,
        f"folder/{HIDDEN}[red]:smile:.json": change | {"changeId": "CHG-2", "changeTitle": "שלום 👩‍👩‍👧‍👦"},
        "folder/\x1b[31m\n[red].json": texts,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(document), encoding="utf-8")
    return tmp_path


@pytest.fixture(autouse=True)
def _refusing_services(stack: SandboxStack) -> Iterator[None]:
    stack.aws.add_fault(
        Fault(account="222222222222", service="ses", times=None, status=400, code="Odd", message=HOSTILE)
    )
    yield
    stack.aws.clear_faults()
    stack.graph.reset()


@pytest.fixture(params=["plain", "colours", "json"])
def shown(
    request: pytest.FixtureRequest,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Callable[..., str]:
    """Run a command and return what it wrote, checked for what no output may hold."""
    mode = str(request.param)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    if mode == "plain":
        monkeypatch.setenv("NO_COLOR", "1")
    elif mode == "colours":
        monkeypatch.setenv("FORCE_COLOR", "1")
    flags = {"json": ("--output", "json"), "colours": ("--log-level", "debug")}.get(mode, ())

    def run_command(*arguments: str) -> str:
        takes_flags = arguments[0] != "sandbox"
        run([*arguments, *(flags if takes_flags else ())])
        out, err = capfd.readouterr()
        assert forbidden(out) == set()
        assert forbidden(err) == set()
        assert forged_lines(out) + forged_lines(err) == []
        if mode == "json" and takes_flags and "--help" not in arguments and arguments[0] != "worker":
            json.loads(out)
        return out + err

    return run_command


def test_every_command_has_something_to_be_tried_with() -> None:
    assert sorted(RECIPES) == COMMANDS


@pytest.mark.parametrize("shown", ["colours", "json"], indirect=True)
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "wrong",
    [
        (f"--{HOSTILE}",),
        (HOSTILE, HOSTILE, HOSTILE),
        (f"--config-file={HOSTILE}",),
        (f"--no-color={HOSTILE}",),
    ],
    ids=["flag", "arguments", "configuration", "value"],
)
def test_a_wrong_command_line_is_shown_and_does_nothing(
    command: str, wrong: tuple[str, ...], shown: Callable[..., str]
) -> None:
    shown(*command.split(), *wrong)


@pytest.mark.parametrize(
    ("command", "arguments"), TRIED, ids=[f"{name} {number}" for number, (name, _) in enumerate(TRIED)]
)
def test_no_output_holds_what_a_terminal_obeys(
    command: str, arguments: tuple[str, ...], shown: Callable[..., str]
) -> None:
    shown(*command.split(), *arguments)


def test_an_address_is_shown_with_its_escapes(
    shown: Callable[..., str], request: pytest.FixtureRequest
) -> None:
    told = shown("recipients", "list", "--customer-code", "hts")
    is_json = "json" in request.node.callspec.id
    assert ("\\u202e" in told, "[red]:smile:[link=" in told) == (True, True)
    assert ("\\u001b[31m" if is_json else "\\x1b[31m") in told


def test_what_a_person_wrote_into_the_calendar_is_shown_with_its_escapes(
    stack: SandboxStack, shown: Callable[..., str]
) -> None:
    shown("meeting", "apply", *CHANGE, "--customer-code", "hts")
    (event,) = stack.graph.state()["mailboxes"][ORGANIZER]["events"]
    edits = {"subject": HOSTILE, "location": {"displayName": HOSTILE}, "add": [f"x{HIDDEN}@example.com"]}
    stack.graph.hand_edit(ORGANIZER, event["id"], edits)
    assert "\\u202e" in shown("meeting", "show", *CHANGE, "--customer-code", "hts")
    shown("meeting", "apply", *CHANGE, "--customer-code", "hts")
    shown("meeting", "cancel", *CHANGE)


@pytest.mark.parametrize("words", ["meeting plan", "meeting apply", "meeting show", "meeting cancel"])
def test_what_the_calendar_refuses_with_is_shown_with_its_escapes(
    words: str, stack: SandboxStack, shown: Callable[..., str]
) -> None:
    refusal = {"path_contains": "/events", "status": 400, "code": "ErrorOdd", "message": HOSTILE, "times": 9}
    stack.graph.add_fault(refusal)
    assert "\\u202e" in shown(*words.split(), *CHANGE)


def test_titles_in_other_scripts_are_shown_as_they_are(folder: Path, shown: Callable[..., str]) -> None:
    title = "תחזוקה - صيانة 👩‍👩‍👧‍👦 日本語"
    change = json.loads((folder / "change.json").read_text()) | {"changeTitle": title}
    (folder / "change.json").write_text(json.dumps(change))
    assert title in shown("change", "validate", "change.json")


def test_the_worker_keeps_a_trigger_within_its_line(
    folder: Path, stack: SandboxStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = {"bucket": {"name": stack.world.bucket_name}, "object": {"key": f"customers/{HOSTILE}"}}
    record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": key}
    for body in (HOSTILE, json.dumps({"Records": [record]})):
        stack.changes.send(body)
    command = [sys.executable, "-m", "contact_manager", "worker"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, encoding="utf-8") as worker:
        assert worker.stderr is not None
        told = ""
        while "record.rejected" not in told or "message.rejected" not in told:
            line = worker.stderr.readline()
            assert line, told
            told += line
        worker.kill()
    assert (forbidden(told), forged_lines(told)) == (set(), [])
    assert len([line for line in told.splitlines() if " customer=b" in line and '"' not in line]) == 0


def test_progress_on_a_terminal_shows_names_as_text(folder: Path) -> None:
    own, terminal = pty.openpty()
    command = [sys.executable, "-m", "contact_manager", "meeting", "plan", "--batch", "folder"]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "200"}
    with subprocess.Popen(command, stdout=terminal, stderr=terminal, env=environment) as process:
        os.close(terminal)
        told = b""
        with suppress(OSError):  # the other side has closed
            while piece := os.read(own, 65536):
                told += piece
    os.close(own)
    assert process.returncode == 4
    assert "[red]:smile:" in told.decode()
    assert forbidden(_RICH.sub("", told.decode())) == set()


_RICH = re.compile(r"\x1b\[[0-9;]*[mAK]|\x1b\[\?25[lh]|\r")
"""Rich's colours, and how it draws a line of progress again."""
