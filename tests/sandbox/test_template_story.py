"""An operator's own words, from the template to the calendar and the mails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.conftest import Sandbox

TEMPLATES = {
    "network/subject.txt.j2": "[{{ change.change_id }}] {{ change.title }}",
    "network/body.html.j2": "<p>{{ change.reason }}</p>{% include '_help.html.j2' %}",
    "change/cancellation.txt.j2": "{{ change.title }} is off.",
    "_help.html.j2": "<p>Questions: {{ change.record.contact }}</p>",
}


@pytest.fixture
def own_words(sandbox: Sandbox) -> dict[str, str]:
    """Write templates and a configuration that names them; return the environment for it."""
    config = json.loads(Path(sandbox.environment["CONFIG_FILE"]).read_text())
    config.setdefault("meeting_config", {})["templates_dir"] = "words"
    path = sandbox.folder / "config.json"
    path.write_text(json.dumps(config))
    for name, text in TEMPLATES.items():
        file = sandbox.folder / "words" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return {"CONFIG_FILE": str(path)}


def test_a_meeting_in_the_operator_s_words(
    sandbox: Sandbox, change: dict[str, Any], own_words: dict[str, str]
) -> None:
    change |= {
        "changeType": "Network",
        "changeReason": "A <b> & B",
        "contact": "the <team>",
        "optional": "guest@example.org",
    }
    done = sandbox.meeting("apply", change, **own_words)
    assert (done.exit_code, done.report["action"]) == (0, "created")
    [event] = sandbox.events
    assert event["subject"] == f"[{change['changeId']}] {change['changeTitle']}"
    assert "<p>A &lt;b&gt; &amp; B</p><p>Questions: the &lt;team&gt;</p>" in event["body"]["content"]
    [guest] = [one for one in done.report["recipients"] if one["address"] == "guest@example.org"]
    assert (guest["role"], guest["source"]) == ("optional", "manual")
    roles = {one["emailAddress"]["address"]: one["type"] for one in event["attendees"]}
    assert roles["guest@example.org"] == "optional"
    assert sandbox.meeting("apply", change, **own_words).report["action"] == "unchanged"
    assert sandbox.meeting("cancel", change, **own_words).report["action"] == "cancelled"
    assert sandbox.events == []


def test_a_change_that_the_template_cannot_tell_stops_before_anything_is_written(
    sandbox: Sandbox, change: dict[str, Any], own_words: dict[str, str]
) -> None:
    done = sandbox.meeting("apply", change | {"changeType": "network"}, **own_words)
    assert done.exit_code == 2
    [error] = done.report["errors"]
    assert error["path"] == f"{sandbox.folder}/words/_help.html.j2:1"
    assert "contact" in error["message"]
    assert sandbox.graph_writes == []
