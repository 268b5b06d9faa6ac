"""A meeting of more people than a calendar entry holds: the real command against the sandbox."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from contact_manager.sandbox.aws_server import ContactEntry, Place
from tests.sandbox.conftest import Sandbox

Change = dict[str, Any]


@pytest.fixture
def limited(sandbox: Sandbox) -> Sandbox:
    """A sandbox in which an entry holds eight people."""
    config = json.loads(Path(sandbox.environment["CONFIG_FILE"]).read_text())
    config["meeting_config"] = {"attendee_limit": 8}
    path = sandbox.folder / "config.json"
    path.write_text(json.dumps(config))
    sandbox.environment["CONFIG_FILE"] = str(path)
    return sandbox


def sizes(sandbox: Sandbox) -> list[int]:
    return [len(event["attendees"]) for event in sandbox.events]


def test_one_meeting_in_several_entries_from_plan_to_cancellation(limited: Sandbox, change: Change) -> None:
    planned = limited.meeting("plan", change).report
    assert (planned["action"], [one["attendees"] for one in planned["meeting"]["events"]]) == (
        "would-create",
        [8, 8, 2],
    )
    made = limited.meeting("apply", change).report
    assert made["recipients"] == planned["recipients"]
    assert sizes(limited) == [8, 8, 2]
    invited = [one["emailAddress"]["address"] for event in limited.events for one in event["attendees"]]
    assert sorted(invited) == [one["address"] for one in made["recipients"]]

    first, *others = limited.events
    link = first["onlineMeeting"]["joinUrl"]
    assert {one["join_url"] for one in made["meeting"]["events"]} == {link}
    for event in others:
        assert event["isOnlineMeeting"] is False
        assert event["location"]["displayName"] == link
        text = event["body"]["content"]
        assert f'<a href="{link.replace("&", "&amp;")}">' in text
        assert "&lt;" not in text

    told = limited.notices
    again = limited.meeting("apply", change)
    assert (again.exit_code, again.report["action"], limited.notices) == (0, "unchanged", told)
    shown = limited.meeting("show", change).report
    assert len(shown["attendees"]) == 18
    assert shown["drift"]["added"] == shown["drift"]["removed"] == shown["drift"]["fields"] == []

    cancelled = limited.meeting("cancel", change).report
    assert (cancelled["action"], len(cancelled["meeting"]["events"])) == ("cancelled", 3)
    assert limited.notices[len(told) :] == [("cancellation", one) for one in invited]
    assert limited.events == []


def test_a_new_text_is_spliced_into_every_entry(limited: Sandbox, change: Change) -> None:
    limited.meeting("apply", change)
    links = [event["location"]["displayName"] for event in limited.events]
    report = limited.meeting("apply", change | {"customerImpact": "None at <all>."}).report
    assert report["changes"]["fields"] == ["body"]
    assert [event["location"]["displayName"] for event in limited.events] == links
    for event in limited.events:
        text = event["body"]["content"]
        assert text.count("None at &lt;all&gt;.") == 1
        assert text.count("Join the") == 1


def test_five_hundred_and_one_people_are_one_meeting(sandbox: Sandbox, change: Change) -> None:
    hts = Place("111111111111", "us-east-1")
    for number in range(500):
        entry = ContactEntry(f"person{number:03}@example.com", {"aws-calendar": "OPT_IN"})
        sandbox.stack.aws.put_contact(hts, entry)
    report = sandbox.meeting("apply", change | {"customers": ["hts"]}).report
    assert (report["action"], report["ok"]) == ("created", True)
    assert [one["attendees"] for one in report["meeting"]["events"]] == sizes(sandbox)
    assert sizes(sandbox)[0] == 500
    assert sum(sizes(sandbox)) == len(report["recipients"]) > 500
