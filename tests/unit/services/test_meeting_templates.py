"""The operator's templates in the use cases: used everywhere, and broken ones stop before any write."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from contact_manager.domain.change import Change
from contact_manager.domain.meeting import CalendarEvent, MeetingPlan
from contact_manager.domain.outcome import Action, RunReport
from contact_manager.domain.recipients import TopicSelection
from contact_manager.errors import ConfigError
from contact_manager.formats.rendering import Templates, parse_templates
from contact_manager.services.cancel_meeting import cancel_meeting
from contact_manager.services.schedule_batch import BatchEntry, schedule_batch
from contact_manager.services.schedule_meeting import MeetingServices, ScheduleRequest, schedule_meeting
from contact_manager.settings import Settings
from tests.fakes.worlds import (
    TOPIC,
    FakeDirectory,
    FixedClock,
    InMemoryCalendar,
    change,
    contact_list,
    customer,
)

ORGANIZER = "changes@example.com"


@dataclass
class NotingCalendar(InMemoryCalendar):
    """Keeps what people would read."""

    bodies: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)

    async def create_event(self, plan: MeetingPlan) -> CalendarEvent:
        self.bodies.append(plan.body)
        return await super().create_event(plan)

    async def cancel_event(self, event: CalendarEvent, comment: str) -> None:
        self.comments.append(comment)
        await super().cancel_event(event, comment)


def templates(**files: str) -> Templates:
    names = {"subject": "subject.txt.j2", "body": "body.html.j2", "cancellation": "cancellation.txt.j2"}
    data = {f"change/{names[key]}": text.encode() for key, text in files.items()}
    return parse_templates(data, folder="templates")


def services(calendar: InMemoryCalendar, ours: Templates | None = None) -> MeetingServices:
    parts = (
        Settings("config.json", customers={"hts": customer("hts")}),
        FakeDirectory({"hts": contact_list("ann@example.com")}),
        calendar,
        FixedClock(),
    )
    return MeetingServices(*parts) if ours is None else MeetingServices(*parts, templates=ours)


def request(wanted: Change) -> ScheduleRequest:
    return ScheduleRequest(wanted, ORGANIZER, TopicSelection(TOPIC))


async def apply(calendar: InMemoryCalendar, ours: Templates | None = None) -> RunReport:
    return await schedule_meeting(request(change("hts")), services(calendar, ours))


async def test_subject_and_body_are_the_operator_s() -> None:
    calendar = NotingCalendar()
    report = await apply(
        calendar, templates(subject="CAB: {{ change.title }}", body="<p>{{ change.title }}</p>")
    )
    assert report.events[0].subject == "CAB: Database upgrade"
    assert report.meeting is not None
    assert report.meeting.subject == "CAB: Database upgrade"
    assert calendar.bodies == ["<p>Database upgrade</p>"]


async def test_without_templates_the_built_in_texts_are_used() -> None:
    calendar = NotingCalendar()
    report = await apply(calendar)
    assert report.events[0].subject == "Change Implementation: Database upgrade"
    assert calendar.bodies[0].startswith("<h2>Database upgrade</h2>")


async def test_a_new_template_updates_the_meeting_once() -> None:
    calendar = NotingCalendar()
    await apply(calendar)
    first = await apply(calendar, templates(subject="New: {{ subject }}"))
    second = await apply(calendar, templates(subject="New: {{ subject }}"))
    assert (first.action, first.changes.fields) == (Action.UPDATED, ("subject",))
    assert second.action is Action.UNCHANGED


@pytest.mark.parametrize("file", ["subject", "body"])
async def test_a_template_that_fails_stops_before_anything_is_written(file: str) -> None:
    calendar = NotingCalendar()
    with pytest.raises(ConfigError) as caught:
        await apply(calendar, templates(**{file: "\n{{ change.record.team }}"}))
    assert [problem.path.endswith(":2") for problem in caught.value.problems] == [True]
    assert calendar.writes == []


async def test_of_many_changes_only_those_fail_that_the_template_cannot_tell() -> None:
    calendar = NotingCalendar()
    good, bad = change("hts", record={"team": "net"}), change("hts", change_id="CHG-2")
    entries = [BatchEntry("good", request(good)), BatchEntry("bad", request(bad))]
    ours = templates(subject="{{ change.record.team }}: {{ subject }}")
    done = {item.source: item.report for item in await schedule_batch(entries, services(calendar, ours))}
    assert done["good"].events[0].subject.startswith("net: ")
    assert [error.type for error in done["bad"].errors] == ["ConfigError"]
    assert len(calendar.events) == 1


async def test_everybody_is_told_the_operator_s_words_when_it_is_cancelled() -> None:
    calendar = NotingCalendar()
    await apply(calendar)
    ours = templates(cancellation="{{ change.title }}\nis off.\n")
    await cancel_meeting(change(), calendar, organizer=ORGANIZER, templates=ours)
    assert calendar.comments == ["Database upgrade is off."]


async def test_a_cancellation_that_fails_cancels_nothing() -> None:
    calendar = NotingCalendar()
    await apply(calendar)
    ours = templates(cancellation="{{ change.record.team }}")
    with pytest.raises(ConfigError):
        await cancel_meeting(change(), calendar, organizer=ORGANIZER, templates=ours)
    assert (len(calendar.events), calendar.comments) == (1, [])
