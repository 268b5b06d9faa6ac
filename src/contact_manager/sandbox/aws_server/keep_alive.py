"""A threaded WSGI server that keeps connections open, which werkzeug's own closes after each request."""

from __future__ import annotations

import logging
import socket
from contextlib import suppress
from http.client import NO_CONTENT, NOT_MODIFIED
from io import BytesIO
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import ThreadedWSGIServer
from werkzeug.test import run_wsgi_app

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

_LOG = logging.getLogger(__name__)
_HOST = "127.0.0.1"
_BACKLOG = 1024
_POLL_INTERVAL_S = 0.02


class _Handler(MotoRequestHandler):
    """Reads a whole request before it is answered, so that the next one starts where this one ended."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def make_environ(self) -> WSGIEnvironment:
        environ: WSGIEnvironment = super().make_environ()
        chunked = environ.pop("HTTP_TRANSFER_ENCODING", None) is not None
        stream, length = environ["wsgi.input"], int(environ.get("CONTENT_LENGTH") or 0)
        body = stream.read() if chunked else stream.read(length)
        if len(body) < length:
            raise ConnectionAbortedError("the client went away in the middle of its request")
        environ["wsgi.input"] = BytesIO(body)
        if body or "CONTENT_LENGTH" in environ:
            environ["CONTENT_LENGTH"] = str(len(body))
        return environ

    def run_wsgi(self) -> None:
        try:
            self.environ = self.make_environ()
            chunks, status, headers = run_wsgi_app(self.server.app, self.environ, buffered=True)
        except ConnectionError:
            self.close_connection = True
            return
        except Exception:  # noqa: BLE001 - the outermost door: moto raises what it has not built
            _LOG.exception("sandbox.request_failed %s %s", self.command, self.path)
            self._write(b"", "500 Internal Server Error", [])
            return
        self._write(b"".join(chunks), status, headers)

    def _write(self, body: bytes, status: str, headers: Any) -> None:
        code, _, phrase = status.partition(" ")
        self.send_response(int(code), phrase)
        for name, value in headers:
            self.send_header(name, value)
        named = {name.lower() for name, _ in headers}
        if "content-length" not in named and int(code) not in {NO_CONTENT, NOT_MODIFIED}:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def finish(self) -> None:
        with suppress(ConnectionError):  # the client did not wait for its answer
            super().finish()

    def handle_expect_100(self) -> bool:
        answered = super().handle_expect_100()
        self.wfile.flush()
        return answered

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the name is werkzeug's
        """Say nothing: the request log is at ``/_sandbox/state``."""


class _Server(ThreadedWSGIServer):
    """Knows its open connections, so that it can end them."""

    def __init__(self, port: int, app: WSGIApplication, listener: socket.socket) -> None:
        self._lock = Lock()
        self._connections: set[Any] = set()
        super().__init__(_HOST, port, app, handler=_Handler, fd=listener.fileno())

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        with self._lock:
            self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):  # the other side may have hung up first
                    connection.shutdown(socket.SHUT_RDWR)


def has_gone(connection: socket.socket) -> bool:
    """Tell whether the client has closed its end of a connection."""
    try:
        return not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


class RunningServer:
    """A server on a loopback port, in a thread of its own.

    Args:
        app: What it serves.
        port: To listen on; 0 takes any free one.

    Raises:
        OSError: The port is in use.
    """

    def __init__(self, app: WSGIApplication, port: int) -> None:
        with socket.create_server((_HOST, port), backlog=_BACKLOG) as listener:
            self._server = _Server(port, app, listener)
        self.port = self._server.port
        self._thread = Thread(
            target=self._server.serve_forever, args=(_POLL_INTERVAL_S,), name="sandbox-aws", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End the server and its connections."""
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
