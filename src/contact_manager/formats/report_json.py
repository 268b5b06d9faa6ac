"""Reports as JSON objects for programs, schema ``contact-manager/<kind>/v1``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson

from contact_manager.domain.customer import Customer
from contact_manager.domain.effects import CheckedChange
from contact_manager.domain.meeting import CalendarEvent
from contact_manager.domain.outcome import (
    BatchReport,
    Changes,
    CustomerOutcome,
    CustomerStatus,
    Drift,
    ReportedError,
    RunReport,
)
from contact_manager.domain.processing import ProcessReport, Verdict
from contact_manager.domain.recipients import Exclusion, Recipient
from contact_manager.formats.plain_text import printable_json
from contact_manager.settings import Settings

_JSON_OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_APPEND_NEWLINE


def dump_json(value: dict[str, Any]) -> bytes:
    """Return one indented JSON object; what must not reach a terminal is escaped in it."""
    try:
        data = orjson.dumps(value, default=_default, option=_JSON_OPTIONS)
    except orjson.JSONEncodeError:  # half a character, from the name of a file: JSON can escape it
        data = f"{json.dumps(value, default=_default, indent=2)}\n".encode()
    is_printable = data.isascii() and b"\x7f" not in data
    return data if is_printable else printable_json(data.decode()).encode()


def _default(value: Any) -> Any:
    """Turn people into objects one at a time: a list of 300,000 of them as dicts takes 100 MB."""
    if isinstance(value, Recipient):
        return _recipient(value)
    raise TypeError


def meeting_report(report: RunReport) -> dict[str, Any]:
    """Return the object of ``contact-manager/meeting/v1``."""
    return {
        "schema": "contact-manager/meeting/v1",
        "ok": report.is_ok,
        "dry_run": report.dry_run,
        "change_id": report.change_id,
        "topic": report.topic,
        "action": report.action.value,
        "meeting": _meeting(report),
        **_people(report),
        "changes": _changes(report.changes),
        "notifies": {
            "added": report.notifies.added,
            "removed": report.notifies.removed,
            "all": report.notifies.all,
        },
        "changed_by_hand": list(report.changed_by_hand),
        **_remarks(report),
    }


def shown_meeting_report(report: RunReport) -> dict[str, Any]:
    """Return the object of ``contact-manager/meeting/v1`` with every attendee and answer, and the drift."""
    return meeting_report(report) | {
        "attendees": [
            {
                "address": one.address,
                "role": one.role.value,
                "response": one.response or None,
                "customers": list(customers),
                "source": source,
            }
            for one, customers, source in report.attendance()
        ],
        "drift": _drift(report.drift) if report.drift else None,
    }


def batch_report(batch: BatchReport) -> dict[str, Any]:
    """Return the object of ``contact-manager/batch/v1``: a meeting object for every change file."""
    return {
        "schema": "contact-manager/batch/v1",
        "ok": batch.is_ok,
        "dry_run": batch.dry_run,
        "reports": [
            {"source": item.source, "skipped": item.skipped or None, **meeting_report(item.report)}
            for item in batch.items
        ],
        "errors": [_error(error) for error in batch.errors],
    }


def process_report(report: ProcessReport) -> dict[str, Any]:
    """Return the object of ``contact-manager/process/v1``: what was done for one customer's trigger."""
    meeting, mails = report.meeting.report if report.meeting else None, report.mails
    return {
        "schema": "contact-manager/process/v1",
        "ok": report.verdict in (Verdict.DONE, Verdict.IGNORED) and not report.errors,
        "change_id": report.change_id or None,
        "customer": report.customer,
        "status": report.status.value if report.status else None,
        "verdict": report.verdict.value,
        "reason": report.reason or None,
        "retry_after_seconds": report.retry_after.total_seconds() if report.retry_after else None,
        "meeting": meeting_report(meeting) if meeting else None,
        "mails": None
        if mails is None
        else {
            "topic": mails.topic,
            "sent": mails.sent,
            "sent_before": mails.sent_before,
            "refused": mails.refused,
            "failed": mails.failed,
            "postponed": mails.postponed,
            "excluded": [_exclusion(one) for one in mails.excluded],
        },
        "errors": [_error(error) for error in report.errors],
    }


def change_object(report: RunReport, checked: CheckedChange | None) -> dict[str, Any]:
    """Return the object of ``contact-manager/change/v1``: a change file as it was understood."""
    return {
        "schema": "contact-manager/change/v1",
        "ok": report.is_ok,
        "change": None if checked is None else _change(checked),
        **_remarks(report),
    }


def _change(checked: CheckedChange) -> dict[str, Any]:
    change = checked.change
    return {
        "change_id": change.change_id,
        "kind": change.kind.value,
        "title": change.title,
        "status": change.status or None,
        "version": change.version or None,
        "customers": list(change.customers),
        "time_zone": change.time_zone,
        "implementation_start": _moment(change.implementation_start),
        "implementation_end": _moment(change.implementation_end),
        "meeting_start": _moment(change.meeting_start),
        "gets_meeting": checked.gets_meeting,
        "effect": checked.effects[checked.status] if checked.status else None,
        "effects": {status.value: effect for status, effect in checked.effects.items()},
    }


def _drift(drift: Drift) -> dict[str, Any]:
    return {
        **_changes(drift.changes),
        "changed_by_hand": list(drift.changed_by_hand),
        "added_by_hand": list(drift.added_by_hand),
        "removed_by_hand": list(drift.removed_by_hand),
    }


def recipients_report(report: RunReport) -> dict[str, Any]:
    """Return the object of ``contact-manager/recipients/v1``: the people, no meeting."""
    return {
        "schema": "contact-manager/recipients/v1",
        "ok": report.is_ok,
        "change_id": report.change_id,
        "topic": report.topic,
        **_people(report),
        **_remarks(report),
    }


def explanation_report(report: RunReport, address: str) -> dict[str, Any]:
    """Return the object of ``contact-manager/explanation/v1``: one person, customer by customer."""
    invited = next((one for one in report.recipients.invited if one.address == address), None)
    reasons = {one.customer: one.reason.value for one in report.recipients.excluded if one.address == address}
    return {
        "schema": "contact-manager/explanation/v1",
        "ok": report.is_ok,
        "address": address,
        "topic": report.topic,
        "invited": invited is not None,
        "role": invited.role.value if invited else None,
        "source": invited.source.value if invited else None,
        "reason": reasons.get(None),
        "customers": [
            {"code": one.code, "verdict": _verdict(one, invited, reasons)} for one in report.customers
        ],
        **_remarks(report),
    }


def _verdict(customer: CustomerOutcome, invited: Recipient | None, reasons: dict[str | None, str]) -> str:
    if customer.status is not CustomerStatus.OK:
        return "unreadable"
    if invited and customer.code in invited.customers:
        return "invited"
    return reasons.get(customer.code, "not-listed")


def checked_config_report(report: RunReport, *, templates: Sequence[str] = ()) -> dict[str, Any]:
    """Return the object of ``contact-manager/config-check/v1``; ``templates`` names those in use."""
    return {
        "schema": "contact-manager/config-check/v1",
        "ok": report.is_ok,
        "templates": list(templates),
        **_remarks(report),
    }


def settings_object(settings: Settings) -> dict[str, Any]:
    """Return the configuration as understood, every default filled in, in the file's own words."""
    meeting, graph = settings.meeting, settings.graph
    return {
        "schema": "contact-manager/config/v1",
        "ok": True,
        "source": settings.source,
        "aws_region": settings.aws_region,
        "log_level": settings.log_level,
        "s3_config": {"bucket_name": settings.bucket_name},
        "customer_mappings": {one.code: _configured_customer(one) for one in settings.customers.values()},
        "email_config": {
            "sender_address": settings.sender_address,
            "meeting_organizer": settings.meeting_organizer,
        },
        "meeting_config": {
            "topic": meeting.topic,
            "time_zone": meeting.time_zone,
            "duration_minutes": round(meeting.duration.total_seconds() / 60),
            "location": meeting.location,
            "hide_attendees": meeting.hide_attendees.value,
            "optional_topics": list(meeting.optional_topics),
            "attendee_limit": meeting.attendee_limit,
            "templates_dir": meeting.templates_dir,
            "auto_schedule": meeting.auto_schedule,
            "requests_per_second": meeting.requests_per_second,
            "max_customer_concurrency": meeting.max_customer_concurrency,
            "customer_timeout_seconds": meeting.customer_timeout.total_seconds(),
            "max_recipients": meeting.max_recipients,
            "max_recipients_per_customer": meeting.max_recipients_per_customer,
        },
        "notification_config": {
            "topics": asdict(settings.notification.topics),
            "lease_seconds": settings.notification.lease_duration.total_seconds(),
            "max_recipients": settings.notification.max_recipients,
            "max_recipients_per_customer": settings.notification.max_recipients_per_customer,
        },
        "graph_config": {
            "base_url": graph.base_url,
            "authority_host": graph.authority_host,
            "client_id_parameter": graph.client_id_parameter,
            "client_secret_parameter": graph.client_secret_parameter,
            "tenant_id_parameter": graph.tenant_id_parameter,
        },
    }


def _configured_customer(customer: Customer) -> dict[str, Any]:
    return {
        "customer_code": customer.code,
        "customer_name": customer.name,
        "region": customer.region,
        "ses_role_arn": customer.role_arn,
        "external_id": customer.external_id,
        "contact_list_name": customer.contact_list_name,
        "restricted_recipients": sorted(customer.restricted_recipients),
    }


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _changes(changes: Changes) -> dict[str, Any]:
    return {
        "added": list(changes.added),
        "removed": list(changes.removed),
        "fields": list(changes.fields),
    }


def _people(report: RunReport) -> dict[str, Any]:
    return {
        "recipients": report.recipients.invited,
        "excluded": [_exclusion(one) for one in report.recipients.excluded],
        "customers": [_customer(one) for one in report.customers],
    }


def _remarks(report: RunReport) -> dict[str, Any]:
    return {
        "warnings": list(report.warnings),
        "errors": [_error(error) for error in report.errors],
    }


def _meeting(report: RunReport) -> dict[str, Any] | None:
    meeting = report.meeting
    if meeting is None or not report.events:
        return None
    return {
        "subject": meeting.subject,
        "organizer": meeting.organizer,
        "start": meeting.start.isoformat(),
        "end": meeting.end.isoformat(),
        "time_zone": meeting.time_zone,
        "location": meeting.location,
        "hide_attendees": meeting.hide_attendees,
        "events": [_event(event, report.join_url) for event in report.events],
    }


def _event(event: CalendarEvent, join_url: str) -> dict[str, Any]:
    return {
        "event_id": event.event_id or None,
        "web_link": event.web_link or None,
        "join_url": join_url or None,
        "attendees": len(event.attendees),
    }


def _recipient(recipient: Recipient) -> dict[str, Any]:
    return {
        "address": recipient.address,
        "role": recipient.role,
        "customers": recipient.customers,
        "source": recipient.source,
    }


def _exclusion(exclusion: Exclusion) -> dict[str, Any]:
    return {
        "address": exclusion.address,
        "customer": exclusion.customer,
        "reason": exclusion.reason,
    }


def _customer(outcome: CustomerOutcome) -> dict[str, Any]:
    failed = outcome.error_type or outcome.error_message
    return {
        "code": outcome.code,
        "name": outcome.name,
        "status": outcome.status.value,
        "contacts": outcome.contacts,
        "recipients": outcome.recipients,
        "error": {"type": outcome.error_type, "message": outcome.error_message} if failed else None,
        "duration_ms": round(outcome.duration.total_seconds() * 1000),
    }


def _error(error: ReportedError) -> dict[str, Any]:
    return {"type": error.type, "message": error.message, "path": error.path or None}
