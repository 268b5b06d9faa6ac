"""Whatever arrives on the queue, it names triggers or is refused with a reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contact_manager.formats.s3_event import (
    MessageError,
    Role,
    Trigger,
    parse_message,
    trigger_key,
    trigger_of,
)

BUCKET = "changes"
KEY = "customers/hts/CHG-1.json"
TRIGGER = Trigger(BUCKET, KEY, "hts", "CHG-1")
ROLE = "arn:aws:iam::111111111111:role/service/contact-manager"


def record(key: Any = KEY, *, event: Any = "ObjectCreated:Put", **more: Any) -> dict[str, Any]:
    s3 = {"bucket": {"name": BUCKET}, "object": {"key": key, "size": 7, "sequencer": "0055AED6DCD90281E5"}}
    return {"eventVersion": "2.5", "eventSource": "aws:s3", "eventName": event, "s3": s3, **more}


def notification(*records: Any) -> dict[str, Any]:
    return {"Records": list(records)}


def by_event_bridge(**more: Any) -> dict[str, Any]:
    detail = {"version": "0", "bucket": {"name": BUCKET}, "object": {"key": KEY}, "reason": "PutObject"}
    return {"version": "0", "detail-type": "Object Created", "source": "aws.s3", "detail": detail, **more}


def by_sns(document: Any) -> dict[str, Any]:
    message = document if isinstance(document, str) else json.dumps(document)
    return {"Type": "Notification", "MessageId": "1", "Message": message}


def older(**more: Any) -> dict[str, Any]:
    return {"customer_code": "hts", "s3_bucket": BUCKET, "s3_key": KEY, **more}


def triggers_in(document: Any) -> tuple[Trigger, ...]:
    return parse_message(json.dumps(document))


def written_by(principal: str) -> Trigger:
    return Trigger(BUCKET, KEY, "hts", "CHG-1", principal)


@pytest.mark.parametrize(
    "document",
    [
        notification(record()),
        notification(record(event="s3:ObjectCreated:CompleteMultipartUpload")),
        by_sns(notification(record())),
        by_sns(by_sns(notification(record()))),
        by_event_bridge(),
        by_sns(by_event_bridge()),
        older(),
        older(customer_code="HTS"),
        {"s3_bucket": BUCKET, "s3_key": KEY},
    ],
)
def test_every_kind_of_message_names_the_trigger(document: dict[str, Any]) -> None:
    assert triggers_in(document) == (TRIGGER,)


def test_a_key_of_a_notification_is_form_encoded() -> None:
    (trigger,) = triggers_in(notification(record("customers/hts/CHG+1%2B2+%C3%BC.json")))
    assert trigger.key == "customers/hts/CHG 1+2 ü.json"
    assert trigger.change_id == "CHG 1+2 ü"


def test_a_key_of_event_bridge_is_plain() -> None:
    document = by_event_bridge()
    document["detail"]["object"]["key"] = "customers/hts/CHG+1%2B2.json"
    assert triggers_in(document)[0].change_id == "CHG+1%2B2"


def test_several_records_give_several_triggers_in_their_order() -> None:
    keys = ["customers/hts/CHG-2.json", "archive/CHG-2.json", "customers/cds/CHG-1.json"]
    found = triggers_in(notification(*map(record, keys)))
    assert [(one.customer, one.change_id) for one in found] == [("hts", "CHG-2"), ("cds", "CHG-1")]


@pytest.mark.parametrize(
    "document",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET},
        by_sns({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET}),
        notification(),
        notification(record(event="ObjectRemoved:Delete")),
        notification(record("archive/CHG-1.json")),
        notification(record("customers-old/hts/CHG-1.json")),
        by_event_bridge(**{"detail-type": "Object Deleted"}),
    ],
)
def test_messages_about_something_else_name_no_trigger(document: dict[str, Any]) -> None:
    assert triggers_in(document) == ()


@pytest.mark.parametrize(
    "body",
    ["", "not JSON", '{"Records": [', "[]", "7", "null", '"text"', "NaN", "[" * 2000, "\ud800", "\x00"],
)
def test_what_is_no_json_object_is_refused(body: str) -> None:
    with pytest.raises(MessageError, match="JSON"):
        parse_message(body)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"Records": None},
        {"Records": {"0": record()}},
        {"Message": 7},
        by_sns("not JSON"),
        by_sns("[]"),
        by_sns(by_sns(by_sns(by_sns(notification(record()))))),
        notification(7),
        notification(None),
        notification("text"),
        notification([record()]),
        notification({"eventName": "ObjectCreated:Put"}),
        notification({"eventName": "ObjectCreated:Put", "s3": []}),
        notification({"eventName": "ObjectCreated:Put", "s3": {"bucket": "changes", "object": {"key": KEY}}}),
        notification(record(7)),
        notification(record({"name": KEY})),
        notification(record(None)),
        by_event_bridge(detail=None),
        by_event_bridge(detail=[]),
        by_event_bridge(detail={"bucket": {"name": BUCKET}}),
        by_event_bridge(detail={"bucket": {"name": 7}, "object": {"key": KEY}}),
        older(s3_bucket=None),
        older(s3_bucket=""),
        older(s3_key=None),
        older(s3_key=["customers/hts/CHG-1.json"]),
        older(s3_key="archive/CHG-1.json"),
        older(customer_code="cds"),
        older(customer_code=7),
        older(customer_code=["hts"]),
    ],
)
def test_json_of_another_shape_is_refused(document: Any) -> None:
    with pytest.raises(MessageError):
        triggers_in(document)


@pytest.mark.parametrize(
    "identity", [None, [], "AWS:AROAEXAMPLE:run", 7, {"arn": None}, {"principalId": None}]
)
def test_an_odd_identity_of_the_writer_is_no_identity(identity: Any) -> None:
    assert triggers_in(notification(record(userIdentity=identity))) == (TRIGGER,)


@pytest.mark.parametrize(
    "key",
    [
        "customers/../archive/CHG-1.json",
        "customers/hts/../cds/CHG-1.json",
        "customers/../CHG-1.json",
        "customers/./CHG-1.json",
        "customers//CHG-1.json",
        "customers/ /CHG-1.json",
        "customers/hts/.json",
        "customers/hts/",
        "customers/hts",
        "customers/",
        "customers/hts/CHG-1.json/",
        "customers/hts/CHG-1.json.bak",
        "customers/hts/CHG-1.JSON",
        "customers/hts/2031/CHG-1.json",
        "customers/h_s/CHG-1.json",
        f"customers/{'h' * 51}/CHG-1.json",
        "customers/ĥts/CHG-1.json",
    ],
)
def test_a_key_that_cannot_be_a_trigger_is_refused(key: str) -> None:
    with pytest.raises(MessageError, match="is not customers/"):
        trigger_of(BUCKET, key)


def test_an_endless_key_is_not_repeated_in_the_message() -> None:
    with pytest.raises(MessageError) as caught:
        trigger_of(BUCKET, f"customers/{'h' * 5000}")
    assert len(str(caught.value)) < 400


def test_an_upper_case_code_is_folded_and_its_key_kept() -> None:
    trigger = trigger_of(BUCKET, "customers/HTS/CHG-1.json")
    assert trigger == Trigger(BUCKET, "customers/HTS/CHG-1.json", "hts", "CHG-1")


def test_a_trigger_knows_its_change() -> None:
    assert trigger_of(BUCKET, trigger_key("hts", "CHG-1")) == TRIGGER


@pytest.mark.parametrize(
    "principal",
    [
        ROLE,
        f"AWS:{ROLE}",
        "arn:aws:sts::111111111111:assumed-role/contact-manager/run-1",
        "AWS:AROAEXAMPLEID:run-1",
        "AROAEXAMPLEID:run-1",
    ],
)
def test_a_role_knows_what_its_sessions_wrote(principal: str) -> None:
    assert Role(ROLE, "AROAEXAMPLEID").has_written(written_by(principal))


@pytest.mark.parametrize(
    "principal",
    [
        "",
        "AWS:",
        "AWS:AROAANOTHERID:run-1",
        "AWS:AROAEXAMPLEIDX:run-1",
        "AWS:AIDAEXAMPLEID",
        "arn:aws:sts::222222222222:assumed-role/contact-manager/run-1",
        "arn:aws:sts::111111111111:assumed-role/contact-manager-portal/run-1",
        f"{ROLE}-portal",
    ],
)
def test_a_role_leaves_alone_what_others_wrote(principal: str) -> None:
    assert not Role(ROLE, "AROAEXAMPLEID").has_written(written_by(principal))


@pytest.mark.parametrize("principal", ["", "AWS:", ":", ":run-1", "AWS::run-1"])
def test_a_role_whose_unique_id_is_unknown_wrote_nothing_of_unknown_writers(principal: str) -> None:
    assert not Role(ROLE).has_written(written_by(principal))


def test_the_writer_of_a_notification_is_read() -> None:
    named = {"principalId": "AWS:AROAEXAMPLEID:run-1"}
    (trigger,) = triggers_in(notification(record(userIdentity=named)))
    assert Role(ROLE, "AROAEXAMPLEID").has_written(trigger)


NAMES = st.sampled_from(
    "Records Message Event eventName s3 bucket name object key userIdentity arn principalId detail source "
    "detail-type s3_bucket s3_key customer_code".split()
)
TELLING = st.sampled_from(
    [KEY, "customers/", "archive/CHG-1.json", BUCKET, "ObjectCreated:Put", "aws.s3", "Object Created", "{}"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | TELLING
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(), inner, max_size=5),
    max_leaves=15,
)


def assert_triggers_or_refused(body: str) -> None:
    try:
        triggers = parse_message(body)
    except MessageError:
        return
    assert all(one.key.startswith("customers/") for one in triggers)


@given(st.dictionaries(NAMES, VALUES) | VALUES)
def test_any_json_names_triggers_or_is_refused(document: Any) -> None:
    assert_triggers_or_refused(json.dumps(document))


@given(
    st.fixed_dictionaries(
        {"eventName": st.just("ObjectCreated:Put") | VALUES},
        optional={"s3": VALUES | st.just(record()["s3"]), "userIdentity": VALUES},
    )
)
def test_any_record_names_triggers_or_is_refused(odd: dict[str, Any]) -> None:
    assert_triggers_or_refused(json.dumps(by_sns(notification(odd))))


@given(st.text())
def test_any_text_is_a_message_or_refused(body: str) -> None:
    assert_triggers_or_refused(body)


@given(st.text())
def test_any_key_is_a_trigger_something_else_or_refused(rest: str) -> None:
    assert_triggers_or_refused(json.dumps(older(s3_key=f"customers/{rest}")))
