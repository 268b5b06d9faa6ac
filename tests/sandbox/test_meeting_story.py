"""Whole stories of the main job: the real command against the sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from contact_manager.sandbox.aws_server import ContactEntry, Place
from tests.sandbox.conftest import EXAMPLES, Sandbox

FLAT = str(EXAMPLES / "flat.json")
HTS = Place("111111111111", "us-east-1")


def test_dry_run_then_create_then_unchanged(sandbox: Sandbox) -> None:
    planned = sandbox.meeting("plan", FLAT)
    assert (planned.exit_code, planned.report["action"]) == (0, "would-create")
    assert sandbox.graph_writes == []

    made = sandbox.meeting("apply", FLAT)
    assert (made.exit_code, made.report["action"]) == (0, "created")
    assert made.report["recipients"] == planned.report["recipients"]
    [event] = sandbox.events
    invited = [one["address"] for one in made.report["recipients"]]
    assert sorted(one["emailAddress"]["address"] for one in event["attendees"]) == invited
    assert made.report["meeting"]["events"][0]["join_url"] == event["onlineMeeting"]["joinUrl"]
    assert made.report["meeting"]["hide_attendees"] is event["hideAttendees"] is True
    told = sandbox.notices

    again = sandbox.meeting("apply", FLAT)
    assert (again.exit_code, again.report["action"]) == (0, "unchanged")
    assert sandbox.notices == told
    assert len(sandbox.graph_writes) == 1


@pytest.mark.parametrize("dialect", ["nested.json", "generic.json"])
def test_the_same_change_in_every_dialect_is_the_same_meeting(sandbox: Sandbox, dialect: str) -> None:
    sandbox.meeting("apply", FLAT)
    again = sandbox.meeting("apply", str(EXAMPLES / dialect))
    assert again.report["action"] == "unchanged"


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(
            ["ses", "--action", "create-multi-customer-meeting-invite", "--dry-run"], id="established"
        ),
        pytest.param(["ses", "-action", "create-multi-customer-meeting-invite", "-dry-run"], id="one dash"),
        pytest.param(["ses", "--action=create-meeting-invite", "--dry-run"], id="deprecated name"),
        pytest.param(["meeting", "apply", "--dry-run"], id="noun and verb"),
    ],
)
def test_every_spelling_of_the_command_does_the_same(sandbox: Sandbox, arguments: list[str]) -> None:
    dash = "-" if "-action" in arguments else "--"
    flags = [f"{dash}json-metadata", FLAT, f"{dash}topic-name", "aws-calendar", f"{dash}output", "json"]
    done = sandbox.run(*arguments, *flags, f"{dash}sender-email", "Notifications@example.com")
    assert done.exit_code == 0
    assert done.report["action"] == "would-create"
    assert done.report["meeting"]["organizer"] == "notifications@example.com"
    assert ("deprecated" in done.stderr) is ("create-meeting-invite" in arguments[1])
    assert sandbox.graph_writes == []


def test_a_change_from_stdin_is_read(sandbox: Sandbox) -> None:
    done = sandbox.run(
        "meeting",
        "plan",
        "--json-metadata",
        "-",
        "--output",
        "json",
        stdin=(EXAMPLES / "flat.json").read_text(),
    )
    assert done.report["action"] == "would-create"


def test_the_text_output_is_for_people_and_keeps_talk_off_stdout(sandbox: Sandbox) -> None:
    done = sandbox.run("meeting", "plan", "--json-metadata", FLAT)
    assert done.exit_code == 0
    assert "would be created" in done.stdout
    assert "maria.silva@example.com" in done.stdout
    assert "unsubscribed" in done.stdout
    assert "\x1b[" not in done.stdout
    assert done.stderr == ""


def test_an_unsubscribed_person_is_the_only_one_who_is_told(sandbox: Sandbox, change: dict[str, Any]) -> None:
    sandbox.meeting("apply", change)
    before = len(sandbox.notices)
    sandbox.stack.aws.put_contact(HTS, ContactEntry("jon.berg@example.com", {"aws-calendar": "OPT_OUT"}))
    sandbox.stack.aws.put_contact(HTS, ContactEntry("new.person@example.com", {"aws-calendar": "OPT_IN"}))
    done = sandbox.meeting("apply", change)
    assert done.report["action"] == "updated"
    assert done.report["changes"] == {
        "added": ["new.person@example.com"],
        "removed": ["jon.berg@example.com"],
        "fields": [],
    }
    assert sorted(sandbox.notices[before:]) == [
        ("cancellation", "jon.berg@example.com"),
        ("invitation", "new.person@example.com"),
    ]
    [patch] = [
        one for one in sandbox.graph_writes if "attendees" in (one["body"] or {}) and one["method"] == "PATCH"
    ]
    assert set(patch["body"]) == {"attendees"}


def test_a_reschedule_keeps_the_event_and_its_join_link(sandbox: Sandbox, change: dict[str, Any]) -> None:
    first = sandbox.meeting("apply", change).report["meeting"]["events"][0]
    change["meetingStartTime"] = "2031-05-10T23:00:00Z"
    change["customerImpact"] = "None at all."
    done = sandbox.meeting("apply", change)
    assert done.report["action"] == "updated"
    assert set(done.report["changes"]["fields"]) == {"start", "end", "body"}
    after = done.report["meeting"]["events"][0]
    assert (after["event_id"], after["join_url"]) == (first["event_id"], first["join_url"])
    [event] = sandbox.events
    assert first["join_url"] in event["body"]["content"].replace("&amp;", "&")
    assert "None at all." in event["body"]["content"]
    assert sandbox.meeting("apply", change).report["action"] == "unchanged"


def test_a_force_update_makes_no_second_meeting(sandbox: Sandbox, change: dict[str, Any]) -> None:
    sandbox.meeting("apply", change)
    done = sandbox.meeting("apply", change, "--force-update")
    assert done.report["action"] == "updated"
    assert len(sandbox.events) == 1


def test_an_event_deleted_by_hand_is_made_again(sandbox: Sandbox, change: dict[str, Any]) -> None:
    sandbox.meeting("apply", change)
    [event] = sandbox.events
    sandbox.stack.graph.hand_delete("changes@example.com", event["id"])
    done = sandbox.meeting("apply", change)
    assert (done.exit_code, done.report["action"]) == (0, "created")
    assert len(sandbox.events) == 1


def test_an_announcement_has_its_own_topic_and_hides_its_people(sandbox: Sandbox) -> None:
    done = sandbox.meeting("apply", str(EXAMPLES / "announcement-finops.json"))
    assert done.report["topic"] == "finops-announce"
    assert done.report["meeting"]["hide_attendees"] is True
    assert done.report["action"] == "created"


def test_markup_in_a_title_stays_text(sandbox: Sandbox, change: dict[str, Any]) -> None:
    title = (
        "<script>alert(1)</script> \"quoted\" & 'single' \u05e9\u05dc\u05d5\u05dd \U0001f680\r\nsecond line"
    )
    change |= {"changeTitle": title, "meetingTitle": None}
    sandbox.meeting("apply", change)
    [event] = sandbox.events
    assert event["subject"] == f"Change Implementation: {' '.join(title.split())}"
    assert "<script>" not in event["body"]["content"]
    assert "&lt;script&gt;" in event["body"]["content"]


def test_a_cancelled_meeting_is_gone_and_a_second_cancel_is_nothing_to_do(
    sandbox: Sandbox, change: dict[str, Any]
) -> None:
    invited = sandbox.meeting("apply", change).report["recipients"]
    planned = sandbox.meeting("cancel", change, "--dry-run")
    assert (planned.report["action"], len(sandbox.events)) == ("would-cancel", 1)
    done = sandbox.meeting("cancel", change)
    assert (done.exit_code, done.report["action"]) == (0, "cancelled")
    assert done.report["notifies"] == {"added": 0, "removed": len(invited), "all": False}
    assert sandbox.events == []
    assert len([one for one in sandbox.notices if one[0] == "cancellation"]) == len(invited)
    again = sandbox.meeting("cancel", change)
    assert (again.exit_code, again.report["action"], again.report["meeting"]) == (0, "none", None)


def test_a_cancelled_meeting_can_be_made_again(sandbox: Sandbox, change: dict[str, Any]) -> None:
    for _ in range(2):
        assert sandbox.meeting("apply", change).report["action"] == "created"
        assert sandbox.meeting("cancel", change).report["action"] == "cancelled"
    done = sandbox.meeting("apply", change)
    assert done.report["action"] == "created"
    assert any("new one" in text for text in done.report["warnings"])
    assert len(sandbox.events) == 1


def test_a_plan_says_who_will_be_mailed(sandbox: Sandbox, change: dict[str, Any]) -> None:
    planned = sandbox.meeting("plan", change).report
    assert planned["notifies"] == {"added": len(planned["recipients"]), "removed": 0, "all": False}
    sandbox.meeting("apply", change)
    assert sandbox.meeting("plan", change).report["notifies"] == {"added": 0, "removed": 0, "all": False}
    sandbox.stack.aws.put_contact(HTS, ContactEntry("jon.berg@example.com", {"aws-calendar": "OPT_OUT"}))
    assert sandbox.meeting("plan", change).report["notifies"] == {"added": 0, "removed": 1, "all": False}
    change["meetingLocation"] = "Room 7"
    assert sandbox.meeting("plan", change).report["notifies"]["all"] is True


def test_twins_become_one_meeting_and_guests_move(sandbox: Sandbox, change: dict[str, Any]) -> None:
    sandbox.meeting("apply", change)
    organizer = "changes@example.com"
    twin = sandbox.stack.graph.copy_event(organizer, sandbox.events[0]["id"])
    sandbox.stack.graph.hand_edit(organizer, twin, {"add": ["guest@example.org"]})
    done = sandbox.meeting("apply", change)
    assert done.exit_code == 0
    [event] = sandbox.events
    assert event["id"] != twin
    assert "guest@example.org" in {one["emailAddress"]["address"] for one in event["attendees"]}
    assert any("second meeting" in text for text in done.report["warnings"])
    assert sandbox.meeting("apply", change).report["action"] == "unchanged"


def test_people_named_in_a_file_come_only_where_a_customer_lets_everybody_in(
    sandbox: Sandbox, change: dict[str, Any]
) -> None:
    named = {"attendees": ["QA.Lead@example.net", "stranger@example.org"], "optional": ["other@example.org"]}
    for customers, left_out in (
        (["quayside-dev"], ["other@example.org", "stranger@example.org"]),
        (["hts", "quayside-dev"], []),
    ):
        report = sandbox.meeting("plan", change | named | {"customers": customers}).report
        excluded = [one["address"] for one in report["excluded"] if one["customer"] is None]
        invited = {one["address"] for one in report["recipients"]}
        assert excluded == left_out
        assert {"qa.lead@example.net"} <= invited
        assert invited.isdisjoint(left_out)
        reasons = {one["reason"] for one in report["excluded"] if one["customer"] is None}
        assert reasons <= {"not-on-restricted-list"}
    explained = sandbox.run(
        "recipients",
        "explain",
        "stranger@example.org",
        "--json-metadata",
        sandbox.write(change | named | {"customers": ["quayside-dev"]}),
        "--output",
        "json",
    ).report
    assert (explained["invited"], explained["reason"]) == (False, "not-on-restricted-list")
