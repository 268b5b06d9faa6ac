"""The mails of one ledger: handed over, answered, noted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from contact_manager.domain.change import Change
from contact_manager.domain.customer import Customer
from contact_manager.domain.notification import Mail, NotificationKind
from contact_manager.domain.processing import WAITING, NotifyReport
from contact_manager.errors import (
    MailRejectedError,
    RecipientUnverifiedError,
    RemoteServiceError,
    SendingStoppedError,
)
from contact_manager.formats.ledger_json import Ledger, address_mark
from contact_manager.ports import ContactDirectory, Mailer
from contact_manager.services.audience_sizes import AudienceSizes
from contact_manager.services.leases import HeldNote, Leases, OldLedger
from contact_manager.services.send_budget import SendBudget
from contact_manager.settings import NotificationSettings

_log = logging.getLogger(__name__)

CHUNK_SIZE = 7
"""The most mails between two entries in a ledger: a slow account leaves room in the process's ``SendBudget``
for one that comes later. Fewer while others send as well."""

MAX_FAILURES_IN_A_ROW = CHUNK_SIZE
"""After so many mails that nobody took, one after the other, the rest is left for the next run."""

MAX_ERRORS = 10
"""The most failed mails that a report holds an error of."""

ANSWER_GRACE = timedelta(seconds=2)
NOTE_GRACE = timedelta(seconds=5)
"""How long a run that is broken off waits for the answers about what it handed over, and for the ledger."""


@dataclass(frozen=True, slots=True)
class Notification:
    """What is to be sent.

    Attributes:
        change: About which change.
        kind: What it tells.
        customer: Whose subscribers get it.
        topic: Of whose subscribers.
        ledger_key: Where is noted who has it.
        old_ledger: Where an earlier release may have noted it.
        only_to: Folded address of the one person who gets it instead, in a rehearsal.
        other_customers: The change's others, whose people count for the limit of the whole change.
    """

    change: Change
    kind: NotificationKind
    customer: Customer
    topic: str
    ledger_key: str
    old_ledger: OldLedger | None = None
    only_to: str | None = None
    other_customers: tuple[Customer, ...] = ()


@dataclass(frozen=True, slots=True)
class SendControls:
    """What all runs of a process share about the mails they send."""

    budget: SendBudget = field(default_factory=SendBudget)
    sizes: AudienceSizes = field(default_factory=AudienceSizes)


@dataclass(frozen=True, slots=True)
class NotifyServices:
    """What the use case works with; ``is_out_of_time`` says when nothing new may be begun."""

    directory: ContactDirectory
    mailer: Mailer
    leases: Leases
    sender: str
    is_out_of_time: Callable[[], bool] = lambda: False
    settings: NotificationSettings = field(default_factory=NotificationSettings)
    controls: SendControls = field(default_factory=SendControls)


class LedgerSending:
    """The mails of one ledger, a chunk at a time, each noted before the next.

    Args:
        notification: What is sent.
        services: What it is sent with.
        held: The ledger, of which this run has the lease.
        report: What is known before; ``report`` says afterwards what was done.
    """

    def __init__(
        self,
        notification: Notification,
        services: NotifyServices,
        held: HeldNote[Ledger],
        report: NotifyReport,
    ) -> None:
        self.report = report
        self._notification = notification
        self._services = services
        self._budget = services.controls.budget
        self._held = held
        self._failures_in_a_row = 0
        self._is_lost = False
        self._written()

    async def run(self, missing: Sequence[str], compose: Callable[[str], Mail]) -> NotifyReport:
        """Send to everybody in ``missing``, as far as time and the account allow."""
        left = self._unsettled(missing)
        try:
            async with self._budget.join():
                while left:
                    taken = await self._budget.take(min(len(left), CHUNK_SIZE))
                    try:
                        if self._is_out_of_time(len(left)):
                            break
                        goes_on = await self._send_and_note(left[:taken], compose)
                    finally:
                        self._budget.give_back(taken)
                    left = self._unsettled(left[taken:])
                    if not goes_on:
                        break
        except asyncio.CancelledError:
            await _finish([asyncio.create_task(self._release())], NOTE_GRACE)
            raise
        self._count_postponed(len(left))
        if not self._is_lost:
            await self._release()
        return self.report

    async def _release(self) -> None:
        """Let go of the ledger, so that the next run can go on at once."""
        try:
            await self._services.leases.release(self._held, self._held.note)
        except RemoteServiceError as error:
            self._add(error)

    def _is_out_of_time(self, left: int) -> bool:
        is_late = self._services.is_out_of_time()
        if is_late:
            self._add(later("OutOfTime", f"{left} mails are left for the next run"))
        return is_late

    def _unsettled(self, addresses: Sequence[str]) -> list[str]:
        """Return who still needs the mail: other runs may have noted theirs meanwhile."""
        return [address for address in addresses if not self._held.note.is_settled(address)]

    async def _send_and_note(self, addresses: Sequence[str], compose: Callable[[str], Mail]) -> bool:
        """Return whether the next chunk may be sent."""
        if self._needs_writing() and not await self._write(self._held.note):
            return False
        mails = [compose(address) for address in self._unsettled(addresses)]
        if not mails:
            return True
        sending = [
            asyncio.create_task(self._services.mailer.send(self._notification.customer, mail))
            for mail in mails
        ]
        was_cancelled = await _finish(sending, ANSWER_GRACE)
        chunk = _read_answers(mails, sending, was_cancelled=was_cancelled)
        self._count(chunk)
        note = replace(
            self._held.note,
            sent=self._held.note.sent | chunk.sent,
            refused={**self._held.note.refused, **chunk.refused},
        )
        writing = asyncio.create_task(self._write(note))
        if await _finish([writing], NOTE_GRACE) or was_cancelled:
            raise asyncio.CancelledError
        if chunk.crash is not None:
            raise chunk.crash
        return writing.result() and self._may_go_on(chunk)

    def _may_go_on(self, chunk: _Chunk) -> bool:
        """Whether somebody else may be reached, though these could not all be."""
        if chunk.has_stopped:
            return False
        failures = [error for error in chunk.errors if not isinstance(error, RecipientUnverifiedError)]
        self._failures_in_a_row = 0 if chunk.is_answered else self._failures_in_a_row + len(failures)
        return self._failures_in_a_row < MAX_FAILURES_IN_A_ROW

    def _needs_writing(self) -> bool:
        """Whether the ledger has to be written before anything is sent.

        That is so when a ledger of this process could not be written meanwhile: the bucket may be down, and
        what is sent now could not be noted. Also when the lease may end after a long wait for a share.
        """
        waited_s = asyncio.get_running_loop().time() - self._written_at_s
        is_old = waited_s > self._services.leases.duration.total_seconds() / 2
        return is_old or self._budget.failed_notes != self._known_failures

    async def _write(self, note: Ledger) -> bool:
        """Write down who has the mail; return whether more may be sent."""
        try:
            if await self._services.leases.keep(self._held, note):
                self._written()
                return True
            self._add(later("Busy", "another run has taken over these mails"))
        except RemoteServiceError as error:
            self._budget.failed_notes += 1
            self._add(error)
        self._is_lost = True
        return False

    def _written(self) -> None:
        self._written_at_s = asyncio.get_running_loop().time()
        self._known_failures = self._budget.failed_notes

    def _count(self, chunk: _Chunk) -> None:
        notification, report = self._notification, self.report
        for code in chunk.refused.values():
            _log.error("mail.refused change_id=%s code=%s", notification.change.change_id, code)
        _log.info(
            "mail.sent kind=%s change_id=%s customer=%s sent=%d refused=%d failed=%d",
            notification.kind,
            notification.change.change_id,
            notification.customer.code,
            len(chunk.sent),
            len(chunk.refused),
            len(chunk.errors),
        )
        room = max(0, MAX_ERRORS - len(report.errors))
        self.report = replace(
            report,
            sent=report.sent + len(chunk.sent),
            refused=report.refused + len(chunk.refused),
            failed=report.failed + len(chunk.errors),
            errors=(*report.errors, *chunk.errors[: max(int(chunk.has_stopped), room)]),
        )

    def _count_postponed(self, left: int) -> None:
        """Count the mails that wait until the account may send again; those tried in vain wait as well."""
        rest = self.report.retry_after
        if rest is None:
            return
        tried = self.report.failed
        self.report = replace(self.report, failed=0, postponed=left + tried)
        _log.warning(
            "mail.postponed change_id=%s customer=%s mails=%d minutes=%d",
            self._notification.change.change_id,
            self._notification.customer.code,
            left + tried,
            rest.total_seconds() // 60,
        )

    def _add(self, error: RemoteServiceError) -> None:
        self.report = replace(self.report, errors=(*self.report.errors, error))


@dataclass(slots=True)
class _Chunk:
    """What became of the mails that were handed over together; ``crash`` is what nobody expected."""

    sent: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    errors: list[RemoteServiceError] = field(default_factory=list)
    crash: BaseException | None = None

    @property
    def is_answered(self) -> bool:
        """Whether anybody was reached, or refused for good."""
        return bool(self.sent or self.refused)

    @property
    def has_stopped(self) -> bool:
        """Whether the account sends to nobody; the error that says so is the first."""
        return any(isinstance(error, SendingStoppedError) for error in self.errors)


def _read_answers(
    mails: Sequence[Mail], sending: Sequence[asyncio.Task[None]], *, was_cancelled: bool
) -> _Chunk:
    chunk = _Chunk()
    for mail, task in zip(mails, sending, strict=True):
        if task.cancelled():
            chunk.crash = None if was_cancelled else asyncio.CancelledError()
            continue
        error = task.exception()
        if error is None:
            chunk.sent.add(address_mark(mail.recipient))
        elif isinstance(error, MailRejectedError):
            chunk.refused[address_mark(mail.recipient)] = error.code
        elif isinstance(error, RemoteServiceError):
            chunk.errors.append(error)
        else:
            chunk.crash = error
    chunk.errors.sort(key=lambda error: not isinstance(error, SendingStoppedError))
    return chunk


async def _finish(tasks: Sequence[asyncio.Task[Any]], grace: timedelta) -> bool:
    """Wait for the tasks; when cancelled, only so long, and then cancel those that still run.

    Returns:
        Whether the wait was cancelled: it is for the caller to end then.
    """
    try:
        await asyncio.wait(tasks)
    except asyncio.CancelledError:
        pass
    else:
        return False
    try:
        await asyncio.wait(tasks, timeout=grace.total_seconds())
    finally:
        for task in tasks:
            task.cancel()
    await asyncio.wait(tasks)
    return True


def later(code: str, message: str) -> RemoteServiceError:
    """Return the error for mails that have to wait for the next run."""
    return RemoteServiceError(message, service=WAITING, operation="notify", code=code, retryable=True)
