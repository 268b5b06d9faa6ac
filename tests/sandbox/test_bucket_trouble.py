"""S3 answers each write of a run in turn with 409, 412, 500, 503 or nothing, before or after it is done."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from contact_manager.bootstrap import RunOptions, load_settings
from contact_manager.bootstrap.events import ChangeProcessing, open_change_processing
from contact_manager.domain.processing import Verdict
from contact_manager.formats.change_json import MAX_RECORD_BYTES
from contact_manager.sandbox.aws_server import Fault
from contact_manager.sandbox.stack import SandboxStack
from contact_manager.services import change_meeting
from tests.fakes.aws_clients import open_client
from tests.sandbox.change_events import s3_record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CUSTOMERS = ["hts", "fabrikam"]
MAX_DELIVERIES = 8
FAULTS = {
    "409 before": Fault("s3", status=409, code="ConditionalRequestConflict"),
    "412 after": Fault("s3", status=412, code="PreconditionFailed", carried_out=True),
    "500 before": Fault("s3", status=500, code="InternalError"),
    "500 after": Fault("s3", status=500, code="InternalError", carried_out=True),
    "503 after": Fault("s3", status=503, code="SlowDown", carried_out=True),
    "409 after": Fault("s3", status=409, code="ConditionalRequestConflict", carried_out=True),
    "503 before": Fault("s3", status=503, code="SlowDown"),
    "nothing before": Fault("s3", drop=True),
    "nothing after": Fault("s3", drop_answer=True),
    "412 before": Fault("s3", status=412, code="PreconditionFailed"),
    "409 storm": Fault("s3", status=409, code="ConditionalRequestConflict", times=12),
    "503 storm": Fault("s3", status=503, code="SlowDown", times=12, carried_out=True),
}


@dataclass(frozen=True, slots=True)
class Write:
    """One write of a run: its operation, its key with ``ID`` for the change, and how often it came before."""

    operation: str
    path: str
    number: int

    def fault(self, fault: Fault, change_id: str) -> Fault:
        return replace(
            fault,
            operation=self.operation,
            path_contains=self.path.replace("ID", change_id),
            skip=self.number,
        )


class Stage:
    """A sandbox in which every change lives by itself."""

    def __init__(self, stack: SandboxStack, template: dict[str, Any]) -> None:
        self.stack = stack
        self._template = template

    @asynccontextmanager
    async def processing(self) -> AsyncIterator[ChangeProcessing]:
        settings = load_settings(None, os.environ)
        settings = replace(settings, meeting=replace(settings.meeting, requests_per_second=1000))
        async with open_change_processing(settings, os.environ, RunOptions()) as processing:
            yield processing

    def submit(self, change_id: str) -> dict[str, str]:
        """Write a change and return the messages about its triggers, by customer."""
        names = {
            "changeId": change_id,
            "changeTitle": f"Change {change_id}",
            "meetingTitle": call(change_id),
        }
        self.stack.changes.submit(self._template | names | {"customers": CUSTOMERS, "status": "approved"})
        bucket = self.stack.world.bucket_name
        records = {code: s3_record(bucket, f"customers/{code}/{change_id}.json") for code in CUSTOMERS}
        return {code: json.dumps({"Records": [record]}) for code, record in records.items()}

    async def run(self, processing: ChangeProcessing, change_id: str) -> int:
        """Work through a change until nothing comes back, and return how often it took."""
        bodies = self.submit(change_id)
        for number in range(1, MAX_DELIVERIES + 1):
            outcomes = await processing.process(bodies)
            bodies = {one.message_id: bodies[one.message_id] for one in outcomes if one.comes_again}
            if not bodies:
                return number
            self.stack.changes.age(change_id, timedelta(minutes=10))
        raise AssertionError(f"{change_id} is not done: {outcomes}")

    def writes(self, change_id: str) -> list[Write]:
        found: list[Write] = []
        seen = Counter[tuple[str, str]]()
        for request in self.stack.aws.requests:
            place = request.operation, request.path.replace(change_id, "ID")
            if request.service == "s3" and request.method in ("PUT", "DELETE") and change_id in request.path:
                found.append(Write(*place, seen[place]))
                seen[place] += 1
        return found

    def outcome(self, change_id: str) -> dict[str, Any]:
        box = self.stack.graph.state()["mailboxes"][self.stack.world.organizer]
        record = self.stack.changes.fetch_record(change_id)
        keys = self.stack.changes.keys("")
        return {
            "meetings": [one["isCancelled"] for one in box["events"] if one["subject"] == call(change_id)],
            "notices": Counter(
                (one["kind"], one["address"])
                for one in self.stack.graph.state()["notices"]
                if one["subject"].endswith(call(change_id))
            ),
            "mails": Counter(
                (one.account, one.recipient)
                for one in self.stack.aws.sent_mails
                if f"Change {change_id} " in one.subject
            ),
            "entries": Counter(
                (one["modification_type"], one.get("customer_code")) for one in record["modifications"]
            ),
            "has_meeting": "meeting_metadata" in record,
            "keys": {key.replace(change_id, "ID") for key in keys if change_id in key},
        }


def call(change_id: str) -> str:
    return f"Call {change_id}"


@pytest.fixture
def stage(change: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr("random.random", lambda: 0.0)
    monkeypatch.setattr("random.uniform", lambda *_: 0.0)
    monkeypatch.setattr(change_meeting, "CLAIM_POLL_INTERVAL", timedelta(milliseconds=20))
    monkeypatch.setattr(change_meeting, "CLAIM_POLLS", 1000)
    with SandboxStack() as stack:
        for name in stack.unset:
            monkeypatch.delenv(name, raising=False)
        for name, value in stack.environment.items():
            monkeypatch.setenv(name, value)
        yield Stage(stack, {name: value for name, value in change.items() if name != "modifications"})


async def test_no_answer_to_any_write_does_anything_twice(stage: Stage) -> None:
    async with stage.processing() as processing:
        assert await stage.run(processing, "CLEAN") == 1
        clean, writes = stage.outcome("CLEAN"), stage.writes("CLEAN")
        assert clean["meetings"] == [False]
        assert set(clean["mails"].values()) == set(clean["notices"].values()) == {1}
        assert len(writes) > 10
        for number, write in enumerate(writes):
            faults = {f"{number}-{name}".replace(" ", "-"): fault for name, fault in _half(number)}
            for change_id, fault in faults.items():
                stage.stack.aws.add_fault(write.fault(fault, change_id))
            await asyncio.gather(*(stage.run(processing, change_id) for change_id in faults))
            for change_id in faults:
                assert stage.outcome(change_id) == clean, (write, change_id)
            stage.stack.aws.clear_faults()


def _half(number: int) -> list[tuple[str, Fault]]:
    """Return every other fault, the others at the next write."""
    return list(FAULTS.items())[number % 2 :: 2]


async def test_the_archive_object_keeps_what_it_carries_through_a_run(stage: Stage) -> None:
    carried = {
        "Metadata": {"author": "portal"},
        "CacheControl": "no-store",
        "ContentType": "application/json; charset=utf-8",
        "StorageClass": "STANDARD_IA",
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000",
        "BucketKeyEnabled": True,
    }
    place = {"Bucket": stage.stack.world.bucket_name, "Key": "archive/KEPT.json"}
    bodies = stage.submit("KEPT")
    s3 = open_client(stage.stack.aws, "s3")
    packed = gzip.compress(s3.get_object(**place)["Body"].read())
    s3.put_object(**place, **carried, Body=packed, ContentEncoding="gzip", Tagging="team=network")
    async with stage.processing() as processing:
        outcomes = await processing.process(bodies)
    assert not any(outcome.comes_again for outcome in outcomes)
    found = s3.get_object(**place)
    assert {name: found.get(name) for name in carried} == carried
    assert s3.get_object_tagging(**place)["TagSet"] == [{"Key": "team", "Value": "network"}]
    record = json.loads(gzip.decompress(found["Body"].read()))
    assert record["meeting_metadata"]["meeting_id"]


async def test_a_trigger_is_not_read_and_a_change_that_is_too_large_is_rejected(stage: Stage) -> None:
    bodies = stage.submit("LARGE")
    s3, bucket = open_client(stage.stack.aws, "s3"), stage.stack.world.bucket_name
    for key in ("customers/hts/LARGE.json", "archive/LARGE.json"):
        s3.put_object(Bucket=bucket, Key=key, Body=b" " * (MAX_RECORD_BYTES + 1))
    stage.stack.aws.forget_requests()
    async with stage.processing() as processing:
        [outcome] = await processing.process({"hts": bodies["hts"]})
    [report] = outcome.reports
    assert report.verdict is Verdict.REJECTED
    assert "archive/LARGE.json" in report.errors[0].message
    reads = {(one.method, one.path) for one in stage.stack.aws.requests if "LARGE" in one.path}
    assert reads == {
        ("HEAD", f"/{bucket}/customers/hts/LARGE.json"),
        ("GET", f"/{bucket}/archive/LARGE.json"),
    }


async def test_a_change_in_an_archive_comes_back_and_says_what_to_do(stage: Stage) -> None:
    bodies = stage.submit("COLD")
    s3, bucket = open_client(stage.stack.aws, "s3"), stage.stack.world.bucket_name
    s3.put_object(Bucket=bucket, Key="archive/COLD.json", Body=b"{}", StorageClass="DEEP_ARCHIVE")
    async with stage.processing() as processing:
        outcomes = await processing.process(bodies)
    assert all(outcome.comes_again for outcome in outcomes)
    assert "restore it" in outcomes[0].reports[0].errors[0].message
