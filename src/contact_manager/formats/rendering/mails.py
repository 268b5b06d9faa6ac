"""The mails of a change's life cycle."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

from contact_manager.domain.change import Change
from contact_manager.domain.notification import NotificationKind
from contact_manager.formats.plain_text import without_control
from contact_manager.formats.rendering.environment import built_in_environments

UNSUBSCRIBE_PLACEHOLDER = "{{amazonSESUnsubscribeUrl}}"
"""Replaced by SES when ListManagementOptions are given (Amazon SES developer guide, "Subscription
management")."""

_PLACEHOLDER_START = re.compile(r"\{\{(?=\s*amazonSESUnsubscribeUrl)", re.IGNORECASE)
_TEST = "[TEST] "


@dataclass(frozen=True, slots=True)
class MailText:
    """What a mail says: a subject of one line, and the same text twice."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class MailContext:
    """What a mail says besides the change: to whose people, and whether it is a rehearsal."""

    customer_name: str
    is_test: bool = False
    has_unsubscribe_link: bool = True


def render_mail(kind: NotificationKind, change: Change, context: MailContext) -> MailText:
    """Return the mail; every value of the change is escaped in the HTML.

    SES finds its placeholder only where the template puts it: the same words in the change itself are told
    apart with a space, so that a mail neither has two links nor loses its own.
    """
    environments = built_in_environments()
    link_to_come = uuid.uuid4().hex
    values = {
        "change": change,
        "what": "announcement" if change.kind.is_announcement else "change",
        "customer_name": context.customer_name,
        "unsubscribe_url": link_to_come if context.has_unsubscribe_link else "",
    }

    def render(name: str) -> str:
        environment = environments.html if name.endswith(".html.j2") else environments.text
        text = without_control(environment.get_template(f"mail/{kind}/{name}").render(values)).strip()
        return _PLACEHOLDER_START.sub("{ {", text).replace(link_to_come, UNSUBSCRIBE_PLACEHOLDER)

    subject = " ".join(render("subject.txt.j2").split())
    return MailText(
        f"{_TEST if context.is_test else ''}{subject}", f"{render('body.txt.j2')}\n", render("body.html.j2")
    )
