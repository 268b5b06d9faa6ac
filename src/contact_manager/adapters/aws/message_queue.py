"""A queue as a ``MessageQueue``: Amazon SQS with long polling."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from contact_manager.adapters.aws.errors import Asked, Refusal, refused
from contact_manager.adapters.aws.kept_client import KeptClient
from contact_manager.adapters.aws.session import AwsAccess
from contact_manager.domain.processing import Message

if TYPE_CHECKING:
    from types_aiobotocore_sqs.client import SQSClient
    from types_aiobotocore_sqs.type_defs import BatchResultErrorEntryTypeDef

_log = logging.getLogger(__name__)

T = TypeVar("T")

BATCH_SIZE = 10
LONG_POLL_S = 20
"""The most messages of one call, and the longest wait of ReceiveMessage (Amazon SQS API reference)."""

LONGEST_HIDDEN = timedelta(hours=11)
"""A message can be hidden for twelve hours from its reception on, all in all (Amazon SQS developer guide,
"Visibility timeout"); an hour is left for the work on it."""

_RECEIVE_SILENCE_S = LONG_POLL_S + 5.0
_CALL_TIME_LIMIT_S = 8.0
"""Of every other call: a worker that is stopped has 30 s, and messages are hidden for as long."""

_GONE_CODES = frozenset({"MessageNotInflight", "ReceiptHandleIsInvalid", "InvalidReceiptHandle"})
_GONE_WORDS = "does not exist or is not available"


class SqsQueue:
    """One queue. Implements ``ports.MessageQueue``.

    Args:
        access: The process's way into AWS; whoever made it closes it.
        queue_url: Of the queue.
    """

    def __init__(self, access: AwsAccess, queue_url: str) -> None:
        self._client = KeptClient(access, "sqs", read_timeout_s=_RECEIVE_SILENCE_S)
        self._queue_url = queue_url

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def receive(self, hidden_for: timedelta) -> Sequence[Message]:
        """Wait for messages and return them."""
        async with self._calling("ReceiveMessage") as client:
            answer = await client.receive_message(
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
        """Keep messages, by receipt, from others for so long from now; what cannot be hidden is logged."""
        for batch in _batches(list(hidden_for.items())):
            async with self._calling("ChangeMessageVisibilityBatch", _CALL_TIME_LIMIT_S) as client:
                answer = await client.change_message_visibility_batch(
                    QueueUrl=self._queue_url,
                    Entries=[
                        {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": _seconds(time)}
                        for number, (receipt, time) in enumerate(batch)
                    ],
                )
            for failed in _failures(answer.get("Failed", [])):
                _log.warning(
                    "queue.message_not_hidden code=%s message=%s", failed["Code"], failed.get("Message", "")
                )

    async def delete(self, receipts: Sequence[str]) -> None:
        """Take messages off the queue."""
        failures: list[BatchResultErrorEntryTypeDef] = []
        for batch in _batches(receipts):
            async with self._calling("DeleteMessageBatch", _CALL_TIME_LIMIT_S) as client:
                answer = await client.delete_message_batch(
                    QueueUrl=self._queue_url,
                    Entries=[
                        {"Id": str(number), "ReceiptHandle": receipt} for number, receipt in enumerate(batch)
                    ],
                )
            failures += _failures(answer.get("Failed", []))
        for failed in failures:
            refusal = Refusal(
                400 if failed["SenderFault"] else 500, failed["Code"], failed.get("Message", "")
            )
            raise refused(self._asked("DeleteMessageBatch"), refusal)

    @asynccontextmanager
    async def _calling(self, operation: str, time_limit_s: float | None = None) -> AsyncIterator[SQSClient]:
        asked = self._asked(operation)
        async with self._client.calling(asked) as client, asyncio.timeout(time_limit_s):
            yield client

    def _asked(self, operation: str) -> Asked:
        return Asked("sqs", operation, self._queue_url)


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), BATCH_SIZE):
        yield items[start : start + BATCH_SIZE]


def _seconds(time: timedelta) -> int:
    return int(min(max(time, timedelta(0)), LONGEST_HIDDEN).total_seconds())


def _failures(entries: Sequence[BatchResultErrorEntryTypeDef]) -> Iterator[BatchResultErrorEntryTypeDef]:
    """Yield what went wrong with messages that are still there."""
    for entry in entries:
        is_gone = entry["Code"].rsplit(".", 1)[-1] in _GONE_CODES or _GONE_WORDS in entry.get("Message", "")
        if not is_gone:
            yield entry


@asynccontextmanager
async def open_queue(access: AwsAccess, queue_url: str) -> AsyncIterator[SqsQueue]:
    """Yield the queue; its connections are opened when they are needed and closed at the end."""
    queue = SqsQueue(access, queue_url)
    try:
        yield queue
    finally:
        await queue.close()
