"""Work through messages of the change queue and tell which have to come again."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from contact_manager.broken_off import collecting
from contact_manager.domain.outcome import ErrorKind, ReportedError
from contact_manager.domain.processing import ProcessReport, Verdict
from contact_manager.formats.s3_event import MessageError, Role, Trigger, parse_message
from contact_manager.services.process_change import ProcessServices, new_report, process_change
from contact_manager.services.time_limits import TimeLimits, wait_within

_log = logging.getLogger(__name__)

MAX_CONCURRENT_TRIGGERS = 10
_ADDRESS = re.compile(r"[^\s<>,;:\"'()/=]+@[^\s<>,;:\"'()/=]+")


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
        own_addresses: The sender's and the organizer's, folded; those of other people stay out of the log.
        on_begin: Called with message id and trigger, in the task that processes it.
    """

    bucket: str
    own_role: Role | None = None
    own_addresses: frozenset[str] = frozenset()
    on_begin: Callable[[str, Trigger], None] = lambda _message_id, _trigger: None


async def process_messages(
    bodies: Mapping[str, str],
    new_services: Callable[[], ProcessServices],
    rules: MessageRules,
    limits: TimeLimits | None = None,
) -> tuple[MessageOutcome, ...]:
    """Process messages at the same time, each on its own, within the time there is.

    Every message has its share of the slots: one whose triggers hang does not keep the others waiting. What
    is not finished in time has to come again.

    Args:
        bodies: By message id.
        new_services: Makes what one trigger is processed with: every run has leases of its own.
        rules: Which messages count.
        limits: How long work may go on.
    """
    limits = limits or TimeLimits()
    work = _Work(new_services, rules, asyncio.Semaphore(MAX_CONCURRENT_TRIGGERS))
    messages = [_Message.read(*message) for message in bodies.items()]
    share = max(1, MAX_CONCURRENT_TRIGGERS // max(1, len(bodies)))
    for message in messages:
        own_slots = asyncio.Semaphore(share)
        message.tasks = [
            asyncio.create_task(work.do(trigger, message.message_id, own_slots))
            for trigger in message.triggers
        ]
    await wait_within([task for message in messages for task in message.tasks], limits)
    return tuple(message.outcome() for message in messages)


@dataclass(slots=True)
class _Message:
    """A message at work: its triggers, and the task of each."""

    message_id: str
    triggers: Sequence[Trigger] = ()
    rejected: str = ""
    tasks: Sequence[asyncio.Task[ProcessReport]] = ()

    @classmethod
    def read(cls, message_id: str, body: str) -> _Message:
        try:
            return cls(message_id, parse_message(body))
        except MessageError as error:
            _log.error("message.rejected message_id=%s reason=%s", message_id, error)
            return cls(message_id, rejected=str(error))

    def outcome(self) -> MessageOutcome:
        reports = tuple(map(_report_of, self.triggers, self.tasks))
        return MessageOutcome(self.message_id, reports, self.rejected)


def _report_of(trigger: Trigger, task: asyncio.Task[ProcessReport]) -> ProcessReport:
    if task.done() and not task.cancelled():
        return task.result()
    return _told(_out_of_time(trigger, ()))  # it was not begun, or does not end


@dataclass(frozen=True, slots=True)
class _Work:
    """What triggers are processed with; ``slots`` are for all of them."""

    new_services: Callable[[], ProcessServices]
    rules: MessageRules
    slots: asyncio.Semaphore

    async def do(self, trigger: Trigger, message_id: str, own_slots: asyncio.Semaphore) -> ProcessReport:
        began = time.monotonic()
        with collecting() as waiting:
            try:
                async with own_slots, self.slots:
                    self.rules.on_begin(message_id, trigger)
                    began = time.monotonic()
                    report = await _process(trigger, self.new_services, self.rules)
            except asyncio.CancelledError:
                report = _out_of_time(trigger, waiting.names())
        return _told(
            replace(report, duration=timedelta(seconds=time.monotonic() - began)), self.rules.own_addresses
        )


def _out_of_time(trigger: Trigger, unanswered: Sequence[str]) -> ProcessReport:
    waited = f" while waiting for {', '.join(unanswered)}" if unanswered else ""
    error = ReportedError(ErrorKind.REMOTE, "OutOfTime", f"the time ran out{waited}; it is tried again later")
    return new_report(trigger, Verdict.RETRY, "the time ran out", (error,))


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


def _told(report: ProcessReport, own_addresses: frozenset[str] = frozenset()) -> ProcessReport:
    """Write the report's line into the log; people's addresses, which errors may repeat, are left out."""

    def shown(address: re.Match[str]) -> str:
        return address[0] if address[0].lower().rstrip(".") in own_addresses else "<address>"

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
        _ADDRESS.sub(shown, problems),
    )
    return report
