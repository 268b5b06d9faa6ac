"""Faults on demand: what goes wrong, for whom, and how often."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from threading import Lock

from contact_manager.sandbox.aws_server.answers import RefusedError
from contact_manager.sandbox.aws_server.call import AwsCall

_SEED = 20310510
_TOO_MANY_REQUESTS = 429
_FORBIDDEN = 403
_SERVER_ERROR = 500

# Amazon S3 API reference, "Error responses"
_S3_CODES = {
    403: "AccessDenied",
    409: "ConditionalRequestConflict",
    412: "PreconditionFailed",
    500: "InternalError",
    503: "SlowDown",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule that makes requests go wrong.

    Attributes:
        service: Signing name, such as ``ses``, ``sts`` or ``ssm``; None for every service.
        method: HTTP method, such as ``PUT`` for every write of S3; None for every one.
        operation: Such as ``ListContacts``; None for every operation.
        path_contains: Part of the path; None for every path.
        account: Of the caller or, for AssumeRole, of the role; None for every account.
        times: How many requests go wrong; None for all that follow.
        skip: How many fitting requests are let pass before.
        status: HTTP status of the error; None together with ``delay_s`` only makes it slow.
        code: Error code; None for the usual one of the status.
        message: For people.
        delay_s: Seconds to wait before anything else happens.
        drop: Whether the connection is closed without an answer.
        drop_answer: Whether it is closed after the request was carried out.
        hold: With either of these two: whether the connection stays open, without an answer, until the client
            goes away or the server stops.
        carried_out: Whether the request is carried out before it is answered with the error.
        probability: Share of the fitting requests that go wrong; None for all of them.
    """

    service: str | None = None
    operation: str | None = None
    path_contains: str | None = None
    account: str | None = None
    method: str | None = None
    times: int | None = 1
    skip: int = 0
    status: int | None = None
    code: str | None = None
    message: str = "Injected by the sandbox."
    delay_s: float = 0.0
    drop: bool = False
    drop_answer: bool = False
    hold: bool = False
    carried_out: bool = False
    probability: float | None = None

    def fits(self, call: AwsCall, accounts: Iterable[str]) -> bool:
        """Tell whether the rule is about a request."""
        return (
            self.service in {None, call.service}
            and self.method in {None, call.method}
            and self.operation in {None, call.operation}
            and (self.path_contains is None or self.path_contains in call.path)
            and (self.account is None or self.account in accounts)
        )

    def refusal(self, service: str) -> RefusedError | None:
        """Return the error that a service answers with, or None when there is none."""
        if self.status is None:
            return None
        return RefusedError(self.status, self.code or _usual_code(service, self.status), self.message)


class FaultQueue:
    """The rules in force, in the order they were given; the first that fits is used up first."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._rules: list[Fault] = []
        self._chance = Random(_SEED)  # noqa: S311 - no secret

    def add(self, fault: Fault) -> None:
        """Append a rule."""
        with self._lock:
            self._rules.append(fault)

    def clear(self) -> None:
        """Drop all rules."""
        with self._lock:
            self._rules.clear()

    def pending(self) -> tuple[Fault, ...]:
        """Return the rules that are not used up, with what is left of ``times`` and ``skip``."""
        with self._lock:
            return tuple(self._rules)

    def take(self, call: AwsCall, accounts: Iterable[str]) -> Fault | None:
        """Return the rule that hits this request, and count it as used once."""
        known = frozenset(accounts)
        with self._lock:
            for index, rule in enumerate(self._rules):
                if not rule.fits(call, known):
                    continue
                if rule.skip > 0:
                    self._rules[index] = dataclasses.replace(rule, skip=rule.skip - 1)
                    continue
                if rule.probability is not None and self._chance.random() >= rule.probability:
                    continue
                self._use_up(index, rule)
                return rule
        return None

    def _use_up(self, index: int, rule: Fault) -> None:
        if rule.times is None:
            return
        if rule.times > 1:
            self._rules[index] = dataclasses.replace(rule, times=rule.times - 1)
        else:
            del self._rules[index]


def _usual_code(service: str, status: int) -> str:
    if service == "s3" and status in _S3_CODES:
        return _S3_CODES[status]
    if status == _TOO_MANY_REQUESTS:
        return "TooManyRequestsException"
    if status == _FORBIDDEN:
        return "AccessDeniedException"
    return "InternalServiceErrorException" if status >= _SERVER_ERROR else "BadRequestException"
