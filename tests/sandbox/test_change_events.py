"""Changes that arrive as events: the Lambda handler against the whole sandbox."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contact_manager.sandbox.aws_server import ContactEntry, Fault, Place
from contact_manager.sandbox.stack import SandboxStack
from tests.sandbox.change_events import ALL_DONE, Portal, s3_record, sqs_event

ID = "CHG-2031-0042"
HTS = Place("111111111111", "us-east-1")
ROLE = "arn:aws:iam::123456789012:role/contact-manager"


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    with SandboxStack() as stack:
        portal = Portal(stack, tmp_path, BACKEND_ROLE_ARN=ROLE)
        with portal.host:
            yield portal


@pytest.fixture
def change(change: dict[str, Any]) -> dict[str, Any]:
    """The flat example, without a version: its modifications tell its history."""
    return {name: value for name, value in change.items() if name not in ("version", "modifications")}


def test_a_change_goes_through_its_life_cycle(portal: Portal, change: dict[str, Any]) -> None:
    assert portal.invoke(portal.submit(change, status="submitted")).answer == ALL_DONE
    assert portal.subjects == {"Approval requested": 3}
    assert portal.meetings == []

    assert portal.invoke(portal.submit(change, status="approved")).answer == ALL_DONE
    assert portal.subjects == {"Approval requested": 3, "Approved": 4}
    [meeting] = portal.meetings
    record = portal.record(ID)
    assert record["meeting_metadata"]["meeting_id"] == meeting["id"]
    assert record["meeting_metadata"]["join_url"] == meeting["onlineMeeting"]["joinUrl"]
    assert len(record["meeting_metadata"]["attendees"]) == len(meeting["attendees"])
    assert record["changeReason"] == change["changeReason"]

    edited = change | {"customerImpact": "Five minutes."}
    assert portal.invoke(portal.submit(edited, status="submitted")).answer == ALL_DONE
    assert portal.subjects == {"Approval requested": 6, "Approved": 4}
    assert portal.meetings == []
    assert "meeting_metadata" not in portal.record(ID)

    assert portal.invoke(portal.submit(edited, status="approved")).answer == ALL_DONE
    assert portal.subjects == {"Approval requested": 6, "Approved": 8}
    assert len(portal.meetings) == 1

    assert portal.invoke(portal.submit(edited, status="completed")).answer == ALL_DONE
    assert portal.subjects == {"Approval requested": 6, "Approved": 8, "Completed": 4}
    assert len(portal.meetings) == 1
    assert set(portal.mails.values()) == {1, 2}
    assert portal.entries(ID) == {"meeting_scheduled": 2, "meeting_cancelled": 1, "processed": 15}
    assert portal.stack.changes.keys("customers/") == []


def test_a_cancellation_takes_the_meeting_away_before_anybody_is_mailed(
    portal: Portal, change: dict[str, Any]
) -> None:
    portal.invoke(portal.submit(change, status="approved"))
    portal.stack.graph.add_fault({"method": "POST", "path_contains": "cancel", "status": 503, "times": 1})
    portal.stack.aws.forget_mails()
    assert portal.invoke(portal.submit(change, status="cancelled")).answer == ALL_DONE
    assert portal.meetings == []
    assert portal.subjects == {"Cancelled": 4}
    cancelled_at = next(
        number
        for number, one in enumerate(portal.record(ID)["modifications"])
        if one["modification_type"] == "meeting_cancelled"
    )
    processed = portal.record(ID)["modifications"][cancelled_at + 1 :]
    assert [one["modification_type"] for one in processed] == ["processed"] * 3


def test_a_change_that_was_never_approved_is_cancelled_in_silence(
    portal: Portal, change: dict[str, Any]
) -> None:
    portal.invoke(portal.submit(change, status="submitted"))
    assert portal.invoke(portal.submit(change, status="cancelled")).answer == ALL_DONE
    assert portal.subjects == {"Approval requested": 3}
    assert all("graph" not in one["path"] for one in portal.stack.graph.state()["requests"])
    assert portal.stack.graph.state()["requests"] == []


def test_all_triggers_at_once_make_one_meeting_and_read_every_list_once_for_it(
    portal: Portal, change: dict[str, Any]
) -> None:
    assert portal.invoke(portal.submit(change, status="approved")).answer == ALL_DONE
    assert len(portal.meetings) == 1
    assert portal.notices == {"invitation": len(portal.meetings[0]["attendees"])}
    reads = {account: calls.get("ListContacts", 0) for account, calls in portal.stack.aws.counts.items()}
    once_for_the_meeting_and_once_for_its_mails = {"111111111111": 2, "222222222222": 2}
    assert {one: reads[one] for one in once_for_the_meeting_and_once_for_its_mails} == (
        once_for_the_meeting_and_once_for_its_mails
    )


def test_messages_that_come_three_times_and_out_of_order_change_nothing(
    portal: Portal, change: dict[str, Any]
) -> None:
    submitted = portal.submit(change, status="submitted")
    portal.invoke(submitted)
    approved = portal.submit(change, status="approved")
    for event in (approved, submitted, approved, approved, submitted):
        assert portal.invoke(event).answer == ALL_DONE
    assert portal.subjects == {"Approval requested": 3, "Approved": 4}
    assert portal.notices == {"invitation": len(portal.meetings[0]["attendees"])}


def test_only_what_may_succeed_later_comes_again(portal: Portal, change: dict[str, Any]) -> None:
    written = portal.submit(change, status="approved")
    good = {one["messageId"]: one["body"] for one in written["Records"]}
    portal.stack.changes.write("customers/hts/LIST.json", {})
    portal.stack.changes.write("archive/LIST.json", ["no", "change"])
    portal.stack.changes.write("customers/hts/EARLY.json", {})
    event = sqs_event(
        **good,
        no_json="{",
        other_shape={"hello": "world"},
        test={"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": portal.bucket},
        bad_key={"Records": [s3_record(portal.bucket, "customers/hts/a/b/c.json")]},
        other_bucket={"Records": [s3_record("somebody-elses", f"customers/hts/{ID}.json")]},
        unknown_customer={"Records": [s3_record(portal.bucket, f"customers/nobody/{ID}.json")]},
        foreign_shape={"Records": [s3_record(portal.bucket, "customers/hts/LIST.json")]},
        no_archive_yet={"Records": [s3_record(portal.bucket, "customers/hts/EARLY.json")]},
    )
    assert portal.failures(event) == {"no_archive_yet"}
    assert len(portal.meetings) == 1
    assert portal.subjects == {"Approved": 4}


@pytest.mark.parametrize("code", ["quayside-dev", "closed-account"])
def test_a_customer_that_the_change_or_the_configuration_does_not_have_is_rejected(
    portal: Portal, change: dict[str, Any], code: str
) -> None:
    customers = ["hts", "closed-account"]
    portal.submit(change | {"customers": customers}, status="approved")
    portal.stack.changes.write(f"customers/{code}/{ID}.json", {})
    assert portal.failures(portal.event(ID, [code])) == set()
    assert portal.subjects == {}


def test_a_jump_that_the_life_cycle_forbids_is_rejected(portal: Portal, change: dict[str, Any]) -> None:
    for status in ("submitted", "approved", "completed"):
        portal.invoke(portal.submit(change, status=status))
    before = portal.subjects
    assert portal.failures(portal.submit(change, status="cancelled")) == set()
    assert portal.subjects == before
    assert len(portal.meetings) == 1


def test_graph_being_down_does_not_stop_the_mails_and_the_meeting_comes_later(
    portal: Portal, change: dict[str, Any]
) -> None:
    portal.stack.graph.add_fault(
        {"path_contains": "/events", "status": 503, "times": 1000, "retry_after": 100}
    )
    event = portal.submit(change, status="approved")
    [left] = portal.failures(event)
    assert portal.subjects == {"Approved": 4}
    assert portal.meetings == []
    portal.stack.graph.clear_faults()
    assert portal.failures(event) == set()
    assert len(portal.meetings) == 1
    assert portal.subjects == {"Approved": 4}
    assert portal.entries(ID)["processed"] == 3
    assert left in change["customers"]


def test_mails_that_fail_do_not_stop_the_meeting_and_only_they_are_sent_later(
    portal: Portal, change: dict[str, Any]
) -> None:
    fault = Fault(
        operation="SendEmail", account=HTS.account, status=400, code="SendingPausedException", times=2
    )
    portal.stack.aws.add_fault(fault)
    event = portal.submit(change, status="approved")
    assert portal.failures(event) == {"hts"}
    assert len(portal.meetings) == 1
    assert portal.subjects == {"Approved": 2}
    assert portal.failures(event) == set()
    assert set(portal.mails.values()) == {1}
    assert portal.subjects == {"Approved": 4}


def test_a_customer_that_cannot_be_read_is_added_when_its_message_comes_again(
    portal: Portal, change: dict[str, Any]
) -> None:
    portal.stack.aws.add_fault(
        Fault(operation="AssumeRole", account="222222222222", status=403, code="AccessDenied", times=None)
    )
    event = portal.submit(change, status="approved")
    failed = portal.failures(event)
    assert "fabrikam" in failed
    assert len(failed) <= 2  # its own mails, and whoever was to make the meeting
    people = len(portal.meetings[0]["attendees"])
    assert portal.subjects == {"Approved": 3}
    portal.stack.aws.clear_faults()
    assert portal.failures(event) == set()
    assert len(portal.meetings[0]["attendees"]) > people
    assert portal.subjects == {"Approved": 4}
    assert set(portal.mails.values()) == {1}


def test_a_message_that_fails_comes_again_after_a_minute_and_then_after_two(
    portal: Portal, change: dict[str, Any]
) -> None:
    portal.stack.aws.add_fault(
        Fault(operation="AssumeRole", account="222222222222", status=503, code="Down", times=None)
    )
    portal.submit(change, status="approved")
    failed: set[str] = set()
    for minutes in (1, 2):
        for message in portal.waiting(failed):
            message.change_visibility(0)
        failed = portal.failures(portal.receive())
        rests = [message.visible_at / 1000 - time.time() for message in portal.waiting(failed)]
        assert {round(seconds / 60) for seconds in rests} == {minutes}


def test_a_throttled_account_gets_its_mails_at_its_own_pace(portal: Portal, change: dict[str, Any]) -> None:
    portal.stack.aws.configure(max_send_rate=1.0)
    assert portal.invoke(portal.submit(change, status="approved")).answer == ALL_DONE
    assert portal.subjects == {"Approved": 4}


def test_a_rehearsal_reaches_nobody_but_its_submitter(portal: Portal, change: dict[str, Any]) -> None:
    rehearsal = change | {"testRun": True, "submittedBy": "Robin Vale <robin.vale@example.com>"}
    assert portal.invoke(portal.submit(rehearsal, status="approved")).answer == ALL_DONE
    assert {one.recipient for one in portal.stack.aws.sent_mails} == {"robin.vale@example.com"}
    assert all(one.subject.startswith("[TEST] ") for one in portal.stack.aws.sent_mails)
    assert portal.meetings == []
    assert portal.invoke(portal.submit(change, status="approved")).answer == ALL_DONE
    assert portal.subjects["Approved"] == 4


def test_an_edit_in_place_moves_the_meeting_and_mails_nobody_again(
    portal: Portal, change: dict[str, Any]
) -> None:
    portal.invoke(portal.submit(change, status="approved"))
    [before] = portal.meetings
    moved = change | {"meetingStartTime": "2031-05-10T23:00:00Z"}
    assert portal.invoke(portal.submit(moved, status="approved")).answer == ALL_DONE
    [after] = portal.meetings
    assert after["id"] == before["id"]
    assert after["start"] != before["start"]
    assert portal.subjects == {"Approved": 4}
    assert portal.entries(ID) == {"meeting_scheduled": 1, "meeting_updated": 1, "processed": 6}


def test_an_approved_change_that_no_longer_wants_its_meeting_loses_it(
    portal: Portal, change: dict[str, Any]
) -> None:
    portal.invoke(portal.submit(change, status="approved"))
    assert (
        portal.invoke(portal.submit(change | {"include_meeting": False}, status="approved")).answer
        == ALL_DONE
    )
    assert portal.meetings == []
    assert "meeting_metadata" not in portal.record(ID)


def test_a_change_that_wants_no_meeting_does_not_touch_the_calendar(
    portal: Portal, change: dict[str, Any]
) -> None:
    assert (
        portal.invoke(portal.submit(change | {"include_meeting": "no"}, status="approved")).answer == ALL_DONE
    )
    assert portal.subjects == {"Approved": 4}
    assert portal.stack.graph.state()["requests"] == []


def test_our_own_writes_are_no_news(portal: Portal, change: dict[str, Any]) -> None:
    portal.submit(change, status="approved")
    record = s3_record(portal.bucket, f"customers/hts/{ID}.json")
    session = "arn:aws:sts::123456789012:assumed-role/contact-manager/lambda"
    record["userIdentity"] = {"principalId": f"AWS:{session}"}
    assert portal.failures(sqs_event(own={"Records": [record]})) == set()
    assert portal.subjects == {}


def test_a_trigger_that_is_gone_was_processed(portal: Portal, change: dict[str, Any]) -> None:
    portal.stack.changes.write(f"archive/{ID}.json", change | {"status": "approved"})
    assert portal.failures(portal.event(ID, change["customers"])) == set()
    assert portal.subjects == {}
    assert portal.meetings == []


def test_a_trigger_that_an_earlier_run_deleted_too_early_is_processed_all_the_same(
    portal: Portal, change: dict[str, Any]
) -> None:
    portal.invoke(portal.submit(change, status="submitted"))
    event = portal.submit(change, status="approved")
    for code in change["customers"]:
        portal.stack.changes.delete(f"customers/{code}/{ID}.json")
    assert portal.invoke(event).answer == ALL_DONE
    assert portal.subjects == {"Approval requested": 3, "Approved": 4}
    assert len(portal.meetings) == 1


def test_nothing_is_begun_without_time(portal: Portal, change: dict[str, Any]) -> None:
    event = portal.submit(change, status="approved")
    assert portal.failures(event, seconds_left=0) == set(change["customers"])
    assert portal.subjects == {}
    assert portal.meetings == []
    assert portal.failures(event) == set()


def test_the_schedule_invites_who_subscribed_and_takes_no_part_in_the_rest(
    portal: Portal, change: dict[str, Any]
) -> None:
    portal.invoke(portal.submit(change, status="approved"))
    portal.invoke(portal.submit(change | {"changeId": "CHG-2"}, status="submitted"))
    people = len(portal.meetings[0]["attendees"])
    portal.stack.aws.put_contact(HTS, ContactEntry("new.colleague@example.com", {"aws-calendar": "OPT_IN"}))
    mails = portal.subjects
    done = portal.invoke({}, reconciles=True).answer
    assert done == {"changes": 1, "failed": [], "complete": True}
    [meeting] = portal.meetings
    assert len(meeting["attendees"]) == people + 1
    assert portal.notices == {"invitation": people + 1}
    assert portal.subjects == mails
    assert "new.colleague@example.com" in portal.record(ID)["meeting_metadata"]["attendees"]
    assert portal.invoke({}, reconciles=True).answer == done
    assert portal.entries(ID)["meeting_updated"] == 1


def test_an_announcement_has_topics_of_its_own(portal: Portal) -> None:
    path = Path(__file__).parents[2] / "examples" / "changes" / "announcement-finops.json"
    announcement = json.loads(path.read_text())
    announcement |= {"changeId": announcement["announcement_id"]}
    portal.invoke(portal.submit(announcement, status="submitted"))
    assert {one.topic for one in portal.stack.aws.sent_mails} == {"announce-approval"}
    portal.stack.aws.forget_mails()
    assert portal.invoke(portal.submit(announcement, status="approved")).answer == ALL_DONE
    assert {one.topic for one in portal.stack.aws.sent_mails} == {"finops-announce"}
    [meeting] = portal.meetings
    assert meeting["hideAttendees"]


def test_every_mail_has_its_way_out_and_none_bounces(portal: Portal, change: dict[str, Any]) -> None:
    portal.invoke(portal.submit(change, status="approved"))
    for mail in portal.stack.aws.sent_mails:
        assert mail.bounced == ""
        assert mail.text.count("https://unsubscribe.example.com/") == 1
        assert mail.html.count("https://unsubscribe.example.com/") == 1
        assert mail.sender == "notifications@example.com"
    named = Counter(one.subject for one in portal.stack.aws.sent_mails)
    assert f"Approved: {change['changeTitle']} (Fabrikam Rail)" in named


@pytest.fixture
def form() -> dict[str, Any]:
    """An announcement as the portal's form writes it when no meeting is chosen."""
    return {
        "changeId": "CIC-7",
        "object_type": "announcement_cic",
        "announcement_id": "CIC-7",
        "announcement_type": "cic",
        "title": "New service names",
        "summary": "They change in June.",
        "content": "",
        "customers": ["hts", "fabrikam"],
        "include_meeting": "No",
        "meeting_title": "",
        "meeting_date": "",
        "meeting_time": "",
        "meeting_timezone": "",
        "meeting_duration": "0",
        "meeting_location": "",
        "attendees": "",
    }


def test_an_announcement_without_a_meeting_is_mailed_through_its_whole_life(
    portal: Portal, form: dict[str, Any]
) -> None:
    for status in ("submitted", "approved", "completed"):
        assert portal.invoke(portal.submit(form, status=status)).answer == ALL_DONE

    assert {one.topic for one in portal.stack.aws.sent_mails} == {"announce-approval", "cic-announce"}
    assert portal.meetings == []
    assert portal.stack.graph.state()["requests"] == []
    assert portal.entries("CIC-7") == {"processed": 6}


def test_a_change_without_a_start_is_mailed_and_gets_no_meeting(
    portal: Portal, change: dict[str, Any]
) -> None:
    plain = {
        name: value for name, value in change.items() if not name.startswith(("implementation", "meeting"))
    }
    del plain["include_meeting"]
    assert portal.invoke(portal.submit(plain, status="approved")).answer == ALL_DONE
    assert portal.subjects == {"Approved": 4}
    assert portal.stack.graph.state()["requests"] == []


@pytest.mark.parametrize("asked", [{"include_meeting": "Yes"}, {"meeting_title": "Questions"}])
def test_a_meeting_that_was_asked_for_without_a_date_fails_alone_and_once(
    portal: Portal, form: dict[str, Any], asked: dict[str, Any]
) -> None:
    document = form | {"include_meeting": None, "meeting_duration": ""} | asked
    event = portal.submit(document, status="approved")
    assert portal.invoke(event).answer == ALL_DONE
    mails = portal.mails
    assert mails
    assert portal.meetings == []
    assert portal.entries("CIC-7") == {"processed": 2}
    dated = document | {"meeting_date": "2031-06-02T20:00"}
    assert portal.invoke(portal.submit(dated, status="approved")).answer == ALL_DONE
    assert len(portal.meetings) == 1
    assert portal.mails == mails


def test_a_mistyped_customer_stops_the_meeting_and_nobody_elses_mails(
    portal: Portal, change: dict[str, Any]
) -> None:
    event = portal.submit(change | {"customers": ["hts", "fabrikm"]}, status="approved")
    assert portal.invoke(event).answer == ALL_DONE
    assert portal.subjects["Approved"] > 0
    assert portal.meetings == []
    assert portal.stack.graph.state()["requests"] == []


def test_the_key_of_a_record_counts_before_an_id_of_another_system(
    portal: Portal, change: dict[str, Any]
) -> None:
    foreign = {name: value for name, value in change.items() if name != "changeId"} | {"id": "0f8fad5b"}
    portal.submit(change, status="approved")
    portal.stack.changes.write(f"archive/{ID}.json", foreign | {"status": "approved"})
    assert portal.invoke(portal.event(ID, ["hts"])).answer == ALL_DONE
    assert len(portal.meetings) == 1
