"""A meeting that an older program made and recorded: on the command line, and as events bring it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from contact_manager.sandbox.aws_server import ContactEntry, Place
from contact_manager.sandbox.graph_server import GraphServer
from contact_manager.sandbox.stack import SandboxStack
from tests.contract.graph_lab import KEY, event_body, with_key
from tests.sandbox.change_events import ALL_DONE, Portal
from tests.sandbox.conftest import Sandbox

ORGANIZER = "changes@example.com"
ID = "CHG-2031-0042"
HTS = Place("111111111111", "us-east-1")
STAYER, LEAVER, GUEST = "robin.vale@example.com", "left.long.ago@example.com", "guest@example.org"
OLD = {
    "subject": "CHG-2031-0042",
    "start": {"dateTime": "2031-05-09T10:00:00", "timeZone": "UTC"},
    "end": {"dateTime": "2031-05-09T11:00:00", "timeZone": "UTC"},
}


def make_old_meeting(graph: GraphServer, **more: Any) -> dict[str, Any]:
    """Let the older program make its meeting, and return what it records of it."""
    event_id = graph.put_event(ORGANIZER, event_body(STAYER, LEAVER, **(OLD | more)))
    graph.hand_edit(ORGANIZER, event_id, {"add": [GUEST]})
    return {
        "meeting_id": event_id,
        "subject": OLD["subject"],
        "organizer": ORGANIZER,
        "attendees": ["Robin.Vale@example.com", {"email": LEAVER}],
    }


def people(event: dict[str, Any]) -> set[str]:
    return {person["emailAddress"]["address"] for person in event["attendees"]}


def key_of(event: dict[str, Any]) -> str:
    return next((prop["value"] for prop in event["singleValueExtendedProperties"] if prop["id"] == KEY), "")


# -- on the command line


def test_apply_takes_the_recorded_meeting_over_and_cancel_cancels_it(
    sandbox: Sandbox, change: dict[str, Any]
) -> None:
    change["meeting_metadata"] = metadata = make_old_meeting(sandbox.stack.graph)
    [old] = sandbox.events
    writes, told = len(sandbox.graph_writes), len(sandbox.notices)

    foretold = sandbox.meeting("apply", change, "--dry-run").report
    assert foretold["action"] == "would-update"
    assert any("adopts it" in warning for warning in foretold["warnings"])
    assert len(sandbox.graph_writes) == writes

    report = sandbox.meeting("apply", change).report
    [event] = sandbox.events
    assert (report["action"], event["id"], key_of(event)) == ("updated", metadata["meeting_id"], ID.lower())
    assert report["changes"] == foretold["changes"]
    assert event["subject"] == change["meetingTitle"]
    assert event["start"]["dateTime"].startswith("2031-05-10T17:45")
    assert event["onlineMeeting"] == old["onlineMeeting"]
    assert old["onlineMeeting"]["joinUrl"].replace("&", "&amp;") in event["body"]["content"]
    assert "Attach the new gateway" in event["body"]["content"]
    assert {STAYER, GUEST} < people(event)
    assert LEAVER not in people(event)
    mails = Counter(sandbox.notices[told:])
    assert mails[("cancellation", LEAVER)] == mails[("update", STAYER)] == mails[("update", GUEST)] == 1
    assert {kind for kind, address in mails if address in (STAYER, GUEST)} == {"update"}
    assert {address for kind, address in mails if kind == "invitation"} == people(event) - {STAYER, GUEST}
    assert set(mails.values()) == {1}

    told = len(sandbox.notices)
    for flags in ((), ("--force-update", "--dry-run")):
        assert (
            sandbox.meeting("apply", change, *flags).report["meeting"]["events"][0]["event_id"] == event["id"]
        )
    assert sandbox.meeting("apply", change).report["action"] == "unchanged"
    assert len(sandbox.notices) == told

    assert sandbox.meeting("cancel", change).report["action"] == "cancelled"
    assert sandbox.events == []
    assert Counter(sandbox.notices[told:]) == {("cancellation", found): 1 for found in people(event)}


def test_a_meeting_that_only_the_record_names_is_cancelled(sandbox: Sandbox, change: dict[str, Any]) -> None:
    make_old_meeting(sandbox.stack.graph)
    metadata = make_old_meeting(sandbox.stack.graph)
    entry = {"modification_type": "meeting_scheduled", "meeting_metadata": metadata}
    change["modifications"].append(entry)
    shown = sandbox.meeting("show", change)
    assert shown.exit_code == 0
    report = sandbox.meeting("cancel", change).report
    assert (report["action"], report["meeting"]["events"][0]["event_id"]) == (
        "cancelled",
        metadata["meeting_id"],
    )
    assert [event["id"] for event in sandbox.events] != [metadata["meeting_id"]]
    assert len(sandbox.events) == 1


def test_a_recorded_meeting_that_is_not_there_is_no_obstacle(
    sandbox: Sandbox, change: dict[str, Any]
) -> None:
    metadata = make_old_meeting(sandbox.stack.graph)
    sandbox.stack.graph.hand_delete(ORGANIZER, metadata["meeting_id"])
    for event_id in (metadata["meeting_id"], "no-id-at-all", "../../messages"):
        change["meeting_metadata"] = metadata | {"meeting_id": event_id}
        done = sandbox.meeting("apply", change)
        assert (done.exit_code, done.report["ok"], len(sandbox.events)) == (0, True, 1)
        assert any("the meeting that the record names" in warning for warning in done.report["warnings"])


@pytest.mark.parametrize("verb", ["apply", "cancel"])
def test_what_is_not_the_organizers_or_not_this_changes_is_not_touched(
    sandbox: Sandbox, change: dict[str, Any], verb: str
) -> None:
    graph = sandbox.stack.graph
    other = make_old_meeting(graph, singleValueExtendedProperties=with_key("chg-other"))
    [before] = sandbox.events
    done = sandbox.meeting(verb, change | {"meeting_metadata": other})
    assert done.report["ok"]
    assert any("chg-other" in warning for warning in done.report["warnings"])
    assert before in sandbox.events

    boss = {"emailAddress": {"name": "Boss", "address": "boss@example.com"}}
    graph.hand_edit(ORGANIZER, other["meeting_id"], {"isOrganizer": False, "organizer": boss})
    graph.hand_edit(ORGANIZER, other["meeting_id"], {"singleValueExtendedProperties": []})
    events = sandbox.events
    done = sandbox.meeting(verb, change | {"meeting_metadata": other})
    [error] = done.report["errors"]
    assert (done.exit_code, error["type"]) == (1, "NotOrganizer")
    assert "boss@example.com" in error["message"]
    assert sandbox.events == events


def test_one_of_many_changes_takes_over_the_meeting_that_several_record(
    sandbox: Sandbox, change: dict[str, Any]
) -> None:
    metadata = make_old_meeting(sandbox.stack.graph)
    folder = sandbox.folder / "changes"
    folder.mkdir()
    for number in range(3):
        copy = change | {"changeId": f"CHG-{number}", "meeting_metadata": metadata}
        (folder / f"{number}.json").write_text(json.dumps(copy))
    done = sandbox.run("meeting", "apply", str(folder), "--output", "json")
    assert done.exit_code == 0, done.stderr
    assert sorted(map(key_of, sandbox.events)) == ["chg-0", "chg-1", "chg-2"]
    assert metadata["meeting_id"] in [event["id"] for event in sandbox.events]


def test_runs_at_the_same_moment_adopt_one_meeting(sandbox: Sandbox, change: dict[str, Any]) -> None:
    change["meeting_metadata"] = metadata = make_old_meeting(sandbox.stack.graph)
    path = sandbox.write(change)
    with ThreadPoolExecutor(max_workers=3) as pool:
        runs = list(pool.map(lambda _: sandbox.meeting("apply", path), range(3)))
    assert all(run.report["ok"] for run in runs) or sandbox.meeting("apply", path).report["ok"]
    [event] = sandbox.events
    assert (event["id"], key_of(event)) == (metadata["meeting_id"], ID.lower())
    assert {STAYER, GUEST} < people(event)
    assert LEAVER not in people(event)
    invitations = Counter(address for kind, address in sandbox.notices if kind == "invitation")
    assert set(invitations.values()) == {1}
    assert sandbox.meeting("apply", path).report["action"] == "unchanged"


# -- as events


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    with SandboxStack() as stack:
        portal = Portal(stack, tmp_path)
        with portal.host:
            yield portal


def entries_of(portal: Portal, kind: str) -> list[dict[str, Any]]:
    return [found for found in portal.record(ID)["modifications"] if found["modification_type"] == kind]


def test_the_meeting_of_an_older_record_goes_through_the_life_cycle(
    portal: Portal, change: dict[str, Any]
) -> None:
    metadata = make_old_meeting(portal.stack.graph)
    older = {"modification_type": "meeting_scheduled", "meeting_metadata": metadata}
    change = {name: value for name, value in change.items() if name not in ("version", "modifications")}
    portal.stack.changes.write(f"archive/{ID}.json", change | {"modifications": [older]})
    invited = portal.notices["invitation"]

    assert portal.invoke(portal.submit(change, status="approved")).answer == ALL_DONE
    [meeting] = portal.meetings
    record = portal.record(ID)
    assert meeting["id"] == record["meeting_metadata"]["meeting_id"] == metadata["meeting_id"]
    assert (key_of(meeting), meeting["subject"]) == (ID.lower(), change["meetingTitle"])
    assert GUEST in people(meeting)
    assert LEAVER not in people(meeting)
    assert portal.notices["invitation"] - invited == len(people(meeting) - {STAYER, GUEST})
    [updated] = entries_of(portal, "meeting_updated")
    assert updated["meeting_metadata"]["meeting_id"] == metadata["meeting_id"]
    assert updated["meeting_metadata"]["subject"] == change["meetingTitle"]

    told, before = portal.notices, portal.record(ID)
    assert portal.invoke(portal.event(ID, change["customers"])).answer == ALL_DONE
    assert (portal.notices, portal.record(ID)) == (told, before)

    assert portal.invoke(portal.submit(change, status="cancelled")).answer == ALL_DONE
    assert portal.meetings == []
    assert "meeting_metadata" not in portal.record(ID)
    assert len(entries_of(portal, "meeting_cancelled")) == 1


@pytest.mark.parametrize("place", ["top", "modification"])
def test_a_cancelled_change_takes_away_a_meeting_that_was_never_adopted(
    portal: Portal, change: dict[str, Any], place: str
) -> None:
    metadata = make_old_meeting(portal.stack.graph)
    older = {"modification_type": "meeting_scheduled", "meeting_metadata": metadata}
    edits = {"meeting_metadata": metadata} if place == "top" else {}
    known = {"modifications": [older] if place == "modification" else []}
    portal.stack.changes.write(f"archive/{ID}.json", change | known)
    assert portal.invoke(portal.submit(change, status="cancelled", **edits)).answer == ALL_DONE
    assert portal.meetings == []
    assert portal.subjects == {"Cancelled": 4}
    assert portal.notices["cancellation"] == 3


def test_an_approved_change_keeps_the_recorded_meeting_though_nothing_else_asks_for_one(
    portal: Portal, change: dict[str, Any]
) -> None:
    names = ("include_meeting", "meetingTitle", "meetingStartTime", "meetingDuration", "meetingLocation")
    plain = {name: value for name, value in change.items() if name not in names} | {"customers": ["hts"]}
    plain["meeting_metadata"] = make_old_meeting(portal.stack.graph)
    assert portal.invoke(portal.submit(plain, status="approved")).answer == ALL_DONE
    [meeting] = portal.meetings
    assert key_of(meeting) == ID.lower()
    without = plain | {"include_meeting": False}
    assert portal.invoke(portal.submit(without, status="approved")).answer == ALL_DONE
    assert portal.meetings == []


def test_our_own_meeting_is_known_by_its_entry_when_a_portal_drops_the_rest(
    portal: Portal, change: dict[str, Any]
) -> None:
    portal.invoke(portal.submit(change, status="approved"))
    [meeting] = portal.meetings
    [scheduled] = entries_of(portal, "meeting_scheduled")
    assert scheduled["meeting_metadata"]["meeting_id"] == meeting["id"]
    assert "attendees" not in scheduled["meeting_metadata"]
    portal.stack.aws.put_contact(HTS, ContactEntry("new.colleague@example.com", {"aws-calendar": "OPT_IN"}))
    told = portal.notices
    assert portal.invoke({}, reconciles=True).answer == {"changes": 1, "failed": [], "complete": True}
    assert portal.notices - told == {"invitation": 1}
    assert portal.invoke(portal.submit(change, status="cancelled")).answer == ALL_DONE
    assert portal.meetings == []
