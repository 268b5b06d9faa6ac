"""What a status asks for, what it may follow, and when a meeting is needed."""

from __future__ import annotations

import re
from typing import Any

import pytest

from contact_manager.domain.change import MeetingRequest, RecordedMeeting
from contact_manager.domain.lifecycle import (
    LIFECYCLE,
    ChangeHistory,
    ChangeStatus,
    MeetingStep,
    Transition,
    forbidden_jump,
    needs_meeting,
    read_status,
)
from contact_manager.domain.notification import NotificationKind
from tests.fakes.worlds import START, change

SUBMITTED, APPROVED, COMPLETED, CANCELLED = ChangeStatus


def history(*statuses: ChangeStatus, **more: Any) -> ChangeHistory:
    return ChangeHistory(statuses, **more)


@pytest.mark.parametrize(
    ("status", "meeting", "mail"),
    [
        (SUBMITTED, MeetingStep.CANCEL, NotificationKind.APPROVAL_REQUEST),
        (APPROVED, MeetingStep.SCHEDULE, NotificationKind.ANNOUNCEMENT),
        (COMPLETED, MeetingStep.LEAVE, NotificationKind.COMPLETION),
        (CANCELLED, MeetingStep.CANCEL, NotificationKind.CANCELLATION),
    ],
)
def test_each_status_asks_for_its_meeting_step_and_its_mail(
    status: ChangeStatus, meeting: MeetingStep, mail: NotificationKind
) -> None:
    assert (LIFECYCLE[status].meeting, LIFECYCLE[status].notification) == (meeting, mail)


def test_every_status_has_steps_and_every_mail_has_a_status() -> None:
    assert set(LIFECYCLE) == set(ChangeStatus)
    assert {steps.notification for steps in LIFECYCLE.values()} == set(NotificationKind)


def test_only_the_cancellation_is_kept_from_people_who_never_heard_of_the_change() -> None:
    assert [status for status, steps in LIFECYCLE.items() if steps.mails_only_approved] == [CANCELLED]


@pytest.mark.parametrize(
    ("status", "request_type", "expected"),
    [
        ("submitted", "", SUBMITTED),
        ("approved", "", APPROVED),
        ("completed", "", COMPLETED),
        ("cancelled", "", CANCELLED),
        ("canceled", "", CANCELLED),
        ("", "approved_announcement", APPROVED),
        ("", "approval_request", SUBMITTED),
        ("completed", "approved_announcement", COMPLETED),
        ("", "", None),
        ("draft", "", None),
        ("", "something_else", None),
    ],
)
def test_a_status_is_read_from_the_words_of_the_change(
    status: str, request_type: str, expected: ChangeStatus | None
) -> None:
    assert read_status(status, request_type) is expected


@pytest.mark.parametrize(
    ("status", "past"),
    [
        (SUBMITTED, ()),
        (SUBMITTED, (SUBMITTED,)),
        (SUBMITTED, (SUBMITTED, APPROVED)),
        (SUBMITTED, (APPROVED, CANCELLED)),
        (APPROVED, ()),
        (APPROVED, (SUBMITTED,)),
        (APPROVED, (APPROVED, APPROVED)),
        (COMPLETED, ()),
        (COMPLETED, (COMPLETED,)),
        (COMPLETED, (SUBMITTED, APPROVED)),
        (COMPLETED, (APPROVED, COMPLETED, COMPLETED)),
        (CANCELLED, (SUBMITTED,)),
        (CANCELLED, (APPROVED, CANCELLED)),
    ],
)
def test_the_usual_ways_are_allowed(status: ChangeStatus, past: tuple[ChangeStatus, ...]) -> None:
    assert forbidden_jump(status, history(*past)) == ""


@pytest.mark.parametrize(
    ("status", "past", "reason"),
    [
        (COMPLETED, (SUBMITTED,), "completed, and it was never approved"),
        (COMPLETED, (SUBMITTED, COMPLETED), "completed, and it was never approved"),
        (COMPLETED, (APPROVED, CANCELLED), "completed after it was cancelled"),
        (APPROVED, (APPROVED, CANCELLED), "approved after it was cancelled"),
        (APPROVED, (APPROVED, COMPLETED), "approved after it was completed"),
        (SUBMITTED, (APPROVED, COMPLETED), "submitted after it was completed"),
        (CANCELLED, (APPROVED, COMPLETED), "cancelled after it was completed"),
    ],
)
def test_jumps_over_an_end_are_refused_with_a_reason(
    status: ChangeStatus, past: tuple[ChangeStatus, ...], reason: str
) -> None:
    assert forbidden_jump(status, history(*past)) == reason


def test_an_approval_told_elsewhere_allows_the_completion() -> None:
    assert forbidden_jump(COMPLETED, history(SUBMITTED, has_approval=True)) == ""


def test_an_approval_is_never_forgotten() -> None:
    assert history(APPROVED, SUBMITTED).was_approved
    assert history(has_approval=True).was_approved
    assert not history(SUBMITTED, CANCELLED).was_approved


def test_a_transition_is_named_after_the_version_else_the_status() -> None:
    assert history().transition(APPROVED, "3") == Transition("3", is_version=True)
    assert history().transition(APPROVED, "") == Transition("approved", is_version=False)


def test_a_status_written_twice_in_a_row_is_one_transition() -> None:
    assert history(SUBMITTED, APPROVED, APPROVED).transition(APPROVED, "3").text == "3"
    assert history(SUBMITTED, APPROVED, APPROVED).transition(APPROVED, "").text == "approved"


def test_a_status_that_comes_back_is_a_transition_of_its_own() -> None:
    past = history(SUBMITTED, APPROVED, SUBMITTED)
    assert past.transition(APPROVED, "").text == "approved-2"
    assert past.transition(SUBMITTED, "").text == "submitted-2"


def test_a_transition_has_a_readable_key_that_stays_the_same_over_releases() -> None:
    keys = {
        Transition("3", is_version=True): "3-f6b826b174a45ddc",
        Transition("1/0", is_version=True): "1_0-",
        Transition("approved-2", is_version=False): "approved-2-",
    }
    for transition, key in keys.items():
        assert transition.key.startswith(key)


ALIKE = [
    "1/0", "1 0", "1_0", "1.0", "1\u00a00", "1\u20440", "\uff11/0", "1\u22150",
    "v1", "V1", "\u00e9", "e\u0301", "\u212b", "\u00c5", "\u0410", "A", "..", ".",
    "approved", "approved-2", "submitted", "9" * 101, "9" * 102, "9" * 100 + "/", "9" * 100 + " ", "a/../b",
]  # fmt: skip


def test_different_transitions_have_different_keys_that_fit_a_folder() -> None:
    versions = [Transition(text, is_version=True) for text in ALIKE]
    versions += [Transition(version.key, is_version=True) for version in versions]
    statuses = [Transition(text, is_version=False) for text in ("approved", "approved-2", "submitted")]
    keys = {transition.key for transition in (*versions, *statuses)}
    assert len(keys) == len(versions) + len(statuses)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]{17,60}", key) for key in keys)


def test_the_record_names_a_transition_as_ever_where_that_is_unambiguous() -> None:
    assert Transition("2", is_version=True).label == "2"
    assert Transition("approved-2", is_version=False).label == "approved-2"
    labels = {Transition(text, is_version=True).label for text in ALIKE}
    assert len(labels) == len(ALIKE)


def test_the_key_of_earlier_releases_is_known() -> None:
    assert Transition("2/beta 1", is_version=True).old_key == "2_beta_1"
    assert Transition("9" * 2000, is_version=True).old_key == "9" * 100
    assert Transition("approved-2", is_version=False).old_key == "approved-2"


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (MeetingRequest(wanted=True), True),
        (MeetingRequest(title="Bridge call"), True),
        (MeetingRequest(start=START), True),
        (MeetingRequest(wanted=False, title="Bridge call", start=START), False),
        (MeetingRequest(location="Room 4"), False),
        (MeetingRequest(), False),
    ],
)
def test_the_author_decides_about_the_meeting(wish: MeetingRequest, *, expected: bool) -> None:
    assert needs_meeting(change("hts", "cds", meeting=wish), auto_schedule=False) is expected


@pytest.mark.parametrize(("wanted", "expected"), [(None, True), (True, True), (False, False)])
def test_a_meeting_that_is_recorded_stays_unless_the_author_says_no(
    wanted: bool | None, *, expected: bool
) -> None:
    recorded = change(
        "hts", meeting=MeetingRequest(wanted=wanted), recorded_meeting=RecordedMeeting("event-1")
    )
    assert needs_meeting(recorded, auto_schedule=False) is expected


@pytest.mark.parametrize(
    ("customers", "more", "expected"),
    [
        (("hts", "cds"), {}, True),
        (("hts",), {}, False),
        (("hts", "cds"), {"implementation_start": None}, False),
        (("hts", "cds"), {"meeting": MeetingRequest(wanted=False)}, False),
    ],
)
def test_a_change_of_several_customers_gets_a_meeting_by_itself_where_that_is_on(
    customers: tuple[str, ...], more: dict[str, Any], *, expected: bool
) -> None:
    assert needs_meeting(change(*customers, **more), auto_schedule=True) is expected
