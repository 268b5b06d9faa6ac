"""What a running server knows besides moto's own state."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from threading import Event, Lock
from time import monotonic

from contact_manager.sandbox.aws_server.faults import FaultQueue
from contact_manager.sandbox.aws_server.outbox import Outbox
from contact_manager.sandbox.aws_server.roles import RoleBook
from contact_manager.sandbox.aws_server.sending_rules import SendingBook
from contact_manager.sandbox.aws_server.suppression import SuppressionLists


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What can be changed while the server runs.

    Attributes:
        max_page_size: No page of an SES listing holds more; None for the service's own limit.
        empty_first_page: Whether a listing of contacts begins with an empty page that has a ``NextToken``.
        requests_per_second: SES requests an account may make; more are answered with 429. None for no limit.
        deny_unknown_roles: Whether a role without a rule is denied; else anybody may assume it.
        max_send_rate: Mails a second that an account may send; more are answered with 429.
    """

    max_page_size: int | None = None
    empty_first_page: bool = False
    requests_per_second: float | None = None
    deny_unknown_roles: bool = False
    max_send_rate: float = 200.0


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """A request that was answered.

    Attributes:
        service: Signing name, such as ``ses``; empty for an unsigned request.
        operation: Such as ``ListContacts``; method and path where it is not known.
        method: HTTP method.
        path: Decoded path.
        account: Of the caller; None when nobody knows the access key.
        region: From the credential scope.
        role_arn: The role asked for, when it was AssumeRole.
        status: HTTP status; None when the connection was dropped.
    """

    service: str
    operation: str
    method: str
    path: str
    account: str | None
    region: str
    role_arn: str | None
    status: int | None


class RequestLog:
    """The requests since the start, in the order of their answers."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._requests: list[LoggedRequest] = []

    def add(self, request: LoggedRequest) -> None:
        """Append a request."""
        with self._lock:
            self._requests.append(request)

    def clear(self) -> None:
        """Forget all requests."""
        with self._lock:
            self._requests.clear()

    def requests(self) -> tuple[LoggedRequest, ...]:
        """Return all requests."""
        with self._lock:
            return tuple(self._requests)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how often each account called each operation."""
        counts: dict[str, Counter[str]] = {}
        for request in self.requests():
            counts.setdefault(request.account or "unknown", Counter())[request.operation] += 1
        return {account: dict(counter) for account, counter in counts.items()}


class RateLimiter:
    """A token bucket for each account, which holds what one second gives, and at least one."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def allows(self, account: str, per_second: float | None) -> bool:
        """Tell whether an account may make one more request now, and count it."""
        if per_second is None:
            return True
        size = max(1.0, per_second)
        with self._lock:
            now = monotonic()
            tokens, since = self._buckets.get(account, (size, now))
            tokens = min(size, tokens + (now - since) * per_second)
            allowed = tokens >= 1
            self._buckets[account] = (tokens - 1 if allowed else tokens, now)
        return allowed


class ServerState:
    """Everything of one server in one place, made anew at each start."""

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self.faults = FaultQueue()
        self.roles = RoleBook()
        self.suppression = SuppressionLists()
        self.log = RequestLog()
        self.rates = RateLimiter()
        self.send_rates = RateLimiter()
        self.outbox = Outbox()
        self.sending = SendingBook()
        self.stopping = Event()
