"""Faults on demand: what goes wrong, and how often."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule that makes requests go wrong.

    Attributes:
        method: HTTP method; None for every one.
        path_contains: Part of the decoded path; None for every path.
        times: How many requests go wrong.
        skip: How many fitting requests are let pass before.
        status: HTTP status of the error; None together with ``delay_s`` only makes it slow.
        code: Graph's error code.
        message: For people.
        retry_after: The ``Retry-After`` header: seconds, or any text; None for no such header.
        delay_s: Seconds to wait before anything else happens.
        empty_body: Whether the error has no body.
        body: The error's body in place of Graph's own; None for that.
        drop_before: Whether the connection is closed before the request is carried out.
        lose_answer_after_commit: Whether it is closed after that, without an answer.
        hold: With either of these two: whether the connection stays open until the client goes away.
        carry_out: With ``status``: whether the request is carried out before the error is answered.
    """

    method: str | None = None
    path_contains: str | None = None
    times: int = 1
    skip: int = 0
    status: int | None = None
    code: str = "Injected"
    message: str = "Injected by the sandbox."
    retry_after: float | str | None = None
    delay_s: float = 0.0
    empty_body: bool = False
    body: str | None = None
    drop_before: bool = False
    lose_answer_after_commit: bool = False
    hold: bool = False
    carry_out: bool = False


class FaultQueue:
    """The rules in force; the first that fits is used up first."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Append a rule."""
        self._rules.append(fault)

    def clear(self) -> None:
        """Drop all rules."""
        self._rules.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Return the rule that makes this request go wrong, if any."""
        for index, rule in enumerate(self._rules):
            if rule.method not in (None, method) or (rule.path_contains or "") not in path:
                continue
            if rule.skip:
                self._rules[index] = dataclasses.replace(rule, skip=rule.skip - 1)
                continue
            self._rules[index] = dataclasses.replace(rule, times=rule.times - 1)
            self._rules = [one for one in self._rules if one.times > 0]
            return rule
        return None
