"""Mail one customer's subscribers about a change, each person once for each transition."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from contact_manager.domain.change import Change
from contact_manager.domain.customer import Customer
from contact_manager.domain.notification import Mail, NotificationKind
from contact_manager.domain.processing import NotifyReport
from contact_manager.domain.recipients import Exclusion, ExclusionReason, TopicSelection, decide_recipients
from contact_manager.errors import MailRejectedError, RemoteServiceError
from contact_manager.formats.ledger_json import Ledger, address_mark
from contact_manager.formats.rendering.mails import MailContext, render_mail
from contact_manager.ports import ContactDirectory, Mailer
from contact_manager.services.leases import HeldNote, Leases, OldLedger

_log = logging.getLogger(__name__)

CHUNK_SIZE = 10
"""Mails between two entries in the ledger: what a crash can send a second time."""


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
    """

    change: Change
    kind: NotificationKind
    customer: Customer
    topic: str
    ledger_key: str
    old_ledger: OldLedger | None = None
    only_to: str | None = None


@dataclass(frozen=True, slots=True)
class NotifyServices:
    """What the use case works with; ``is_out_of_time`` says when nothing new may be begun."""

    directory: ContactDirectory
    mailer: Mailer
    leases: Leases
    sender: str
    is_out_of_time: Callable[[], bool] = lambda: False


async def notify(notification: Notification, services: NotifyServices) -> NotifyReport:
    """Send what is missing and tell what was done; failures end in the report.

    Progress is noted after every ``CHUNK_SIZE`` mails, so that a run that dies repeats those at most.
    """
    try:
        audience = await _find_audience(notification, services.directory)
        return await _send_missing(notification, audience, services)
    except RemoteServiceError as error:
        return NotifyReport(notification.topic, errors=(error,))
    except TimeoutError:
        late = _later("Timeout", "the contact list could not be read in time")
        return NotifyReport(notification.topic, errors=(late,))


@dataclass(frozen=True, slots=True)
class _Audience:
    people: tuple[str, ...]
    excluded: tuple[Exclusion, ...] = ()
    contact_list: str | None = None


async def _find_audience(notification: Notification, directory: ContactDirectory) -> _Audience:
    if notification.only_to is not None:
        return _find_rehearsal_audience(notification.customer, notification.only_to)
    contact_list = await directory.fetch_contacts(notification.customer, [notification.topic])
    decided = decide_recipients([(notification.customer, contact_list)], TopicSelection(notification.topic))
    people = tuple(one.address for one in decided.invited)
    return _Audience(people, decided.excluded, contact_list.name)


def _find_rehearsal_audience(customer: Customer, submitter: str) -> _Audience:
    """Return the submitter, unless the customer's allow-list leaves them out."""
    if customer.is_restricted and submitter not in customer.restricted_recipients:
        reason = ExclusionReason.NOT_ON_RESTRICTED_LIST
        return _Audience((), (Exclusion(submitter, customer.code, reason),))
    return _Audience((submitter,))


async def _send_missing(
    notification: Notification, audience: _Audience, services: NotifyServices
) -> NotifyReport:
    held = await services.leases.read_ledger(notification.ledger_key, notification.old_ledger)
    missing = [one for one in audience.people if not held.note.is_settled(one)]
    report = NotifyReport(
        notification.topic, sent_before=len(audience.people) - len(missing), excluded=audience.excluded
    )
    if not missing:
        return report
    if services.leases.is_taken(held) or not await services.leases.keep(held, held.note):
        busy = _later("Busy", "another run sends these mails now")
        return replace(report, errors=(busy,))
    compose = _composer(notification, audience, services.sender)
    for start in range(0, len(missing), CHUNK_SIZE):
        if services.is_out_of_time():
            late = _later("OutOfTime", f"{len(missing) - start} mails are left for the next run")
            report = replace(report, errors=(*report.errors, late))
            break
        batch = missing[start : start + CHUNK_SIZE]
        chunk = [address for address in batch if not held.note.is_settled(address)]
        mails = [compose(address) for address in chunk]
        report, note = await _send_chunk(notification, services, mails, (report, held.note))
        lost = await _note(services.leases, held, note)
        if lost is not None:
            return replace(report, errors=(*report.errors, lost))
        if chunk and not any(note.is_settled(address) for address in chunk):
            break
    try:
        await services.leases.release(held, held.note)
    except RemoteServiceError as error:
        report = replace(report, errors=(*report.errors, error))
    return report


async def _note(leases: Leases, held: HeldNote[Ledger], note: Ledger) -> RemoteServiceError | None:
    """Write down who has the mail; return why nothing more may be sent, if so."""
    try:
        if await leases.keep(held, note):
            return None
    except RemoteServiceError as error:
        return error
    return _later("Busy", "another run has taken over these mails")


async def _send_chunk(
    notification: Notification,
    services: NotifyServices,
    mails: Sequence[Mail],
    so_far: tuple[NotifyReport, Ledger],
) -> tuple[NotifyReport, Ledger]:
    report, note = so_far
    results = await asyncio.gather(
        *(services.mailer.send(notification.customer, mail) for mail in mails), return_exceptions=True
    )
    sent, refused, errors = set(), {}, []
    for mail, result in zip(mails, results, strict=True):
        mark = address_mark(mail.recipient)
        if result is None:
            sent.add(mark)
        elif isinstance(result, MailRejectedError):
            _log.error("mail.refused change_id=%s code=%s", notification.change.change_id, result.code)
            refused[mark] = result.code
        elif isinstance(result, RemoteServiceError):
            errors.append(result)
        else:
            raise result
    _log.info(
        "mail.sent kind=%s change_id=%s customer=%s sent=%d refused=%d failed=%d",
        notification.kind,
        notification.change.change_id,
        notification.customer.code,
        len(sent),
        len(refused),
        len(errors),
    )
    report = replace(
        report,
        sent=report.sent + len(sent),
        refused=report.refused + len(refused),
        errors=(*report.errors, *errors),
    )
    return report, replace(note, sent=note.sent | sent, refused={**note.refused, **refused})


def _composer(notification: Notification, audience: _Audience, sender: str) -> Callable[[str], Mail]:
    """Return what makes the mail to an address; the text, the same for all, is made once."""
    context = MailContext(
        notification.customer.name,
        is_test=notification.only_to is not None,
        has_unsubscribe_link=audience.contact_list is not None,
    )
    text = render_mail(notification.kind, notification.change, context)
    topic = notification.topic if audience.contact_list else None
    return lambda address: Mail(
        sender,
        address,
        text.subject,
        text.text,
        text.html,
        contact_list=audience.contact_list,
        topic=topic,
    )


def _later(code: str, message: str) -> RemoteServiceError:
    return RemoteServiceError(message, service="mail", operation="notify", code=code, retryable=True)
