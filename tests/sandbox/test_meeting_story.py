"""Whole stories of the main job: the real command against the sandbox."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import Any

import pytest

from contact_manager.sandbox.aws_server import ContactEntry, Fault, Place, RoleRule
from contact_manager.sandbox.demo_world import DEMO_CUSTOMERS
from tests.sandbox.conftest import EXAMPLES, Sandbox

FLAT = str(EXAMPLES / "flat.json")
HTS = Place("111111111111", "us-east-1")
NORTHFIELD_ACCOUNT = "333333333333"
HTS_ROLE = DEMO_CUSTOMERS[0].role_arn


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


# -- customers that cannot be read


def test_one_denied_role_is_told_and_the_others_go_on(sandbox: Sandbox, change: dict[str, Any]) -> None:
    sandbox.stack.aws.set_role(RoleRule(HTS_ROLE, denied=True))
    done = sandbox.meeting("apply", change)
    assert (done.exit_code, done.report["action"], done.report["ok"]) == (4, "created", True)
    statuses = {one["code"]: one["status"] for one in done.report["customers"]}
    assert statuses == {"hts": "failed", "fabrikam": "ok", "northfield": "ok"}
    [failed] = [one for one in done.report["customers"] if one["code"] == "hts"]
    assert failed["error"]["type"] == "AccessDenied"
    assert "role" in failed["error"]["message"]


def test_a_failing_customer_loses_nobody(sandbox: Sandbox, change: dict[str, Any]) -> None:
    whole = sandbox.meeting("apply", change).report["recipients"]
    sandbox.stack.aws.set_role(RoleRule(HTS_ROLE, denied=True))
    done = sandbox.meeting("apply", change)
    assert (done.exit_code, done.report["action"]) == (4, "unchanged")
    [event] = sandbox.events
    assert len(event["attendees"]) == len(whole)


def test_all_roles_denied_is_a_failure(sandbox: Sandbox, change: dict[str, Any]) -> None:
    sandbox.stack.aws.add_fault(Fault(service="sts", status=403, times=None))
    done = sandbox.meeting("apply", change)
    assert (done.exit_code, done.report["ok"], done.report["action"]) == (1, False, "none")
    assert sandbox.graph_writes == []


def test_require_all_customers_stops(sandbox: Sandbox, change: dict[str, Any]) -> None:
    sandbox.stack.aws.add_fault(Fault(service="sts", account=HTS.account, status=403, times=None))
    done = sandbox.meeting("apply", change, "--require-all-customers")
    assert done.exit_code == 3
    assert sandbox.graph_writes == []


def test_a_customer_missing_from_the_configuration_is_told(sandbox: Sandbox, change: dict[str, Any]) -> None:
    change["customers"] = ["hts", "nobody-knows"]
    done = sandbox.meeting("apply", change)
    assert done.exit_code == 4
    assert done.report["customers"][1]["status"] == "not-configured"


def test_a_topic_that_a_list_does_not_have_is_that_customers_failure(sandbox: Sandbox) -> None:
    done = sandbox.meeting("plan", FLAT, "--topic-name", "no-such-topic")
    assert done.exit_code == 1
    assert all("no-such-topic" in one["error"]["message"] for one in done.report["customers"])


def test_throttling_and_broken_connections_are_outlived(sandbox: Sandbox) -> None:
    sandbox.stack.aws.add_fault(Fault(operation="ListContacts", status=429, times=2))
    sandbox.stack.aws.add_fault(Fault(operation="ListContacts", drop=True, times=1))
    sandbox.stack.aws.add_fault(Fault(operation="GetContactList", status=500, times=1))
    done = sandbox.meeting("plan", FLAT)
    assert (done.exit_code, done.report["action"]) == (0, "would-create")


def test_every_page_is_read_also_behind_an_empty_one(sandbox: Sandbox) -> None:
    whole = sandbox.meeting("plan", FLAT).report
    sandbox.stack.aws.configure(max_page_size=100, empty_first_page=True)
    paged = sandbox.meeting("plan", FLAT).report
    assert paged["recipients"] == whole["recipients"]
    assert [one["contacts"] for one in paged["customers"]] == [6, 5, 1200]


def test_a_slow_customer_does_not_hold_the_others(sandbox: Sandbox) -> None:
    config = json.loads(sandbox.stack.config_file.read_text())
    config.setdefault("meeting_config", {})["customer_timeout_seconds"] = 2
    path = sandbox.folder / "config.json"
    path.write_text(json.dumps(config))
    sandbox.stack.aws.add_fault(Fault(account=NORTHFIELD_ACCOUNT, service="ses", delay_s=30.0, times=None))
    done = sandbox.meeting("plan", FLAT, "--config-file", str(path))
    assert done.exit_code == 4
    [slow] = [one for one in done.report["customers"] if one["status"] == "failed"]
    assert (slow["code"], slow["error"]["type"]) == ("northfield", "Timeout")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_so_and_leaves_one_json_object(
    sandbox: Sandbox, stop: signal.Signals
) -> None:
    sandbox.stack.aws.add_fault(Fault(service="ses", delay_s=30.0, times=None))
    command = [sys.executable, "-m", "contact_manager", "meeting", "apply", "--json-metadata", FLAT]
    with subprocess.Popen(
        [*command, "--output", "json"],
        env=sandbox.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while not any(one.operation == "AssumeRole" for one in sandbox.stack.aws.requests):
            assert process.poll() is None
        process.send_signal(stop)
        stdout, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert json.loads(stdout)["errors"][0]["type"] == "Interrupted"
    assert "Traceback" not in stderr
    assert sandbox.graph_writes == []


# -- a calendar that stumbles


def test_a_lost_answer_makes_no_second_meeting(sandbox: Sandbox, change: dict[str, Any]) -> None:
    sandbox.stack.graph.add_fault(
        {"method": "POST", "path_contains": "/events", "lose_answer_after_commit": True}
    )
    done = sandbox.meeting("apply", change)
    assert (done.exit_code, done.report["action"]) == (0, "created")
    assert len(sandbox.events) == 1
    assert len([one for one in sandbox.notices if one[0] == "invitation"]) == len(done.report["recipients"])


@pytest.mark.parametrize("retry_after", [1, None])
def test_throttling_by_graph_is_waited_for(
    sandbox: Sandbox, change: dict[str, Any], retry_after: int | None
) -> None:
    fault = {"path_contains": "/events", "status": 429, "code": "ApplicationThrottled", "times": 2}
    sandbox.stack.graph.add_fault(fault | ({"retry_after": retry_after} if retry_after else {}))
    assert sandbox.meeting("apply", change).report["action"] == "created"


def test_a_token_that_ends_midway_is_renewed(sandbox: Sandbox, change: dict[str, Any]) -> None:
    sandbox.stack.graph.add_fault(
        {"path_contains": "/events", "status": 401, "code": "InvalidAuthenticationToken"}
    )
    assert sandbox.meeting("apply", change).report["action"] == "created"


def test_a_conflict_is_read_again(sandbox: Sandbox, change: dict[str, Any]) -> None:
    sandbox.meeting("apply", change)
    sandbox.stack.graph.add_fault({"method": "PATCH", "status": 412, "code": "ErrorIrresolvableConflict"})
    change["meetingLocation"] = "Room 7"
    done = sandbox.meeting("apply", change)
    assert (done.exit_code, done.report["changes"]["fields"]) == (0, ["location"])


def test_a_missing_mailbox_is_not_a_missing_event(sandbox: Sandbox, change: dict[str, Any]) -> None:
    done = sandbox.meeting("apply", change, "--sender-email", "nobody@example.com")
    assert (done.exit_code, done.report["ok"]) == (1, False)
    assert "nobody@example.com" in done.report["errors"][0]["message"]
    assert sandbox.graph_writes == []


def test_a_mailbox_without_access_says_what_to_do(sandbox: Sandbox, change: dict[str, Any]) -> None:
    sandbox.stack.graph.configure({"no_access_mailboxes": ["changes@example.com"]})
    done = sandbox.meeting("apply", change)
    assert done.exit_code == 1
    assert "no access to the mailbox" in done.report["errors"][0]["message"]


def test_a_late_join_link_is_waited_for(sandbox: Sandbox, change: dict[str, Any]) -> None:
    sandbox.stack.graph.configure({"join_link_delay_s": 1.0})
    done = sandbox.meeting("apply", change)
    assert done.report["meeting"]["events"][0]["join_url"]


def test_a_wrong_client_secret_is_told_and_never_shown(sandbox: Sandbox, change: dict[str, Any]) -> None:
    app = sandbox.stack.world.graph_app
    wrong = {
        "AZURE_TENANT_ID": app.tenant_id,
        "AZURE_CLIENT_ID": app.client_id,
        "AZURE_CLIENT_SECRET": "hush-hush-value",
    }
    done = sandbox.meeting("apply", change, "--log-level", "debug", **wrong)
    assert done.exit_code == 1
    assert "secret" in done.report["errors"][0]["message"]
    assert "hush-hush-value" not in done.stdout + done.stderr


def test_no_secret_is_ever_written(sandbox: Sandbox, change: dict[str, Any]) -> None:
    done = sandbox.meeting("apply", change, "--log-level", "debug")
    talk = done.stdout + done.stderr
    assert sandbox.stack.world.graph_app.client_secret not in talk
    assert "Bearer" not in talk
    assert "maria.silva" not in done.stderr


def test_at_most_four_requests_are_in_flight_and_all_headers_are_sent(
    sandbox: Sandbox, change: dict[str, Any]
) -> None:
    sandbox.meeting("apply", change)
    state = sandbox.stack.graph.state()
    assert state["max_in_flight"] <= 4
    for request in state["requests"]:
        if "/users/" in request["path"]:
            assert 'IdType="ImmutableId"' in request["headers"]["prefer"]
            assert request["headers"]["client-request-id"]


def test_two_runs_at_once_make_one_meeting(sandbox: Sandbox, change: dict[str, Any]) -> None:
    import threading

    path = sandbox.write(change)
    done: list[int] = []
    runs = [
        threading.Thread(target=lambda: done.append(sandbox.meeting("apply", path).exit_code))
        for _ in range(3)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert done == [0, 0, 0]
    assert len(sandbox.events) == 1
    invitations = [address for kind, address in sandbox.notices if kind == "invitation"]
    assert len(invitations) == len(set(invitations))


# -- cancel, twins


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
