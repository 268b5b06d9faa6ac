"""Runs the Lambda handler again and again, each time in a process of its own that may be killed on the way.

As a program it waits on stdin for runs, one JSON object a line, forks for each, and answers with a line: what
it loaded before is not loaded again.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Self

PATIENCE_S = 60


@dataclass(frozen=True, slots=True)
class Run:
    """One invocation.

    Attributes:
        event: The Lambda event.
        kill_at: Number of the outgoing request before which the process is killed; 0 for none.
        reconciles: Whether the handler of the schedule is called instead of that of the queue.
        seconds_left: Of the invocation when it begins; after them the process is ended.
    """

    event: dict[str, Any]
    kill_at: int = 0
    reconciles: bool = False
    seconds_left: int = 300


@dataclass(frozen=True, slots=True)
class Ended:
    """How the process ended: its answer and the number of its requests, or neither when it was killed."""

    was_killed: bool
    answer: dict[str, Any] | None
    requests: int


class LambdaHost:
    """The program below, with its pipes."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.sandbox.lambda_host"],
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=PATIENCE_S)

    def invoke(self, run: Run) -> Ended:
        """Run the handler once."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(run)) + "\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))


@dataclass(frozen=True, slots=True)
class _Context:
    deadline: float
    aws_request_id: str = "11111111-2222-3333-4444-555555555555"

    def get_remaining_time_in_millis(self) -> int:
        return int((self.deadline - time.monotonic()) * 1000)


def _serve() -> None:
    import msal

    import contact_manager.bootstrap.events
    import contact_manager.entrypoints.lambda_sqs

    _ = (msal, contact_manager)
    asyncio.run(_load_services())
    for line in sys.stdin:
        sys.stdout.write(json.dumps(asdict(_fork(Run(**json.loads(line))))) + "\n")
        sys.stdout.flush()


async def _load_services() -> None:
    """Read the descriptions of the services once for all."""
    import botocore.loaders
    from aiobotocore.session import AioSession

    loader = botocore.loaders.JSONFileLoader
    loader.load_file = functools.cache(loader.load_file)  # type: ignore[method-assign]
    for service in ("s3", "sesv2", "ssm", "sts"):
        async with AioSession().create_client(service, region_name="us-east-1"):
            pass


def _fork(run: Run) -> Ended:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "w") as pipe:
            _run(run, pipe.write)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    was_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    return Ended(was_killed, **json.loads(told)) if told else Ended(was_killed, None, 0)


def _run(run: Run, tell: Any) -> None:
    import aiohttp

    from contact_manager.entrypoints.lambda_sqs import handler, reconcile_handler

    requests = 0
    send = aiohttp.ClientSession._request

    async def counted(self: Any, *arguments: Any, **options: Any) -> Any:
        nonlocal requests
        requests += 1
        if requests == run.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return await send(self, *arguments, **options)

    aiohttp.ClientSession._request = counted  # type: ignore[method-assign]
    os.dup2(os.open(os.environ.get("LAMBDA_LOG", os.devnull), os.O_WRONLY | os.O_APPEND | os.O_CREAT), 1)
    call = reconcile_handler if run.reconciles else handler
    signal.alarm(run.seconds_left)  # AWS Lambda ends a function that is at work at its deadline
    answer = call(run.event, _Context(time.monotonic() + run.seconds_left))  # type: ignore[arg-type]
    signal.alarm(0)
    sys.stdout.flush()
    tell(json.dumps({"answer": answer, "requests": requests}))


if __name__ == "__main__":
    _serve()
