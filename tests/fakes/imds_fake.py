"""The instance metadata service on this machine, in all its moods.

``monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", imds.url)`` leads botocore to it.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from aiohttp import web
from aiohttp.test_utils import TestServer


class Mood(StrEnum):
    """How the service answers."""

    UP = "up"
    DROPPING = "dropping"
    SLOW = "slow"
    FORBIDDEN = "forbidden"
    FAILING = "failing"
    NO_ROLE = "no-role"
    GARBAGE = "garbage"
    INCOMPLETE = "incomplete"


_STATUS = {Mood.DROPPING: 500, Mood.SLOW: 500, Mood.FORBIDDEN: 403, Mood.FAILING: 500}


class ImdsFake:
    """IMDSv2 with one role.

    Attributes:
        mood: How requests are answered from now on.
        key: The access key it gives out.
        lifetime: Of the credentials.
        calls: Requests so far.
    """

    def __init__(self, mood: Mood, *, key: str, secret: str, token: str = "session") -> None:
        self.mood = mood
        self.key = key
        self.secret = secret
        self.token = token
        self.lifetime = timedelta(hours=6)
        self.calls = 0
        self._end = asyncio.Event()

    def make_server(self) -> TestServer:
        """Return the server; it is started by ``async with``."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        app.on_shutdown.append(self._stop)
        return TestServer(app, host="127.0.0.1")

    async def _stop(self, _app: web.Application) -> None:
        self._end.set()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.calls += 1
        if self.mood is Mood.DROPPING:
            assert request.transport is not None
            request.transport.close()
        if self.mood is Mood.SLOW:
            await self._end.wait()
        if self.mood in _STATUS:
            return web.Response(status=_STATUS[self.mood])
        if request.method == "PUT":
            return web.Response(text="token")
        if request.path.endswith("/security-credentials/"):
            return web.Response(status=404) if self.mood is Mood.NO_ROLE else web.Response(text="role")
        return web.Response(text=self._credentials())

    def _credentials(self) -> str:
        if self.mood is Mood.GARBAGE:
            return "<html>"
        if self.mood is Mood.INCOMPLETE:
            return json.dumps({"Code": "AssumeRoleUnauthorizedAccess", "Message": "no"})
        ends_at = (datetime.now(UTC) + self.lifetime).strftime("%Y-%m-%dT%H:%M:%SZ")
        return json.dumps(
            {
                "Code": "Success",
                "AccessKeyId": self.key,
                "SecretAccessKey": self.secret,
                "Token": self.token,
                "Expiration": ends_at,
            }
        )
