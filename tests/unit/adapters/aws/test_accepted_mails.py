"""A mail that SES has accepted counts as sent, whatever its answer looks like."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from contact_manager.adapters.aws.errors import Asked
from contact_manager.adapters.aws.signed_http import AwsRequest, Credentials, Endpoint, SignedHttp
from contact_manager.errors import RemoteServiceError

ASKED = Asked("ses", "SendEmail", "an account")
MAIL = AwsRequest("POST", "/v2/email/outbound-emails", b"{}", is_done_by_status=True)
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def answer(status: int, body: str) -> Answer:
    async def reply(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=body)

    return reply


async def cut_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b'{"MessageId": ')
    assert request.transport is not None
    request.transport.close()
    return response


async def send(reply: Answer) -> None:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", reply)
    async with TestServer(app) as server:
        http = SignedHttp(ssl.create_default_context(), connections=1)
        endpoint = Endpoint(str(server.make_url("")).rstrip("/"), "eu-west-1", "ses")
        try:
            await http.send(ASKED, MAIL, endpoint, Credentials("key", "secret"))
        finally:
            await http.close()


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(answer(200, '{"MessageId": "1"}'), id="as documented"),
        pytest.param(answer(200, ""), id="empty"),
        pytest.param(answer(200, "<html>ok</html>"), id="HTML"),
        pytest.param(answer(200, "[1"), id="half"),
        pytest.param(answer(202, "{}"), id="another success"),
        pytest.param(cut_off, id="cut off"),
    ],
)
async def test_success_is_decided_by_the_status_alone(reply: Answer) -> None:
    await send(reply)


@pytest.mark.parametrize("status", [301, 400, 429, 500])
async def test_anything_else_is_no_success(status: int) -> None:
    with pytest.raises(RemoteServiceError):
        await send(answer(status, "{}"))
