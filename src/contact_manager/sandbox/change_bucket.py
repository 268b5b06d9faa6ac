"""The bucket of changes as a portal uses it, and a look at its queue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from moto.s3.exceptions import MissingKey
from moto.s3.models import s3_backends
from moto.sqs.models import Queue, sqs_backends

from contact_manager.sandbox.aws_server import BASE_ACCOUNT_ID, age_objects
from contact_manager.sandbox.world import SandboxWorld

_ID_KEYS = ("changeId", "announcement_id")


class ChangeBucket:
    """Writes changes and reads what became of them, past the server's faults.

    Args:
        world: Says which bucket and which queue.
    """

    def __init__(self, world: SandboxWorld) -> None:
        self._world = world

    def submit(self, document: Mapping[str, Any]) -> None:
        """Write a change and then one trigger for each of its customers, which the queue is told of."""
        change_id = next(document[key] for key in _ID_KEYS if key in document)
        self.write(f"archive/{change_id}.json", document)
        for code in document["customers"]:
            self.write(f"customers/{code}/{change_id}.json", document)

    def write(self, key: str, document: Any) -> None:
        """Write an object."""
        self._s3.put_object(self._world.bucket_name, key, json.dumps(document).encode())

    def delete(self, key: str) -> None:
        """Remove an object."""
        self._s3.delete_object(self._world.bucket_name, key)

    def fetch(self, key: str) -> Any:
        """Return what an object holds, or None when there is none."""
        try:
            found = self._s3.get_object(self._world.bucket_name, key)
        except MissingKey:
            return None
        return json.loads(found.value) if found else None

    def fetch_record(self, change_id: str) -> dict[str, Any]:
        """Return a change's archive object, ``{}`` when there is none."""
        return self.fetch(f"archive/{change_id}.json") or {}

    def keys(self, prefix: str) -> list[str]:
        """Return the keys that begin with ``prefix``."""
        keys = self._s3.head_bucket(self._world.bucket_name).keys
        return sorted(key for key in keys if key.startswith(prefix))

    def age(self, change_id: str, by: timedelta) -> None:
        """Let the objects of a change be written so much longer ago, by what S3 answers."""
        age_objects(self._world.bucket_name, change_id, by)

    def queue_depth(self) -> int:
        """Return how many messages wait or are being worked on."""
        queue = self._queue(self._world.queue_name)
        return int(queue.approximate_number_of_messages + queue.approximate_number_of_messages_not_visible)

    def dead_letters(self) -> list[str]:
        """Return the bodies of the messages that failed again and again."""
        return [one.body for one in self._queue(self._world.dead_letter_queue_name).messages]

    def send(self, body: str) -> None:
        """Put a message into the queue."""
        sqs_backends[BASE_ACCOUNT_ID][self._world.region].send_message(self._world.queue_name, body)

    def deliver_again(self) -> None:
        """Put everything that waits into the queue once more."""
        for message in list(self._queue(self._world.queue_name).messages):
            self.send(message.body)

    @property
    def _s3(self) -> Any:
        return s3_backends[BASE_ACCOUNT_ID]["aws"]

    def _queue(self, name: str) -> Queue:
        return sqs_backends[BASE_ACCOUNT_ID][self._world.region].queues[name]
