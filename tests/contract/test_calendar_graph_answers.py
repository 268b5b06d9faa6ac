"""What the calendar at Microsoft Graph makes of answers that are not Graph's."""

from __future__ import annotations

import json
from typing import Any

import pytest
import stamina
from aiohttp import web
from aiohttp.test_utils import TestServer

from contact_manager.adapters.graph.calendar import MAX_PAGES
from contact_manager.adapters.graph.http import MAX_ANSWER_BYTES
from contact_manager.domain.meeting import CalendarEvent
from contact_manager.errors import RemoteServiceError
from tests.contract.calendar_stages import ATTEMPTS, open_calendar
from tests.contract.graph_lab import make_server
from tests.fakes.worlds import plan


class Stranger:
    """A server that gives its answers in turn, the last one again and again, and keeps the tokens it got."""

    def __init__(self, *answers: Any, status: int = 200) -> None:
        self.answers = list(answers)
        self.status = status
        self.tokens: list[str] = []
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._reply)
        self.server = TestServer(app)

    @property
    def origin(self) -> str:
        return str(self.server.make_url("")).rstrip("/")

    async def _reply(self, request: web.Request) -> web.Response:
        self.tokens.append(request.headers["Authorization"])
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return web.Response(text=text, status=self.status, headers={"Location": f"{self.origin}/elsewhere"})

    async def find(self) -> tuple[CalendarEvent, ...]:
        """Look for events here; the token comes from the stand-in."""
        with make_server() as entra, stamina.set_testing(True, attempts=ATTEMPTS, cap=True):
            calendar = open_calendar(entra, base_url=f"{self.origin}/v1.0")
            try:
                return await calendar.find_events(plan().key)
            finally:
                await calendar.close()


async def test_a_next_page_on_another_host_is_refused_and_gets_no_token() -> None:
    there = Stranger({"value": []})
    here = Stranger({"value": []})
    async with here.server, there.server:
        links = (
            f"{there.origin}/v1.0",
            here.origin.replace("http://", "https://"),
            here.origin.replace("127.0.0.1", "localhost"),
            here.origin.replace("127.0.0.1", "127.0.0.1.example.com"),
            here.origin.replace("http://", f"{there.origin}#"),
            "/v1.0/users",
            "http://[",
            "",
        )
        for link in links:
            here.answers = [{"value": [], "@odata.nextLink": link}]
            with pytest.raises(RemoteServiceError, match="the next page is on another host"):
                await here.find()
    assert len(here.tokens) == len(links)
    assert there.tokens == []


async def test_a_next_page_may_write_its_address_in_other_letters() -> None:
    here = Stranger(None)
    async with here.server:
        link = here.origin.replace("http://", "HTTP://") + "/v1.0/next"
        here.answers = [{"value": [], "@odata.nextLink": link}, {"value": []}]
        assert await here.find() == ()
    assert len(here.tokens) == 2


@pytest.mark.parametrize("answer", [{}, [], {"value": None}, {"value": ["event"]}, {"value": [{}]}])
async def test_an_answer_of_another_shape_cannot_be_understood(answer: Any) -> None:
    here = Stranger(answer)
    async with here.server:
        with pytest.raises(RemoteServiceError, match="cannot be understood") as caught:
            await here.find()
    assert caught.value.code == "BadAnswer"


async def test_an_answer_that_is_no_json_is_asked_for_again_and_reported() -> None:
    here = Stranger("<html>proxy</html>")
    async with here.server:
        with pytest.raises(RemoteServiceError, match="cut off"):
            await here.find()
    assert len(here.tokens) == ATTEMPTS


async def test_a_redirection_is_not_followed() -> None:
    here = Stranger("", status=302)
    async with here.server:
        with pytest.raises(RemoteServiceError, match="HTTP 302"):
            await here.find()
    assert len(here.tokens) == 1


async def test_a_list_that_never_ends_is_an_error() -> None:
    here = Stranger(None)
    async with here.server:
        here.answers = [{"value": [], "@odata.nextLink": f"{here.origin}/v1.0/again"}]
        with pytest.raises(RemoteServiceError, match=f"no end after {MAX_PAGES} pages"):
            await here.find()
    assert len(here.tokens) == MAX_PAGES


async def test_an_answer_without_measure_is_not_read_to_its_end() -> None:
    """Neither is it requested again: it would not be smaller."""
    here = Stranger(json.dumps({"value": ["x" * MAX_ANSWER_BYTES]}))
    async with here.server:
        with pytest.raises(RemoteServiceError, match=f"more than {MAX_ANSWER_BYTES} bytes"):
            await here.find()
    assert len(here.tokens) == 1
