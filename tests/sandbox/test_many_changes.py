"""Many changes in one run, and upcoming meetings that are kept up to date: the command in the sandbox."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from contact_manager.sandbox.aws_server import ContactEntry, Place
from tests.sandbox.conftest import Done, Sandbox

ORGANIZER = "changes@example.com"
HTS = Place("111111111111", "us-east-1")
Change = dict[str, Any]


@pytest.fixture
def folder(sandbox: Sandbox) -> Path:
    folder = sandbox.folder / "changes"
    folder.mkdir()
    return folder


@pytest.fixture
def changes(folder: Path, change: Change) -> list[Change]:
    """Two changes for two customers, as files of the folder."""
    made = [change | {"changeId": f"CHG-{number}", "customers": ["hts", "fabrikam"]} for number in (1, 2)]
    for one in made:
        put(folder, one)
    return made


def put(folder: Path, change: Change, name: str = "") -> str:
    path = folder / f"{name or change['changeId']}.json"
    path.write_text(json.dumps(change))
    return str(path)


def batch(sandbox: Sandbox, verb: str, *arguments: str) -> Done:
    done = sandbox.run("meeting", verb, *arguments, "--output", "json")
    assert done.report["schema"] == "contact-manager/batch/v1"
    return done


def actions(done: Done) -> list[str]:
    return [one["action"] for one in done.report["reports"]]


def listings(sandbox: Sandbox) -> int:
    """How often a customer's contacts were asked for."""
    return sum(one.operation == "ListContacts" for one in sandbox.stack.aws.requests)


@pytest.mark.usefixtures("changes")
def test_a_folder_of_changes_is_one_run_with_a_report_for_each(sandbox: Sandbox, folder: Path) -> None:
    done = batch(sandbox, "apply", "--batch", str(folder))
    assert (done.exit_code, actions(done)) == (0, ["created", "created"])
    assert [Path(one["source"]).stem for one in done.report["reports"]] == ["CHG-1", "CHG-2"]
    assert len(sandbox.events) == 2
    again = batch(sandbox, "apply", f"--batch={folder}")
    assert (again.exit_code, actions(again)) == (0, ["unchanged", "unchanged"])


@pytest.mark.usefixtures("changes")
def test_each_customer_is_read_once_for_all_changes(sandbox: Sandbox, folder: Path, change: Change) -> None:
    batch(sandbox, "plan", str(folder / "CHG-1.json"), "--batch")
    for_one = listings(sandbox)
    for number in range(3, 9):
        put(folder, change | {"changeId": f"CHG-{number}", "customers": ["fabrikam", "hts"]})
    done = batch(sandbox, "plan", str(folder))
    assert actions(done) == ["would-create"] * 8
    assert listings(sandbox) == 2 * for_one


@pytest.mark.usefixtures("changes")
def test_bad_files_are_named_and_the_good_ones_done(sandbox: Sandbox, folder: Path, change: Change) -> None:
    (folder / "broken.json").write_text('{"changeTitle": ')
    put(folder, change | {"changeId": "chg-2", "customers": ["hts"]}, "same-meeting")
    put(
        folder,
        change
        | {"changeId": "CHG-3", "implementationStart": "2001-01-01T00:00:00Z", "meetingStartTime": None},
        "past",
    )
    put(folder, change | {"changeId": "CHG-4", "optional": ["nobody"], "customers": []}, "wrong")
    done = batch(sandbox, "apply", "--batch", str(folder))
    assert done.exit_code == 4
    problems = {
        Path(one["source"]).stem: [error["type"] for error in one["errors"]] for one in done.report["reports"]
    }
    assert problems.pop("CHG-1") == []
    assert problems["CHG-2"] == problems["same-meeting"] == ["SameMeeting"]
    assert all(problems.values())
    assert len(sandbox.events) == 1


def test_only_bad_files_are_bad_input(sandbox: Sandbox, folder: Path, change: Change) -> None:
    put(folder, change, "one")
    put(folder, change, "other")
    done = batch(sandbox, "apply", "--batch", str(folder))
    assert done.exit_code == 2
    for one, other in zip(done.report["reports"], reversed(done.report["reports"]), strict=True):
        assert Path(other["source"]).name in one["errors"][0]["message"]
    assert sandbox.events == []


@pytest.mark.parametrize("arguments", [["apply", "--batch"], ["reconcile"], ["apply", "--batch", "EMPTY"]])
def test_no_change_files_are_bad_input(sandbox: Sandbox, folder: Path, arguments: list[str]) -> None:
    named = [str(folder) if one == "EMPTY" else one for one in arguments]
    done = batch(sandbox, *named)
    assert done.exit_code == 2
    assert "change files" in done.report["errors"][0]["message"]


@pytest.mark.usefixtures("changes")
def test_a_customer_who_cannot_be_read_stops_no_change(
    sandbox: Sandbox, folder: Path, change: Change
) -> None:
    put(folder, change | {"changeId": "CHG-9", "customers": ["nobody"]})
    done = batch(sandbox, "apply", "--batch", str(folder))
    assert done.exit_code == 4
    assert actions(done) == ["created", "created", "none"]


@pytest.mark.usefixtures("changes")
def test_a_cancelled_change_among_many_gets_no_meeting(
    sandbox: Sandbox, folder: Path, changes: list[Change]
) -> None:
    put(folder, changes[0] | {"status": "cancelled"})
    done = batch(sandbox, "apply", "--batch", str(folder))
    assert (done.exit_code, actions(done)) == (0, ["none", "created"])
    assert done.report["reports"][0]["skipped"] == "its status is cancelled"


@pytest.mark.parametrize("command", [["apply", "--batch"], ["reconcile"]])
def test_a_cancelled_version_beside_an_approved_one_leaves_both_alone(
    sandbox: Sandbox, folder: Path, change: Change, command: list[str]
) -> None:
    for version, status in ((1, "approved"), (2, "cancelled")):
        put(folder, change | {"version": version, "status": status}, f"v{version}")
        put(
            folder,
            change | {"changeId": "CHG-9", "version": version, "status": "cancelled"},
            f"off-{version}",
        )
    done = batch(sandbox, *command, str(folder))
    assert [
        ([error["type"] for error in one["errors"]], bool(one["skipped"])) for one in done.report["reports"]
    ] == [([], True), ([], True), (["SameMeeting"], False), (["SameMeeting"], False)]
    assert sandbox.events == []


class TestReconcile:
    """``meeting reconcile`` after the meetings were made."""

    @pytest.fixture(autouse=True)
    def made(self, sandbox: Sandbox, folder: Path, changes: list[Change]) -> None:
        assert batch(sandbox, "reconcile", str(folder)).exit_code == 0
        assert len(sandbox.events) == len(changes)

    def test_who_subscribes_is_invited_everywhere_and_nobody_else_told(
        self, sandbox: Sandbox, folder: Path
    ) -> None:
        told = len(sandbox.notices)
        sandbox.stack.aws.put_contact(HTS, ContactEntry("new@example.com", {"aws-calendar": "OPT_IN"}))
        done = batch(sandbox, "reconcile", str(folder))
        assert (done.exit_code, actions(done)) == (0, ["updated", "updated"])
        assert sandbox.notices[told:] == [("invitation", "new@example.com")] * 2

    def test_what_a_person_changed_is_reported_and_left_until_it_is_to_be_overwritten(
        self, sandbox: Sandbox, folder: Path
    ) -> None:
        event = sandbox.events[0]
        moved = {
            name: {"dateTime": f"2031-05-11T{hour}:00:00", "timeZone": "UTC"}
            for name, hour in (("start", 10), ("end", 11))
        }
        sandbox.stack.graph.hand_edit(ORGANIZER, event["id"], {"subject": "Moved!", **moved})
        told = len(sandbox.notices)
        done = batch(sandbox, "reconcile", str(folder))
        assert (done.exit_code, actions(done)) == (0, ["unchanged", "unchanged"])
        by_hand = {"subject", "start", "end"}
        assert {name for one in done.report["reports"] for name in one["changed_by_hand"]} == by_hand
        assert any("by hand" in text for one in done.report["reports"] for text in one["warnings"])
        assert (sandbox.events[0]["subject"], len(sandbox.notices)) == ("Moved!", told)

        done = batch(sandbox, "reconcile", str(folder), "--overwrite")
        assert sorted(actions(done)) == ["unchanged", "updated"]
        assert sandbox.events[0]["subject"] == event["subject"]
        assert sandbox.events[0]["start"] == event["start"]

    def test_what_the_author_changed_is_carried_out_beside_what_a_person_changed(
        self, sandbox: Sandbox, folder: Path, changes: list[Change]
    ) -> None:
        first = next(one for one in sandbox.events if "chg-1" in json.dumps(one))
        sandbox.stack.graph.hand_edit(ORGANIZER, first["id"], {"subject": "By hand"})
        put(folder, changes[0] | {"meetingLocation": "Room 7", "meetingTitle": "By the author"})
        [done, _] = batch(sandbox, "reconcile", str(folder)).report["reports"]
        assert (done["changes"]["fields"], done["changed_by_hand"]) == (["location"], ["subject"])
        live = next(one for one in sandbox.events if one["id"] == first["id"])
        assert (live["subject"], live["location"]["displayName"]) == ("By hand", "Room 7")

    def test_a_meeting_that_was_deleted_is_made_anew_and_that_is_said(
        self, sandbox: Sandbox, folder: Path
    ) -> None:
        sandbox.stack.graph.hand_delete(ORGANIZER, sandbox.events[0]["id"])
        done = batch(sandbox, "reconcile", str(folder))
        assert sorted(actions(done)) == ["created", "unchanged"]
        assert any("deleted" in text for one in done.report["reports"] for text in one["warnings"])

    @pytest.mark.parametrize(
        ("wish", "reason"),
        [
            ({"status": "submitted"}, "status"),
            ({"include_meeting": "no"}, "no meeting"),
            (
                {
                    "implementationStart": "2001-01-01T00:00:00Z",
                    "meetingStartTime": None,
                    "meetingDate": None,
                    "metadata": None,
                },
                "upcoming",
            ),
        ],
    )
    def test_what_is_not_surely_wanted_is_left_alone(
        self, sandbox: Sandbox, folder: Path, changes: list[Change], wish: Change, reason: str
    ) -> None:
        put(folder, changes[0] | {"changeId": "CHG-7"} | wish)
        told = len(sandbox.notices)
        done = batch(sandbox, "reconcile", str(folder))
        assert (done.exit_code, actions(done)) == (0, ["unchanged", "unchanged", "none"])
        assert reason in done.report["reports"][2]["skipped"]
        assert len(sandbox.notices) == told

    def test_a_dry_run_writes_nothing(self, sandbox: Sandbox, folder: Path) -> None:
        sandbox.stack.aws.put_contact(HTS, ContactEntry("new@example.com", {"aws-calendar": "OPT_IN"}))
        writes = len(sandbox.graph_writes)
        done = batch(sandbox, "reconcile", str(folder), "--dry-run")
        assert (done.report["dry_run"], actions(done)) == (True, ["would-update", "would-update"])
        assert len(sandbox.graph_writes) == writes


def test_show_tells_answers_by_customer_and_the_drift(sandbox: Sandbox, change: Change) -> None:
    sandbox.meeting("apply", change)
    [event] = sandbox.events
    people = [one["emailAddress"]["address"] for one in event["attendees"]]
    graph = sandbox.stack.graph
    graph.respond(ORGANIZER, event["id"], "anna.kowalski@example.org", "accepted")
    graph.hand_edit(
        ORGANIZER,
        event["id"],
        {"add": ["guest@example.org"], "remove": ["ben.okafor@example.org"], "subject": "X"},
    )
    sandbox.stack.aws.put_contact(HTS, ContactEntry("new@example.com", {"aws-calendar": "OPT_IN"}))
    sandbox.stack.aws.put_contact(HTS, ContactEntry("jon.berg@example.com", {"aws-calendar": "OPT_OUT"}))
    writes = len(sandbox.graph_writes)
    shown = sandbox.meeting("show", change)
    assert (shown.exit_code, shown.report["action"]) == (0, "none")
    assert shown.report["meeting"]["subject"] == "X"
    assert shown.report["drift"] == {
        "added": ["new@example.com"],
        "removed": ["jon.berg@example.com"],
        "fields": ["subject"],
        "changed_by_hand": ["subject"],
        "added_by_hand": ["guest@example.org"],
        "removed_by_hand": ["ben.okafor@example.org"],
    }
    attendees = {one.pop("address"): one for one in shown.report["attendees"]}
    assert attendees.keys() == {*people, "guest@example.org"} - {"ben.okafor@example.org"}
    assert attendees["anna.kowalski@example.org"] == {
        "role": "required",
        "response": "accepted",
        "customers": ["fabrikam"],
        "source": "topic",
    }
    assert attendees["guest@example.org"]["source"] == "by-hand"
    assert attendees["jon.berg@example.com"]["source"] == "former"
    assert len(sandbox.graph_writes) == writes
    text = sandbox.run("meeting", "show", "--json-metadata", sandbox.write(change)).stdout
    for words in (
        "Answers by customer",
        "fabrikam",
        "added by hand",
        "an apply would invite: new@example.com",
    ):
        assert words in text


def test_show_without_readable_customers_still_shows_the_meeting(sandbox: Sandbox, change: Change) -> None:
    only = change | {"customers": ["hts"]}
    sandbox.meeting("apply", only)
    shown = sandbox.meeting("show", only | {"customers": ["nobody"]})
    assert shown.exit_code == 1
    assert shown.report["drift"] is None
    assert shown.report["meeting"]["events"][0]["join_url"]
    assert {one["source"] for one in shown.report["attendees"]} == {"unknown", "manual"}
