"""Lambda's side of a function, on this machine: its Runtime API, and the real client that talks to it.

The function sees the standard library, the unpacked zip file and Lambda's runtime client, and nothing else of
what is installed here. API: docs.aws.amazon.com/lambda, runtimes-api.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

RUNTIME_CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")
FUNCTION_ARN = "arn:aws:lambda:us-east-1:222222222222:function:contact-manager"
ANSWER_TIME_LIMIT_S = 60
STOP_TIME_LIMIT_S = 10
_POLL_S = 0.2
_API = "/2018-06-01/runtime"
_FAR_FUTURE_MS = "4102444800000"


class FunctionEndedError(Exception):
    """The function's process ended before it answered; the message is its log."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one event: its id, and the handler's value, or the error as Lambda is told it."""

    request_id: str
    value: Any = None
    error: dict[str, Any] | None = None


@dataclass(slots=True)
class RuntimeApi:
    """What the stub hands out and what it was told."""

    events: queue.Queue[tuple[str, Any] | None] = field(default_factory=queue.Queue)
    answers: queue.Queue[Answer] = field(default_factory=queue.Queue)
    init_errors: list[dict[str, Any]] = field(default_factory=list)

    def take(self, path: str, body: Any) -> bool:
        """Note what the runtime client posts; False if there is no such path."""
        parts = path.removeprefix(f"{_API}/").split("/")
        match parts:
            case ["invocation", request_id, "response"]:
                self.answers.put(Answer(request_id, value=body))
            case ["invocation", request_id, "error"]:
                self.answers.put(Answer(request_id, error=body))
            case ["init", "error"]:
                self.init_errors.append(body)
            case _:
                return False
        return True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api: RuntimeApi

    def do_GET(self) -> None:
        if self.path != f"{_API}/invocation/next":
            self._reply(404)
            return
        event = self.api.events.get()
        if event is None:
            self._reply(410)
            return
        request_id, value = event
        headers = {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": _FAR_FUTURE_MS,
            "Lambda-Runtime-Invoked-Function-Arn": FUNCTION_ARN,
            "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000",
        }
        self._reply(200, json.dumps(value).encode(), headers)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        is_known = self.api.take(self.path, json.loads(body or b"null"))
        self._reply(202 if is_known else 404)

    def _reply(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serve_runtime_api() -> Iterator[tuple[RuntimeApi, str]]:
    """Yield the stub and its ``host:port``."""
    api = RuntimeApi()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"api": api}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield api, f"127.0.0.1:{server.server_port}"
    finally:
        api.events.put(None)
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(slots=True)
class Function:
    """A function that runs; it starts with the first event, as in Lambda, and serves one after another."""

    process: subprocess.Popen[str]
    api: RuntimeApi
    log: Path
    _count: int = 0

    def invoke(self, event: Any) -> Answer:
        """Hand over one event and wait for the answer."""
        self._count += 1
        request_id = f"00000000-0000-4000-8000-{self._count:012}"
        self.api.events.put((request_id, event))
        for _ in range(int(ANSWER_TIME_LIMIT_S / _POLL_S)):
            try:
                answer = self.api.answers.get(timeout=_POLL_S)
            except queue.Empty:
                if self.process.poll() is not None:
                    raise FunctionEndedError(self.told()) from None
            else:
                assert answer.request_id == request_id
                return answer
        raise AssertionError(f"no answer within {ANSWER_TIME_LIMIT_S} s:\n{self.told()}")

    def told(self) -> str:
        """Return what stands in the function's log: both its stdout and its stderr."""
        return self.log.read_text("utf-8", errors="replace")


@contextmanager
def run_function(
    folder: Path, handler: str, *, scratch: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Function]:
    """Yield a function under Lambda's runtime client.

    Args:
        folder: The unpacked zip file; Lambda's ``/var/task``.
        handler: As in the template, ``package.module.function``.
        scratch: Empty folder for the runtime client and the log.
        environment: The function's variables, empty ones unset; nothing of this process's is passed on.
    """
    runtime = scratch / "runtime"
    link_runtime_client(runtime)
    log = scratch / "log.txt"
    with serve_runtime_api() as (api, address), log.open("w") as output:
        variables = lambda_environment(folder, handler) | dict(environment or {})
        variables |= {"AWS_LAMBDA_RUNTIME_API": address, "PYTHONPATH": f"{folder}:{runtime}"}
        command = [sys.executable, "-S", "-m", "awslambdaric", handler]
        given = {name: value for name, value in variables.items() if value}
        process = subprocess.Popen(
            command, cwd=folder, env=given, stdout=output, stderr=subprocess.STDOUT, text=True
        )
        try:
            yield Function(process, api, log)
        finally:
            process.kill()
            process.wait(STOP_TIME_LIMIT_S)


def lambda_environment(folder: Path, handler: str) -> dict[str, str]:
    """Return what Lambda sets by itself, with credentials that open nothing."""
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_SESSION_TOKEN": "testing",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
        "AWS_LAMBDA_FUNCTION_NAME": "contact-manager",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/contact-manager",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]00000000000000000000000000000000",
        "LAMBDA_TASK_ROOT": str(folder),
        "_HANDLER": handler,
    }


def link_runtime_client(folder: Path) -> None:
    """Show the runtime client, and no other installed library, in ``folder``."""
    folder.mkdir()
    for name in RUNTIME_CLIENT:
        found = distribution(name)
        tops = {file.parts[0] for file in found.files or [] if not file.parts[0].endswith(".dist-info")}
        for top in tops - {"..", "__pycache__"}:
            (folder / top).symlink_to(Path(str(found.locate_file(top))))
