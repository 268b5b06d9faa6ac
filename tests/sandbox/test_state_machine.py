"""Any order of subscriptions, runs, edits by hand and faults: one meeting, nobody invited twice."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeVar

import hypothesis.strategies as st
import pytest
import stamina
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from contact_manager.adapters.dry_run import DryRunCalendar
from contact_manager.adapters.graph import calendar as graph_calendar
from contact_manager.adapters.graph.calendar import GraphCalendar
from contact_manager.adapters.graph.credentials import AzureCredential
from contact_manager.adapters.graph.tokens import TokenSource
from contact_manager.domain.change import RecordedMeeting
from contact_manager.domain.outcome import Action, RunReport
from contact_manager.domain.recipients import TopicSelection
from contact_manager.errors import RemoteServiceError
from contact_manager.formats.rendering import Templates
from contact_manager.sandbox.graph_server import GraphServer
from contact_manager.services.cancel_meeting import cancel_meeting
from contact_manager.services.schedule_meeting import MeetingServices, ScheduleRequest, schedule_meeting
from contact_manager.settings import MeetingSettings, Settings
from tests.contract.graph_lab import CLIENT, KEY, ORGANIZER, SECRET, TENANT, event_body, make_server
from tests.fakes.worlds import START, TOPIC, FakeDirectory, FixedClock, change, contact_list, customer

CUSTOMERS = ("hts", "acme")
PEOPLE = [f"{name}@example.com" for name in ("ann", "bob", "cat")]
GUEST = "guest@example.org"
RECORDED = PEOPLE[:2]
"""Whom another program invited, if it made the meeting."""
DENIED = RemoteServiceError("the role refused", service="sts", operation="AssumeRole", code="AccessDenied")

EVENTS = {"path_contains": "/events"}
FAULTS: list[dict[str, Any]] = [
    EVENTS | {"method": "POST", "lose_answer_after_commit": True},
    EVENTS | {"method": "POST", "drop_before": True},
    EVENTS | {"method": "POST", "status": 400, "code": "ErrorDuplicateTransactionId"},
    EVENTS | {"status": 429, "code": "ApplicationThrottled"},
    EVENTS | {"status": 503, "code": "ServiceUnavailable"},
    {"method": "PATCH", "status": 412, "code": "ErrorIrresolvableConflict"},
    {"method": "PATCH", "status": 500, "code": "InternalServerError", "carry_out": True},
    {"method": "PATCH", "lose_answer_after_commit": True},
    {"method": "PATCH", "status": 403, "code": "ErrorAccessDenied"},
    {"method": "PATCH", "status": 403, "code": "ErrorAccessDenied", "carry_out": True},
]
"""A refusal with 403 ends a run at once: what it has done until then stays, as if it were killed there."""

CODE = st.sampled_from(CUSTOMERS)
SUBSCRIBERS = st.sets(st.sampled_from(PEOPLE))

_T = TypeVar("_T")


class Lab:
    """The Graph server and the one sign-in that all machines share."""

    def __init__(self, server: GraphServer) -> None:
        self.server = server
        self.tls = ssl.create_default_context()
        self.tokens = TokenSource(
            self._find_credential,
            authority_host=server.authority_host,
            graph_url=server.base_url,
            tls=self.tls,
        )

    async def _find_credential(self) -> AzureCredential:
        return AzureCredential(TENANT, CLIENT, client_secret=SECRET)


@dataclass(frozen=True, slots=True)
class Seen:
    """The mailbox at one moment."""

    events: tuple[dict[str, Any], ...] = ()
    mails: tuple[tuple[str, str, str], ...] = ()
    writes: int = 0

    @property
    def people(self) -> set[str]:
        return set(self.seats)

    @property
    def seats(self) -> list[str]:
        """Who is in an event, once for each."""
        return [address for event in self.events for address in people_of(event)]

    def holder(self, address: str) -> str:
        """Return the id of an event that a person is in, else of the first."""
        holding = [event["id"] for event in self.events if address in people_of(event)]
        return str((holding or [self.events[0]["id"]])[0])


def is_unadopted(event: dict[str, Any]) -> bool:
    return not any(prop["id"] == KEY for prop in event["singleValueExtendedProperties"])


def people_of(event: dict[str, Any]) -> list[str]:
    return [one["emailAddress"]["address"] for one in event["attendees"]]


@dataclass(slots=True)
class Book:
    """Who should be in the event, by the documented table; kept from mails, never from the tool's memory.

    Attributes:
        ours: Whom this tool invited and should remember.
        touched: Whom a run that failed was about to invite or remove.
        doubtful: Touched and then edited by hand: nobody can know whose work that was, all is right.
    """

    ours: set[str] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)

    def changes(
        self, live: set[str], wanted: set[str], *, complete: bool, force: bool
    ) -> tuple[set[str], set[str]]:
        """Return who is to be invited and who is to be removed, as far as that is certain."""
        added = wanted - live - (set[str]() if force else self.ours)
        removed = (live - wanted) & self.ours if complete else set[str]()
        return added - self.doubtful, removed - self.doubtful

    def edited_by_hand(self, address: str) -> None:
        """Note that the organizer added or removed somebody."""
        self.doubtful |= {address} & self.touched

    def note_gone(self, before: set[str], after: set[str]) -> None:
        """Note that an event went, and with it whom it remembered; who was kept out by it is not known."""
        self.doubtful |= self.ours - before
        self.ours -= before - after
        self.doubtful -= before - after

    def note_mails(self, mails: set[tuple[str, str]]) -> None:
        """Note whom Exchange told what in a run."""
        told = {address for kind, address in mails if kind != "update"}
        self.ours = (self.ours - told) | {address for kind, address in mails if kind == "invitation"}
        self.doubtful -= told

    def note_end(self, before: set[str], after: set[str], wanted: set[str], *, complete: bool) -> None:
        """Note that a run came to its end."""
        self.touched.clear()
        if complete:
            unknown = self.doubtful & after & wanted
            self.ours |= (self.doubtful - unknown) & wanted
            self.ours -= (self.doubtful - unknown) - wanted
            self.ours &= wanted | after
            self.doubtful = unknown

    def note_failure(self, before: set[str], wanted: set[str], *, complete: bool) -> None:
        """Note that a run broke off, and nobody knows where."""
        self.touched |= wanted - before
        if complete:
            self.touched |= before - wanted
            self.doubtful |= self.ours - before - wanted


class MeetingMachine(RuleBasedStateMachine):
    """One change, two customers, one mailbox, entries of at most ``limit`` people."""

    def __init__(self, lab: Lab, limit: int = 500) -> None:
        super().__init__()
        self.lab = lab
        self.limit = limit
        lab.server.reset()
        self.runner = asyncio.Runner()
        self.calendar = GraphCalendar(ORGANIZER, lab.tokens, base_url=lab.server.base_url, tls=lab.tls)
        self.subscribed: dict[str, set[str]] = {code: set() for code in CUSTOMERS}
        self.failing: set[str] = set()
        self.change = change(*CUSTOMERS)
        self.book = Book()
        self.seen = Seen()
        self.links: dict[str, str] = {}
        self.holding: set[tuple[str, str]] = set()
        self.faults = False

    def teardown(self) -> None:
        try:
            self.apply_twice("hts", self.subscribed["hts"], force=False)
        finally:
            self.runner.run(self.calendar.close())
            self.runner.close()

    # -- what happens around the tool

    @initialize(
        rename_ids=st.booleans(),
        duplicate_status=st.sampled_from([400, 409]),
        names_existing=st.booleans(),
        is_recorded=st.booleans(),
    )
    def choose_behaviour(
        self, rename_ids: bool, duplicate_status: int, names_existing: bool, is_recorded: bool
    ) -> None:
        behaviour = {"rename_ids": rename_ids, "duplicate_status": duplicate_status}
        self.lab.server.configure(behaviour | {"names_existing_event": names_existing})
        if is_recorded:
            self._let_another_program_make_the_meeting()

    def _let_another_program_make_the_meeting(self) -> None:
        event_id = self.lab.server.put_event(ORGANIZER, event_body(*RECORDED))
        self.lab.server.hand_edit(ORGANIZER, event_id, {"add": [GUEST]})
        recorded = RecordedMeeting(event_id, frozenset(RECORDED))
        self.change = replace(self.change, recorded_meeting=recorded)

    @rule(code=CODE)
    def fail_or_recover(self, code: str) -> None:
        self.failing ^= {code}

    @rule(title=st.sampled_from(["Upgrade", "Upgrade, part 2"]), hours=st.integers(0, 2))
    def retitle_and_reschedule(self, title: str, hours: int) -> None:
        start = START + timedelta(hours=hours)
        end = start + timedelta(hours=2)
        self.change = replace(self.change, title=title, implementation_start=start, implementation_end=end)

    @precondition(lambda self: self.seen.events)
    @rule(address=st.sampled_from([*PEOPLE, GUEST]))
    def add_or_remove_by_hand(self, address: str) -> None:
        edit = "remove" if address in self.seen.people else "add"
        event_id = self.seen.holder(address)
        self.lab.server.hand_edit(ORGANIZER, event_id, {edit: [address]})
        self.book.edited_by_hand(address)
        self.holding.discard((event_id, address))

    @precondition(lambda self: self.seen.events)
    @rule(data=st.data())
    def delete_by_hand(self, data: st.DataObject) -> None:
        event = data.draw(st.sampled_from(self.seen.events))
        self.lab.server.hand_delete(ORGANIZER, event["id"])
        self._events_went(self.seen)

    # -- the tool

    @rule(
        code=CODE,
        people=SUBSCRIBERS,
        fault=st.sampled_from(FAULTS),
        often=st.fixed_dictionaries({"times": st.sampled_from([1, 1, 2, 6]), "skip": st.integers(0, 2)}),
    )
    def apply_in_trouble(
        self, code: str, people: set[str], fault: dict[str, Any], often: dict[str, int]
    ) -> None:
        self.subscribed[code] = people
        with self._trouble(fault | often):
            self._apply()

    @rule(code=CODE, people=SUBSCRIBERS, force=st.booleans())
    def apply_twice(self, code: str, people: set[str], force: bool) -> None:
        """Without faults, one run brings everything in line and the next has nothing to do."""
        self.subscribed[code] = people
        report = self._apply(force=force)
        before = self._look()
        again = self._schedule()
        assert self._look() == before
        if not before.events:
            assert again.action is Action.NONE
        elif report.is_ok:
            assert again.action is Action.UNCHANGED
            [link] = [one["onlineMeeting"]["joinUrl"] for one in before.events if one["onlineMeeting"]]
            assert {event["subject"] for event in before.events} == {self.change.subject}
            assert all(
                one["onlineMeeting"] or one["location"]["displayName"] == link for one in before.events
            )
            assert self.failing or len(before.seats) == len(before.people)

    @rule(code=CODE, people=SUBSCRIBERS)
    def dry_run(self, code: str, people: set[str]) -> None:
        """A dry run writes nothing and foretells who is mailed."""
        self.subscribed[code] = people
        before = self._look()
        self._cancel_or_not(is_dry_run=True)
        report = self._schedule(is_dry_run=True)
        assert self._look() == before
        if report.is_ok:
            added, removed = self._due()
            assert set(report.changes.added) ^ added <= self.book.doubtful
            assert set(report.changes.removed) ^ removed <= self.book.doubtful

    @rule(fault=st.sampled_from([None, None, *FAULTS]))
    def cancel(self, fault: dict[str, Any] | None) -> None:
        before = self._look()
        with self._trouble(fault):
            report = self._cancel_or_not()
        after = self._look()
        assert report.is_ok or fault
        assert not (report.is_ok and after.events)
        if len(after.events) < len(before.events):
            self._events_went(before)

    # -- what is always true

    @invariant()
    def there_is_one_meeting_with_one_link_and_one_invitation_each(self) -> None:
        """Edits by hand mail nobody here, so that every mail is the tool's doing."""
        known, self.seen = self.seen.mails, self._look()
        assert sum(event["onlineMeeting"] is not None for event in self.seen.events) <= 1
        assert len(self.seen.events) <= 1 or self.limit < len(PEOPLE)
        for event in self.seen.events:
            link = str((event["onlineMeeting"] or {}).get("joinUrl"))
            assert self.links.setdefault(event["id"], link) == link
        for kind, address, event_id in self.seen.mails[len(known) :]:
            if kind == "invitation":
                assert (event_id, address) not in self.holding
                self.holding.add((event_id, address))
            elif kind == "cancellation":
                self.holding.discard((event_id, address))

    # -- how

    def _apply(self, *, force: bool = False) -> RunReport:
        before, (added, removed) = self._look(), self._due(force=force)
        wanted, complete = self._wanted(), not self.failing
        report = self._schedule(force=force)
        after = self._look()
        mails = {(kind, address) for kind, address, _ in after.mails[len(before.mails) :]}
        mails -= {("invitation", one) for one in before.people}  # from one entry to another
        mails -= {("cancellation", one) for one in after.people}
        doubtful = set(self.book.doubtful)
        self.book.note_mails(mails)
        if not report.is_ok:
            assert self.faults or len(self.failing) == len(CUSTOMERS)
            self.book.note_failure(before.people, wanted, complete=complete)
            return report
        assert after.people ^ ((before.people | added) - removed) <= doubtful
        for kind, due, told in (
            ("invitation", added, report.changes.added),
            ("cancellation", removed, report.changes.removed),
        ):
            mailed = {address for one, address in mails if one == kind}
            assert mailed ^ due <= doubtful
            assert set(told) == mailed
        self.book.note_end(before.people, after.people, wanted, complete=complete)
        return report

    def _events_went(self, before: Seen) -> None:
        after = self._look()
        if after.events:
            self.book.note_gone(before.people, after.people)
        else:
            self.book = Book()

    def _cancel_or_not(self, *, is_dry_run: bool = False) -> RunReport:
        live = DryRunCalendar(self.calendar) if is_dry_run else self.calendar
        cancelling = cancel_meeting(
            self.change, live, organizer=ORGANIZER, templates=Templates(), is_dry_run=is_dry_run
        )
        return self._run(cancelling)

    @contextmanager
    def _trouble(self, fault: dict[str, Any] | None) -> Iterator[None]:
        """Inject a fault for as long as this lasts."""
        if fault:
            self.lab.server.add_fault(fault)
        self.faults = bool(fault)
        yield
        self.faults = False
        self.lab.server._call(self.lab.server._state.faults.clear)

    def _due(self, *, force: bool = False) -> tuple[set[str], set[str]]:
        """Return who is to be invited and who is to be removed by the next run."""
        now = self._look()
        if any(is_unadopted(event) for event in now.events):
            self.book.ours = now.people & set(RECORDED)
        return self.book.changes(now.people, self._wanted(), complete=not self.failing, force=force)

    def _wanted(self) -> set[str]:
        return set[str]().union(*(self.subscribed[code] for code in CUSTOMERS if code not in self.failing))

    def _schedule(self, *, is_dry_run: bool = False, force: bool = False) -> RunReport:
        lists = {code: contact_list(*sorted(people)) for code, people in self.subscribed.items()}
        services = MeetingServices(
            Settings(
                "config.json",
                customers={code: customer(code) for code in CUSTOMERS},
                meeting=MeetingSettings(attendee_limit=self.limit),
            ),
            FakeDirectory(lists, dict.fromkeys(self.failing, DENIED)),
            DryRunCalendar(self.calendar) if is_dry_run else self.calendar,
            FixedClock(),
            is_dry_run=is_dry_run,
        )
        request = ScheduleRequest(self.change, ORGANIZER, TopicSelection(TOPIC), force_update=force)
        return self._run(schedule_meeting(request, services))

    def _run(self, work: Coroutine[Any, Any, _T]) -> _T:
        return self.runner.run(work)

    def _look(self) -> Seen:
        state = self.lab.server.state()
        writes = [one for one in state["requests"] if one["method"] != "GET" and "/events" in one["path"]]
        return Seen(
            tuple(state["mailboxes"][ORGANIZER]["events"]),
            tuple((one["kind"], one["address"], one["event_id"]) for one in state["notices"]),
            len(writes),
        )


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """Waits are none: the server needs no time to think."""
    monkeypatch.setattr(graph_calendar, "LOOKUP_DELAYS_S", (0.0, 0.0))
    monkeypatch.setattr(graph_calendar, "JOIN_LINK_DELAYS_S", (0.0, 0.0))
    with make_server() as server, stamina.set_testing(True, attempts=6, cap=True):
        yield Lab(server)


@pytest.mark.parametrize("limit", [500, 2])
def test_whatever_happens_there_is_one_meeting_with_the_right_people(lab: Lab, limit: int) -> None:
    run_state_machine_as_test(
        lambda: MeetingMachine(lab, limit),  # type: ignore[arg-type]  # any factory will do
        settings=settings(
            max_examples=60,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


def test_a_meeting_can_be_deleted_and_made_anew_more_often_than_anybody_will(lab: Lab) -> None:
    machine = MeetingMachine(lab)
    for _ in range(12):
        machine.apply_twice("hts", {PEOPLE[0]}, force=False)
        machine.seen = machine._look()
        assert len(machine.seen.events) == 1
        lab.server.hand_delete(ORGANIZER, machine.seen.events[0]["id"])
        machine._events_went(machine.seen)
    machine.teardown()
