"""The process is killed at every request to Graph in turn and run again: the end is that of one clean run."""

from __future__ import annotations

import copy
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from contact_manager.sandbox.aws_server import ContactEntry, Place
from contact_manager.sandbox.graph_server import GraphServer
from contact_manager.sandbox.stack import SandboxStack
from tests.contract.graph_lab import event_body
from tests.sandbox.conftest import Sandbox

ORGANIZER = "changes@example.com"
HTS = Place("111111111111", "us-east-1")
PATIENCE_S = 60.0
STAYER = "robin.vale@example.com"
LEAVERS = ("jon.berg@example.com",)
JOINERS = ("lena.fischer@example.com", "new.person@example.com")

BEFORE = {"drop_before": True, "hold": True}
AFTER = {"lose_answer_after_commit": True, "hold": True}


def alter_nothing(sandbox: Sandbox, change: dict[str, Any]) -> None:
    pass


def alter_people(sandbox: Sandbox, change: dict[str, Any]) -> None:
    for address in LEAVERS:
        sandbox.stack.aws.put_contact(HTS, ContactEntry(address, {"aws-calendar": "OPT_OUT"}))
    for address in JOINERS:
        sandbox.stack.aws.put_contact(HTS, ContactEntry(address, {"aws-calendar": "OPT_IN"}))


def alter_text_and_people(sandbox: Sandbox, change: dict[str, Any]) -> None:
    alter_people(sandbox, change)
    change |= {"customerImpact": "None at all.", "meetingStartTime": "2031-05-10T23:00:00Z"}


@dataclass(frozen=True, slots=True)
class Story:
    """What is killed: a verb, after ``alter``.

    ``has_meeting`` if the meeting was made before that, ``is_recorded`` if another program made one.
    """

    verb: str
    alter: Callable[[Sandbox, dict[str, Any]], None]
    has_meeting: bool
    least_requests: int
    attendee_limit: int = 500
    is_recorded: bool = False


STORIES = [
    pytest.param(Story("apply", alter_nothing, has_meeting=False, least_requests=3), id="first create"),
    pytest.param(Story("apply", alter_people, has_meeting=True, least_requests=5), id="people come and go"),
    pytest.param(
        Story("apply", alter_text_and_people, has_meeting=True, least_requests=6), id="text, time and people"
    ),
    pytest.param(
        Story("apply", alter_nothing, has_meeting=False, least_requests=5, attendee_limit=2),
        id="first create of several entries",
    ),
    pytest.param(
        Story("apply", alter_text_and_people, has_meeting=True, least_requests=12, attendee_limit=2),
        id="text, time and people of several entries",
    ),
    pytest.param(
        Story("cancel", alter_nothing, has_meeting=True, least_requests=5, attendee_limit=2),
        id="cancel several entries",
    ),
    pytest.param(Story("cancel", alter_nothing, has_meeting=True, least_requests=3), id="cancel"),
    pytest.param(
        Story("apply", alter_people, has_meeting=False, least_requests=9, is_recorded=True), id="adoption"
    ),
    pytest.param(
        Story(
            "apply", alter_people, has_meeting=False, least_requests=12, attendee_limit=2, is_recorded=True
        ),
        id="adoption as one of several entries",
    ),
    pytest.param(
        Story("cancel", alter_nothing, has_meeting=False, least_requests=4, is_recorded=True),
        id="cancel what was never adopted",
    ),
]


class Calendars:
    """Graph servers of their own, all with the same meeting in the calendar, for the same customers."""

    def __init__(self, sandbox: Sandbox, change: Path, attendee_limit: int) -> None:
        self._sandbox = sandbox
        self._change = change
        self._mailbox: dict[str, Any] = {}
        config = json.loads(Path(sandbox.environment["CONFIG_FILE"]).read_text())
        config["meeting_config"] = {**config.get("meeting_config", {}), "attendee_limit": attendee_limit}
        self._config = sandbox.folder / "config.json"
        self._config.write_text(json.dumps(config))

    def server(self) -> GraphServer:
        """Return a server that is not started yet."""
        app = self._sandbox.stack.world.graph_app
        return GraphServer(
            tenant_id=app.tenant_id,
            client_id=app.client_id,
            client_secret=app.client_secret,
            mailboxes=(ORGANIZER,),
        )

    def start(self, server: GraphServer, verb: str) -> subprocess.Popen[str]:
        """Run the command against one server."""
        app = self._sandbox.stack.world.graph_app
        addresses = {
            "GRAPH_BASE_URL": server.base_url,
            "AZURE_AUTHORITY_HOST": server.authority_host,
            "AZURE_TENANT_ID": app.tenant_id,
            "AZURE_CLIENT_ID": app.client_id,
            "AZURE_CLIENT_SECRET": app.client_secret,
        }
        command = [sys.executable, "-m", "contact_manager", "meeting", verb, "--output", "json"]
        return subprocess.Popen(
            [*command, "--json-metadata", str(self._change), "--config-file", str(self._config)],
            env=self._sandbox.environment | addresses,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, server: GraphServer, verb: str) -> dict[str, Any]:
        """Run the command to its end and return the report."""
        with self.start(server, verb) as process:
            stdout, stderr = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, stdout + stderr
        report = json.loads(stdout)
        assert isinstance(report, dict)
        return report

    def make_meeting(self) -> None:
        """Let the command make the meeting once, and keep the mailbox."""
        with self.server() as server:
            self.run(server, "apply")
            self._keep(server)

    def make_recorded_meeting(self) -> dict[str, Any]:
        """Let another program make a meeting, keep the mailbox, and return what is recorded of it."""
        with self.server() as server:
            meeting_id = server.put_event(ORGANIZER, event_body(STAYER, *LEAVERS))
            server.hand_edit(ORGANIZER, meeting_id, {"add": ["guest@example.org"]})
            self._keep(server)
        return {"meeting_id": meeting_id, "attendees": [STAYER, *LEAVERS]}

    def _keep(self, server: GraphServer) -> None:
        box = server._state.mailboxes[ORGANIZER]
        kept = ("events", "deleted", "notices", "_transactions")
        self._mailbox = {name: copy.deepcopy(getattr(box, name)) for name in kept}

    def put_meeting(self, server: GraphServer) -> None:
        """Put what is kept into another server's mailbox."""
        box = server._state.mailboxes[ORGANIZER]
        for name, value in copy.deepcopy(self._mailbox).items():
            setattr(box, name, value)
            box._serial = itertools.count(100)

    def run_killed(self, server: GraphServer, verb: str, request: int, rule: dict[str, Any]) -> None:
        """Run the command and kill it while it waits for the answer to its n-th request."""
        server.add_fault(rule | {"skip": request - 1})
        give_up_at = time.monotonic() + PATIENCE_S
        with self.start(server, verb) as process:
            while len(server.state()["requests"]) < request:
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < give_up_at
                time.sleep(0.01)
            os.kill(process.pid, signal.SIGKILL)
            assert process.wait(PATIENCE_S) == -signal.SIGKILL


def end_state(server: GraphServer) -> dict[str, Any]:
    """Return what one run and a killed one with its repetition must agree on."""
    state = server.state()
    box = state["mailboxes"][ORGANIZER]
    return {
        "live": told_alike(box["events"]),
        "gone": told_alike(box["deleted"]),
        "mails": sorted((one["kind"], one["address"]) for one in state["notices"]),
    }


def told_alike(events: list[dict[str, Any]]) -> list[str]:
    """Return events as texts in which the join link, and what is digested of it, stands for itself."""
    texts = json.dumps([_told(one) for one in events])
    for link in filter(None, map(join_link, events)):
        for spelling in (link, link.replace("&", "&amp;")):
            texts = texts.replace(spelling, "JOIN LINK")
    return sorted(map(json.dumps, json.loads(texts)))


def _told(event: dict[str, Any]) -> dict[str, Any]:
    same = {
        name: event[name] for name in ("subject", "start", "end", "location", "hideAttendees", "isCancelled")
    }
    return same | {
        "attendees": sorted((one["emailAddress"]["address"], one["type"]) for one in event["attendees"]),
        "properties": sorted(_property(event, one) for one in event["singleValueExtendedProperties"]),
        "text": event["body"]["content"],
    }


def _property(event: dict[str, Any], value: dict[str, str]) -> tuple[str, str]:
    """Leave out of a further entry what depends on the link, and its number, which is all the same."""
    text = value["value"]
    return value["id"], text if join_link(event) else re.sub(r'"(body|location|part)":("\w+"|\d+)', "", text)


def join_link(event: dict[str, Any]) -> str:
    return str((event["onlineMeeting"] or {}).get("joinUrl") or "")


def join_links(server: GraphServer) -> list[str]:
    box = server.state()["mailboxes"][ORGANIZER]
    return [link for one in (*box["events"], *box["deleted"]) if (link := join_link(one))]


def boundaries(requests: list[dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    """Return where to kill: before each request, and after each that writes (a read leaves no trace)."""
    writes = [is_write(one) for one in requests]
    points = [(number, BEFORE) for number in range(1, len(requests) + 1)]
    return points + [(number, AFTER) for number, writing in enumerate(writes, 1) if writing]


def is_write(request: dict[str, Any]) -> bool:
    return request["method"] in ("POST", "PATCH", "DELETE") and "/events" in request["path"]


@pytest.fixture
def quick_change(change: dict[str, Any]) -> dict[str, Any]:
    """One customer is enough: what is killed here is the way to the calendar."""
    return change | {"customers": ["hts"]}


@pytest.mark.parametrize("story", STORIES)
def test_a_run_that_is_killed_anywhere_and_repeated_ends_like_one_run(
    story: Story, quick_change: dict[str, Any], tmp_path: Path
) -> None:
    with SandboxStack() as stack:
        sandbox = Sandbox(stack, tmp_path)
        calendars = Calendars(sandbox, Path(sandbox.write(quick_change)), story.attendee_limit)
        if story.has_meeting:
            calendars.make_meeting()
        if story.is_recorded:
            quick_change["meeting_metadata"] = calendars.make_recorded_meeting()
        story.alter(sandbox, quick_change)
        sandbox.write(quick_change)

        with calendars.server() as server:
            calendars.put_meeting(server)
            calendars.run(server, story.verb)
            requests, clean = server.state()["requests"], end_state(server)
        assert len(requests) >= story.least_requests

        def killed_and_repeated(request: int, rule: dict[str, Any]) -> None:
            with calendars.server() as server:
                calendars.put_meeting(server)
                links = join_links(server)
                calendars.run_killed(server, story.verb, request, rule)
                calendars.run(server, story.verb)
                assert end_state(server) == clean, f"killed at request {request}, {rule}"
                assert not links or join_links(server) == links

        with ThreadPoolExecutor(max_workers=4) as pool:
            killed = [pool.submit(killed_and_repeated, *point) for point in boundaries(requests)]
            for one in killed:
                one.result()
