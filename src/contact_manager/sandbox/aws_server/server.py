"""The server itself: start, stop, and the same levers in Python that ``/_sandbox`` has over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from moto.moto_api._internal.models import moto_api_backend

from contact_manager.sandbox.aws_server import contact_store
from contact_manager.sandbox.aws_server.admin import ADMIN_PATH, describe_state
from contact_manager.sandbox.aws_server.contact_store import ContactEntry, Place
from contact_manager.sandbox.aws_server.faults import Fault
from contact_manager.sandbox.aws_server.front import Front
from contact_manager.sandbox.aws_server.keep_alive import RunningServer
from contact_manager.sandbox.aws_server.outbox import SentMail
from contact_manager.sandbox.aws_server.roles import RoleRule
from contact_manager.sandbox.aws_server.sending_rules import SendingRules
from contact_manager.sandbox.aws_server.state import LoggedRequest, ServerSettings, ServerState
from contact_manager.sandbox.aws_server.suppression import Suppressed


class AwsServer:
    """Amazon STS, SES, SSM, S3 and SQS on a loopback port: moto, with what it lacks in front of it.

    Every request must be signed: with ``BASE_ACCESS_KEY_ID`` and ``BASE_SECRET_ACCESS_KEY``, which belong to
    ``BASE_ACCOUNT_ID``, or with what AssumeRole gave. moto keeps its state in the process: there can be one
    server in a process, and each start begins with nothing.

    Args:
        port: To listen on; 0 takes any free one.
    """

    def __init__(self, port: int = 0) -> None:
        self._asked_port = port
        self._running: RunningServer | None = None
        self._state = ServerState(ServerSettings())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Forget everything and listen.

        Raises:
            OSError: The port is in use.
        """
        if self._running is not None:
            return
        moto_api_backend.reset()
        self._state = ServerState(ServerSettings())
        self._running = RunningServer(Front(self._state), self._asked_port)

    def stop(self) -> None:
        """Stop listening and end open connections; may be called again."""
        if self._running is None:
            return
        self._state.stopping.set()
        self._running.stop()
        self._running = None

    @property
    def endpoint_url(self) -> str:
        """The value for ``AWS_ENDPOINT_URL``.

        Raises:
            RuntimeError: The server is not running.
        """
        if self._running is None:
            raise RuntimeError("The AWS sandbox is not running.")
        return f"http://127.0.0.1:{self._running.port}"

    @property
    def admin_url(self) -> str:
        """Where the server's own HTTP interface is."""
        return self.endpoint_url + ADMIN_PATH

    @property
    def settings(self) -> ServerSettings:
        """The settings in force."""
        return self._state.settings

    def configure(self, **changes: Any) -> None:
        """Change some of the fields of :class:`ServerSettings`."""
        self._state.settings = replace(self._state.settings, **changes)

    def add_fault(self, fault: Fault) -> None:
        """Let requests go wrong from now on."""
        self._state.faults.add(fault)

    def clear_faults(self) -> None:
        """Drop all faults that are not used up."""
        self._state.faults.clear()

    def set_role(self, rule: RoleRule) -> None:
        """Say who may assume a role."""
        self._state.roles.put(rule)

    def set_sending(self, rules: SendingRules) -> None:
        """Say what an account may send."""
        self._state.sending.put(rules)

    def create_contact_list(self, place: Place, name: str, topic_defaults: Mapping[str, str]) -> None:
        """Create a contact list with the default status of each of its topics."""
        contact_store.create_list(place, name, topic_defaults)

    def put_contact(self, place: Place, entry: ContactEntry, *, list_name: str | None = None) -> None:
        """Add or replace a contact; without a list name in the first list of the account."""
        contact_store.put_contact(place, list_name, entry)

    def delete_contact(self, place: Place, address: str, *, list_name: str | None = None) -> None:
        """Remove a contact; without a list name from the first list of the account."""
        contact_store.delete_contact(place, list_name, address)

    def suppress(self, place: Place, address: str, *, reason: str = "BOUNCE") -> None:
        """Put an address on the suppression list."""
        self._state.suppression.put(place, Suppressed(address, reason, datetime.now(UTC)))

    @property
    def sent_mails(self) -> tuple[SentMail, ...]:
        """The mails since the start or since they were last forgotten."""
        return self._state.outbox.mails()

    def forget_mails(self) -> None:
        """Empty the outbox."""
        self._state.outbox.clear()

    @property
    def requests(self) -> tuple[LoggedRequest, ...]:
        """The requests since the start or since they were last forgotten."""
        return self._state.log.requests()

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """How often each account called each operation."""
        return self._state.log.counts()

    def forget_requests(self) -> None:
        """Empty the request log."""
        self._state.log.clear()

    def describe(self) -> dict[str, Any]:
        """Return what ``GET /_sandbox/state`` answers."""
        return describe_state(self._state)
