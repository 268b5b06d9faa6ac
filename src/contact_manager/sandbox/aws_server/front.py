"""The door of the server: what every request passes before moto, or something here, answers it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from werkzeug.datastructures import EnvironHeaders
from werkzeug.wrappers import Response

from contact_manager.sandbox.aws_server.admin import ADMIN_PATH, answer_admin
from contact_manager.sandbox.aws_server.answers import RefusedError, json_answer, refuse
from contact_manager.sandbox.aws_server.call import AwsCall, read_call
from contact_manager.sandbox.aws_server.contact_store import Place
from contact_manager.sandbox.aws_server.credentials import Caller, find_caller, refusal_of
from contact_manager.sandbox.aws_server.faults import Fault
from contact_manager.sandbox.aws_server.keep_alive import has_gone
from contact_manager.sandbox.aws_server.metadata import (
    METADATA_SERVICE,
    answer_metadata,
    as_metadata_call,
)
from contact_manager.sandbox.aws_server.redrive import start_message_move
from contact_manager.sandbox.aws_server.roles import account_of
from contact_manager.sandbox.aws_server.served import ServedServices, refusal_of_service
from contact_manager.sandbox.aws_server.sesv2 import find_handler
from contact_manager.sandbox.aws_server.state import LoggedRequest, ServerState
from contact_manager.sandbox.own_callers import refusal_of_caller

if TYPE_CHECKING:
    from socket import socket

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_FORBIDDEN = 403
_TOO_MANY_REQUESTS = 429
_LOOK_AGAIN_S = 0.02


class _DroppedError(ConnectionAbortedError):
    """A fault closes the connection; with ``hold`` only after the client has closed its end."""

    def __init__(self, *, hold: bool) -> None:
        super().__init__("dropped on demand")
        self.hold = hold


class Front:
    """A WSGI application in front of moto's.

    Args:
        state: Of the server.
    """

    def __init__(self, state: ServerState) -> None:
        self._served = ServedServices()
        self._state = state
        self._writing = Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        refused = refusal_of_caller(EnvironHeaders(environ).get, f"http://127.0.0.1:{environ['SERVER_PORT']}")
        if refused is not None:
            return json_answer({"error": refused}, _FORBIDDEN)(environ, start_response)
        call = as_metadata_call(read_call(environ))
        if environ["PATH_INFO"].startswith(ADMIN_PATH) and call.service != METADATA_SERVICE:
            return answer_admin(environ, self._state)(environ, start_response)
        caller = find_caller(call.access_key)
        try:
            response = self._answer(call, caller, environ)
        except _DroppedError as dropped:
            self._log(call, caller, None)
            if dropped.hold:
                self._wait_until_gone(environ["werkzeug.socket"])
            raise
        self._log(call, caller, response.status_code)
        _take_out_cors(response)
        return response(environ, start_response)

    def _answer(self, call: AwsCall, caller: Caller | None, environ: WSGIEnvironment) -> Response:
        try:
            fault = self._inject_fault(call, caller)
            response = self._serve(call, caller, environ)
        except RefusedError as exc:
            return refuse(call, exc)
        if fault is not None and fault.drop_answer:
            raise _DroppedError(hold=fault.hold)
        refusal = fault.refusal(call.service) if fault is not None else None
        return response if refusal is None else refuse(call, refusal)

    def _serve(self, call: AwsCall, caller: Caller | None, environ: WSGIEnvironment) -> Response:
        if call.service == METADATA_SERVICE:
            return answer_metadata(call)
        refused = refusal_of(call, caller)
        if refused is not None or caller is None:
            raise refused or RefusedError(_FORBIDDEN, "AccessDenied", "Unknown caller.")
        self._check(call, caller)
        return self._carry_out(call, Place(caller.account, call.region), environ)

    def _carry_out(self, call: AwsCall, place: Place, environ: WSGIEnvironment) -> Response:
        handler = find_handler(call)
        if handler is not None:
            return handler(call, place, self._state)
        if (call.service, call.operation) == ("sqs", "StartMessageMoveTask"):
            return start_message_move(call, place)
        app = partial(self._served, call.service)
        if call.operation == "PutObject":
            with self._writing:  # moto looks at a condition and writes in two steps
                return Response.from_app(app, environ)
        return Response.from_app(app, environ)

    def _inject_fault(self, call: AwsCall, caller: Caller | None) -> Fault | None:
        accounts = {caller.account if caller else None, account_of(call.role_arn)} - {None}
        fault = self._state.faults.take(call, [account for account in accounts if account])
        if fault is None:
            return None
        self._state.stopping.wait(fault.delay_s)
        if fault.drop:
            raise _DroppedError(hold=fault.hold)
        refusal = fault.refusal(call.service)
        if refusal is not None and not fault.carried_out:
            raise refusal
        return fault

    def _wait_until_gone(self, connection: socket) -> None:
        while not has_gone(connection) and not self._state.stopping.wait(_LOOK_AGAIN_S):
            pass

    def _check(self, call: AwsCall, caller: Caller) -> None:
        not_served = refusal_of_service(call)
        if not_served is not None:
            raise not_served
        settings = self._state.settings
        if call.service == "ses" and not self._state.rates.allows(
            caller.account, settings.requests_per_second
        ):
            raise RefusedError(_TOO_MANY_REQUESTS, "TooManyRequestsException", "Too many requests.")
        if call.operation == "AssumeRole":
            refused = self._state.roles.refusal_of(
                call, deny_unknown=settings.deny_unknown_roles, chained=caller.session_token is not None
            )
            if refused is not None:
                raise refused

    def _log(self, call: AwsCall, caller: Caller | None, status: int | None) -> None:
        self._state.log.add(
            LoggedRequest(
                service=call.service,
                operation=call.operation,
                method=call.method,
                path=call.path,
                account=caller.account if caller else None,
                region=call.region,
                role_arn=call.role_arn,
                status=status,
            )
        )


def _take_out_cors(response: Response) -> None:
    """Give no web page leave to read an answer; moto gives it to every one."""
    for name in [name for name, _ in response.headers if name.lower().startswith("access-control-")]:
        del response.headers[name]
