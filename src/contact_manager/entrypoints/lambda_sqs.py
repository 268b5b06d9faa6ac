"""AWS Lambda behind SQS: messages about written change files in, failed message ids out.

``handler`` is for the queue, with ``ReportBatchItemFailures``; ``reconcile_handler`` for a schedule. What
they work with is made at the first call and kept while the instance lives.
"""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import os
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging import utils
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSEvent

from contact_manager.domain.outcome import Action
from contact_manager.formats.plain_text import log_values, printable_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from contact_manager.bootstrap.events import ChangeProcessing
    from contact_manager.domain.processing import MeetingResult, Message, ProcessReport
    from contact_manager.formats.s3_event import Trigger
    from contact_manager.services.process_messages import MessageOutcome
    from contact_manager.services.reconcile_archive import ReconcileReport
    from contact_manager.services.time_limits import TimeLimits

_SERVICE = "contact-manager"
_PACKAGE = "contact_manager"
_OF_ONE_CALL = "_X_AMZN_"


class _JsonFormatter(LambdaPowertoolsFormatter):
    """Powertools' JSON lines, in which no value of a message can be read as two, and nothing is hidden."""

    def __init__(self) -> None:
        super().__init__(json_serializer=_as_json)

    def format(self, record: logging.LogRecord) -> str:
        shown = copy.copy(record)
        shown.args = log_values(record.args)
        return super().format(shown)


def _as_json(fields: Any) -> str:
    return printable_json(json.dumps(fields, default=str, separators=(",", ":"), ensure_ascii=False))


_logger = Logger(
    service=os.environ.get("POWERTOOLS_SERVICE_NAME", _SERVICE), logger_formatter=_JsonFormatter()
)
_metrics = Metrics(
    namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "ContactManager"),
    service=os.environ.get("POWERTOOLS_SERVICE_NAME", _SERVICE),
)
logging.getLogger(_PACKAGE)  # has to be known to be given the format
utils.copy_config_to_registered_loggers(source_logger=_logger, include={_PACKAGE})


class _Instance:
    """What lives as long as the Lambda instance: a loop, and the connections that belong to it."""

    def __init__(self, environment: Mapping[str, str], limits: TimeLimits) -> None:
        from contact_manager.bootstrap import RunOptions, load_settings
        from contact_manager.bootstrap.events import open_change_processing

        self.environment = environment
        self._settings = load_settings(None, environment)
        self._options = RunOptions(label="changes")
        self._opened = open_change_processing(
            self._settings, environment, self._options, on_throttle=_count_throttle
        )
        self._runner = asyncio.Runner()
        try:
            self._processing: ChangeProcessing = self._runner.run(self._open(limits))
        except BaseException:
            self._runner.close()
            raise

    async def _open(self, limits: TimeLimits) -> ChangeProcessing:
        async with asyncio.timeout_at(limits.work_until):
            return await self._opened.__aenter__()

    def process(self, bodies: Mapping[str, str], limits: TimeLimits) -> tuple[MessageOutcome, ...]:
        return self._runner.run(self._processing.process(bodies, limits=limits, on_begin=_begin))

    def postpone(
        self, messages: Sequence[Message], retry_after: Mapping[str, timedelta], limits: TimeLimits
    ) -> None:
        """Let messages come again in time; without it they stay hidden for the queue's own time."""
        url = self.environment.get("CHANGE_QUEUE_URL")
        if url and messages:
            self._runner.run(self._postpone(url, messages, retry_after, limits))

    async def _postpone(
        self,
        url: str,
        messages: Sequence[Message],
        retry_after: Mapping[str, timedelta],
        limits: TimeLimits,
    ) -> None:
        from contact_manager.bootstrap.events import open_change_queue
        from contact_manager.errors import RemoteServiceError
        from contact_manager.services.consume_queue import postpone

        try:
            async with (
                asyncio.timeout_at(limits.answer_until),
                open_change_queue(self._settings, self.environment, self._options, url) as queue,
            ):
                await postpone(queue, messages, retry_after)
        except RemoteServiceError as error:
            _logger.warning("queue.failed operation=%s code=%s error=%s", error.operation, error.code, error)
        except TimeoutError:
            _logger.warning("queue.failed error=the time ran out before the messages were postponed")

    def reconcile(self, limits: TimeLimits) -> ReconcileReport:
        return self._runner.run(self._processing.reconcile(limits=limits))

    def close(self) -> None:
        self._runner.run(self._opened.__aexit__(None, None, None))
        self._runner.close()


_instance: _Instance | None = None


def handler(event: dict[str, Any], context: LambdaContext | None) -> dict[str, Any]:
    """Process the messages of ``event`` and name those that have to come again.

    Returns:
        ``{"batchItemFailures": [{"itemIdentifier": message id}]}`` (AWS Lambda developer guide, "Handling
        errors for an SQS event source").

    Raises:
        ConfigError: The configuration is wrong: the whole batch comes again.
    """
    limits = _limits(context)
    _logger.set_correlation_id(context.aws_request_id if context else "")
    try:
        again = _process(_read_messages(event), limits)
    finally:
        _flush()
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in again]}


def _process(messages: Mapping[str, Message], limits: TimeLimits) -> list[str]:
    """Return the ids of the messages that have to come again."""
    try:
        instance = _open_instance(limits)
    except TimeoutError:
        _logger.error("instance.failed reason=the time ran out before the work could begin")  # noqa: TRY400 - says all
        return list(messages)
    outcomes = instance.process({name: message.body for name, message in messages.items()}, limits)
    for outcome in outcomes:
        _measure(outcome)
    again = [outcome.message_id for outcome in outcomes if outcome.comes_again]
    retry_after = {
        messages[outcome.message_id].receipt: outcome.retry_after
        for outcome in outcomes
        if outcome.retry_after is not None
    }
    instance.postpone([messages[message_id] for message_id in again], retry_after, limits)
    return again


def reconcile_handler(
    event: dict[str, Any],  # noqa: ARG001 - Lambda's
    context: LambdaContext | None,
) -> dict[str, Any]:
    """Bring the meetings of upcoming changes in the archive up to date, and tell how many of which."""
    limits = _limits(context)
    _logger.set_correlation_id(context.aws_request_id if context else "")
    try:
        done = _open_instance(limits).reconcile(limits)
        _count("ReconcileRuns", 1)
        _count("ReconcilesIncomplete", 0 if done.is_complete else 1)
        for result in done.meetings.values():
            _measure_meeting(result)
    finally:
        _flush()
    failed = sorted(change_id for change_id, result in done.meetings.items() if result.errors)
    return {"changes": len(done.meetings), "failed": failed, "complete": done.is_complete}


def _read_messages(event: dict[str, Any]) -> dict[str, Message]:
    """Return the messages of ``event`` by id."""
    from contact_manager.domain.processing import Message

    messages = {}
    for record in SQSEvent(event).records:
        attributes: Mapping[str, str] = record.get("attributes") or {}
        receptions = int(attributes.get("ApproximateReceiveCount", "1"))
        messages[record.message_id] = Message(record.get("receiptHandle") or "", record.body, receptions)
    return messages


def _open_instance(limits: TimeLimits) -> _Instance:
    """Return the instance; in Lambda always the same one, elsewhere a new one for another environment."""
    global _instance  # noqa: PLW0603 - Lambda keeps a module between calls, and nothing else
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OF_ONE_CALL)}
    if _instance is not None and _instance.environment != environment:
        _instance.close()
        _instance = None
    if _instance is None:
        _instance = _Instance(environment, limits)
    return _instance


def _limits(context: LambdaContext | None) -> TimeLimits:
    from contact_manager.services.time_limits import TimeLimits

    return (
        TimeLimits() if context is None else TimeLimits.within(context.get_remaining_time_in_millis() / 1000)
    )


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
    _metrics.add_metric(
        name="ChangeDuration", unit=MetricUnit.Milliseconds, value=report.duration.total_seconds() * 1000
    )
    if report.meeting is not None:
        _measure_meeting(report.meeting)
    if report.mails is not None:
        _count("MailsSent", report.mails.sent)
        _count("MailsFailed", report.mails.failures)
        _count("MailsPostponed", report.mails.postponed)
        _count("GuardStops", len(report.mails.stops))


def _measure_meeting(result: MeetingResult) -> None:
    report = result.report
    if result.is_waiting:
        return
    _count("GuardStops", len(result.stops))
    if result.errors and (report is None or report.errors):
        _count("MeetingsFailed", 1)
    elif report is not None and report.action is not Action.NONE:
        _count(f"Meetings{report.action.value.capitalize()}", 1)
    if report is not None:
        _count("Recipients", len(report.recipients.invited))
        _count("CustomersFailed", len(report.unreadable))


def _count_throttle(service: str) -> None:
    _count(f"{service.capitalize()}Throttles", 1)


def _count(name: str, value: float) -> None:
    if value:
        _metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)


def _flush() -> None:
    _metrics.flush_metrics()
