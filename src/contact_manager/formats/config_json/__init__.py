"""The configuration file: ``config.json`` into :class:`~contact_manager.settings.Settings`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.json_schema import GenerateJsonSchema

from contact_manager.domain.customer import Customer, fold_customer_code
from contact_manager.domain.notification import NotificationTopics
from contact_manager.errors import ConfigError, Problem
from contact_manager.formats.config_json.checks import check_service_url
from contact_manager.formats.config_json.models import (
    ConfigFile,
    CustomerEntry,
    EmailConfig,
    GraphConfig,
    MeetingConfig,
    NotificationConfig,
    S3Config,
)
from contact_manager.formats.config_json.problems import customer_problems, shape_problems
from contact_manager.formats.config_json.remarks import setup_remarks, written_warnings
from contact_manager.formats.json_document import JsonDocumentError, first_problems, read_object
from contact_manager.settings import (
    GraphSettings,
    HideAttendees,
    MeetingSettings,
    NotificationSettings,
    Settings,
)

__all__ = ["MAX_CONFIG_BYTES", "check_service_url", "config_schema", "parse_config"]

MAX_CONFIG_BYTES = 5 * 1024 * 1024
"""Of the configuration file; larger ones are refused before they are parsed."""

_CLOSED_SECTIONS: dict[tuple[str, ...], type[BaseModel]] = {
    ("meeting_config",): MeetingConfig,
    ("graph_config",): GraphConfig,
}


def parse_config(data: bytes, *, source: str) -> Settings:
    """Return the settings that a configuration file holds.

    Args:
        data: The file: UTF-8, with or without a byte order mark.
        source: Its name, for errors and for ``Settings.source``.

    Raises:
        ConfigError: Something is wrong; all problems at once, each with its JSON path.
    """
    try:
        document = read_object(data, max_bytes=MAX_CONFIG_BYTES)
    except JsonDocumentError as exc:
        raise ConfigError([Problem("", str(exc))], source=source) from exc
    config = _validated(document, source)
    settings = _settings(config, source)
    return replace(settings, warnings=written_warnings(document), remarks=setup_remarks(config, settings))


def config_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the configuration file."""
    schema = ConfigFile.model_json_schema()
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema, "title": "config.json"}


def _validated(document: dict[str, Any], source: str) -> ConfigFile:
    problems = list(customer_problems(document))
    config = None
    try:
        config = ConfigFile.model_validate(document)
    except ValidationError as exc:
        problems = [*shape_problems(exc, _CLOSED_SECTIONS), *problems]
    if config is None or problems:
        raise ConfigError(first_problems(problems), source=source, warnings=written_warnings(document))
    return config


def _settings(config: ConfigFile, source: str) -> Settings:
    email, s3 = config.email_config or EmailConfig(), config.s3_config or S3Config()
    return Settings(
        source=source,
        aws_region=config.aws_region or None,
        log_level=config.log_level or None,
        customers=_customers(config.customer_mappings, config.aws_region or ""),
        sender_address=email.sender_address or None,
        meeting_organizer=email.meeting_organizer or None,
        bucket_name=s3.bucket_name or None,
        meeting=_meeting(config.meeting_config or MeetingConfig()),
        graph=_graph(config.graph_config or GraphConfig()),
        notification=_notification(config.notification_config or NotificationConfig()),
    )


def _customers(entries: Mapping[str, CustomerEntry], default_region: str) -> dict[str, Customer]:
    codes = {key: fold_customer_code(key) for key in entries}
    return {code: _customer(code, entries[key], default_region) for key, code in codes.items() if code}


def _customer(code: str, entry: CustomerEntry, default_region: str) -> Customer:
    return Customer(
        code=code,
        name=entry.customer_name or code,
        region=entry.region or default_region,
        role_arn=entry.ses_role_arn or "",
        external_id=entry.external_id or None,
        contact_list_name=entry.contact_list_name or None,
        restricted_recipients=frozenset(entry.restricted_recipients or ()),
    )


def _meeting(config: MeetingConfig) -> MeetingSettings:
    return MeetingSettings(
        topic=config.topic,
        time_zone=config.time_zone,
        duration=timedelta(minutes=config.duration_minutes),
        location=config.location,
        hide_attendees=HideAttendees(config.hide_attendees),
        optional_topics=tuple(dict.fromkeys(config.optional_topics)),
        attendee_limit=config.attendee_limit,
        templates_dir=config.templates_dir or None,
        auto_schedule=config.auto_schedule,
        requests_per_second=config.requests_per_second,
        max_customer_concurrency=config.max_customer_concurrency,
        customer_timeout=timedelta(seconds=config.customer_timeout_seconds),
        max_recipients=config.max_recipients,
        max_recipients_per_customer=config.max_recipients_per_customer,
    )


def _notification(config: NotificationConfig) -> NotificationSettings:
    return NotificationSettings(
        NotificationTopics(**config.topics.model_dump()),
        timedelta(seconds=config.lease_seconds),
        config.max_recipients,
        config.max_recipients_per_customer,
    )


def _graph(config: GraphConfig) -> GraphSettings:
    return GraphSettings(
        base_url=config.base_url,
        authority_host=config.authority_host,
        client_id_parameter=config.client_id_parameter,
        client_secret_parameter=config.client_secret_parameter,
        tenant_id_parameter=config.tenant_id_parameter,
    )
