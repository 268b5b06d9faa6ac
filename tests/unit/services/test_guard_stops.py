"""What a safety rule stops on the event path is recorded once, rings, and is not tried again by itself."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from contact_manager.domain.notification import NotificationTopics
from contact_manager.domain.processing import Verdict
from contact_manager.domain.subscription import OPT_IN, OPT_OUT, Contact, ContactList
from contact_manager.formats.s3_event import trigger_key
from contact_manager.services.reconcile_archive import reconcile_archive
from contact_manager.settings import MeetingSettings, NotificationSettings
from tests.unit.services.change_world import ChangeWorld

ALL_TOPICS = ("aws-calendar", "aws-announce", "aws-approval", "finops-announce", "our-finops")
HTS_PEOPLE = ("ann@example.com", "bob@example.com", "cat@example.com")


def people(*addresses: str, topics: tuple[str, ...] = ALL_TOPICS) -> ContactList:
    choices = dict.fromkeys(topics, OPT_IN)
    return ContactList(
        "main",
        dict.fromkeys(ALL_TOPICS, OPT_OUT),
        tuple(Contact(address, choices) for address in addresses),
    )


class World(ChangeWorld):
    """Two customers, of three people and of one."""

    def __init__(self) -> None:
        super().__init__(lists={"hts": people(*HTS_PEOPLE), "acme": people("dan@example.org")})

    @property
    def modifications(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.record.get("modifications", [])
        return found

    @property
    def stops(self) -> list[dict[str, Any]]:
        return [one for one in self.modifications if one["modification_type"] == "stopped_by_guard"]

    def has_trigger(self, code: str) -> bool:
        return trigger_key(code, "CHG-1") in self.store.objects


@pytest.fixture
def world() -> World:
    world = World()
    world.submit()
    return world


async def test_only_the_customer_with_too_many_people_is_not_mailed(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.notification = NotificationSettings(max_recipients_per_customer=2)
    stopped, fine = await world.deliver("hts"), await world.deliver("acme")
    assert (stopped.verdict, fine.verdict) == (Verdict.REJECTED, Verdict.DONE)
    assert world.mailer.recipients == ["dan@example.org"]
    [entry] = world.stops
    assert entry["customer_code"] == "hts"
    assert (entry["step"], entry["guard"]) == ("announcement", "MaxRecipientsPerCustomer")
    assert "3 people" in entry["reason"]
    assert [one.levelname for one in caplog.records if "stopped_by_guard" in one.message] == ["ERROR"]


async def test_a_stop_is_not_processed_and_goes_on_when_the_limit_is_raised(world: World) -> None:
    world.notification = NotificationSettings(max_recipients_per_customer=2)
    await world.deliver("hts")
    assert world.has_trigger("hts")
    assert [one for one in world.modifications if one["modification_type"] == "processed"] == []
    world.notification = NotificationSettings()
    assert (await world.deliver("hts")).verdict is Verdict.DONE
    assert sorted(world.mailer.recipients) == list(HTS_PEOPLE)
    assert not world.has_trigger("hts")


async def test_the_same_stop_is_written_once_also_when_the_number_changes(world: World) -> None:
    world.notification = NotificationSettings(max_recipients_per_customer=2)
    await world.deliver("hts")
    world.clock.move(timedelta(days=1))
    world.lists["hts"] = people(*(f"p{number}@example.com" for number in range(9)))
    await world.deliver("hts")
    assert len(world.stops) == 1


async def test_more_people_than_a_change_may_have_mails_nobody(world: World) -> None:
    world.notification = NotificationSettings(max_recipients=3)
    reports = [await world.deliver("hts"), await world.deliver("acme")]
    assert {report.verdict for report in reports} == {Verdict.REJECTED}
    assert world.mailer.sent == []
    assert {one["guard"] for one in world.stops} == {"MaxRecipients"}


@pytest.mark.parametrize(
    ("limits", "guard", "code"),
    [
        ({"max_recipients_per_customer": 2}, "MaxRecipientsPerCustomer", "hts"),
        ({"max_recipients": 3}, "MaxRecipients", ""),
    ],
)
async def test_a_meeting_with_too_many_people_is_not_made_and_the_mails_go(
    world: World, limits: dict[str, Any], guard: str, code: str
) -> None:
    world.meeting = MeetingSettings(**limits)
    report = await world.deliver("acme")
    assert report.verdict is Verdict.REJECTED
    assert [stop.type for stop in report.stops] == [guard]
    assert world.calendar.writes == []
    assert world.mailer.recipients == ["dan@example.org"]
    [entry] = world.stops
    assert (entry["step"], entry["guard"], entry.get("customer_code", "")) == ("meeting", guard, code)


async def test_a_stopped_meeting_is_made_when_the_limit_is_raised_and_nobody_is_mailed_twice(
    world: World,
) -> None:
    world.meeting = MeetingSettings(max_recipients=3)
    await world.deliver("acme")
    world.meeting = MeetingSettings()
    assert (await world.deliver("acme")).verdict is Verdict.DONE
    assert world.calendar.writes.count("create") == 1
    assert world.mailer.recipients == ["dan@example.org"]


async def test_a_stopped_meeting_is_not_read_again_for_every_customer(world: World) -> None:
    world.meeting = MeetingSettings(max_recipients=3)
    await world.deliver("acme")
    assert (await world.deliver("hts")).verdict is Verdict.DONE
    assert len(world.stops) == 1


async def test_a_stopped_meeting_does_not_keep_it_from_being_cancelled(world: World) -> None:
    assert (await world.deliver("acme")).verdict is Verdict.DONE
    world.meeting = MeetingSettings(max_recipients=1)
    world.submit(version="2", modifications=world.modifications, implementationEnd="2031-05-10T21:00:00Z")
    assert (await world.deliver("acme")).verdict is Verdict.REJECTED
    world.submit(version="3", modifications=world.modifications, status="cancelled")
    assert (await world.deliver("acme")).verdict is Verdict.DONE
    assert world.calendar.events == {}


async def test_reconciling_writes_the_same_stop_once(world: World) -> None:
    world.meeting = MeetingSettings(max_recipients=3)
    for _ in range(3):
        done = await reconcile_archive(world.services)
        assert [stop.type for stop in done.meetings["CHG-1"].stops] == ["MaxRecipients"]
        world.clock.move(timedelta(hours=1))
    assert len(world.stops) == 1


async def test_a_stop_is_no_status_of_the_change(world: World) -> None:
    world.notification = NotificationSettings(max_recipients_per_customer=2)
    world.submit(status="submitted")
    assert (await world.deliver("hts")).verdict is Verdict.REJECTED
    world.submit(status="cancelled", modifications=world.modifications)
    world.mailer.sent.clear()
    assert (await world.deliver("acme")).verdict is Verdict.DONE
    assert world.mailer.sent == []  # never approved: nobody heard of it


async def test_a_topic_of_ones_own_counts_for_the_mails_and_for_the_meeting() -> None:
    world = World()
    world.notification = NotificationSettings(topics=NotificationTopics(finops="our-finops"))
    world.lists = {"hts": people("ann@example.com", topics=("our-finops",)), "acme": people()}
    announcement = {
        "object_type": "announcement_finops",
        "announcement_id": "CHG-1",
        "announcement_type": "finops",
        "title": "Savings",
        "summary": "s",
        "content": "c",
        "customers": ["hts", "acme"],
        "include_meeting": True,
        "meeting_title": "Savings",
        "meeting_date": "2031-01-14T18:00:00",
        "meeting_timezone": "America/New_York",
        "meeting_duration": "60",
        "status": "approved",
    }
    world.store.objects["archive/CHG-1.json"] = json.dumps(announcement).encode()
    world.store.objects[trigger_key("hts", "CHG-1")] = b"{}"
    report = await world.deliver("hts")
    assert (report.verdict, report.errors) == (Verdict.DONE, ())
    assert world.mailer.recipients == ["ann@example.com"]
    [event] = world.calendar.events.values()
    assert [attendee.address for attendee in event.attendees] == ["ann@example.com"]
