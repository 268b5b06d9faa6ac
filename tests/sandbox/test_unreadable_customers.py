"""Stories of customers that cannot be read, and of runs that are interrupted."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import Any

import pytest

from contact_manager.sandbox.aws_server import Fault, Place, RoleRule
from contact_manager.sandbox.demo_world import DEMO_CUSTOMERS
from tests.sandbox.conftest import EXAMPLES, Sandbox

FLAT = str(EXAMPLES / "flat.json")
HTS = Place("111111111111", "us-east-1")
NORTHFIELD_ACCOUNT = "333333333333"
HTS_ROLE = DEMO_CUSTOMERS[0].role_arn


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
    path = with_config(sandbox, customer_timeout_seconds=2)
    sandbox.stack.aws.add_fault(Fault(account=NORTHFIELD_ACCOUNT, service="ses", delay_s=30.0, times=None))
    done = sandbox.meeting("plan", FLAT, "--config-file", path)
    assert done.exit_code == 4
    [slow] = [one for one in done.report["customers"] if one["status"] == "failed"]
    assert (slow["code"], slow["error"]["type"]) == ("northfield", "Timeout")


def test_a_suppression_list_that_fails_every_other_run_neither_invites_nor_removes_anybody(
    sandbox: Sandbox, change: dict[str, Any]
) -> None:
    subscribed = sandbox.meeting("plan", change).report["recipients"]
    address = next(one["address"] for one in subscribed if one["customers"] == ["hts"])
    sandbox.stack.aws.suppress(HTS, address)
    path = with_config(sandbox, customer_timeout_seconds=2)
    first = sandbox.meeting("apply", change, "--config-file", path)
    assert (first.exit_code, first.report["action"]) == (0, "created")
    notices = sandbox.notices
    for status, code in ((429, None), (400, "ThrottlingException"), (503, None)):
        sandbox.stack.aws.add_fault(
            Fault(
                operation="ListSuppressedDestinations",
                account=HTS.account,
                status=status,
                code=code,
                times=None,
            )
        )
        failing = sandbox.meeting("apply", change, "--config-file", path)
        assert (failing.exit_code, failing.report["action"]) == (4, "unchanged")
        statuses = {one["code"]: one["status"] for one in failing.report["customers"]}
        assert statuses == {"hts": "failed", "fabrikam": "ok", "northfield": "ok"}
        sandbox.stack.aws.clear_faults()
        again = sandbox.meeting("apply", change, "--config-file", path)
        assert (again.exit_code, again.report["action"]) == (0, "unchanged")
    assert sandbox.notices == notices
    assert address not in json.dumps(sandbox.events)


def with_config(sandbox: Sandbox, **meeting_config: Any) -> str:
    config = json.loads(sandbox.stack.config_file.read_text())
    config.setdefault("meeting_config", {}).update(meeting_config)
    path = sandbox.folder / "config.json"
    path.write_text(json.dumps(config))
    return str(path)


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
