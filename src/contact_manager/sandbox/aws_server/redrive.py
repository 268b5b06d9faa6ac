"""``StartMessageMoveTask``, which moto lacks (Amazon SQS API reference)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from uuid import uuid4

from moto.sqs.models import Queue, SQSBackend, sqs_backends
from werkzeug.wrappers import Response

from contact_manager.sandbox.aws_server.answers import RefusedError, json_answer

if TYPE_CHECKING:
    from contact_manager.sandbox.aws_server.call import AwsCall
    from contact_manager.sandbox.aws_server.contact_store import Place


def start_message_move(call: AwsCall, place: Place) -> Response:
    """Put the messages of a dead-letter queue back into the queue that they came from, at once.

    Raises:
        RefusedError: There is no such dead-letter queue.
    """
    source_arn = str(json.loads(call.body or b"{}").get("SourceArn", ""))
    backend = sqs_backends[place.account][place.region]
    source = next((queue for queue in backend.queues.values() if queue.queue_arn == source_arn), None)
    target = _queue_that_fills(backend, source_arn)
    if source is None or target is None:
        raise RefusedError(400, "ResourceNotFoundException", "The source queue is no dead-letter queue.")
    for message in list(source.messages):
        backend.send_message(target.name, message.body)
    backend.purge_queue(source.name)
    return json_answer({"TaskHandle": str(uuid4())})


def _queue_that_fills(backend: SQSBackend, dead_letter_arn: str) -> Queue | None:
    policies = ((queue, queue.redrive_policy or {}) for queue in backend.queues.values())
    return next(
        (queue for queue, policy in policies if policy.get("deadLetterTargetArn") == dead_letter_arn), None
    )
