"""Everything the server holds, and the levers tests and demonstrations pull."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from contact_manager.sandbox.graph_server.faults import Fault, FaultQueue
from contact_manager.sandbox.graph_server.mailbox import Behaviour, Mailbox
from contact_manager.sandbox.graph_server.sign_in import SignIn


class GraphState:
    """Mailboxes, switches, faults and the log of requests; touched by the server's own loop only."""

    def __init__(self, sign_in: SignIn, mailboxes: Sequence[str], behaviour: Behaviour) -> None:
        self.sign_in = sign_in
        self.host = ""
        self.behaviour = behaviour
        self.faults = FaultQueue()
        self.mailboxes = {address.lower(): Mailbox(address.lower(), behaviour) for address in mailboxes}
        self._requests: list[dict[str, Any]] = []
        self._in_flight = 0
        self._max_in_flight = 0

    def describe(self) -> dict[str, Any]:
        """Return a copy of everything."""
        boxes = {address: mailbox.describe() for address, mailbox in self.mailboxes.items()}
        return {
            "mailboxes": boxes,
            "notices": [notice for box in boxes.values() for notice in box["notices"]],
            "requests": copy.deepcopy(self._requests),
            "max_in_flight": self._max_in_flight,
            "settings": dataclasses.asdict(self.behaviour),
        }

    def log(self, request: dict[str, Any]) -> None:
        """Remember a request."""
        self._requests.append(request)

    def add_faults(self, rules: list[dict[str, Any]]) -> None:
        """Let requests go wrong in this order; all the rules are taken, or none."""
        for fault in [Fault(**rule) for rule in rules]:
            self.faults.add(fault)

    def add_fault(self, rule: dict[str, Any]) -> None:
        """Let requests go wrong; members as in ``Fault``."""
        self.faults.add(Fault(**rule))

    def configure(self, changes: dict[str, Any]) -> None:
        """Switch behaviour; members as in ``Behaviour``."""
        for name, value in changes.items():
            if name not in Behaviour.__dataclass_fields__:
                raise ValueError(f"there is no setting {name!r}")
            setattr(self.behaviour, name, value)

    def reset(self) -> None:
        """Forget events, notices, requests and faults."""
        for address in self.mailboxes:
            self.mailboxes[address] = Mailbox(address, self.behaviour)
        self.faults.clear()
        self._requests.clear()
        self._max_in_flight = 0

    @contextmanager
    def in_flight(self) -> Iterator[int]:
        """Count a request while it is under way; yields how many there are with it."""
        self._in_flight += 1
        self._max_in_flight = max(self._max_in_flight, self._in_flight)
        try:
            yield self._in_flight
        finally:
            self._in_flight -= 1
