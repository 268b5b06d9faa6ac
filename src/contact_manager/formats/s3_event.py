"""Messages of the change queue: which change files were written.

A message is an S3 notification (Amazon S3 user guide, "Event message structure"), plain, in an SNS envelope
or as EventBridge sends it, or the older ``{"customer_code", "s3_bucket", "s3_key"}``.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

import orjson

from contact_manager.domain.customer import fold_customer_code

_log = logging.getLogger(__name__)

_TRIGGER_KEY = re.compile(r"customers/([^/]+)/([^/]+)\.json")
_MAX_ENVELOPES = 3
_CREATED = "ObjectCreated"


class MessageError(ValueError):
    """The message can never be understood; the text says why."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """One customer's turn for one change.

    Attributes:
        bucket: Where the objects are.
        key: Of the trigger object, ``customers/{code}/{change id}.json``.
        customer: Folded code.
        change_id: As it stands in the key.
        principal: Who wrote the object, as S3 tells it, or ``""``.
    """

    bucket: str
    key: str
    customer: str
    change_id: str
    principal: str = ""


def trigger_key(customer: str, change_id: str) -> str:
    """Return the key of a customer's trigger."""
    return f"customers/{customer}/{change_id}.json"


def parse_message(body: str) -> tuple[Trigger, ...]:
    """Return the triggers that a message tells of; none for test messages and for other objects.

    Raises:
        MessageError: It is no message of these kinds, or it tells of nothing but triggers that cannot be one.
    """
    document = _document(body)
    for _ in range(_MAX_ENVELOPES):
        if isinstance(document.get("Message"), str) and "Records" not in document:
            document = _document(document["Message"])
    if document.get("Event") == "s3:TestEvent":
        return ()
    if "s3_bucket" in document or "s3_key" in document:
        return (_older_trigger(document),)
    if "detail" in document and document.get("source") == "aws.s3":
        return tuple(_of_event_bridge(document))
    records = document.get("Records")
    if not isinstance(records, list):
        raise MessageError("it has no Records and is no other known message")
    return _of_records(records)


def _of_records(records: list[Any]) -> tuple[Trigger, ...]:
    """Return the triggers of all records that can be understood; one bad record spoils no good one."""
    triggers: list[Trigger] = []
    problem: MessageError | None = None
    for record in records:
        try:
            triggers += _of_record(record)
        except MessageError as error:
            problem = error
            _log.error("record.rejected reason=%s", error)
    if problem is not None and not triggers:
        raise problem
    return tuple(triggers)


def trigger_of(bucket: str, key: str, principal: str = "") -> Trigger | None:
    """Return the trigger that an object is, or None when it is another object.

    Raises:
        MessageError: The key is under ``customers/`` and names no trigger.
    """
    if not key.startswith("customers/"):
        return None
    match = _TRIGGER_KEY.fullmatch(key)
    customer = fold_customer_code(match[1]) if match else None
    if match is None or customer is None:
        raise MessageError(f"the key {key[:200]!r} is not customers/{{code}}/{{change id}}.json")
    return Trigger(bucket, key, customer, match[2], principal)


@dataclass(frozen=True, slots=True)
class Role:
    """An IAM role; ``unique_id`` is what AWS calls it in its logs (``AROA…``), or ``""`` when not known."""

    arn: str
    unique_id: str = ""

    def has_written(self, trigger: Trigger) -> bool:
        """Return whether a session of the role wrote the trigger.

        S3 names the writer as ``AWS:{unique id}:{session}`` (Amazon S3 user guide, "Event message
        structure"); forwarders may put the role's or the session's ARN there.
        """
        principal = trigger.principal.removeprefix("AWS:")
        if not principal or not self.arn:
            return False
        account, _, name = self.arn.partition(":role/")
        session = f"{account.replace(':iam:', ':sts:')}:assumed-role/{name.rsplit('/', 1)[-1]}/"
        is_named = principal == self.arn or principal.startswith(session)
        return is_named or bool(self.unique_id and principal.startswith(f"{self.unique_id}:"))


def _of_record(record: Any) -> Iterator[Trigger]:
    try:
        name = str(record["eventName"]).removeprefix("s3:")
        bucket, key = record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]
    except (KeyError, TypeError) as error:
        raise MessageError("a record has no eventName, bucket or object key") from error
    if not name.startswith(_CREATED):
        return
    identity = record.get("userIdentity")
    named = identity if isinstance(identity, dict) else {}
    principal = str(named.get("arn") or named.get("principalId") or "")
    yield from _checked(bucket, unquote_plus(key) if isinstance(key, str) else key, principal)


def _of_event_bridge(document: dict[str, Any]) -> Iterator[Trigger]:
    if document.get("detail-type") != "Object Created":
        return
    try:
        detail = document["detail"]
        bucket, key = detail["bucket"]["name"], detail["object"]["key"]
    except (KeyError, TypeError) as error:
        raise MessageError("the event has no bucket or object key") from error
    yield from _checked(bucket, key, "")


def _older_trigger(document: dict[str, Any]) -> Trigger:
    trigger = next(_checked(document.get("s3_bucket"), document.get("s3_key"), ""), None)
    if trigger is None:
        raise MessageError("s3_key is not customers/{code}/{change id}.json")
    named = document.get("customer_code")
    if named is not None and fold_customer_code(str(named)) != trigger.customer:
        raise MessageError("customer_code is not the customer of s3_key")
    return trigger


def _checked(bucket: Any, key: Any, principal: str) -> Iterator[Trigger]:
    if not isinstance(bucket, str) or not bucket:
        raise MessageError("the bucket has no name")
    if not isinstance(key, str):
        raise MessageError("the object's key is no text")
    trigger = trigger_of(bucket, key, principal)
    if trigger is not None:
        yield trigger


def _document(text: str) -> dict[str, Any]:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise MessageError("it is not JSON") from error
    if not isinstance(document, dict):
        raise MessageError("it is not a JSON object")
    return document
