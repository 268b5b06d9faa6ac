"""The door of the server: what every request passes before moto, or something here, answers it."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from contact_manager.sandbox.aws_server.admin import ADMIN_PATH, answer_admin
from contact_manager.sandbox.aws_server.answers import RefusedError, refuse
from contact_manager.sandbox.aws_server.call import AwsCall, read_call
from contact_manager.sandbox.aws_server.contact_store import Place
from contact_manager.sandbox.aws_server.credentials import Caller, find_caller, refusal_of
from contact_manager.sandbox.aws_server.faults import Fault
from contact_manager.sandbox.aws_server.keep_alive import has_gone
from contact_manager.sandbox.aws_server.roles import account_of
from contact_manager.sandbox.aws_server.sesv2 import find_handler
from contact_manager.sandbox.aws_server.state import LoggedRequest, ServerState

if TYPE_CHECKING:
    from socket import socket

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

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
        moto: What answers everything that is not answered here.
        state: Of the server.
    """

    def __init__(self, moto: WSGIApplication, state: ServerState) -> None:
        self._moto = moto
        self._state = state
        self._writing = Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if environ["PATH_INFO"].startswith(ADMIN_PATH):
            return answer_admin(environ, self._state)(environ, start_response)
        call = read_call(environ)
        caller = find_caller(call.access_key)
        try:
            response = self._answer(call, caller, environ)
        except _DroppedError as dropped:
            self._log(call, caller, None)
            if dropped.hold:
                self._wait_until_gone(environ["werkzeug.socket"])
            raise
        self._log(call, caller, response.status_code)
        return response(environ, start_response)

    def _answer(self, call: AwsCall, caller: Caller | None, environ: WSGIEnvironment) -> Response:
        try:
            fault = self._inject_fault(call, caller)
            refused = refusal_of(call, caller)
            if refused is not None or caller is None:
                return refuse(call.service, refused or RefusedError(403, "AccessDenied", "Unknown caller."))
            self._check(call, caller)
            response = self._carry_out(call, Place(caller.account, call.region), environ)
        except RefusedError as exc:
            return refuse(call.service, exc)
        if fault is not None and fault.drop_answer:
            raise _DroppedError(hold=fault.hold)
        refusal = fault.refusal(call.service) if fault is not None else None
        return response if refusal is None else refuse(call.service, refusal)

    def _carry_out(self, call: AwsCall, place: Place, environ: WSGIEnvironment) -> Response:
        handler = find_handler(call)
        if handler is not None:
            return handler(call, place, self._state)
        if call.operation == "PutObject":
            with self._writing:  # moto looks at a condition and writes in two steps
                return Response.from_app(self._moto, environ)
        return Response.from_app(self._moto, environ)

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
