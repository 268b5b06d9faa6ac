"""A sandbox into which changes arrive as events, and a Lambda that is called for them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from moto.sqs.models import Message, sqs_backends

from contact_manager.sandbox.aws_server import BASE_ACCOUNT_ID
from contact_manager.sandbox.stack import SandboxStack
from tests.sandbox.conftest import Sandbox
from tests.sandbox.lambda_host import Ended, LambdaHost, Run

ALL_DONE: dict[str, Any] = {"batchItemFailures": []}
ROOT = Path(__file__).parents[2]


def s3_record(bucket: str, key: str) -> dict[str, Any]:
    """Return what S3 tells of a written object."""
    return {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": bucket}, "object": {"key": key}},
    }


def sqs_event(**bodies: Any) -> dict[str, Any]:
    """Return the Lambda event for messages by id; what is no text is written as JSON."""
    return {
        "Records": [
            {"messageId": message_id, "body": body if isinstance(body, str) else json.dumps(body)}
            for message_id, body in bodies.items()
        ]
    }


class Portal:
    """Writes changes as a portal does, and looks at what came of them.

    It keeps what stands in a record, but for ``meeting_metadata``, of which it knows nothing.
    """

    def __init__(self, stack: SandboxStack, folder: Path, **environment: str) -> None:
        self.stack = stack
        self.bucket = stack.world.bucket_name
        path = f"{ROOT / 'src'}:{ROOT}"
        self.environment = Sandbox(stack, folder).measured | {"PYTHONPATH": path} | environment
        self.host = LambdaHost(self.environment)

    def submit(self, document: dict[str, Any], **edits: Any) -> dict[str, Any]:
        """Write a change with its triggers and return the Lambda event for them, a message a customer."""
        change_id = document["changeId"]
        known = self.record(change_id).get("modifications", [])
        status = (document | edits)["status"]
        written = document | edits | {"modifications": [*known, {"modification_type": status}]}
        self.stack.changes.submit(written)
        return self.event(change_id, written["customers"])

    def event(self, change_id: str, customers: Sequence[str]) -> dict[str, Any]:
        """Return the Lambda event for a change's triggers."""
        keys = {code: f"customers/{code}/{change_id}.json" for code in customers}
        return sqs_event(**{code: {"Records": [s3_record(self.bucket, key)]} for code, key in keys.items()})

    def receive(self) -> dict[str, Any]:
        """Return the Lambda event for what waits in the queue, hidden from others for an hour."""
        received = sqs_backends[BASE_ACCOUNT_ID][self.stack.world.region].receive_message(
            self.stack.world.queue_name, 10, 0, 3600
        )
        return {
            "Records": [
                {
                    "messageId": one.id,
                    "receiptHandle": one.receipt_handle,
                    "body": one.body,
                    "attributes": {"ApproximateReceiveCount": str(one.approximate_receive_count)},
                }
                for one in received
            ]
        }

    def waiting(self, message_ids: Iterable[str]) -> list[Message]:
        """Return messages as they are in the queue."""
        queue = sqs_backends[BASE_ACCOUNT_ID][self.stack.world.region].queues[self.stack.world.queue_name]
        return [one for one in queue._messages if one.id in message_ids]

    def invoke(self, event: dict[str, Any], **options: Any) -> Ended:
        """Call the Lambda."""
        return self.host.invoke(Run(event, **options))

    def failures(self, event: dict[str, Any], **options: Any) -> set[str]:
        """Call the Lambda and return the ids of the messages that come again."""
        answer = self.invoke(event, **options).answer
        assert answer is not None
        return {one["itemIdentifier"] for one in answer["batchItemFailures"]}

    def record(self, change_id: str) -> dict[str, Any]:
        return self.stack.changes.fetch_record(change_id)

    def entries(self, change_id: str) -> Counter[str]:
        """Return how often each kind of modification was written by us."""
        kinds = [one["modification_type"] for one in self.record(change_id)["modifications"]]
        return Counter(kind for kind in kinds if kind.startswith(("meeting_", "processed")))

    @property
    def meetings(self) -> list[dict[str, Any]]:
        box = self.stack.graph.state()["mailboxes"][self.stack.world.organizer]
        return [one for one in box["events"] if not one["isCancelled"]]

    @property
    def notices(self) -> Counter[str]:
        return Counter(one["kind"] for one in self.stack.graph.state()["notices"])

    @property
    def mails(self) -> Counter[tuple[str, str]]:
        """Recipients with the word that their subject begins with."""
        return Counter((one.recipient, one.subject.split(":")[0]) for one in self.stack.aws.sent_mails)

    @property
    def subjects(self) -> Counter[str]:
        return Counter(one.subject.split(":")[0] for one in self.stack.aws.sent_mails)
