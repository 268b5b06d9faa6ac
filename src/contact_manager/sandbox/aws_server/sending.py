"""``SendEmail`` and ``GetAccount`` for one message to one person (botocore service model sesv2)."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from werkzeug.wrappers import Response

from contact_manager.sandbox.aws_server.answers import RefusedError, bad_request, json_answer
from contact_manager.sandbox.aws_server.call import AwsCall
from contact_manager.sandbox.aws_server.contact_store import Place, find_list
from contact_manager.sandbox.aws_server.outbox import SentMail
from contact_manager.sandbox.aws_server.state import ServerState

UNSUBSCRIBE_PLACEHOLDER = "{{amazonSESUnsubscribeUrl}}"
_TOO_MANY_REQUESTS = 429
_PAUSED = (
    "Sending paused for this account. For more information, please check the inbox of the email address "
    "associated with your AWS account."
)
_UNVERIFIED = "Email address is not verified. The following identities failed the check in region"


def get_account(_call: AwsCall, place: Place, state: ServerState) -> Response:
    """Answer with what the account may send."""
    rate, rules = state.settings.max_send_rate, state.sending.rules(place.account)
    return json_answer(
        {
            "DedicatedIpAutoWarmupEnabled": False,
            "EnforcementStatus": "SHUTDOWN" if rules.suspended else "HEALTHY",
            "ProductionAccessEnabled": True,
            "SendQuota": {
                "Max24HourSend": rules.daily_quota,
                "MaxSendRate": rate,
                "SentLast24Hours": float(state.sending.sent(place.account)),
            },
            "SendingEnabled": not (rules.paused or rules.suspended),
            "SuppressionAttributes": {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]},
        }
    )


def send_email(call: AwsCall, place: Place, state: ServerState) -> Response:
    """Accept a mail; one to an unsubscribed or suppressed person bounces afterwards, as with SES.

    See Amazon SES developer guide, "Using subscription management" and "account-level suppression list".
    """
    mail = _read(call, place)
    _check_rules(mail, place, state)
    if not state.send_rates.allows(place.account, state.settings.max_send_rate):
        raise RefusedError(_TOO_MANY_REQUESTS, "TooManyRequestsException", "Maximum sending rate exceeded.")
    state.sending.count(place.account)
    state.outbox.add(mail if not mail.contact_list else _with_list(mail, place, state))
    return json_answer({"MessageId": f"{uuid4()}-000000"})


def _check_rules(mail: SentMail, place: Place, state: ServerState) -> None:
    """Refuse in the words that people met.

    Paused: github.com/GoodDollar/GoodServer/issues/419; not verified: github.com/mettle/sendportal/issues/94;
    the quota: Amazon SES developer guide, "Errors related to the sending quotas".
    """
    rules = state.sending.rules(place.account)
    if rules.suspended:
        raise bad_request("Sending suspended for this account.", "AccountSuspendedException")
    if rules.paused:
        raise bad_request(_PAUSED, "MessageRejected")
    unverified = [one for one in (mail.sender, mail.recipient) if one in rules.unverified]
    if unverified:
        where = f"{_UNVERIFIED} {place.region.upper()}: {', '.join(unverified)}"
        raise bad_request(where, "MessageRejected")
    if 0 <= rules.daily_quota <= state.sending.sent(place.account):
        raise bad_request("Daily message quota exceeded.", "ThrottlingException")
    if mail.recipient in rules.refused:
        raise bad_request(rules.refused[mail.recipient])


def _read(call: AwsCall, place: Place) -> SentMail:
    try:
        asked: Any = json.loads(call.body)
        [recipient] = asked["Destination"]["ToAddresses"]
        simple = asked["Content"]["Simple"]
        options = asked.get("ListManagementOptions") or {}
        mail = SentMail(
            place.account,
            place.region,
            asked["FromEmailAddress"],
            recipient,
            simple["Subject"]["Data"],
            simple["Body"]["Text"]["Data"],
            simple["Body"]["Html"]["Data"],
            options["ContactListName"] if options else None,
            options.get("TopicName"),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise bad_request(f"The sandbox sends simple mails to one person each: {exc!r}.") from exc
    if "@" not in mail.recipient or not mail.recipient.isascii():
        raise bad_request(f"Illegal address: {mail.recipient}.", "MessageRejected")
    if "\n" in mail.subject or "\r" in mail.subject:
        raise bad_request("Control characters in the subject.")
    return mail


def _with_list(mail: SentMail, place: Place, state: ServerState) -> SentMail:
    """Return the mail with its unsubscribe link, and why it is not delivered."""
    contact_list = find_list(place, mail.contact_list)
    defaults = {one["TopicName"]: one["DefaultSubscriptionStatus"] for one in contact_list.topics}
    if mail.topic is not None and mail.topic not in defaults:
        raise bad_request(f"List doesn't have topic {mail.topic}.")
    contact = next(
        (
            one
            for address, one in contact_list.contacts.items()
            if address.strip().lower() == mail.recipient.lower()
        ),
        None,
    )
    bounced = ""
    if contact is not None:
        chosen = {one["TopicName"]: one["SubscriptionStatus"] for one in contact.topic_preferences}
        status = chosen.get(mail.topic, defaults.get(mail.topic)) if mail.topic else "OPT_IN"
        bounced = "unsubscribed" if contact.unsubscribe_all or status == "OPT_OUT" else ""
    if any(one.address.lower() == mail.recipient.lower() for one in state.suppression.entries(place)):
        bounced = "suppressed"
    link = f"https://unsubscribe.example.com/{uuid4()}"
    return SentMail(
        mail.account,
        mail.region,
        mail.sender,
        mail.recipient,
        mail.subject,
        mail.text.replace(UNSUBSCRIBE_PLACEHOLDER, link),
        mail.html.replace(UNSUBSCRIBE_PLACEHOLDER, link),
        mail.contact_list,
        mail.topic,
        bounced,
    )
