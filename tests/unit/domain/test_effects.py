"""What a change causes, in sentences."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contact_manager.domain.change import ChangeKind, MeetingRequest
from contact_manager.domain.effects import EffectRules, describe_effects, lacks_start
from contact_manager.domain.lifecycle import LIFECYCLE, ChangeStatus
from tests.fakes.worlds import START, change

HOUR = timedelta(hours=1)


def rules(*, auto_schedule: bool = True, is_test_run: bool = False) -> EffectRules:
    return EffectRules(HOUR, auto_schedule, customers=2, is_test_run=is_test_run)


@pytest.mark.parametrize("status", ChangeStatus)
def test_every_status_has_a_sentence(status: ChangeStatus) -> None:
    kind = LIFECYCLE[status].notification.value.replace("-", " ")
    assert describe_effects(change("hts", "acme"), rules())[status].startswith(f"{kind} mail to 2 customers")


@pytest.mark.parametrize(
    ("request_", "start", "auto_schedule", "told"),
    [
        (MeetingRequest(), START, True, "a meeting on 2031-01-14 at 18:00 EST for 2 hours"),
        (MeetingRequest(), START, False, "no meeting: none was asked for"),
        (MeetingRequest(), None, True, "no meeting: none was asked for"),
        (MeetingRequest(wanted=False, title="Call"), START, True, "no meeting: none was asked for"),
        (MeetingRequest(wanted=True), None, True, "no meeting: one was asked for, and nothing says when"),
        (MeetingRequest(title="Call"), None, False, "no meeting: one was asked for, and nothing says when"),
        (MeetingRequest(start=START, duration=timedelta(minutes=45)), None, False, "for 45 minutes"),
        (MeetingRequest(start=START), None, False, "at 18:00 EST for 1 hour (America/New_York)"),
    ],
)
def test_the_meeting_is_told_as_it_is_decided(
    request_: MeetingRequest, start: object, auto_schedule: bool, told: str
) -> None:
    end = START + 2 * HOUR if start else None
    given = change("hts", "acme", meeting=request_, implementation_start=start, implementation_end=end)
    assert told in describe_effects(given, rules(auto_schedule=auto_schedule))[ChangeStatus.APPROVED]
    assert lacks_start(given, auto_schedule=auto_schedule) is ("nothing says when" in told)


def test_a_test_run_reaches_the_submitter_alone() -> None:
    given = change(kind=ChangeKind.CIC, meeting=MeetingRequest(wanted=True))
    for effect in describe_effects(given, rules(is_test_run=True)).values():
        assert effect.endswith("mail to the submitter alone, as it is a test run; no meeting")
