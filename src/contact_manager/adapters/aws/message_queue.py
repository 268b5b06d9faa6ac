"""A queue as a ``MessageQueue``: Amazon SQS with long polling."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from contact_manager.adapters.aws.botocore_errors import translating
from contact_manager.adapters.aws.errors import Asked, Refusal, refused
from contact_manager.adapters.aws.session import AwsAccess
from contact_manager.domain.processing import Message

if TYPE_CHECKING:
    from types_aiobotocore_sqs.client import SQSClient

BATCH_SIZE = 10
LONG_POLL_S = 20
"""The most messages, and the longest wait, of one ReceiveMessage (Amazon SQS API reference)."""


class SqsQueue:
    """One queue. Implements ``ports.MessageQueue``.

    Args:
        client: An open client; whoever made it closes it.
        queue_url: Of the queue.
    """

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    async def receive(self, hidden_for: timedelta) -> Sequence[Message]:
        """Wait for messages and return them."""
        async with translating(self._asked("ReceiveMessage")):
            answer = await self._client.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=BATCH_SIZE,
                WaitTimeSeconds=LONG_POLL_S,
                VisibilityTimeout=int(hidden_for.total_seconds()),
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        return [
            Message(
                one["ReceiptHandle"],
                one["Body"],
                int(one.get("Attributes", {}).get("ApproximateReceiveCount", "1")),
            )
            for one in answer.get("Messages", [])
        ]

    async def hide(self, hidden_for: Mapping[str, timedelta]) -> None:
        """Keep messages, by receipt, from others for so long from now."""
        async with translating(self._asked("ChangeMessageVisibilityBatch")):
            await self._client.change_message_visibility_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {
                        "Id": str(number),
                        "ReceiptHandle": receipt,
                        "VisibilityTimeout": int(time.total_seconds()),
                    }
                    for number, (receipt, time) in enumerate(hidden_for.items())
                ],
            )

    async def delete(self, receipts: Sequence[str]) -> None:
        """Take messages off the queue."""
        asked = self._asked("DeleteMessageBatch")
        async with translating(asked):
            answer = await self._client.delete_message_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": receipt} for number, receipt in enumerate(receipts)
                ],
            )
        for failed in answer.get("Failed", []):
            raise refused(asked, Refusal(0, failed["Code"], failed.get("Message", "")))

    def _asked(self, operation: str) -> Asked:
        return Asked("sqs", operation, self._queue_url)


@asynccontextmanager
async def open_queue(access: AwsAccess, queue_url: str) -> AsyncIterator[SqsQueue]:
    """Yield the queue; its connections are closed at the end.

    Raises:
        RemoteServiceError: No region is known.
    """
    region = access.choose_region(Asked("sqs", "ReceiveMessage", queue_url))
    async with access.open_session().create_client("sqs", region_name=region) as client:
        yield SqsQueue(client, queue_url)
