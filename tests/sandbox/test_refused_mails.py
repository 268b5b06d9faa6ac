"""Accounts that may not send for a while: nothing is lost, nobody is mailed twice, nobody else waits."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contact_manager.sandbox.aws_server import Place, SendingRules
from contact_manager.sandbox.stack import SandboxStack
from tests.sandbox.change_events import ALL_DONE, Portal

HTS = Place("111111111111", "us-east-1")
SENDER = "notifications@example.com"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "lambda.log"


@pytest.fixture
def portal(tmp_path: Path, log: Path) -> Iterator[Portal]:
    with SandboxStack() as stack:
        portal = Portal(stack, tmp_path, LAMBDA_LOG=str(log))
        with portal.host:
            yield portal


def metric(log: Path, name: str) -> float:
    """Return the sum of a metric over all runs."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return sum(sum(line[name]) for line in lines if "_aws" in line and name in line)


def rests(portal: Portal, failed: set[str]) -> set[int]:
    """Return for how many minutes the messages that failed rest."""
    return {round((message.visible_at / 1000 - time.time()) / 60) for message in portal.waiting(failed)}


@pytest.mark.parametrize(
    "rules",
    [
        SendingRules(HTS.account, paused=True),
        SendingRules(HTS.account, suspended=True),
        SendingRules(HTS.account, unverified=[SENDER]),
    ],
    ids=["paused", "suspended", "sender not verified"],
)
def test_an_account_that_may_not_send_loses_nothing_and_stops_nobody_else(
    portal: Portal, change: dict[str, Any], log: Path, rules: SendingRules
) -> None:
    portal.stack.aws.set_sending(rules)
    event = portal.submit(change, status="approved")
    assert portal.failures(event) == {"hts"}
    assert portal.subjects == {"Approved": 2}
    assert len(portal.meetings) == 1
    assert metric(log, "MailsFailed") >= 1
    portal.stack.aws.set_sending(SendingRules(HTS.account))
    assert portal.invoke(event).answer == ALL_DONE
    assert portal.subjects == {"Approved": 4}
    assert set(portal.mails.values()) == {1}


def test_a_quota_that_is_used_up_rests_for_an_hour_and_then_for_two(
    portal: Portal, change: dict[str, Any], log: Path
) -> None:
    portal.stack.aws.set_sending(SendingRules(HTS.account, daily_quota=1))
    portal.submit(change, status="approved")
    failed = portal.failures(portal.receive())
    assert len(failed) == 1
    assert rests(portal, failed) == {60}
    assert portal.subjects == {"Approved": 3}
    assert (metric(log, "MailsPostponed"), metric(log, "MailsFailed")) == (1, 0)
    for message in portal.waiting(failed):
        message.change_visibility(0)
    again = portal.failures(portal.receive())
    assert rests(portal, again) == {120}
    portal.stack.aws.set_sending(SendingRules(HTS.account))
    for message in portal.waiting(again):
        message.change_visibility(0)
    assert portal.failures(portal.receive()) == set()
    assert portal.subjects == {"Approved": 4}
    assert set(portal.mails.values()) == {1}


def test_an_address_that_is_refused_is_left_out_and_never_tried_again(
    portal: Portal, change: dict[str, Any]
) -> None:
    portal.invoke(portal.submit(change, status="submitted"))
    people = {one.recipient for one in portal.stack.aws.sent_mails if one.account == HTS.account}
    words = "Local address contains control or whitespace"
    refused = min(people)
    portal.stack.aws.set_sending(SendingRules(HTS.account, refused={refused: words}))
    event = portal.submit(change, status="approved")
    assert portal.invoke(event).answer == ALL_DONE
    portal.stack.aws.set_sending(SendingRules(HTS.account))
    assert portal.invoke(portal.submit(change, status="approved")).answer == ALL_DONE
    assert (refused, "Approved") not in portal.mails
    assert portal.subjects["Approved"] == 3


def test_a_customer_over_its_limit_is_recorded_and_the_others_are_mailed(
    portal: Portal, change: dict[str, Any], log: Path
) -> None:
    config = Path(portal.environment["CONFIG_FILE"])
    document = json.loads(config.read_text())
    limits = {"max_recipients_per_customer": 1}
    config.write_text(json.dumps(document | {"notification_config": limits}))
    event = portal.submit(change, status="approved")
    assert portal.invoke(event).answer == ALL_DONE
    assert portal.subjects == {"Approved": 2}
    [stop] = [
        one
        for one in portal.record(change["changeId"])["modifications"]
        if one["modification_type"] == "stopped_by_guard"
    ]
    assert (stop["customer_code"], stop["guard"]) == ("hts", "MaxRecipientsPerCustomer")
    assert metric(log, "GuardStops") == metric(log, "ChangesRejected") == 1
    assert portal.invoke(event).answer == ALL_DONE
    assert portal.subjects == {"Approved": 2}
    config.write_text(json.dumps(document))
    assert portal.invoke(event).answer == ALL_DONE
    assert portal.subjects == {"Approved": 4}
    assert set(portal.mails.values()) == {1}
