"""Which changes are left alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contact_manager.domain.change import Change, MeetingRequest
from contact_manager.services.schedule_batch import reason_not_to_reconcile
from tests.fakes.worlds import START, change


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (change(), ""),
        (change(implementation_start=None), "it names no start"),
        (change(implementation_start=None, meeting=MeetingRequest(start=START)), ""),
        (change(status="submitted"), "its status is submitted"),
        (change(meeting=MeetingRequest(wanted=False)), "it wants no meeting"),
        (change(implementation_start=START - timedelta(days=2)), "it is not upcoming"),
    ],
)
def test_only_upcoming_meetings_that_are_surely_wanted_are_reconciled(given: Change, reason: str) -> None:
    assert reason_not_to_reconcile(given, START - timedelta(days=1)) == reason
