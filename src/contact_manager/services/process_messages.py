"""Work through messages of the change queue and tell which have to come again."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from contact_manager.formats.s3_event import MessageError, Trigger, parse_message, written_by_role
from contact_manager.services.process_change import ProcessReport, ProcessServices, Verdict, process_change

_log = logging.getLogger(__name__)

MAX_CONCURRENT_TRIGGERS = 10
_ADDRESS = re.compile(r"[^\s<>,;:\"']+@[^\s<>,;:\"']+")


@dataclass(frozen=True, slots=True)
class MessageOutcome:
    """What became of one message; ``comes_again`` when something is left that may succeed later."""

    message_id: str
    reports: tuple[ProcessReport, ...] = ()
    rejected: str = ""

    @property
    def comes_again(self) -> bool:
        """Whether the queue has to keep the message."""
        return any(report.verdict is Verdict.RETRY for report in self.reports)


async def process_messages(
    bodies: Mapping[str, str],
    new_services: Callable[[], ProcessServices],
    *,
    bucket: str,
    own_role: str = "",
    on_begin: Callable[[str, Trigger], None] | None = None,
) -> tuple[MessageOutcome, ...]:
    """Process messages at the same time, each on its own.

    Args:
        bodies: By message id.
        new_services: Makes what one trigger is processed with: every attempt has leases of its own.
        bucket: The only bucket that is listened to.
        own_role: ARN of our own role; what it wrote itself is no news.
        on_begin: Called with message id and trigger, in the task that processes it.
    """
    slots = asyncio.Semaphore(MAX_CONCURRENT_TRIGGERS)

    async def work(message_id: str, trigger: Trigger) -> ProcessReport:
        if on_begin is not None:
            on_begin(message_id, trigger)
        if trigger.bucket != bucket:
            return _told(ProcessReport(trigger, Verdict.REJECTED, f"the bucket {trigger.bucket} is not ours"))
        if written_by_role(trigger, own_role):
            return _told(ProcessReport(trigger, Verdict.IGNORED, "we wrote it ourselves"))
        async with slots:
            return _told(await process_change(trigger, new_services()))

    async def handle(message_id: str, body: str) -> MessageOutcome:
        try:
            triggers = parse_message(body)
        except MessageError as error:
            _log.error("message.rejected message_id=%s reason=%s", message_id, error)
            return MessageOutcome(message_id, rejected=str(error))
        reports = tuple(await asyncio.gather(*(work(message_id, trigger) for trigger in triggers)))
        return MessageOutcome(message_id, reports)

    return tuple(await asyncio.gather(*(handle(*message) for message in bodies.items())))


def _told(report: ProcessReport) -> ProcessReport:
    """Write the report's line into the log; people's addresses, which errors may repeat, are left out."""
    is_fine = report.verdict in (Verdict.DONE, Verdict.IGNORED) and not report.errors
    problems = "; ".join(f"{one.type}: {one.message}" for one in report.errors)
    _log.log(
        logging.INFO if is_fine else logging.ERROR,
        "change.%s change_id=%s customer=%s status=%s reason=%s errors=%s",
        report.verdict,
        report.trigger.change_id,
        report.trigger.customer,
        report.status,
        report.reason,
        _ADDRESS.sub("<address>", problems),
    )
    return report
