"""``/_sandbox``: the server's own HTTP interface, for scripts and for tests in other processes.

docs/reference/sandbox.md lists all that can be changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from contact_manager.sandbox.aws_server.answers import RefusedError, json_answer
from contact_manager.sandbox.aws_server.call import DEFAULT_REGION
from contact_manager.sandbox.aws_server.contact_store import ContactEntry, Place, delete_contact, put_contact
from contact_manager.sandbox.aws_server.credentials import BASE_ACCOUNT_ID
from contact_manager.sandbox.aws_server.faults import Fault
from contact_manager.sandbox.aws_server.object_age import age_objects
from contact_manager.sandbox.aws_server.roles import RoleRule
from contact_manager.sandbox.aws_server.sending_rules import SendingRules
from contact_manager.sandbox.aws_server.state import ServerSettings, ServerState
from contact_manager.sandbox.aws_server.suppression import Suppressed

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

ADMIN_PATH = "/_sandbox"

Action = Callable[[Any, ServerState], Any]


def answer_admin(environ: WSGIEnvironment, state: ServerState) -> Response:
    """Answer a request under ``/_sandbox``; a wrong body is answered with 400 and ``{"error": …}``."""
    request = Request(environ)
    action = _ACTIONS.get((request.method, request.path.removeprefix(ADMIN_PATH)))
    if action is None:
        return json_answer({"error": f"No {request.method} {request.path} here."}, 404)
    try:
        body = json.loads(request.get_data() or b"{}")
        return json_answer(action(body, state) or {})
    except RefusedError as exc:
        return json_answer({"error": exc.message}, exc.status)
    except (ValueError, TypeError, KeyError) as exc:
        return json_answer({"error": f"{type(exc).__name__}: {exc}"}, 400)


def describe_state(state: ServerState) -> dict[str, Any]:
    """Return what the server knows, ready to be written as JSON."""
    return {
        "base_account": BASE_ACCOUNT_ID,
        "settings": asdict(state.settings),
        "faults": [asdict(fault) for fault in state.faults.pending()],
        "roles": [asdict(rule) for rule in state.roles.rules()],
        "sending": [asdict(rules) for rules in state.sending.all_rules()],
        "requests": [asdict(request) for request in state.log.requests()],
        "counts": state.log.counts(),
    }


def _show_state(_body: Any, state: ServerState) -> dict[str, Any]:
    return describe_state(state)


def _forget_requests(_body: Any, state: ServerState) -> None:
    state.log.clear()


def _add_faults(body: Any, state: ServerState) -> None:
    faults = [Fault(**_known(Fault, rule)) for rule in _rules(body)]
    for fault in faults:
        state.faults.add(fault)


def _clear_faults(_body: Any, state: ServerState) -> None:
    state.faults.clear()


def _change_settings(body: Any, state: ServerState) -> dict[str, Any]:
    state.settings = replace(state.settings, **_known(ServerSettings, body))
    return asdict(state.settings)


def _put_roles(body: Any, state: ServerState) -> None:
    rules = [RoleRule(**_known(RoleRule, rule)) for rule in _rules(body)]
    for rule in rules:
        state.roles.put(rule)


def _put_sending(body: Any, state: ServerState) -> None:
    rules = [SendingRules(**_known(SendingRules, rule)) for rule in _rules(body)]
    for rule in rules:
        state.sending.put(rule)


def _put_contact(body: Any, _state: ServerState) -> None:
    entry = ContactEntry(
        address=body["address"],
        topics=dict(body.get("topics") or {}),
        unsubscribe_all=bool(body.get("unsubscribe_all", False)),
    )
    put_contact(_place(body), body.get("list"), entry)


def _delete_contact(body: Any, _state: ServerState) -> None:
    delete_contact(_place(body), body.get("list"), body["address"])


def _put_suppressed(body: Any, state: ServerState) -> None:
    suppressed = Suppressed(body["address"], body.get("reason", "BOUNCE"), datetime.now(UTC))
    state.suppression.put(_place(body), suppressed)


def _delete_suppressed(body: Any, state: ServerState) -> dict[str, bool]:
    return {"removed": state.suppression.remove(_place(body), body["address"])}


def _show_mails(_body: Any, state: ServerState) -> dict[str, Any]:
    return {"mails": [asdict(mail) for mail in state.outbox.mails()]}


def _forget_mails(_body: Any, state: ServerState) -> None:
    state.outbox.clear()


def _age_objects(body: Any, _state: ServerState) -> None:
    age_objects(body["bucket"], body["key_contains"], timedelta(seconds=body["seconds"]))


def _place(body: Mapping[str, Any]) -> Place:
    return Place(str(body["account"]), str(body.get("region", DEFAULT_REGION)))


def _rules(body: Any) -> list[Any]:
    return body if isinstance(body, list) else [body]


def _known(kind: type[Fault | RoleRule | SendingRules | ServerSettings], body: Any) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    unknown = sorted(set(body) - names)
    if unknown:
        raise ValueError(f"unknown keys {unknown}, known are {sorted(names)}")
    return dict(body)


_ACTIONS: dict[tuple[str, str], Action] = {
    ("GET", "/state"): _show_state,
    ("DELETE", "/requests"): _forget_requests,
    ("POST", "/faults"): _add_faults,
    ("DELETE", "/faults"): _clear_faults,
    ("POST", "/settings"): _change_settings,
    ("POST", "/roles"): _put_roles,
    ("POST", "/sending"): _put_sending,
    ("POST", "/contacts"): _put_contact,
    ("DELETE", "/contacts"): _delete_contact,
    ("POST", "/suppression"): _put_suppressed,
    ("DELETE", "/suppression"): _delete_suppressed,
    ("POST", "/object-age"): _age_objects,
    ("GET", "/mails"): _show_mails,
    ("DELETE", "/mails"): _forget_mails,
}

ADMIN_REQUESTS = frozenset(_ACTIONS)
"""Method and path below ``/_sandbox`` of every request that is answered."""
