"""What the alarms of the deployment watch is what the handlers measure when something goes wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from contact_manager.entrypoints import lambda_sqs
from contact_manager.sandbox.aws_server import Fault, RoleRule
from contact_manager.sandbox.stack import SandboxStack
from tests.deploy.test_templates import OURS, read, resources
from tests.sandbox.change_events import s3_record, sqs_event

ID = "CHG-2031-0042"


@dataclass(frozen=True, slots=True)
class Context:
    """As Lambda gives it."""

    milliseconds: int = 300_000
    aws_request_id: str = "11111111-2222-3333-4444-555555555555"

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


@dataclass(frozen=True, slots=True)
class Function:
    """Both handlers in this process, in a sandbox, and what they write."""

    stack: SandboxStack
    output: pytest.CaptureFixture[str]

    def submit(self, change: dict[str, Any], **edits: Any) -> dict[str, Any]:
        """Write a change and return the event of its triggers."""
        document = change | edits
        self.stack.changes.submit(document)
        bucket, change_id = self.stack.world.bucket_name, document["changeId"]
        keys = [f"customers/{code}/{change_id}.json" for code in document["customers"]]
        return sqs_event(**{key: {"Records": [s3_record(bucket, key)]} for key in keys})

    def measured(self, event: Any = None, context: Context | None = None) -> dict[str, dict[str, Any]]:
        """Call a handler, that of the schedule without an event; return the directive of every metric."""
        self.output.readouterr()
        if event is None:
            lambda_sqs.reconcile_handler({}, context or Context())  # type: ignore[arg-type]
        else:
            lambda_sqs.handler(event, context or Context())  # type: ignore[arg-type]
        lines = [line for line in self.output.readouterr().out.splitlines() if '"_aws"' in line]
        return {
            metric["Name"]: {"namespace": directive["Namespace"], "dimensions": directive["Dimensions"]}
            for line in lines
            for directive in json.loads(line)["_aws"]["CloudWatchMetrics"]
            for metric in directive["Metrics"]
        }


@pytest.fixture
def function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Function]:
    with SandboxStack() as stack:
        for name in stack.unset:
            monkeypatch.delenv(name, raising=False)
        for name, value in stack.environment.items():
            monkeypatch.setenv(name, value)
        config = json.loads(stack.config_file.read_bytes())
        config["notification_config"] = {"max_recipients_per_customer": 1}
        (tmp_path / "limited.json").write_text(json.dumps(config), encoding="utf-8")
        yield Function(stack, capsys)
        if lambda_sqs._instance is not None:
            lambda_sqs._instance.close()
            monkeypatch.setattr(lambda_sqs, "_instance", None)


@pytest.fixture
def watched() -> set[str]:
    """The metrics of our own that alarms watch."""
    alarms = resources(read(OURS), "AWS::CloudWatch::Alarm").values()
    return {one["MetricName"] for one in alarms if one["Namespace"] == "ContactManager"}


def test_every_metric_that_an_alarm_watches_is_written_when_it_has_to_ring(
    function: Function,
    watched: set[str],
    change: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stack, approved = function.stack, change | {"status": "approved"}
    found: dict[str, dict[str, Any]] = {}

    found |= function.measured(sqs_event(one="nonsense"))
    assert set(found) == {"MessagesRejected"}

    stack.changes.write(f"archive/{ID}.json", ["no change"])
    stack.changes.write(f"customers/hts/{ID}.json", {})
    found |= function.measured(function_event(stack, "hts"))
    assert "ChangesRejected" in found

    stack.aws.add_fault(Fault(operation="SendEmail", status=400, code="MessageRejected", times=None))
    stack.graph.add_fault(
        {"path_contains": "/events", "status": 403, "code": "ErrorAccessDenied", "times": 99}
    )
    stack.aws.set_role(RoleRule(stack.world.customers[1].role_arn, denied=True))
    found |= function.measured(function.submit(approved))
    assert {"MailsFailed", "MeetingsFailed", "CustomersFailed"} <= set(found)

    found |= function.measured()
    assert "ReconcileRuns" in found
    assert "ReconcilesIncomplete" not in found
    found |= function.measured(context=Context(milliseconds=0))

    stack.aws.clear_faults()
    stack.graph.clear_faults()
    monkeypatch.setenv("CONFIG_FILE", str(tmp_path / "limited.json"))
    found |= function.measured(function.submit(approved, changeId="CHG-2031-0043"))

    assert watched - set(found) == set()
    assert [
        one for one in found.values() if one != {"namespace": "ContactManager", "dimensions": [["service"]]}
    ] == []


def function_event(stack: SandboxStack, code: str) -> dict[str, Any]:
    return sqs_event(one={"Records": [s3_record(stack.world.bucket_name, f"customers/{code}/{ID}.json")]})
