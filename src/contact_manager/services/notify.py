"""Mail one customer's subscribers about a change, each person once for each transition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from contact_manager.domain.customer import Customer
from contact_manager.domain.notification import Mail
from contact_manager.domain.outcome import ReportedError
from contact_manager.domain.processing import NotifyReport
from contact_manager.domain.recipients import Exclusion, ExclusionReason, TopicSelection, decide_recipients
from contact_manager.errors import RemoteServiceError
from contact_manager.formats.rendering.mails import MailContext, render_mail
from contact_manager.ports import ContactDirectory
from contact_manager.services.ledger_sending import (
    CHUNK_SIZE,
    LedgerSending,
    Notification,
    NotifyServices,
    SendControls,
    later,
)

__all__ = ["CHUNK_SIZE", "Notification", "NotifyServices", "SendControls", "notify"]


async def notify(notification: Notification, services: NotifyServices) -> NotifyReport:
    """Send what is missing and report what was done; failures end in the report.

    Progress is noted again and again, so that a run that dies, or all runs of a process that dies, repeat at
    most ``MAX_UNNOTED`` mails. A run that is cancelled notes what was answered first.
    """
    try:
        audience = await _find_audience(notification, services.directory)
        stops = await _limit_stops(notification, audience, services)
        if stops:
            return NotifyReport(notification.topic, excluded=audience.excluded, stops=stops)
        return await _send_missing(notification, audience, services)
    except RemoteServiceError as error:
        return NotifyReport(notification.topic, errors=(error,))
    except TimeoutError:
        late = later("Timeout", "the contact list could not be read in time")
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


async def _limit_stops(
    notification: Notification, audience: _Audience, services: NotifyServices
) -> tuple[ReportedError, ...]:
    if notification.only_to is not None:
        return ()
    customer, people, sizes = notification.customer, len(audience.people), services.controls.sizes
    sizes.note(customer, notification.topic, people)
    others = await sizes.count(notification.other_customers, notification.topic, services.directory)
    return services.settings.limits.stops({customer.code: people}, people + others)


async def _send_missing(
    notification: Notification, audience: _Audience, services: NotifyServices
) -> NotifyReport:
    held = await services.leases.read_ledger(notification.ledger_key, notification.old_ledger)
    missing = [address for address in audience.people if not held.note.is_settled(address)]
    report = NotifyReport(
        notification.topic, sent_before=len(audience.people) - len(missing), excluded=audience.excluded
    )
    if not missing:
        return report
    if services.leases.is_taken(held) or not await services.leases.keep(held, held.note):
        busy = later("Busy", "another run sends these mails now")
        return replace(report, errors=(busy,))
    sending = LedgerSending(notification, services, held, report)
    return await sending.run(missing, _composer(notification, audience, services.sender))


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
