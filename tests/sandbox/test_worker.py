"""``worker`` and ``change process``, as an operator runs them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from contact_manager.sandbox.aws_server import Fault
from tests.sandbox.conftest import Done, Sandbox

PATIENCE_S = 90.0
ID = "CHG-2031-0042"


@contextmanager
def worker(sandbox: Sandbox, *flags: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "contact_manager", "worker", *flags],
        env=sandbox.measured,
        cwd=sandbox.folder,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(condition: Callable[[], Any]) -> None:
    give_up_at = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


def mails(sandbox: Sandbox) -> Counter[tuple[str, str]]:
    return Counter((one.recipient, one.subject) for one in sandbox.stack.aws.sent_mails)


def sends(sandbox: Sandbox) -> int:
    return sum(calls.get("SendEmail", 0) for calls in sandbox.stack.aws.counts.values())


def test_the_worker_does_what_arrives_and_stops_in_peace(sandbox: Sandbox, change: dict[str, Any]) -> None:
    changes = sandbox.stack.changes
    with worker(sandbox) as process:
        changes.submit(change)
        changes.send("no message of ours")
        wait_for(lambda: changes.queue_depth() == 0 and not changes.keys("customers/"))
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert len(sandbox.events) == 1
    assert set(mails(sandbox).values()) == {1}
    assert "The worker has stopped." in told
    assert "message.rejected" in told
    assert f"change.done change_id={ID} customer=hts" in told
    assert "@example" not in told
    assert changes.dead_letters() == []


def test_a_worker_that_is_asked_to_stop_brings_its_work_to_the_end(
    sandbox: Sandbox, change: dict[str, Any]
) -> None:
    sandbox.stack.aws.add_fault(Fault(operation="SendEmail", delay_s=2.0, times=1))
    changes = sandbox.stack.changes
    with worker(sandbox) as process:
        changes.submit(change)
        wait_for(lambda: sandbox.stack.aws.counts.get("222222222222", {}).get("GetAccount"))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    with worker(sandbox) as second:
        sandbox.stack.aws.clear_faults()
        for code in change["customers"]:
            if f"customers/{code}/{ID}.json" in changes.keys("customers/"):
                changes.write(f"customers/{code}/{ID}.json", {})
        wait_for(lambda: not changes.keys("customers/"))
        second.send_signal(signal.SIGTERM)
        second.communicate(timeout=PATIENCE_S)
    assert len(sandbox.events) == 1
    assert set(mails(sandbox).values()) == {1}


@pytest.mark.parametrize(
    ("queue", "fault", "advice"),
    [
        ("-missing", None, "there is no such queue"),
        ("", Fault(service="sqs", status=403, code="AccessDenied", times=None), "lacks sqs:ReceiveMessage"),
    ],
)
def test_a_queue_that_refuses_for_good_ends_the_worker_with_one_clear_error(
    sandbox: Sandbox, queue: str, fault: Fault | None, advice: str
) -> None:
    if fault is not None:
        sandbox.stack.aws.add_fault(fault)
    done = sandbox.run("worker", "--queue-url", sandbox.stack.queue_url + queue)
    assert done.exit_code == 1
    [line] = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert advice in line
    assert "Traceback" not in done.stderr


def test_a_queue_that_is_deleted_ends_a_worker_that_used_it(sandbox: Sandbox) -> None:
    changes = sandbox.stack.changes
    with worker(sandbox) as process:
        changes.send("no message of ours")
        wait_for(lambda: changes.queue_depth() == 0)
        sandbox.stack.aws.add_fault(
            Fault(service="sqs", status=400, code="AWS.SimpleQueueService.NonExistentQueue", times=None)
        )
        changes.send("another one")  # ends the long poll, whose answer is the fault's
        _, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "error: ReceiveMessage" in told


@pytest.mark.parametrize("trouble", [{"drop": True}, {"status": 503}, {"status": 403}])
def test_a_worker_waits_for_a_metadata_service_that_comes_up_later(
    sandbox: Sandbox, change: dict[str, Any], trouble: dict[str, Any]
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED"):
        del sandbox.environment[name]
    metadata = f"{sandbox.stack.environment['AWS_ENDPOINT_URL']}/_sandbox/metadata"
    sandbox.environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = metadata
    sandbox.stack.aws.add_fault(Fault(service="imds", times=None, **trouble))
    with worker(sandbox) as process:
        sandbox.stack.changes.submit(change)
        wait_for(lambda: "imds" in {request.service for request in sandbox.stack.aws.requests})
        sandbox.stack.aws.clear_faults()
        wait_for(lambda: not sandbox.stack.changes.keys("customers/"))
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert len(sandbox.events) == 1


def test_a_queue_that_fails_for_a_while_is_waited_for(sandbox: Sandbox) -> None:
    sandbox.stack.aws.add_fault(Fault(service="sqs", status=503, code="ServiceUnavailable", times=20))
    with worker(sandbox) as process:
        sandbox.stack.changes.send("no message of ours")
        wait_for(lambda: sandbox.stack.changes.queue_depth() == 0)
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert "queue.failed" in told


def test_a_worker_without_any_credentials_ends_with_one_clear_error(sandbox: Sandbox) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        sandbox.environment.pop(name, None)
    nothing = {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
    done = sandbox.run("worker", AWS_EC2_METADATA_DISABLED="true", **nothing)
    assert done.exit_code == 1
    assert done.stderr.count("\nerror: no AWS credentials were found") == 1


def test_a_worker_that_is_stopped_lets_go_of_work_that_hangs(
    sandbox: Sandbox, change: dict[str, Any]
) -> None:
    changes = sandbox.stack.changes
    with worker(sandbox) as process:
        changes.submit(change)
        sandbox.stack.aws.add_fault(Fault(service="ses", delay_s=3600.0, times=None))
        wait_for(lambda: sandbox.stack.aws.counts.get("123456789012", {}).get("GetParameters"))
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)  # so long waits Kubernetes, by default
    assert process.returncode == 0
    messages = changes._queue(sandbox.stack.world.queue_name)._messages
    assert len(messages) >= len(change["customers"])
    # moto goes on with a long poll whose client has gone, and may give a message to it
    assert all(message.visible or message.approximate_receive_count > 1 for message in messages)


def test_a_worker_without_what_it_needs_says_all_of_it(sandbox: Sandbox) -> None:
    config = json.loads(Path(sandbox.environment["CONFIG_FILE"]).read_text())
    del config["s3_config"], config["email_config"]["sender_address"]
    path = sandbox.folder / "config.json"
    path.write_text(json.dumps(config))
    done = sandbox.run("worker", "--config-file", str(path))
    assert done.exit_code == 2
    assert "$.s3_config.bucket_name" in done.stderr
    assert "$.email_config.sender_address" in done.stderr
    assert "Traceback" not in done.stderr


def process(sandbox: Sandbox, change: dict[str, Any], customer: str = "hts") -> Done:
    path = sandbox.write(change)
    return sandbox.run("change", "process", path, "--customer", customer, "--output", "json")


@pytest.fixture
def plain(change: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in change.items() if name != "modifications"}


def test_processing_a_file_does_what_its_trigger_would_and_twice_nothing_more(
    sandbox: Sandbox, plain: dict[str, Any]
) -> None:
    waiting = sandbox.stack.changes.queue_depth()
    first, second = process(sandbox, plain), process(sandbox, plain)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.report["schema"] == "contact-manager/process/v1"
    assert first.report["meeting"]["action"] == "created"
    assert first.report["mails"] == {
        "topic": "aws-announce",
        "sent": 2,
        "sent_before": 0,
        "refused": 0,
        "failed": 0,
        "postponed": 0,
        "excluded": first.report["mails"]["excluded"],
    }
    assert (second.report["meeting"], second.report["mails"]["sent"]) == (None, 0)
    other = process(sandbox, plain, "fabrikam")
    assert (other.report["verdict"], other.report["meeting"], other.report["mails"]["sent"]) == (
        "done",
        None,
        1,
    )
    assert len(sandbox.events) == 1
    assert set(mails(sandbox).values()) == {1}
    assert sandbox.stack.changes.queue_depth() == waiting


def test_a_file_goes_on_where_the_record_stands_and_never_behind_it(
    sandbox: Sandbox, plain: dict[str, Any]
) -> None:
    assert process(sandbox, plain | {"status": "submitted"}).exit_code == 0
    assert process(sandbox, plain | {"status": "approved"}).report["meeting"]["action"] == "created"
    assert process(sandbox, plain | {"status": "cancelled"}).report["meeting"]["action"] == "cancelled"
    behind = process(sandbox, plain | {"status": "approved"})
    assert behind.exit_code == 2
    assert "ahead of this file" in behind.report["errors"][0]["message"]
    older = process(sandbox, plain | {"status": "cancelled", "version": 2})
    assert "version 3" in older.report["errors"][0]["message"]
    kinds = [one["modification_type"] for one in sandbox.stack.changes.fetch_record(ID)["modifications"]]
    assert kinds.count("meeting_scheduled") == kinds.count("meeting_cancelled") == 1
    assert sandbox.events == []


@pytest.mark.parametrize(
    ("edits", "customer", "told"),
    [
        ({}, "wingspan", "is not a customer of the change"),
        ({"customers": ["hts", "closed"]}, "closed", "is not configured"),
        ({}, "h!s", "is not a customer code"),
        ({"changeId": ""}, "hts", "needs an id"),
        ({"implementationStart": "soon"}, "hts", "soon"),
        ({"customers": ["hts", "fabrikm"]}, "hts", "did you mean 'fabrikam'?"),
        ({"customers": ["Harbor Trust Services"]}, "hts", "did you mean 'hts'?"),
        ({"changeTitle": "a\u202eb"}, "hts", "U+202E"),
        ({"testPlan": "x" * 65_537}, "hts", "65,536 bytes"),
    ],
)
def test_what_can_never_be_processed_is_bad_input(
    sandbox: Sandbox, plain: dict[str, Any], edits: dict[str, Any], customer: str, told: str
) -> None:
    done = process(sandbox, plain | edits, customer)
    assert done.exit_code == 2
    assert told in done.stdout
    assert sandbox.events == []
    assert sends(sandbox) == 0


def test_what_is_left_is_a_failure_that_says_so(sandbox: Sandbox, plain: dict[str, Any]) -> None:
    paused: dict[str, Any] = {"status": 400, "code": "SendingPausedException", "times": 2}
    sandbox.stack.aws.add_fault(Fault(operation="SendEmail", **paused))
    text = sandbox.run("change", "process", sandbox.write(plain), "--customer", "hts")
    assert text.exit_code == 1
    assert "run it again" in text.stdout
    assert "SendingPausedException" in text.stderr
    assert process(sandbox, plain).exit_code == 0
    assert set(mails(sandbox).values()) == {1}


def test_a_customer_missing_from_the_meeting_is_done_in_part(sandbox: Sandbox, plain: dict[str, Any]) -> None:
    denied: dict[str, Any] = {"status": 403, "code": "AccessDenied", "times": None}
    sandbox.stack.aws.add_fault(Fault(operation="AssumeRole", account="222222222222", **denied))
    done = process(sandbox, plain)
    assert done.exit_code == 4
    assert done.report["verdict"] == "retry"
    assert "fabrikam is missing" in done.report["errors"][0]["message"]


def test_a_customer_that_is_not_configured_is_told_and_not_waited_for(
    sandbox: Sandbox, plain: dict[str, Any]
) -> None:
    path = sandbox.write(plain | {"customers": [*plain["customers"], "ghost"]})
    done = sandbox.run("change", "process", path, "--customer", "hts")
    assert done.exit_code == 4
    assert "Meeting created" in done.stdout
    assert "not read: ghost: customer_mappings.ghost is missing in the configuration" in done.stderr


def test_a_meeting_without_a_date_is_told_and_the_mails_go(sandbox: Sandbox, plain: dict[str, Any]) -> None:
    undated = {name: value for name, value in plain.items() if not name.endswith(("Start", "StartTime"))}
    done = process(sandbox, undated | {"include_meeting": "yes", "implementationEnd": ""})
    assert done.exit_code == 2
    assert done.report["verdict"] == "done"
    assert done.report["errors"][0]["message"] == "a meeting needs a start; the change names none"
    assert sends(sandbox) > 0
    assert sandbox.events == []
