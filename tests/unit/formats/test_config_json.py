"""What the configuration file may say, and what is said when it is wrong."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contact_manager.domain.customer import Customer
from contact_manager.errors import ConfigError, Problem
from contact_manager.formats.config_json import MAX_CONFIG_BYTES, config_schema
from contact_manager.settings import GraphSettings, HideAttendees, MeetingSettings, Settings
from tests.unit.formats.config_files import EXAMPLE, QUEUE, ROLE, config, problems_of, read


def test_the_established_file_is_read_in_full() -> None:
    document = {
        "aws_region": "us-east-1",
        "log_level": "INFO",
        "s3_config": {"bucket_name": "changes"},
        "customer_mappings": {
            "hts": {
                "customer_code": "hts",
                "customer_name": "Harbor Trust Services",
                "environment": "production",
                "region": "eu-west-1",
                "ses_role_arn": ROLE,
                "identity_center_role_arn": "",
                "sqs_queue_arn": QUEUE,
                "restricted_recipients": ["QA@Example.com", " b@example.com"],
                "something_else": {"kept": True},
            }
        },
        "email_config": {
            "sender_address": "Notify@Example.com",
            "meeting_organizer": "",
            "domain": "example.com",
        },
        "contact_config": {"anything": 1},
        "route53_config": ["anything"],
    }
    assert read(document) == Settings(
        source="config.json",
        aws_region="us-east-1",
        log_level="info",
        customers={
            "hts": Customer(
                code="hts",
                name="Harbor Trust Services",
                region="eu-west-1",
                role_arn=ROLE,
                restricted_recipients=frozenset({"qa@example.com", "b@example.com"}),
            )
        },
        sender_address="notify@example.com",
        meeting_organizer=None,
        bucket_name="changes",
    )


def test_the_example_is_valid() -> None:
    settings = read(EXAMPLE.read_bytes())
    assert settings.customers
    jsonschema.validate(json.loads(EXAMPLE.read_bytes()), config_schema())


def test_one_customer_is_enough_and_the_rest_has_defaults() -> None:
    assert read(config()) == Settings(
        source="config.json", customers={"hts": Customer(code="hts", name="hts", region="", role_arn="")}
    )


def test_every_setting_of_a_meeting_can_be_set() -> None:
    meeting = {
        "topic": "other-topic",
        "time_zone": "w. europe standard time",
        "duration_minutes": 30,
        "location": "Room 4",
        "hide_attendees": "always",
        "optional_topics": ["a", "b", "a"],
        "attendee_limit": 1000,
        "templates_dir": "templates",
        "auto_schedule": False,
        "requests_per_second": 2.5,
        "max_customer_concurrency": 8,
        "customer_timeout_seconds": 15,
        "max_recipients": 100,
        "max_recipients_per_customer": 50,
    }
    settings = read(config(meeting_config=meeting)).meeting
    assert settings == MeetingSettings(
        topic="other-topic",
        time_zone="Europe/Berlin",
        duration=timedelta(minutes=30),
        location="Room 4",
        hide_attendees=HideAttendees.ALWAYS,
        optional_topics=("a", "b"),
        attendee_limit=1000,
        templates_dir="templates",
        auto_schedule=False,
        requests_per_second=2.5,
        max_customer_concurrency=8,
        customer_timeout=timedelta(seconds=15),
        max_recipients=100,
        max_recipients_per_customer=50,
    )
    defaults = MeetingSettings()
    assert all(getattr(settings, f.name) != getattr(defaults, f.name) for f in dataclasses.fields(settings))


def test_an_empty_section_is_its_defaults() -> None:
    settings = read(config(meeting_config={}, graph_config={}, email_config={}, s3_config={}))
    assert settings.meeting == MeetingSettings()
    assert settings.graph == GraphSettings()


def test_every_setting_of_graph_can_be_set() -> None:
    graph = {
        "base_url": "https://graph.example.com/v1.0/",
        "authority_host": "http://127.0.0.1:8080",
        "client_id_parameter": "/a",
        "client_secret_parameter": "/b",
        "tenant_id_parameter": "/c",
    }
    assert read(config(graph_config=graph)).graph == GraphSettings(
        base_url="https://graph.example.com/v1.0",
        authority_host="http://127.0.0.1:8080",
        client_id_parameter="/a",
        client_secret_parameter="/b",
        tenant_id_parameter="/c",
    )


def test_all_errors_of_a_file_are_said_at_once() -> None:
    document = {
        "aws_region": "virginia",
        "customer_mappings": {
            "hts": {
                "ses_role_arn": "arn:aws:iam::1:user/x",
                "restricted_recipients": ["a@b.example", "nobody"],
            },
            "HTS": {},
            "a b": 5,
        },
        "meeting_config": {"duraton_minutes": 60, "attendee_limit": "many"},
        "graph_config": {"base_url": "http://graph.example.com"},
    }
    problems = problems_of(document)
    assert problems.keys() == {
        "$.aws_region",
        "$.customer_mappings.hts.ses_role_arn",
        "$.customer_mappings.hts.restricted_recipients[1]",
        "$.customer_mappings.HTS",
        "$.customer_mappings['a b']",
        "$.meeting_config.duraton_minutes",
        "$.meeting_config.attendee_limit",
        "$.graph_config.base_url",
    }
    assert problems["$.meeting_config.duraton_minutes"] == (
        "unknown key 'duraton_minutes'; did you mean 'duration_minutes'?"
    )


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"\xff", b'{"customer_mappings": {"hts": {', b"{}" + b" " * MAX_CONFIG_BYTES],
    ids=["empty", "cut off", "a list", "not UTF-8", "cut off later", "too large"],
)
def test_bytes_that_are_no_json_object_are_one_clear_problem(data: bytes) -> None:
    assert problems_of(data).keys() == {""}


def test_a_byte_order_mark_is_accepted() -> None:
    assert read(b"\xef\xbb\xbf" + json.dumps(config()).encode()) == read(config())


@pytest.mark.parametrize("document", [{}, {"customer_mappings": {}}])
def test_a_file_without_customers_says_so(document: dict[str, Any]) -> None:
    assert "no customers configured" in problems_of(document)["$.customer_mappings"]


@pytest.mark.parametrize(
    ("document", "path", "message"),
    [
        pytest.param({"customer_mappings": []}, "$.customer_mappings", "must be an object", id="object"),
        pytest.param(
            config({"customer_name": 5}), "$.customer_mappings.hts.customer_name", "must be a text", id="text"
        ),
        pytest.param(config(s3_config="x"), "$.s3_config", "must be an object", id="section"),
        pytest.param(
            config({"restricted_recipients": "a@b.example"}),
            "$.customer_mappings.hts.restricted_recipients",
            "must be a list",
            id="list",
        ),
        pytest.param(
            config(meeting_config={"auto_schedule": "yes"}),
            "$.meeting_config.auto_schedule",
            "must be true or false",
            id="boolean",
        ),
        pytest.param(
            config(meeting_config={"duration_minutes": "60"}),
            "$.meeting_config.duration_minutes",
            "must be a whole number",
            id="a number as text",
        ),
        pytest.param(
            config(meeting_config={"duration_minutes": True}),
            "$.meeting_config.duration_minutes",
            "must be a whole number",
            id="true as number",
        ),
        pytest.param(
            config(meeting_config={"attendee_limit": 10.5}),
            "$.meeting_config.attendee_limit",
            "must be a whole number",
            id="half a person",
        ),
        pytest.param(
            config(meeting_config={"requests_per_second": "10"}),
            "$.meeting_config.requests_per_second",
            "must be a number",
            id="number",
        ),
        pytest.param(
            config(meeting_config={"hide_attendees": "sometimes"}),
            "$.meeting_config.hide_attendees",
            "must be one of 'auto', 'always' or 'never'",
            id="choice",
        ),
        pytest.param(
            config(meeting_config={"zzz": 1}),
            "$.meeting_config.zzz",
            "unknown key 'zzz'; known are topic",
            id="unknown",
        ),
        pytest.param(
            config(graph_config={"tenant_id_parameter": " "}),
            "$.graph_config.tenant_id_parameter",
            "must be the name of an SSM parameter",
            id="empty",
        ),
        pytest.param(
            config(graph_config={"baseurl": "x"}),
            "$.graph_config.baseurl",
            "did you mean 'base_url'?",
            id="near",
        ),
    ],
)
def test_a_message_is_for_people(document: dict[str, Any], path: str, message: str) -> None:
    problems = problems_of(document)
    assert problems.keys() == {path}
    assert problems[path].startswith(message) or message in problems[path]


@pytest.mark.parametrize(
    ("key", "low", "high", "beyond"),
    [
        ("duration_minutes", 1, 1440, (0, 1441)),
        ("attendee_limit", 1, 5000, (0, 5001)),
        ("requests_per_second", 0.1, 1000, (0, 1000.5)),
        ("max_customer_concurrency", 1, 1024, (0, 1025)),
        ("customer_timeout_seconds", 1, 900, (0, 901)),
    ],
)
def test_numbers_have_bounds(key: str, low: float, high: float, beyond: tuple[float, float]) -> None:
    for value in (low, high):
        read(config(meeting_config={key: value}))
    for value in beyond:
        assert "must be" in problems_of(config(meeting_config={key: value}))[f"$.meeting_config.{key}"]


@pytest.mark.parametrize("section", ["meeting_config", "notification_config"])
@pytest.mark.parametrize("key", ["max_recipients", "max_recipients_per_customer"])
def test_a_limit_of_people_is_a_positive_whole_number(section: str, key: str) -> None:
    for value in (1, 10**6):
        settings = read(config(**{section: {key: value}}))
        assert getattr(getattr(settings, section.removesuffix("_config")), key) == value
    for wrong in (0, -1, 2.5, "many", None, True):
        assert "must be" in problems_of(config(**{section: {key: wrong}}))[f"$.{section}.{key}"]


def test_a_limit_of_a_meeting_that_is_misspelled_is_an_error_with_the_right_name() -> None:
    problems = problems_of(config(meeting_config={"max_recipient": 5}))
    assert "did you mean 'max_recipients'?" in problems["$.meeting_config.max_recipient"]


def test_a_key_of_the_mails_that_is_misspelled_is_a_warning_with_the_right_name() -> None:
    notification = {"max_recipient": 5, "own": 1, "topics": {"fin_ops": "a", "other": "b"}}
    assert read(config(notification_config=notification)).warnings == (
        "$.notification_config.max_recipient is ignored; did you mean 'max_recipients'?",
        "$.notification_config.topics.fin_ops is ignored; did you mean 'finops'?",
    )


@pytest.mark.parametrize(
    ("written", "level"),
    [("debug", "debug"), ("Warning", "warning"), ("WARN", "warning"), ("", None), (None, None)],
)
def test_a_log_level_is_read_in_any_case(written: str | None, level: str | None) -> None:
    assert read(config(log_level=written)).log_level == level


@pytest.mark.parametrize("document", [config(log_level="loud"), config(log_level=3)])
def test_an_unknown_log_level_is_a_problem(document: dict[str, Any]) -> None:
    assert problems_of(document).keys() == {"$.log_level"}


@pytest.mark.parametrize("key", ["sender_address", "meeting_organizer"])
def test_addresses_are_folded_or_refused(key: str) -> None:
    assert getattr(read(config(email_config={key: " Events@Example.com "})), key) == "events@example.com"
    assert problems_of(config(email_config={key: "events"})).keys() == {f"$.email_config.{key}"}


def test_a_zone_or_topic_that_cannot_be_is_a_problem() -> None:
    meeting = {
        "time_zone": "America/New_Yrok",
        "topic": "",
        "optional_topics": ["ok", "a b"],
        "location": "a\x00",
    }
    problems = problems_of(config(meeting_config=meeting))
    assert problems.keys() == {
        "$.meeting_config.time_zone",
        "$.meeting_config.topic",
        "$.meeting_config.optional_topics[1]",
        "$.meeting_config.location",
    }
    assert "America/New_York" in problems["$.meeting_config.time_zone"]


def test_the_schema_is_draft_2020_12_and_describes_every_key() -> None:
    schema = config_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for section in (schema, *schema["$defs"].values()):
        assert section["title"]
        assert section["description"]
    for section in ("CustomerEntry", "MeetingConfig", "GraphConfig"):
        assert all(
            key["description"] and key["title"] for key in schema["$defs"][section]["properties"].values()
        )


def test_the_schema_refuses_what_the_reader_refuses() -> None:
    for document in (
        {},
        config({"ses_role_arn": "x"}),
        config(meeting_config={"duraton_minutes": 5}),
        config(meeting_config={"duration_minutes": 0}),
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document, config_schema())
        assert problems_of(document)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["hts", "region", "restricted_recipients", "time_zone", "base_url", "topic"])
            | st.text(),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)
SECTIONS = ["customer_mappings", "meeting_config", "graph_config", "email_config", "aws_region", "s3_config"]


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(SECTIONS), JSON))
def test_any_object_is_settings_or_clear_problems(document: dict[str, Any]) -> None:
    problems: tuple[Problem, ...] = ()
    try:
        assert read(json.dumps(document).encode("utf-8", "replace")).customers
    except ConfigError as exc:
        problems = exc.problems
    assert not any(problem.message == "is not valid" for problem in problems)
