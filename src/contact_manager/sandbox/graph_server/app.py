"""The HTTP face of the stand-in."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from contact_manager.sandbox.graph_server.event_rules import moment
from contact_manager.sandbox.graph_server.faults import Fault
from contact_manager.sandbox.graph_server.mailbox import Mailbox, shown
from contact_manager.sandbox.graph_server.odata import parse_expand, parse_filter, select
from contact_manager.sandbox.graph_server.refusals import RefusedError, bad_request
from contact_manager.sandbox.graph_server.sign_in import SignInError
from contact_manager.sandbox.graph_server.state import GraphState
from contact_manager.sandbox.own_callers import refusal_of_caller

MAX_IN_FLIGHT = 4
_FORBIDDEN = 403
_MAX_PAGE, _DEFAULT_PAGE = 1000, 10
_NEVER_ANSWERED = 0
"""Logged as the status of a request that is held without being carried out."""

_LOOK_AGAIN_S = 0.01
_KEPT_HEADERS = ("prefer", "client-request-id", "if-match", "content-type")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(state: GraphState) -> web.Application:
    """Return the application with all routes."""
    graph = GraphRoutes(state)
    app = web.Application(middlewares=[graph.refuse_web_pages, graph.guard], client_max_size=8 * 1024 * 1024)
    events = "/v1.0/users/{mailbox}/events"
    app.router.add_get("/{tenant}/v2.0/.well-known/openid-configuration", graph.metadata)
    app.router.add_get("/common/discovery/instance", graph.instance)
    app.router.add_post("/{tenant}/oauth2/v2.0/token", graph.token)
    app.router.add_get("/v1.0/users/{mailbox}/calendar", graph.calendar)
    app.router.add_get(events, graph.list_events)
    app.router.add_post(events, graph.create_event)
    app.router.add_get(f"{events}/{{event_id}}", graph.get_event)
    app.router.add_patch(f"{events}/{{event_id}}", graph.update_event)
    app.router.add_delete(f"{events}/{{event_id}}", graph.cancel_event)
    app.router.add_post(f"{events}/{{event_id}}/cancel", graph.cancel_event)
    app.router.add_get("/_sandbox/state", graph.show_state)
    app.router.add_post("/_sandbox/{lever}", graph.pull)
    app.router.add_delete("/_sandbox/faults", graph.clear_faults)
    app.router.add_post("/_sandbox/mailboxes/{mailbox}/events/{event_id}/{verb}", graph.act_by_hand)
    return app


class GraphRoutes:
    """One handler a route; state lives in ``GraphState``."""

    def __init__(self, state: GraphState) -> None:
        self._state = state

    @web.middleware
    async def refuse_web_pages(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer the programs of this machine only."""
        refused = refusal_of_caller(_header_of(request), self._state.host)
        if refused is not None:
            return web.json_response({"error": refused}, status=_FORBIDDEN)
        return await handler(request)

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Log the request, inject faults, keep Outlook's limit of requests in flight, and answer refusals."""
        if request.path.startswith("/_sandbox"):
            return await _administered(request, handler)
        body = await _read_json(request)
        fault = self._state.faults.take(request.method, request.path)
        if fault is not None:
            await asyncio.sleep(fault.delay_s)
        if fault is not None and fault.drop_before:
            if fault.hold:
                self._state.log(_logged(request, _NEVER_ANSWERED, body))
            return await _hang_up(request, fault)
        response = await self._answer(request, handler, fault)
        self._state.log(_logged(request, response.status, body))
        if fault is not None and fault.lose_answer_after_commit:
            return await _hang_up(request, fault)
        return _with_trace(request, response)

    async def _answer(
        self, request: web.Request, handler: Handler, fault: Fault | None
    ) -> web.StreamResponse:
        if fault is not None and fault.status is not None:
            if fault.carry_out:
                await self._serve(request, handler)
            refusal = RefusedError(fault.status, fault.code, fault.message, retry_after=fault.retry_after)
            if fault.empty_body or fault.body is not None:
                return web.Response(
                    status=fault.status, text=fault.body, headers=_retry_after(fault.retry_after)
                )
            return _refused(request, refusal)
        return await self._serve(request, handler)

    async def _serve(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if not request.path.startswith("/v1.0/"):
                return await handler(request)
            with self._state.in_flight() as number:
                await asyncio.sleep(self._state.behaviour.request_delay_s)
                if number > MAX_IN_FLIGHT:
                    raise self._throttled()
                self._state.sign_in.check_token(request.headers.get("Authorization", ""))
                return await handler(request)
        except RefusedError as refusal:
            return _refused(request, refusal)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as failure:
            return _refused(request, RefusedError(failure.status, "BadRequest", "There is no such resource."))
        except SignInError as refusal:
            return web.json_response(refusal.body(), status=refusal.status)

    async def metadata(self, request: web.Request) -> web.Response:
        """OpenID metadata."""
        tenant = request.match_info["tenant"]
        return web.json_response(self._state.sign_in.metadata(self._state.host, tenant))

    async def instance(self, _: web.Request) -> web.Response:
        """Instance discovery."""
        url = f"{self._state.host}/common/v2.0/.well-known/openid-configuration"
        return web.json_response({"tenant_discovery_endpoint": url, "metadata": []})

    async def token(self, request: web.Request) -> web.Response:
        """Client credentials flow."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        answer = self._state.sign_in.grant(
            request.match_info["tenant"],
            form,
            lifetime_s=self._state.behaviour.token_lifetime_s,
        )
        return web.json_response(answer)

    async def calendar(self, request: web.Request) -> web.Response:
        """The default calendar."""
        mailbox = self._mailbox(request)
        return web.json_response(
            {
                "id": f"calendar-of-{mailbox.address}",
                "name": "Calendar",
                "allowedOnlineMeetingProviders": ["teamsForBusiness"],
                "defaultOnlineMeetingProvider": "teamsForBusiness",
            }
        )

    async def list_events(self, request: web.Request) -> web.Response:
        """List with ``$filter``, ``$expand``, ``$select``, ``$orderby``, ``$top`` and ``$skip``."""
        query = request.query
        unknown = {
            one for one in query if one not in ("$filter", "$expand", "$select", "$orderby", "$top", "$skip")
        }
        if unknown:
            raise bad_request("ErrorInvalidUrlQuery", f"The query option {min(unknown)} is not supported.")
        matches = parse_filter(query.get("$filter"))
        found = [one for one in self._mailbox(request).all() if matches(one)]
        found = _ordered(found, query.get("$orderby"))
        skip = _number(query.get("$skip", "0"))
        top = min(_number(query.get("$top", str(_DEFAULT_PAGE)), least=1), _MAX_PAGE)
        answer: dict[str, Any] = {"value": [self._shown(request, one) for one in found[skip : skip + top]]}
        if skip + top < len(found):
            answer["@odata.nextLink"] = str(request.url.update_query({"$skip": str(skip + top)}))
        return web.json_response(answer)

    async def create_event(self, request: web.Request) -> web.Response:
        """Create, once for each transaction id."""
        event = self._mailbox(request).create(await _read_json(request))
        return web.json_response(self._shown(request, event), status=201)

    async def get_event(self, request: web.Request) -> web.Response:
        """Read one."""
        event = self._mailbox(request).get(request.match_info["event_id"])
        return web.json_response(self._shown(request, event))

    async def update_event(self, request: web.Request) -> web.Response:
        """Change one."""
        event = self._mailbox(request).update(
            request.match_info["event_id"],
            await _read_json(request),
            if_match=request.headers.get("If-Match"),
        )
        return web.json_response(self._shown(request, event))

    async def cancel_event(self, request: web.Request) -> web.Response:
        """Cancel with a comment (202), or delete (204): both tell everybody."""
        if request.method == "POST":
            _check_comment(await _read_json(request))
        self._mailbox(request).cancel(request.match_info["event_id"])
        return web.Response(status=204 if request.method == "DELETE" else 202)

    async def show_state(self, _: web.Request) -> web.Response:
        """Everything there is, for tests and demonstrations."""
        return web.json_response(self._state.describe())

    async def pull(self, request: web.Request) -> web.Response:
        """``faults``, ``settings`` or ``reset``."""
        lever = request.match_info["lever"]
        levers = {"faults": self._add_faults, "settings": self._state.configure}
        if lever == "reset":
            self._state.reset()
        elif lever in levers:
            levers[lever](await request.json())
        else:
            raise web.HTTPNotFound
        return web.json_response({})

    def _add_faults(self, content: Any) -> None:
        self._state.add_faults(content if isinstance(content, list) else [content])

    async def clear_faults(self, _: web.Request) -> web.Response:
        """Drop all faults."""
        self._state.faults.clear()
        return web.json_response({})

    async def act_by_hand(self, request: web.Request) -> web.Response:
        """``hand-edit``, ``hand-delete`` or ``respond``, as a person in Outlook."""
        mailbox = self._state.mailboxes[request.match_info["mailbox"].lower()]
        event_id, verb = request.match_info["event_id"], request.match_info["verb"]
        if verb == "hand-edit":
            mailbox.edit_by_hand(event_id, await request.json())
        elif verb == "hand-delete":
            mailbox.delete_by_hand(event_id)
        elif verb == "respond":
            mailbox.respond(event_id, **await request.json())
        else:
            raise web.HTTPNotFound
        return web.json_response({})

    def _mailbox(self, request: web.Request) -> Mailbox:
        address = request.match_info["mailbox"].lower()
        if _lists(self._state.behaviour.no_access_mailboxes, address):
            raise RefusedError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
        if _lists(self._state.behaviour.not_enabled_mailboxes, address):
            message = "The mailbox is either inactive, soft-deleted, or is hosted on-premise."
            raise RefusedError(404, "MailboxNotEnabledForRESTAPI", message)
        if address not in self._state.mailboxes:
            raise RefusedError(404, "ErrorInvalidUser", f"The requested user '{address}' is invalid.")
        return self._state.mailboxes[address]

    def _shown(self, request: web.Request, event: dict[str, Any]) -> dict[str, Any]:
        asked = re.search(r'outlook\.timezone="([^"]+)"', request.headers.get("Prefer", ""))
        zone = asked.group(1) if asked else "UTC"
        properties = parse_expand(request.query.get("$expand"))
        return select(shown(event, zone=zone, properties=properties), request.query.get("$select"))

    def _throttled(self) -> RefusedError:
        message = "Application is over its MailboxConcurrency limit."
        wait_s = 1 if self._state.behaviour.retry_after_on_throttle else None
        return RefusedError(429, "ApplicationThrottled", message, retry_after=wait_s)


def _header_of(request: web.Request) -> Callable[[str], str | None]:
    return lambda name: ",".join(request.headers.getall(name, [])) or None


async def _read_json(request: web.Request) -> Any:
    if request.content_type != "application/json":
        return None
    try:
        return json.loads(await request.read())
    except ValueError:
        return None


async def _administered(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except (AttributeError, KeyError, TypeError, ValueError, RefusedError) as error:
        return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)


def _lists(addresses: list[str], address: str) -> bool:
    return address in (one.lower() for one in addresses)


def _check_comment(body: Any) -> None:
    """Refuse what is no comment; Microsoft spells it both ways (Microsoft Learn, ``event-cancel``)."""
    if body is None:
        return
    if not isinstance(body, dict) or set(body) - {"Comment", "comment"}:
        raise bad_request("RequestBodyRead", "The request body holds something other than a comment.")
    if not all(isinstance(one, str) for one in body.values()):
        raise bad_request("RequestBodyRead", "The comment is not a text.")


def _number(text: str, *, least: int = 0) -> int:
    if not text.isdecimal() or int(text) < least:
        raise bad_request("ErrorInvalidUrlQuery", "A number of the query cannot be used.")
    return int(text)


def _ordered(found: list[dict[str, Any]], orderby: str | None) -> list[dict[str, Any]]:
    name, _, direction = (orderby or "createdDateTime").partition(" ")
    keys: dict[str, Callable[[dict[str, Any]], str]] = {
        "createdDateTime": lambda event: str(event["createdDateTime"]),
        "start/dateTime": lambda event: moment(event["start"]).isoformat(),
    }
    if name not in keys or direction not in ("", "asc", "desc"):
        raise bad_request("UnsupportedEntityExpression", "The order is not supported.")
    return sorted(found, key=keys[name], reverse=direction == "desc")


def _refused(request: web.Request, refusal: RefusedError) -> web.Response:
    """Return the error; it names the request as the headers do (Microsoft Learn, ``errors``)."""
    trace = str(uuid.uuid4())
    inner = {"date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"), "request-id": trace}
    inner["client-request-id"] = request.headers.get("client-request-id", trace)
    error = {"code": refusal.code, "message": refusal.message, "innerError": inner, **refusal.more}
    headers = {"request-id": trace, **_retry_after(refusal.retry_after)}
    return web.json_response({"error": error}, status=refusal.status, headers=headers)


def _retry_after(value: float | str | None) -> dict[str, str]:
    return {} if value is None else {"Retry-After": str(value)}


async def _hang_up(request: web.Request, fault: Fault) -> web.Response:
    """Close the connection, or with ``hold`` wait until the client has done so."""
    while fault.hold and request.transport is not None:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(_LOOK_AGAIN_S)
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def _with_trace(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    response.headers.setdefault("request-id", str(uuid.uuid4()))
    if "client-request-id" in request.headers:
        response.headers["client-request-id"] = request.headers["client-request-id"]
    if "Prefer" in request.headers:
        response.headers["Preference-Applied"] = request.headers["Prefer"].replace('"', "")
    return response


def _logged(request: web.Request, status: int, body: Any) -> dict[str, Any]:
    headers = {name: request.headers.get(name, "") for name in _KEPT_HEADERS}
    return {
        "method": request.method,
        "path": request.path,
        "query": dict(request.query),
        "headers": headers | {"authorized": "Authorization" in request.headers},
        "status": status,
        "body": body,
    }
