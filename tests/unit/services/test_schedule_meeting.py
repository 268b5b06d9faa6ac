"""The main job on fakes: read, decide, align, report."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from contact_manager.domain.change import ChangeKind, ManualAttendee
from contact_manager.domain.change import MeetingRequest as Wish
from contact_manager.domain.meeting import Attendee, CalendarEvent, EventUpdate, MeetingKey, MeetingPlan
from contact_manager.domain.outcome import Action, ErrorKind
from contact_manager.errors import ConflictError, RemoteServiceError
from contact_manager.services.align_calendar import Guards
from contact_manager.settings import HideAttendees, MeetingSettings
from tests.fakes.worlds import START, InMemoryCalendar, change, contact_list
from tests.unit.services.meeting_world import World

DENIED = RemoteServiceError("the role refused", service="sts", operation="AssumeRole", code="AccessDenied")


@pytest.fixture
def world() -> World:
    return World()


def addresses(event: CalendarEvent) -> list[str]:
    return [one.address for one in event.attendees]


async def test_one_meeting_holds_the_subscribers_of_all_customers(world: World) -> None:
    report = await world.run()
    assert (report.action, report.is_ok) == (Action.CREATED, True)
    assert addresses(report.events[0]) == ["ann@example.com", "bob@example.com", "cat@example.com"]
    assert [(one.code, one.contacts, one.recipients) for one in report.customers] == [
        ("hts", 2, 2),
        ("acme", 2, 2),
    ]


async def test_the_same_change_twice_keeps_one_event_and_mails_nobody(world: World) -> None:
    await world.run()
    told = len(world.calendar.notices)
    report = await world.run()
    assert report.action is Action.UNCHANGED
    assert (len(world.calendar.events), len(world.calendar.notices)) == (1, told)
    assert world.calendar.writes == ["create"]


async def test_a_dry_run_tells_everything_and_writes_nothing(world: World) -> None:
    report = await world.run(dry=True)
    assert report.action is Action.WOULD_CREATE
    assert len(report.events[0].attendees) == 3
    assert world.calendar.writes == []
    await world.run()
    assert (await world.run(dry=True)).action is Action.WOULD_LEAVE
    world.lists["hts"] = contact_list("new@example.com")
    report = await world.run(dry=True)
    assert report.action is Action.WOULD_UPDATE
    assert (report.changes.added, report.changes.removed) == (("new@example.com",), ("bob@example.com",))
    assert world.calendar.writes == ["create"]


async def test_new_and_gone_subscribers_are_one_attendee_update(world: World) -> None:
    await world.run()
    world.calendar.notices.clear()
    world.lists["acme"] = contact_list("dan@example.com")
    report = await world.run()
    assert report.action is Action.UPDATED
    assert world.calendar.notices == [("invitation", "dan@example.com"), ("cancellation", "cat@example.com")]
    assert world.calendar.writes == ["create", "memory", "attendees", "memory"]
    assert (await world.run()).action is Action.UNCHANGED


async def test_a_reschedule_moves_the_same_meeting(world: World) -> None:
    first = await world.run()
    later = change("hts", "acme", implementation_start=START + timedelta(days=1), implementation_end=None)
    report = await world.run(later)
    assert report.action is Action.UPDATED
    assert set(report.changes.fields) >= {"start", "end"}
    assert report.events[0].event_id == first.events[0].event_id
    assert report.events[0].join_url == first.events[0].join_url


async def test_one_failing_customer_does_not_keep_the_others_out(world: World) -> None:
    await world.run()
    world.failures["acme"] = DENIED
    world.lists["hts"] = contact_list("ann@example.com", "eve@example.com")
    report = await world.run()
    assert report.is_ok
    assert [one.code for one in report.unreadable] == ["acme"]
    assert addresses(report.events[0]) == [f"{name}@example.com" for name in ("ann", "bob", "cat", "eve")]


async def test_all_customers_failing_is_an_error_and_never_nobody_subscribed(world: World) -> None:
    world.failures = {"hts": DENIED, "acme": DENIED}
    report = await world.run()
    assert [one.type for one in report.errors] == ["NoCustomerReadable"]
    assert world.calendar.writes == []


async def test_a_customer_missing_from_the_configuration_is_told(world: World) -> None:
    report = await world.run(change("hts", "ghost"))
    assert report.customers[1].status == "not-configured"
    assert "customer_mappings.ghost" in report.customers[1].error_message
    assert report.action is Action.CREATED


@pytest.mark.parametrize(
    ("guards", "name"),
    [
        pytest.param(Guards(max_recipients=2), "MaxRecipients", id="too many"),
        pytest.param(Guards(require_all_customers=True), "RequireAllCustomers", id="one unreadable"),
    ],
)
async def test_a_guard_stops_before_anything_is_written(world: World, guards: Guards, name: str) -> None:
    world.lists["acme"] = contact_list(*(f"p{i}@example.com" for i in range(3)))
    if name == "RequireAllCustomers":
        world.failures["hts"] = DENIED
    report = await world.run(guards=guards)
    assert [(one.kind, one.type) for one in report.errors] == [(ErrorKind.GUARD, name)]
    assert world.calendar.writes == []


@pytest.mark.parametrize(
    ("limits", "flag", "stops"),
    [
        ({"max_recipients": 3}, None, []),
        ({"max_recipients": 2}, None, ["MaxRecipients"]),
        ({"max_recipients": 2}, 3, []),
        ({"max_recipients": 3}, 2, ["MaxRecipients"]),
        ({"max_recipients_per_customer": 2}, None, []),
        ({"max_recipients_per_customer": 1}, 100, ["MaxRecipientsPerCustomer"] * 2),
    ],
)
async def test_the_configured_limits_stop_a_meeting_and_the_flag_wins(
    world: World, limits: dict[str, Any], flag: int | None, stops: list[str]
) -> None:
    world.meeting = MeetingSettings(**limits)
    report = await world.run(guards=Guards(max_recipients=flag))
    assert [error.type for error in report.errors] == stops
    assert world.calendar.writes == ([] if stops else ["create"])
    assert [error.customer for error in report.errors if error.customer] == ["hts", "acme"][
        : len(stops) - len(stops) % 2
    ]


async def test_removals_are_guarded(world: World) -> None:
    await world.run()
    world.lists = {"hts": contact_list(), "acme": contact_list("cat@example.com")}
    report = await world.run(guards=Guards(max_removals=1))
    assert [one.type for one in report.errors] == ["MaxRemovals"]
    assert world.calendar.writes == ["create"]


async def test_nobody_subscribed_makes_no_meeting(world: World) -> None:
    world.lists = {"hts": contact_list()}
    report = await world.run(change("hts"))
    assert (report.action, report.is_ok, report.events) == (Action.NONE, True, ())
    assert any("nobody is subscribed" in text for text in report.warnings)


async def test_a_single_customer_leaves_the_people_of_the_others_alone(world: World) -> None:
    await world.run()
    world.lists = {"hts": contact_list("eve@example.com"), "acme": contact_list()}
    report = await world.run(only_customers=("hts",))
    assert report.changes.added == ("eve@example.com",)
    assert report.changes.removed == ()
    assert any("acme" in text for text in report.warnings)


async def test_force_update_sends_the_update_and_makes_no_second_meeting(world: World) -> None:
    await world.run()
    report = await world.run(force_update=True)
    assert report.action is Action.UPDATED
    assert len(world.calendar.events) == 1


@pytest.mark.parametrize(
    ("policy", "customers", "kind", "hidden"),
    [
        (HideAttendees.AUTO, ("hts", "acme"), ChangeKind.CHANGE, True),
        (HideAttendees.AUTO, ("hts",), ChangeKind.CHANGE, False),
        (HideAttendees.NEVER, ("hts", "acme"), ChangeKind.CHANGE, False),
        (HideAttendees.ALWAYS, ("hts",), ChangeKind.CHANGE, True),
        (HideAttendees.NEVER, ("hts",), ChangeKind.FINOPS, True),
    ],
)
async def test_customers_do_not_read_each_others_addresses(
    world: World, policy: HideAttendees, customers: tuple[str, ...], kind: ChangeKind, *, hidden: bool
) -> None:
    world.meeting = replace(world.meeting, hide_attendees=policy)
    report = await world.run(change(*customers, kind=kind))
    assert report.events[0].hide_attendees is hidden


async def test_manual_attendees_are_invited(world: World) -> None:
    wish = Wish(attendees=(ManualAttendee("Guest@example.org"),), title="Go-live", location="Room 1")
    report = await world.run(change("hts", meeting=wish))
    event = report.events[0]
    assert "guest@example.org" in addresses(event)
    assert (event.subject, event.location) == ("Go-live", "Room 1")


class Stubborn(InMemoryCalendar):
    """Its first update meets a conflict; ``always`` makes every one do so."""

    always = False
    conflicts = 0

    async def update_attendees(self, event: CalendarEvent, attendees: Any) -> CalendarEvent:
        if self.always or not self.conflicts:
            self.conflicts += 1
            raise ConflictError("changed meanwhile", service="graph", operation="PATCH")
        return await super().update_attendees(event, attendees)


async def test_a_conflict_is_read_again_and_decided_anew(world: World) -> None:
    world.calendar = Stubborn()
    await world.run()
    world.lists["hts"] = contact_list("eve@example.com")
    report = await world.run()
    assert report.action is Action.UPDATED
    assert "eve@example.com" in addresses(report.events[0])


async def test_a_conflict_that_never_ends_is_a_failure(world: World) -> None:
    world.calendar = Stubborn()
    await world.run()
    world.calendar.always = True
    world.lists["hts"] = contact_list("eve@example.com")
    report = await world.run()
    assert [one.kind for one in report.errors] == [ErrorKind.REMOTE]
    assert world.calendar.conflicts == 3


class Raced(InMemoryCalendar):
    """Another run replaces the attendees right after our first update of them."""

    raced = False

    async def update_attendees(self, event: CalendarEvent, attendees: Any) -> CalendarEvent:
        after = await super().update_attendees(event, attendees)
        if not self.raced:
            self.raced = True
            self.events[event.event_id] = replace(after, attendees=event.attendees)
        return after


async def test_people_whom_another_run_dropped_are_not_taken_for_removed_by_hand(world: World) -> None:
    world.calendar = Raced()
    await world.run()
    world.lists["hts"] = contact_list("ann@example.com", "bob@example.com", "eve@example.com")
    report = await world.run()
    assert report.is_ok
    [event] = world.calendar.events.values()
    assert "eve@example.com" in addresses(event)
    assert (await world.run()).action is Action.UNCHANGED


class LosesAnswers(InMemoryCalendar):
    """Carries out the first update of content and of attendees, but the answer does not come."""

    lost: tuple[str, ...] = ()

    async def update_content(self, event: CalendarEvent, update: EventUpdate) -> CalendarEvent:
        return self._lose("content", await super().update_content(event, update))

    async def update_attendees(self, event: CalendarEvent, attendees: Any) -> CalendarEvent:
        return self._lose("attendees", await super().update_attendees(event, attendees))

    def _lose(self, what: str, after: CalendarEvent) -> CalendarEvent:
        if what in self.lost:
            return after
        self.lost += (what,)
        raise ConflictError("no answer", service="graph", operation="PATCH")


async def test_what_was_written_is_told_though_the_answer_was_lost(world: World) -> None:
    world.calendar = LosesAnswers()
    await world.run()
    world.lists["hts"] = contact_list("ann@example.com", "eve@example.com")
    report = await world.run(change("hts", "acme", meeting=Wish(title="Renamed")))
    assert world.calendar.lost == ("content", "attendees")
    assert (report.action, report.is_ok) == (Action.UPDATED, True)
    assert "subject" in report.changes.fields
    assert (report.changes.added, report.changes.removed) == (("eve@example.com",), ("bob@example.com",))
    assert (report.notifies.added, report.notifies.removed, report.notifies.all) == (1, 1, True)


class Broken(InMemoryCalendar):
    """Content can be written, attendees cannot."""

    async def update_attendees(self, event: CalendarEvent, attendees: Any) -> CalendarEvent:
        raise RemoteServiceError("no", service="graph", operation="PATCH", code="ErrorAccessDenied")


async def test_what_was_written_before_a_failure_is_told(world: World) -> None:
    world.calendar = Broken()
    await world.run()
    world.lists["hts"] = contact_list("eve@example.com")
    report = await world.run(change("hts", "acme", title="Renamed"))
    assert report.action is Action.UPDATED
    assert "subject" in report.changes.fields
    assert report.changes.added == ()
    assert [one.type for one in report.errors] == ["ErrorAccessDenied"]


class LosesLink(InMemoryCalendar):
    """Every content update loses the join link."""

    async def update_content(self, event: CalendarEvent, update: EventUpdate) -> CalendarEvent:
        return replace(await super().update_content(event, update), join_url="")


async def test_a_lost_join_link_is_a_failure(world: World) -> None:
    world.calendar = LosesLink()
    await world.run()
    report = await world.run(change("hts", "acme", title="Renamed"))
    assert [one.type for one in report.errors] == ["JoinLinkLost"]


class KeepsText(InMemoryCalendar):
    """Cannot tell our text from the join link."""

    async def update_content(self, event: CalendarEvent, update: EventUpdate) -> CalendarEvent:
        return replace(self.events[event.event_id], keeps_old_text=True)


async def test_a_text_that_cannot_be_replaced_is_not_called_replaced(world: World) -> None:
    world.calendar = KeepsText()
    await world.run()
    for _ in range(2):
        report = await world.run(change("hts", "acme", reason="Another reason"))
        assert (report.action, report.changes.fields) == (Action.UNCHANGED, ())
        assert any("edit it by hand" in text for text in report.warnings)


class Unreachable(InMemoryCalendar):
    """No calendar at all."""

    async def find_events(self, key: MeetingKey) -> tuple[CalendarEvent, ...]:
        raise RemoteServiceError("no mailbox", service="graph", operation="find", code="ErrorInvalidUser")

    async def create_event(self, plan: MeetingPlan) -> CalendarEvent:
        raise AssertionError("must not be reached")


async def test_a_calendar_that_cannot_be_read_is_told_with_the_recipients(world: World) -> None:
    world.calendar = Unreachable()
    report = await world.run()
    assert [one.type for one in report.errors] == ["ErrorInvalidUser"]
    assert len(report.recipients.invited) == 3


async def test_people_added_by_hand_survive_a_sync(world: World) -> None:
    first = await world.run()
    event = first.events[0]
    world.calendar.events[event.event_id] = replace(
        event, attendees=(*event.attendees, Attendee("guest@example.org"))
    )
    world.lists["hts"] = contact_list("eve@example.com")
    report = await world.run()
    assert "guest@example.org" in addresses(report.events[0])
