"""Services that take a request and never answer: the Lambda function answers in time, whatever hangs."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contact_manager.sandbox.aws_server import Fault
from contact_manager.sandbox.stack import SandboxStack
from tests.sandbox.change_events import ALL_DONE, Portal

SECONDS_LEFT = 5
"""After these the host ends the process, as AWS does: without an answer."""

LONG_ENOUGH = 15
"""For a run that does something before it hangs."""

NEVER_S = 3600.0


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """One sandbox for all stories; each has a change of its own."""
    folder = tmp_path_factory.mktemp("stage")
    with SandboxStack() as stack:
        portal = Portal(
            stack,
            folder,
            BACKEND_ROLE_ARN="arn:aws:iam::123456789012:role/contact-manager",
            CHANGE_QUEUE_URL=stack.queue_url,
            LAMBDA_LOG=str(folder / "log"),
        )
        with portal.host:
            yield portal


@pytest.fixture
def portal(stage: Portal) -> Iterator[Portal]:
    Path(stage.environment["LAMBDA_LOG"]).write_text("")
    yield stage
    stage.stack.aws.clear_faults()
    stage.stack.aws.forget_mails()
    stage.stack.graph.clear_faults()


@pytest.fixture
def change(change: dict[str, Any], request: pytest.FixtureRequest) -> dict[str, Any]:
    """The flat example under an id of its own, without a version: its modifications tell its history."""
    kept = {name: value for name, value in change.items() if name not in ("version", "modifications")}
    change_id = f"CHG-{zlib.crc32(request.node.name.encode())}"
    return kept | {"changeId": change_id, "changeTitle": f"Change {change_id}"}


def hang(portal: Portal, fault: Fault) -> None:
    portal.stack.aws.add_fault(replace(fault, delay_s=NEVER_S, times=None))


def log(portal: Portal) -> str:
    return Path(portal.environment["LAMBDA_LOG"]).read_text()


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        (Fault(service="s3"), "s3 "),
        (Fault(operation="PutObject"), "s3 PutObject"),
        (Fault(service="sts"), "sts AssumeRole"),
    ],
)
def test_a_service_that_hangs_is_named_and_every_message_is_given_back_in_time(
    portal: Portal, change: dict[str, Any], fault: Fault, named: str
) -> None:
    event = portal.submit(change, status="approved")
    hang(portal, fault)
    assert portal.failures(event, seconds_left=LONG_ENOUGH) == set(change["customers"])
    assert f"the time ran out while waiting for {named}" in log(portal)


def test_parameters_that_hang_give_back_the_message_that_has_the_meeting(
    portal: Portal, change: dict[str, Any]
) -> None:
    event = portal.submit(change, status="approved")
    hang(portal, Fault(service="ssm"))
    assert len(portal.failures(event, seconds_left=LONG_ENOUGH)) == 1
    assert "the time ran out while waiting for ssm GetParameters" in log(portal)
    assert set(portal.mails.values()) == {1}


@pytest.mark.parametrize(("path", "named"), [("/events", "graph "), ("oauth2", "entra sign-in")])
def test_a_calendar_that_hangs_gives_back_the_message_that_has_the_meeting(
    portal: Portal, change: dict[str, Any], path: str, named: str
) -> None:
    event = portal.submit(change, status="approved")
    portal.stack.graph.add_fault({"path_contains": path, "drop_before": True, "hold": True, "times": 100})
    assert len(portal.failures(event, seconds_left=LONG_ENOUGH)) == 1
    assert f"the time ran out while waiting for {named}" in log(portal)


def test_what_does_not_hang_is_done_and_only_the_rest_is_given_back(
    portal: Portal, change: dict[str, Any]
) -> None:
    portal.invoke(portal.submit(change, status="approved"))
    event = portal.submit(change, status="completed")
    hang(portal, Fault(service="s3", path_contains="customers/fabrikam/"))
    assert portal.failures(event, seconds_left=LONG_ENOUGH) == {"fabrikam"}
    portal.stack.aws.clear_faults()
    assert portal.invoke(event).answer == ALL_DONE
    assert portal.subjects["Completed"] == 4
    assert set(portal.mails.values()) == {1}


def test_a_queue_that_hangs_does_not_keep_the_answer(portal: Portal, change: dict[str, Any]) -> None:
    event = portal.submit(change, status="approved")
    for record in event["Records"]:
        record["receiptHandle"] = "receipt"
    hang(portal, Fault(operation="GetObject"))
    hang(portal, Fault(service="sqs"))
    assert portal.failures(event, seconds_left=SECONDS_LEFT) == set(change["customers"])
    assert "the time ran out before the messages were postponed" in log(portal)


@pytest.mark.parametrize("operation", ["ListObjectsV2", "GetObject"])
def test_a_reconciler_that_is_not_finished_in_time_says_so(
    portal: Portal, change: dict[str, Any], operation: str
) -> None:
    portal.submit(change, status="approved")
    hang(portal, Fault(operation=operation))
    answer = portal.invoke({}, reconciles=True, seconds_left=SECONDS_LEFT).answer
    assert answer == {"changes": 0, "failed": [], "complete": False}
