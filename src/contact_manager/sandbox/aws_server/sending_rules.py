"""What an account may send, as its owner, Amazon or its own past has it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic

_ACCOUNT_DIGITS = 12
_DAY_S = 24 * 60 * 60.0


@dataclass(frozen=True, slots=True)
class SendingRules:
    """What SES refuses to an account; nothing by default.

    Attributes:
        account: Twelve digits.
        paused: Whether sending is paused.
        suspended: Whether the account may never send again.
        daily_quota: Mails in 24 hours, -1 for no limit.
        unverified: Senders, and in an account without production access recipients, that are not verified.
        refused: By address of a recipient, with which words ``BadRequestException`` refuses it.
    """

    account: str
    paused: bool = False
    suspended: bool = False
    daily_quota: float = 50000.0
    unverified: Sequence[str] = ()
    refused: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what would be taken for something else without a word.

        Raises:
            ValueError: A value is of the wrong kind.
        """
        if not (len(self.account) == _ACCOUNT_DIGITS and self.account.isdecimal()):
            raise ValueError("account has twelve digits")
        if not isinstance(self.unverified, list | tuple):
            raise ValueError("unverified is a list of addresses, [] for none")  # noqa: TRY004 - of the request
        if not isinstance(self.refused, Mapping):
            raise ValueError("refused is an object of addresses and words, {} for none")  # noqa: TRY004 - same


class SendingBook:
    """The rules of all accounts, and when they sent."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._rules: dict[str, SendingRules] = {}
        self._sent_at_s: dict[str, deque[float]] = {}

    def put(self, rules: SendingRules) -> None:
        """Set an account's rules in place of those it had."""
        with self._lock:
            self._rules[rules.account] = rules

    def rules(self, account: str) -> SendingRules:
        """Return the rules of an account."""
        with self._lock:
            return self._rules.get(account, SendingRules(account))

    def all_rules(self) -> tuple[SendingRules, ...]:
        """Return the rules that were set."""
        with self._lock:
            return tuple(self._rules.values())

    def sent(self, account: str) -> int:
        """Return how many mails an account sent in the last 24 hours."""
        with self._lock:
            return len(self._recent(account))

    def count(self, account: str) -> None:
        """Count a mail that was accepted."""
        with self._lock:
            self._recent(account).append(monotonic())

    def _recent(self, account: str) -> deque[float]:
        times = self._sent_at_s.setdefault(account, deque())
        while times and times[0] <= monotonic() - _DAY_S:
            times.popleft()
        return times
