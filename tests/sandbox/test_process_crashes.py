"""The Lambda is killed at every outgoing request in turn, and the messages come again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from contact_manager.sandbox.stack import SandboxStack
from contact_manager.services.send_budget import MAX_UNNOTED
from tests.sandbox.conftest import Sandbox
from tests.sandbox.lambda_host import Ended, LambdaHost, Run

HOSTS = 2
ALL_DONE: dict[str, Any] = {"batchItemFailures": []}
MOST_FEWER = 10
"""So many requests fewer a run may need than another: who comes first to a claim is chance."""


class Stage:
    """A sandbox in which every change lives by itself: ids and titles differ, the customers are the same."""

    def __init__(self, stack: SandboxStack, folder: Path) -> None:
        self.stack = stack
        sandbox = Sandbox(stack, folder)
        self.environment = sandbox.environment | {"PYTHONPATH": ":".join(_python_path())}

    def submit(self, change_id: str, template: dict[str, Any], status: str) -> dict[str, Any]:
        """Write the change with its triggers, as a portal that knows no meetings, and return the event."""
        document = template | {
            "changeId": change_id,
            "changeTitle": f"Change {change_id}",
            "meetingTitle": f"Call {change_id}",
            "status": status,
            "modifications": [*self._modifications(change_id), {"modification_type": status}],
        }
        self.stack.changes.submit(document)
        return sqs_event(self.stack.world.bucket_name, change_id, document["customers"])

    def _modifications(self, change_id: str) -> list[Any]:
        return list(self.stack.changes.fetch_record(change_id).get("modifications", []))

    def outcome(self, change_id: str) -> Outcome:
        """Return what became of one change."""
        state = self.stack.graph.state()
        box = state["mailboxes"][self.stack.world.organizer]
        mine = [one for one in box["events"] if one["subject"] == f"Call {change_id}"]
        record = self.stack.changes.fetch_record(change_id)
        return Outcome(
            live=sum(1 for one in mine if not one["isCancelled"]),
            told=Counter(
                (one["kind"], one["address"])
                for one in state["notices"]
                if one["subject"].endswith(f"Call {change_id}")
            ),
            mails=Counter(
                (one.account, one.recipient, one.subject)
                for one in self.stack.aws.sent_mails
                if f"Change {change_id} " in one.subject
            ),
            has_meeting=bool(record.get("meeting_metadata")),
            entries=Counter(
                (one["modification_type"], one.get("customer_code")) for one in record["modifications"]
            ),
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a change came to."""

    live: int
    told: Counter[tuple[str, str]]
    mails: Counter[tuple[str, str, str]]
    has_meeting: bool
    entries: Counter[tuple[str, str | None]]


def sqs_event(bucket: str, change_id: str, customers: list[str]) -> dict[str, Any]:
    """Return the event for a change's triggers, one message for each customer."""
    return {
        "Records": [
            {
                "messageId": f"{code}-{change_id}",
                "body": json.dumps({"Records": [s3_record(bucket, f"customers/{code}/{change_id}.json")]}),
            }
            for code in customers
        ]
    }


def s3_record(bucket: str, key: str) -> dict[str, Any]:
    """Return what S3 tells of a written object."""
    return {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": bucket}, "object": {"key": key}},
    }


def _python_path() -> list[str]:
    root = Path(__file__).parents[2]
    return [str(root / "src"), str(root)]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with SandboxStack() as stack:
        yield Stage(stack, tmp_path_factory.mktemp("stage"))


@pytest.fixture
def template(change: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in change.items() if name not in ("version", "meetingTitle")}


def renamed(outcome: Outcome, change_id: str) -> Outcome:
    """Return the outcome as if the change were called CLEAN."""
    mails = {
        (account, one, subject.replace(change_id, "CLEAN")): number
        for (account, one, subject), number in outcome.mails.items()
    }
    return Outcome(outcome.live, outcome.told, Counter(mails), outcome.has_meeting, outcome.entries)


@pytest.mark.parametrize(("status", "customers"), [("approved", ["hts", "fabrikam"]), ("cancelled", ["hts"])])
def test_a_lambda_that_is_killed_anywhere_and_called_again_ends_like_one_that_was_not(
    stage: Stage, template: dict[str, Any], status: str, customers: list[str]
) -> None:
    template["customers"] = customers

    def run(host: LambdaHost, change_id: str, kill_at: int = 0) -> Ended:
        event = stage.submit(change_id, template, "approved")
        if status != "approved":
            assert host.invoke(Run(event)).answer == ALL_DONE
            event = stage.submit(change_id, template, status)
        ended = host.invoke(Run(event, kill_at))
        if ended.was_killed:
            stage.stack.changes.age(change_id, timedelta(minutes=10))
            assert host.invoke(Run(event)).answer == ALL_DONE, change_id
        else:
            assert ended.answer == ALL_DONE, change_id
        return ended

    with LambdaHost(stage.environment) as host:
        name = f"CLEAN-{status}"
        requests = run(host, name).requests
    clean = renamed(stage.outcome(name), name)
    assert clean.live == (status == "approved")
    assert set(clean.mails.values()) == set(clean.told.values()) == {1}
    assert requests > 20

    def work(first: int) -> None:
        with LambdaHost(stage.environment) as host:
            for number in range(first, requests + 1, HOSTS):
                name = f"{status}-{number}"
                ended = run(host, name, kill_at=number)
                assert ended.was_killed or number > requests - MOST_FEWER, name
                assert_same_end(renamed(stage.outcome(name), name), clean, name)

    with ThreadPoolExecutor(HOSTS) as pool:
        for share in [pool.submit(work, first) for first in range(1, HOSTS + 1)]:
            share.result()


def assert_same_end(outcome: Outcome, clean: Outcome, name: str) -> None:
    """Check that nothing differs but mails that stood in no ledger, which may have been sent twice."""
    assert outcome.live == clean.live, name
    assert outcome.told == clean.told, name
    assert outcome.has_meeting == clean.has_meeting, name
    assert outcome.entries == clean.entries, name
    assert outcome.mails.keys() == clean.mails.keys(), name
    assert max(outcome.mails.values()) <= 2, name
    assert sum(1 for number in outcome.mails.values() if number > 1) <= MAX_UNNOTED, name
