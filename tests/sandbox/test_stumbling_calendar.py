"""Stories of a calendar that stumbles."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.conftest import Sandbox


def test_a_lost_answer_makes_no_second_meeting(sandbox: Sandbox, change: dict[str, Any]) -> None:
    sandbox.stack.graph.add_fault(
        {"method": "POST", "path_contains": "/events", "lose_answer_after_commit": True}
    )
    done = sandbox.meeting("apply", change)
    assert (done.exit_code, done.report["action"]) == (0, "created")
    assert len(sandbox.events) == 1
    assert len([one for one in sandbox.notices if one[0] == "invitation"]) == len(done.report["recipients"])


@pytest.mark.parametrize("retry_after", [1, None])
def test_throttling_by_graph_is_waited_for(
    sandbox: Sandbox, change: dict[str, Any], retry_after: int | None
) -> None:
    fault = {"path_contains": "/events", "status": 429, "code": "ApplicationThrottled", "times": 2}
    sandbox.stack.graph.add_fault(fault | ({"retry_after": retry_after} if retry_after else {}))
    assert sandbox.meeting("apply", change).report["action"] == "created"


def test_a_token_that_ends_midway_is_renewed(sandbox: Sandbox, change: dict[str, Any]) -> None:
    sandbox.stack.graph.add_fault(
        {"path_contains": "/events", "status": 401, "code": "InvalidAuthenticationToken"}
    )
    assert sandbox.meeting("apply", change).report["action"] == "created"


def test_a_conflict_is_read_again(sandbox: Sandbox, change: dict[str, Any]) -> None:
    sandbox.meeting("apply", change)
    sandbox.stack.graph.add_fault({"method": "PATCH", "status": 412, "code": "ErrorIrresolvableConflict"})
    change["meetingLocation"] = "Room 7"
    done = sandbox.meeting("apply", change)
    assert (done.exit_code, done.report["changes"]["fields"]) == (0, ["location"])


def test_a_missing_mailbox_is_not_a_missing_event(sandbox: Sandbox, change: dict[str, Any]) -> None:
    done = sandbox.meeting("apply", change, "--sender-email", "nobody@example.com")
    assert (done.exit_code, done.report["ok"]) == (1, False)
    assert "nobody@example.com" in done.report["errors"][0]["message"]
    assert sandbox.graph_writes == []


def test_a_mailbox_without_access_says_what_to_do(sandbox: Sandbox, change: dict[str, Any]) -> None:
    sandbox.stack.graph.configure({"no_access_mailboxes": ["changes@example.com"]})
    done = sandbox.meeting("apply", change)
    assert done.exit_code == 1
    assert "no access to the mailbox" in done.report["errors"][0]["message"]


def test_a_late_join_link_is_waited_for(sandbox: Sandbox, change: dict[str, Any]) -> None:
    sandbox.stack.graph.configure({"join_link_delay_s": 1.0})
    done = sandbox.meeting("apply", change)
    assert done.report["meeting"]["events"][0]["join_url"]


def test_a_wrong_client_secret_is_told_and_never_shown(sandbox: Sandbox, change: dict[str, Any]) -> None:
    app = sandbox.stack.world.graph_app
    wrong = {
        "AZURE_TENANT_ID": app.tenant_id,
        "AZURE_CLIENT_ID": app.client_id,
        "AZURE_CLIENT_SECRET": "hush-hush-value",
    }
    done = sandbox.meeting("apply", change, "--log-level", "debug", **wrong)
    assert done.exit_code == 1
    assert "secret" in done.report["errors"][0]["message"]
    assert "hush-hush-value" not in done.stdout + done.stderr


def test_no_secret_is_ever_written(sandbox: Sandbox, change: dict[str, Any]) -> None:
    done = sandbox.meeting("apply", change, "--log-level", "debug")
    talk = done.stdout + done.stderr
    assert sandbox.stack.world.graph_app.client_secret not in talk
    assert "Bearer" not in talk
    assert "maria.silva" not in done.stderr


def test_at_most_four_requests_are_in_flight_and_all_headers_are_sent(
    sandbox: Sandbox, change: dict[str, Any]
) -> None:
    sandbox.meeting("apply", change)
    state = sandbox.stack.graph.state()
    assert state["max_in_flight"] <= 4
    for request in state["requests"]:
        if "/users/" in request["path"]:
            assert 'IdType="ImmutableId"' in request["headers"]["prefer"]
            assert request["headers"]["client-request-id"]


def test_two_runs_at_once_make_one_meeting(sandbox: Sandbox, change: dict[str, Any]) -> None:
    import threading

    path = sandbox.write(change)
    done: list[int] = []
    runs = [
        threading.Thread(target=lambda: done.append(sandbox.meeting("apply", path).exit_code))
        for _ in range(3)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert done == [0, 0, 0]
    assert len(sandbox.events) == 1
    invitations = [address for kind, address in sandbox.notices if kind == "invitation"]
    assert len(invitations) == len(set(invitations))
