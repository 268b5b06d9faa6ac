"""AWS Lambda behind SQS: messages about written change files in, failed message ids out.

``handler`` is for the queue, with ``ReportBatchItemFailures``; ``reconcile_handler`` for a schedule. What
they work with is made at the first call and kept while the instance lives.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging import utils
from aws_lambda_powertools.metrics import MetricUnit

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from contact_manager.bootstrap import ChangeProcessing
    from contact_manager.domain.outcome import RunReport
    from contact_manager.formats.s3_event import Trigger
    from contact_manager.services.process_change import ProcessReport
    from contact_manager.services.process_messages import MessageOutcome

RESERVE_S = 30.0
"""This long before the deadline nothing new is begun."""

_SERVICE = "contact-manager"
_logger = Logger(service=os.environ.get("POWERTOOLS_SERVICE_NAME", _SERVICE))
_metrics = Metrics(
    namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "ContactManager"),
    service=os.environ.get("POWERTOOLS_SERVICE_NAME", _SERVICE),
)
utils.copy_config_to_registered_loggers(source_logger=_logger, include={"contact_manager"})


class _Instance:
    """What lives as long as the Lambda instance: a loop, and the connections that belong to it."""

    def __init__(self) -> None:
        from contact_manager.bootstrap import open_change_processing

        self._runner = asyncio.Runner()
        self._opened = open_change_processing(os.environ, on_throttle=_count_throttle)
        self.processing: ChangeProcessing = self._runner.run(self._opened.__aenter__())

    def run(self, event: dict[str, Any], deadline_s: float) -> tuple[MessageOutcome, ...]:
        bodies = {str(one["messageId"]): str(one["body"]) for one in event.get("Records", [])}
        return self._runner.run(
            self.processing.process(
                bodies, is_out_of_time=lambda: time.monotonic() > deadline_s, on_begin=_begin
            )
        )

    def reconcile(self, deadline_s: float) -> dict[str, RunReport]:
        return self._runner.run(self.processing.reconcile(lambda: time.monotonic() > deadline_s))


_instance: _Instance | None = None


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Process the messages of ``event`` and name those that have to come again.

    Returns:
        ``{"batchItemFailures": [{"itemIdentifier": message id}]}`` (AWS Lambda developer guide, "Handling
        errors for an SQS event source").

    Raises:
        ConfigError: The configuration is wrong: the whole batch comes again.
    """
    _logger.set_correlation_id(context.aws_request_id)
    try:
        outcomes = _open_instance().run(event, _deadline_s(context))
        for outcome in outcomes:
            _measure(outcome)
    finally:
        _flush()
    return {
        "batchItemFailures": [
            {"itemIdentifier": outcome.message_id} for outcome in outcomes if outcome.comes_again
        ]
    }


def reconcile_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001
    """Bring the meetings of upcoming changes in the archive up to date, and tell how many of which."""
    _logger.set_correlation_id(context.aws_request_id)
    try:
        reports = _open_instance().reconcile(_deadline_s(context))
        for report in reports.values():
            _measure_meeting(report)
    finally:
        _flush()
    return {"changes": len(reports), "failed": [key for key, one in reports.items() if not one.is_ok]}


def _open_instance() -> _Instance:
    global _instance  # noqa: PLW0603 - Lambda keeps a module between calls, and nothing else
    if _instance is None:
        _instance = _Instance()
    return _instance


def _deadline_s(context: LambdaContext) -> float:
    return time.monotonic() + context.get_remaining_time_in_millis() / 1000 - RESERVE_S


def _begin(message_id: str, trigger: Trigger) -> None:
    """Give every line of the log the message's change and customer; called in the trigger's own task."""
    _logger.thread_safe_append_keys(
        message_id=message_id, change_id=trigger.change_id, customer=trigger.customer
    )


def _measure(outcome: MessageOutcome) -> None:
    if outcome.rejected:
        _count("MessagesRejected", 1)
    for report in outcome.reports:
        _measure_change(report)


def _measure_change(report: ProcessReport) -> None:
    _count(f"Changes{report.verdict.value.capitalize()}", 1)
    if report.meeting is not None:
        _measure_meeting(report.meeting)
    if report.mails is not None:
        _count("MailsSent", report.mails.sent)
        _count("MailsFailed", len(report.mails.errors) + report.mails.refused)


def _measure_meeting(report: RunReport) -> None:
    result = report.action.value.capitalize() if report.is_ok else "Failed"
    if result != "None":
        _count(f"Meetings{result}", 1)
    _count("Recipients", len(report.recipients.invited))
    _count("CustomersFailed", len(report.unreadable))


def _count_throttle(service: str) -> None:
    _count(f"{service.capitalize()}Throttles", 1)


def _count(name: str, value: float) -> None:
    if value:
        _metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)


def _flush() -> None:
    _metrics.flush_metrics()
