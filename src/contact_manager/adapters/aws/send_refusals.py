"""What a refused mail is about: one person, or everything that the account sends.

Amazon SES uses the same codes for both: "Sending paused for this account" comes as ``MessageRejected``, a
missing topic and a malformed address as ``BadRequestException``. So the words decide, and only words that can
mean nothing else make a refusal final: who is taken for refused never gets the mail.

Sources of the words: Amazon SES developer guide, "Amazon SES email sending errors"; the addresses' syntax is
checked by JavaMail's ``InternetAddress`` (github.com/boto/boto3/issues/4587, brave/accounts/issues/35);
github.com/GoodDollar/GoodServer/issues/419 (paused), github.com/floci-io/floci/pull/1875 (lists and topics),
github.com/domdomegg/aws-ses-v2-local/issues/44 ("Invalid email address"),
github.com/mettle/sendportal/issues/94 ("is not verified").
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contact_manager.adapters.aws.errors import Asked, Refusal
    from contact_manager.domain.notification import Mail


class Scope(Enum):
    """What has to change before the mail can be sent."""

    RECIPIENT = auto()
    """The address: nothing else helps."""
    UNVERIFIED_RECIPIENT = auto()
    """This person has to be verified first; others may be."""
    ACCOUNT = auto()
    """The account, its sender or its set-up: the same holds for everybody."""
    UNKNOWN = auto()


_ABOUT_A_MESSAGE = frozenset(
    {
        "MessageRejected",
        "BadRequest",
        "InvalidParameterValue",
        "InvalidParameter",
        "Validation",
        "ValidationError",
    }
)
_ABOUT_THE_ACCOUNT = frozenset(
    {
        "AccountSuspended",
        "SendingPaused",
        "AccountSendingPaused",
        "ConfigurationSetSendingPaused",
        "ConfigurationSetDoesNotExist",
        "MailFromDomainNotVerified",
        "NotFound",
        "LimitExceeded",
    }
)
"""Of Amazon SES API v2 and v1, SendEmail, Errors; without the ``Exception`` at their end."""

_CLIENT_ERROR, _DENIED, _SERVER_ERROR = 400, frozenset({401, 403}), 500

_ADDRESS = re.compile(r"[^\s<>,;:\"'()]+@[^\s<>,;:\"'()]+")
"""What may be an e-mail address in a text: its words must not be taken for those of AWS."""

_A_DAY = re.compile(r"\b(daily|24[ -]?h|per day|a day)", re.IGNORECASE)
_USED_UP = re.compile(r"quota|limit|maximum|exceed|reach", re.IGNORECASE)
_QUOTA_OF_NO_RATE = re.compile(r"^(?!.*(\brate\b|per second|throughput)).*quota", re.IGNORECASE)
_STOPPED = re.compile(r"\b(paus|suspend|terminat|shut ?down|disabl|on hold|under review)", re.IGNORECASE)
_SET_UP = re.compile(r"\b(list|topic|configuration set|template|tenant|dedicated ip pool)\b", re.IGNORECASE)
_SUPPRESSION_LIST = re.compile(r"suppression list", re.IGNORECASE)
_AMOUNT = re.compile(r"\b(quota|limits?|rate|daily)\b", re.IGNORECASE)
_SENDER = re.compile(
    r"\b(sender|from|source|reply[- ]?to|return[- ]?path|feedback\w*|header|content|subject|body)\b",
    re.IGNORECASE,
)
_VERIFICATION = re.compile(r"\bverif|\bidentit", re.IGNORECASE)
_ANY_ADDRESS = re.compile(r"\b(address|recipient|destination|mailbox|domain)", re.IGNORECASE)
_BAD_ADDRESS = re.compile(
    r"\b(local|domain)( address| part| name)? "
    r"(contains|starts with|ends with)( a| an)? (control|whitespace|illegal|invalid|dot|consecutive)"
    r"|\bmissing (final .?@domain|domain|local (name|part))"
    r"|\b(illegal|invalid|malformed|empty)( recipient| destination| to)*( e-?mail)? address"
    r"|\b(invalid|illegal|malformed) (recipient|destination)\b"
    r"|\b(recipient|destination)('s)?( e-?mail)?( address)? (is |was )?"
    r"(invalid|illegal|malformed|not valid|blacklisted)"
    r"|\baddress(es)? (is |are |was )?(blacklisted|suppressed|(on|in) [\w' -]*suppression list)",
    re.IGNORECASE,
)


def is_daily_quota(asked: Asked, refusal: Refusal) -> bool:
    """Whether a mail is refused because the account has sent all that it may send in 24 hours.

    Amazon SES says so with several codes, also with those of throttling, and only the words tell it apart
    from a rate, which is free again after a second: "Daily message quota exceeded", "Maximum sending rate
    exceeded" (Amazon SES developer guide, "Errors related to the sending quotas").
    """
    if asked.operation != "SendEmail" or refusal.status >= _SERVER_ERROR:
        return False
    said = _ADDRESS.sub(" ", f"{refusal.code} {refusal.words}")
    return bool(_QUOTA_OF_NO_RATE.search(said) or (_A_DAY.search(said) and _USED_UP.search(said)))


def judge(refusal: Refusal, mail: Mail) -> Scope:
    """Return what the refusal of ``mail`` is about; ``UNKNOWN`` unless it is certain."""
    code = refusal.code.removesuffix("Exception")
    if not _CLIENT_ERROR <= refusal.status < _SERVER_ERROR:
        return Scope.UNKNOWN
    if code in _ABOUT_THE_ACCOUNT or refusal.status in _DENIED:
        return Scope.ACCOUNT
    return _judge_words(refusal.words, mail) if code in _ABOUT_A_MESSAGE else Scope.UNKNOWN


def _judge_words(message: str, mail: Mail) -> Scope:
    named = {address.lower().rstrip(".") for address in _ADDRESS.findall(message)}
    words = _ADDRESS.sub(" ", message)
    if _STOPPED.search(words) or mail.sender in named:
        return Scope.ACCOUNT
    if _VERIFICATION.search(words):
        return _judge_verification(words, named, mail)
    if _SET_UP.search(_SUPPRESSION_LIST.sub(" ", words)):
        return Scope.UNKNOWN if _ANY_ADDRESS.search(words) else Scope.ACCOUNT
    if _AMOUNT.search(words):
        return Scope.UNKNOWN
    is_certain = _BAD_ADDRESS.search(words) and not _SENDER.search(words) and named <= {mail.recipient}
    return Scope.RECIPIENT if is_certain else Scope.UNKNOWN


def _judge_verification(words: str, named: set[str], mail: Mail) -> Scope:
    """Return who is not verified; a sender may be named by its domain."""
    if mail.sender.rpartition("@")[2] in words.lower():
        return Scope.ACCOUNT
    return Scope.UNVERIFIED_RECIPIENT if named == {mail.recipient} else Scope.UNKNOWN
