"""Work through messages of the change queue and tell which have to come again."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from contact_manager.domain.outcome import ErrorKind, ReportedError
from contact_manager.domain.processing import ProcessReport, Verdict
from contact_manager.formats.s3_event import MessageError, Role, Trigger, parse_message
from contact_manager.services.process_change import ProcessServices, new_report, process_change

_log = logging.getLogger(__name__)

MAX_CONCURRENT_TRIGGERS = 10
_ADDRESS = re.compile(r"[^\s<>,;:\"']+@[^\s<>,;:\"']+")


@dataclass(frozen=True, slots=True)
class MessageOutcome:
    """What became of one message; ``rejected`` says why it can never be understood."""

    message_id: str
    reports: tuple[ProcessReport, ...] = ()
    rejected: str = ""

    @property
    def comes_again(self) -> bool:
        """Whether the queue has to keep the message: something is left that may succeed later."""
        return any(report.verdict is Verdict.RETRY for report in self.reports)

    @property
    def retry_after(self) -> timedelta | None:
        """How long a message that is not done has to rest at least, where that is known.

        The longest counts: a message that is received again before wears out its receptions.
        """
        unfinished = (report.retry_after for report in self.reports if report.verdict is Verdict.RETRY)
        return max((rest for rest in unfinished if rest is not None), default=None)


@dataclass(frozen=True, slots=True)
class MessageRules:
    """Which messages count, and what is told of them.

    Attributes:
        bucket: The only bucket that is listened to.
        own_role: What it wrote itself is no news; None for no such role.
        on_begin: Called with message id and trigger, in the task that processes it.
    """

    bucket: str
    own_role: Role | None = None
    on_begin: Callable[[str, Trigger], None] = lambda _message_id, _trigger: None


async def process_messages(
    bodies: Mapping[str, str], new_services: Callable[[], ProcessServices], rules: MessageRules
) -> tuple[MessageOutcome, ...]:
    """Process messages at the same time, each on its own.

    Args:
        bodies: By message id.
        new_services: Makes what one trigger is processed with: every run has leases of its own.
        rules: Which messages count.
    """
    slots = asyncio.Semaphore(MAX_CONCURRENT_TRIGGERS)

    async def work(message_id: str, trigger: Trigger) -> ProcessReport:
        async with slots:
            rules.on_begin(message_id, trigger)
            began = time.monotonic()
            report = await _process(trigger, new_services, rules)
            return _told(replace(report, duration=timedelta(seconds=time.monotonic() - began)))

    async def handle(message_id: str, body: str) -> MessageOutcome:
        try:
            triggers = parse_message(body)
        except MessageError as error:
            _log.error("message.rejected message_id=%s reason=%s", message_id, error)
            return MessageOutcome(message_id, rejected=str(error))
        reports = await asyncio.gather(*(work(message_id, trigger) for trigger in triggers))
        return MessageOutcome(message_id, tuple(reports))

    return tuple(await asyncio.gather(*(handle(*message) for message in bodies.items())))


async def _process(
    trigger: Trigger, new_services: Callable[[], ProcessServices], rules: MessageRules
) -> ProcessReport:
    if trigger.bucket != rules.bucket:
        return new_report(trigger, Verdict.REJECTED, f"the bucket {trigger.bucket} is not ours")
    if rules.own_role is not None and rules.own_role.has_written(trigger):
        return new_report(trigger, Verdict.IGNORED, "we wrote it ourselves")
    try:
        return await process_change(trigger, new_services())
    except Exception as error:  # noqa: BLE001 - one message must not spoil the others of its batch
        _log.exception("change.crashed change_id=%s customer=%s", trigger.change_id, trigger.customer)
        crashed = ReportedError(ErrorKind.REMOTE, type(error).__name__, str(error))
        return new_report(trigger, Verdict.RETRY, "a defect of this tool", (crashed,))


def _told(report: ProcessReport) -> ProcessReport:
    """Write the report's line into the log; people's addresses, which errors may repeat, are left out."""
    level = logging.WARNING if report.verdict is Verdict.RETRY else logging.ERROR
    is_fine = report.verdict in (Verdict.DONE, Verdict.IGNORED) and not report.errors
    problems = "; ".join(f"{one.type}: {one.message}" for one in report.errors)
    _log.log(
        logging.INFO if is_fine else level,
        "change.%s change_id=%s customer=%s status=%s reason=%s errors=%s",
        report.verdict,
        report.change_id,
        report.customer,
        report.status,
        report.reason,
        _ADDRESS.sub("<address>", problems),
    )
    return report
