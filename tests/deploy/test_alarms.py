"""Every alarm watches what is really measured, rings, and stands in the documentation with what to do."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from contact_manager.sandbox.seed import MAX_RECEIVE_COUNT
from contact_manager.services.consume_queue import FIRST_RETRY_AFTER, LAST_RETRY_AFTER
from tests.deploy.test_templates import OURS, ROOT, Json, read, resources

PAGE = (ROOT / "docs" / "how-to" / "deploy.md").read_text("utf-8")
EVENTS = (ROOT / "docs" / "reference" / "events.md").read_text("utf-8")
OWN_NAMESPACE = "ContactManager"


@pytest.fixture(scope="module")
def template() -> Json:
    return read(OURS)


@pytest.fixture(scope="module")
def alarms(template: Json) -> dict[str, Json]:
    return resources(template, "AWS::CloudWatch::Alarm")


def section(name: str) -> str:
    """Return a section of the page on deployment, without its heading."""
    _, _, rest = PAGE.partition(f"\n### {name}\n")
    return re.split(r"\n##+ ", rest)[0]


def test_whatever_fails_raises_an_alarm(alarms: dict[str, Json]) -> None:
    assert sorted(one["MetricName"] for one in alarms.values()) == [
        "ApproximateAgeOfOldestMessage",
        "ApproximateNumberOfMessagesVisible",
        "ChangesRejected",
        "CustomersFailed",
        "Errors",
        "Errors",
        "GuardStops",
        "MailsFailed",
        "MeetingsFailed",
        "MessagesRejected",
        "ReconcileRuns",
        "ReconcilesIncomplete",
        "Throttles",
    ]
    topic = {"Fn::If": ["MakesTopic", {"Ref": "AlarmTopic"}, {"Ref": "AlarmTopicArn"}]}
    assert [name for name, one in alarms.items() if one["AlarmActions"] != [topic]] == []


def test_only_the_reconciler_that_does_not_run_rings_without_data(template: Json, alarms: Json) -> None:
    assert [name for name, one in alarms.items() if one["TreatMissingData"] != "notBreaching"] == [
        "ReconcilerMissingAlarm"
    ]
    missing = alarms["ReconcilerMissingAlarm"]
    assert missing["TreatMissingData"] == "breaching"
    assert (missing["ComparisonOperator"], missing["Threshold"]) == ("LessThanThreshold", 1)
    assert (missing["Period"], missing["EvaluationPeriods"]) == (3600, {"Ref": "ReconcileAlarmHours"})
    assert (
        template["Parameters"]["ReconcileAlarmHours"]["MaxValue"] * 3600 <= timedelta(days=7).total_seconds()
    )
    condition = template["Resources"]["ReconcilerMissingAlarm"]["Condition"]
    assert template["Conditions"][condition] == {"Fn::Equals": [{"Ref": "ReconcileState"}, "ENABLED"]}


def test_alarms_watch_the_namespace_and_the_service_of_the_functions(template: Json, alarms: Json) -> None:
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == OWN_NAMESPACE
    watched = [{"Name": "service", "Value": variables["POWERTOOLS_SERVICE_NAME"]}]
    own = [one for one in alarms.values() if one["Namespace"] == OWN_NAMESPACE]
    assert [one["Dimensions"] for one in own] == [watched] * len(own)
    assert len(own) == 8


def test_every_alarm_stands_in_the_documentation_with_what_to_do(alarms: dict[str, Json]) -> None:
    headings = set(re.findall(r"^### (\w+Alarm)$", PAGE, flags=re.MULTILINE))
    assert headings == set(alarms)
    assert [name for name in alarms if "\n1. " not in section(name)] == []
    assert [name for name in alarms if f"#{name.lower()}" not in PAGE] == []


def test_both_pages_say_after_which_time_a_message_is_tried_again() -> None:
    waits: list[timedelta] = []
    while not waits or waits[-1] < LAST_RETRY_AFTER:
        waits.append(min(FIRST_RETRY_AFTER * 2 ** len(waits), LAST_RETRY_AFTER))
    told = ", ".join(str(int(one.total_seconds() // 60)) for one in [*waits, LAST_RETRY_AFTER])
    for page in (PAGE, EVENTS):
        assert f"after {told} … minutes" in " ".join(page.split())


def test_both_pages_say_how_often_and_how_long_a_message_is_tried(template: Json) -> None:
    queue: dict[str, Any] = resources(template, "AWS::SQS::Queue")["WorkQueue"]
    count = queue["RedrivePolicy"]["maxReceiveCount"]
    assert count == MAX_RECEIVE_COUNT == 10
    waits = [min(FIRST_RETRY_AFTER * 2**number, LAST_RETRY_AFTER) for number in range(count - 1)]
    assert sum(waits, timedelta()) / timedelta(hours=1) == pytest.approx(2.5, abs=0.1)
    for page in (PAGE, EVENTS):
        assert "ten times, some two and a half hours" in " ".join(page.split())
