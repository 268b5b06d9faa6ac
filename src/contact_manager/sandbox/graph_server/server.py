"""The stand-in in a thread of its own."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import timedelta
from types import TracebackType
from typing import Any, Self, TypeVar

from aiohttp import web

from contact_manager.sandbox.graph_server.app import make_app
from contact_manager.sandbox.graph_server.mailbox import Behaviour
from contact_manager.sandbox.graph_server.sign_in import SignIn
from contact_manager.sandbox.graph_server.state import GraphState

_HOST = "127.0.0.1"
_PATIENCE_S = 10.0
_T = TypeVar("_T")


class GraphServer:
    """Sign-in and calendars on a loopback port.

    Args:
        tenant_id: Of the directory.
        client_id: Of the one application.
        client_secret: Of the application.
        mailboxes: Addresses that have a calendar.
        ssl_context: For TLS; None for plain http.
        port: To listen on; 0 takes any free one.
        join_link_delay: How long a new online meeting has no join link.
    """

    def __init__(
        self,
        *,
        tenant_id: str,
        client_id: str,
        client_secret: str,
        mailboxes: Sequence[str],
        ssl_context: ssl.SSLContext | None = None,
        port: int = 0,
        join_link_delay: timedelta = timedelta(0),
    ) -> None:
        sign_in = SignIn(tenant_id=tenant_id, client_id=client_id, client_secret=client_secret)
        self._state = GraphState(sign_in, mailboxes, Behaviour(join_link_delay.total_seconds()))
        self._tls = ssl_context
        self._port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._runner: web.AppRunner | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen; returns when requests are answered. Does nothing when it listens already.

        Raises:
            OSError: The port is in use.
        """
        if self._loop is not None:
            return
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="graph-server", daemon=True)
        self._thread.start()
        try:
            self._run(self._listen())
        except OSError:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop listening; may be called again."""
        if self._loop is None or self._thread is None:
            return
        if self._runner is not None:
            self._run(_close(self._runner))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = self._thread = self._runner = None

    @property
    def authority_host(self) -> str:
        """Where the sign-in is, such as ``https://127.0.0.1:5001``."""
        return self._state.host

    @property
    def base_url(self) -> str:
        """Where Graph is."""
        return f"{self._state.host}/v1.0"

    @property
    def admin_url(self) -> str:
        """Where the levers are."""
        return f"{self._state.host}/_sandbox"

    def state(self) -> dict[str, Any]:
        """Return a copy of everything: mailboxes, notices, requests, the most requests in flight."""
        return self._call(self._state.describe)

    def reset(self) -> None:
        """Forget events, notices, requests and faults."""
        self._call(self._state.reset)

    def add_fault(self, rule: dict[str, Any]) -> None:
        """Let requests go wrong; members as in ``faults.Fault``."""
        self._call(lambda: self._state.add_fault(rule))

    def clear_faults(self) -> None:
        """Drop all faults that are not used up."""
        self._call(self._state.faults.clear)

    def configure(self, changes: dict[str, Any]) -> None:
        """Switch behaviour; members as in ``mailbox.Behaviour``."""
        self._call(lambda: self._state.configure(changes))

    def put_event(self, mailbox: str, body: dict[str, Any]) -> str:
        """Let another program create an event, with everything that follows from it, and return its id."""
        return self._call(lambda: str(self._state.mailboxes[mailbox].create(body)["id"]))

    def hand_edit(self, mailbox: str, event_id: str, edits: dict[str, Any]) -> None:
        """Change an event as its organizer does in Outlook: ``add``, ``remove``, or plain members."""
        self._call(lambda: self._state.mailboxes[mailbox].edit_by_hand(event_id, dict(edits)))

    def hand_delete(self, mailbox: str, event_id: str) -> None:
        """Remove an event without a word to anybody."""
        self._call(lambda: self._state.mailboxes[mailbox].delete_by_hand(event_id))

    def copy_event(self, mailbox: str, event_id: str) -> str:
        """Put a second event like this one into the calendar and return its id."""
        return self._call(lambda: self._state.mailboxes[mailbox].copy(event_id))

    def respond(self, mailbox: str, event_id: str, address: str, response: str) -> None:
        """Let an attendee answer."""
        self._call(lambda: self._state.mailboxes[mailbox].respond(event_id, address, response))

    async def _listen(self) -> None:
        self._runner = web.AppRunner(make_app(self._state), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, _HOST, self._port, ssl_context=self._tls)
        await site.start()
        scheme = "https" if self._tls else "http"
        self._state.host = f"{scheme}://{_HOST}:{self._runner.addresses[0][1]}"

    def _call(self, work: Callable[[], _T]) -> _T:
        async def run() -> _T:
            return work()

        return self._run(run())

    def _run(self, work: Coroutine[Any, Any, _T]) -> _T:
        if self._loop is None:
            work.close()
            raise RuntimeError("The Graph server is not running.")
        done: Future[_T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return done.result(_PATIENCE_S)


async def _close(runner: web.AppRunner) -> None:
    """Stop listening, and do not wait for clients that keep a TLS connection open without reading."""
    transports = [one.transport for one in runner.server.connections] if runner.server else []
    await runner.cleanup()
    for transport in transports:
        if transport is not None:
            with suppress(AttributeError):  # of a TLS connection that has ended, before Python 3.11.4
                transport.abort()
