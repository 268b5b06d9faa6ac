"""``sandbox demo`` and ``sandbox up``, as a newcomer starts them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_demo_shows_a_meeting_that_stays_the_same() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "contact_manager", "sandbox", "demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    headlines = [
        "Dry run: the meeting would be created",
        "Meeting created",
        "Meeting unchanged",
        "Meeting unchanged",
        "Meeting updated",
        "Meeting updated",
        "The meeting in the calendar",
        "is not invited",
        "Meeting created",
        "3 x mail  Approval requested",
        "4 x mail  Approved",
        "19 invitations",
        "19 cancellations",
        "4 x mail  Approved",
        "4 x mail  Completed",
    ]
    place = 0
    for headline in headlines:
        place = done.stdout.index(headline, place) + 1
    links = {line.split()[-1] for line in done.stdout.splitlines() if "Join link" in line}
    assert len(links) == 2


def test_the_printed_environment_leads_a_shell_into_the_sandbox(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "contact_manager", "sandbox", "up"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as sandbox:
        assert sandbox.stdout is not None
        assert sandbox.stderr is not None
        while "Ctrl-C" not in sandbox.stderr.readline():
            assert sandbox.poll() is None
        exports = os.read(sandbox.stdout.fileno(), 65536).decode()
        script = (
            f'{exports}\n{sys.executable} -m contact_manager meeting apply --output json --json-metadata "$0"'
        )
        change = str(ROOT / "examples" / "changes" / "flat.json")
        done = subprocess.run(
            ["sh", "-c", script, change],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        sandbox.send_signal(signal.SIGINT)
        assert sandbox.wait(timeout=20) == 0
    assert json.loads(done.stdout)["action"] == "created"
