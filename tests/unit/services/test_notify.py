"""Each person gets each mail once, whatever fails, crashes or runs at the same time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from contact_manager.domain.customer import Customer
from contact_manager.domain.notification import NotificationKind
from contact_manager.domain.outcome import ErrorKind
from contact_manager.domain.processing import NotifyReport
from contact_manager.domain.recipients import ExclusionReason
from contact_manager.domain.subscription import OPT_IN, OPT_OUT, ContactList
from contact_manager.errors import RemoteServiceError
from contact_manager.formats.ledger_json import Ledger, address_mark, load_ledger
from contact_manager.services.leases import Leases
from contact_manager.services.ledger_sending import MAX_ERRORS
from contact_manager.services.notify import CHUNK_SIZE, Notification, NotifyServices, notify
from contact_manager.settings import NotificationSettings
from tests.fakes.memory_mailer import MemoryMailer, outage, rejection, stopped, unverified
from tests.fakes.memory_store import MemoryStore
from tests.fakes.moving_clock import MovingClock
from tests.fakes.worlds import TOPIC, FakeDirectory, change, contact, contact_list, customer

KEY = "ledger/CHG-1/3/hts/announcement.json"
DURATION = timedelta(minutes=5)
HTS = customer("hts")
NOTIFICATION = Notification(change(), NotificationKind.ANNOUNCEMENT, HTS, TOPIC, KEY)
PEOPLE = [f"p{number:02}@example.com" for number in range(3 * CHUNK_SIZE + 5)]


class Crash(BaseException):
    """What no code of ours expects."""


@dataclass
class World:
    """One customer's list, a mailer and a bucket, used by run after run."""

    people: ContactList = field(default_factory=lambda: contact_list(*PEOPLE))
    mailer: MemoryMailer = field(default_factory=MemoryMailer)
    clock: MovingClock = field(default_factory=MovingClock)
    store: MemoryStore = field(init=False)
    runs: int = 0

    def __post_init__(self) -> None:
        self.store = MemoryStore(self.clock)

    def leases(self) -> Leases:
        self.runs += 1
        return Leases(self.store, self.clock, owner=f"run-{self.runs}", duration=DURATION)

    def services(self, is_out_of_time: Callable[[], bool] = lambda: False) -> NotifyServices:
        directory = FakeDirectory({"hts": self.people})
        return NotifyServices(directory, self.mailer, self.leases(), "changes@example.com", is_out_of_time)

    async def run(self, **more: Any) -> NotifyReport:
        return await notify(replace(NOTIFICATION, **more), self.services())

    def ledger(self) -> Ledger:
        return load_ledger(self.store.objects[KEY])

    @property
    def received(self) -> Counter[str]:
        return Counter(self.mailer.recipients)


@pytest.fixture
def world() -> World:
    return World()


def codes(report: NotifyReport) -> list[str]:
    return [error.code for error in report.errors]


def marks(addresses: Sequence[str]) -> set[str]:
    return set(map(address_mark, addresses))


async def test_everybody_gets_one_mail_of_their_own(world: World) -> None:
    report = await world.run()
    assert world.received == Counter(PEOPLE)
    assert report == NotifyReport(TOPIC, sent=len(PEOPLE))
    mail = world.mailer.sent[0]
    assert mail.sender == "changes@example.com"
    assert mail.subject == "Approved: Database upgrade (HTS)"
    assert (mail.contact_list, mail.topic) == ("main", TOPIC)
    assert "{{amazonSESUnsubscribeUrl}}" in mail.text


async def test_a_second_run_sends_nothing(world: World) -> None:
    await world.run()
    writes = len(world.store.writes)
    assert await world.run() == NotifyReport(TOPIC, sent_before=len(PEOPLE))
    assert world.received == Counter(PEOPLE)
    assert len(world.store.writes) == writes


async def test_a_subscriber_who_came_later_is_sent_what_is_missing(world: World) -> None:
    await world.run()
    world.people = contact_list(*PEOPLE, "late@example.com")
    report = await world.run()
    assert (report.sent, report.sent_before) == (1, len(PEOPLE))
    assert world.mailer.recipients[-1] == "late@example.com"


async def test_a_person_listed_in_two_spellings_gets_one_mail(world: World) -> None:
    world.people = contact_list("Ann@Example.com", " ann@example.com ")
    await world.run()
    assert world.mailer.recipients == ["ann@example.com"]


async def test_progress_is_noted_chunk_by_chunk(world: World) -> None:
    noted: list[int] = []

    def look() -> bool:
        noted.append(len(world.ledger().sent))
        return False

    await notify(NOTIFICATION, world.services(look))
    assert noted == [0, CHUNK_SIZE, 2 * CHUNK_SIZE, 3 * CHUNK_SIZE]
    assert world.ledger() == Ledger(sent=frozenset(marks(PEOPLE)))


@pytest.mark.parametrize("crash", [Crash(), asyncio.CancelledError(), ZeroDivisionError()])
@pytest.mark.parametrize("after", [0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 3, len(PEOPLE) - 1])
async def test_a_crash_repeats_one_chunk_at_most_and_forgets_nobody(
    world: World, after: int, crash: BaseException
) -> None:
    world.mailer.crashes_after, world.mailer.crash = after, crash
    with pytest.raises(type(crash)):
        await world.run()
    world.clock.move(DURATION)
    report = await world.run()
    assert report.errors == ()
    assert world.received.keys() == set(PEOPLE)
    assert max(world.received.values()) <= 2
    assert sum(count - 1 for count in world.received.values()) <= CHUNK_SIZE


async def test_a_note_that_cannot_be_written_repeats_one_chunk_at_most(world: World) -> None:
    def fail() -> None:
        world.store.is_down = True

    world.store.before_write = [lambda: None, lambda: None, fail]
    report = await world.run()
    assert report.sent == 2 * CHUNK_SIZE
    assert len(report.errors) == 1
    world.store.is_down = False
    world.clock.move(DURATION)
    assert (await world.run()).errors == ()
    assert sum(count - 1 for count in world.received.values()) == CHUNK_SIZE


async def test_a_lease_that_cannot_be_given_up_loses_no_count(world: World) -> None:
    def fail() -> None:
        world.store.is_down = True

    world.people = contact_list("ann@example.com")
    world.store.before_write = [lambda: None, lambda: None, fail]
    assert (await world.run()).sent == 1


async def test_refused_people_are_counted_and_not_tried_again(world: World) -> None:
    world.mailer.troubles = {PEOPLE[0]: rejection(), PEOPLE[20]: rejection()}
    report = await world.run()
    assert (report.sent, report.refused, report.errors) == (len(PEOPLE) - 2, 2, ())
    world.mailer.troubles.clear()
    assert (await world.run()).sent == 0
    assert world.mailer.tried[PEOPLE[0]] == 1
    assert world.ledger().refused[address_mark(PEOPLE[20])] == "MessageRejected"


async def test_one_failing_mail_holds_up_nobody_and_is_tried_again(world: World) -> None:
    world.mailer.troubles = {PEOPLE[3]: outage()}
    report = await world.run()
    assert report.sent == len(PEOPLE) - 1
    assert codes(report) == ["ServiceUnavailable"]
    world.mailer.troubles.clear()
    again = await world.run()
    assert (again.sent, again.errors) == (1, ())
    assert world.received == Counter(PEOPLE)


async def test_a_mail_service_that_is_down_is_left_alone_after_one_chunk(world: World) -> None:
    world.mailer.troubles = dict.fromkeys(PEOPLE, outage())
    report = await world.run()
    assert report.sent == 0
    assert len(report.errors) == sum(world.mailer.tried.values()) == CHUNK_SIZE
    world.mailer.troubles.clear()
    assert (await world.run()).sent == len(PEOPLE)


async def test_a_service_that_goes_down_midway_keeps_what_was_sent(world: World) -> None:
    world.mailer.troubles = dict.fromkeys(PEOPLE[CHUNK_SIZE:], outage())
    assert (await world.run()).sent == CHUNK_SIZE
    world.mailer.troubles.clear()
    again = await world.run()
    assert (again.sent_before, again.sent) == (CHUNK_SIZE, len(PEOPLE) - CHUNK_SIZE)
    assert world.received == Counter(PEOPLE)


async def test_a_whole_chunk_of_refused_people_stops_nobody(world: World) -> None:
    world.mailer.troubles = dict.fromkeys(PEOPLE[:CHUNK_SIZE], rejection())
    assert (await world.run()).sent == len(PEOPLE) - CHUNK_SIZE


async def test_people_who_are_not_verified_keep_the_mail_from_nobody_else(world: World) -> None:
    world.mailer.troubles = dict.fromkeys(PEOPLE[: 2 * CHUNK_SIZE], unverified())
    report = await world.run()
    assert (report.sent, report.failed) == (len(PEOPLE) - 2 * CHUNK_SIZE, 2 * CHUNK_SIZE)
    assert len(report.errors) == MAX_ERRORS
    world.mailer.troubles.clear()
    assert (await world.run()).sent == 2 * CHUNK_SIZE
    assert world.received == Counter(PEOPLE)


@pytest.mark.parametrize("rest", [None, timedelta(hours=1)])
async def test_an_account_that_sends_to_nobody_is_left_alone_at_once(
    world: World, rest: timedelta | None
) -> None:
    world.mailer.troubles = dict.fromkeys(PEOPLE[1:], stopped(rest))
    report = await world.run()
    assert (report.sent, report.retry_after) == (1, rest)
    assert sum(world.mailer.tried.values()) == CHUNK_SIZE
    world.mailer.troubles.clear()
    assert (await world.run()).errors == ()
    assert world.received == Counter(PEOPLE)


async def test_mails_that_wait_for_the_quota_are_postponed_and_no_failures(world: World) -> None:
    world.mailer.troubles = dict.fromkeys(PEOPLE[CHUNK_SIZE:], stopped(timedelta(hours=1)))
    report = await world.run()
    assert (report.sent, report.postponed, report.failures) == (CHUNK_SIZE, len(PEOPLE) - CHUNK_SIZE, 0)


async def test_the_quota_is_reported_after_many_other_failures_too(world: World) -> None:
    failing: dict[str, Exception] = {address: outage() for address in PEOPLE[::2]}
    world.mailer.troubles = failing | {PEOPLE[-1]: stopped(timedelta(hours=1))}
    assert (await world.run()).retry_after == timedelta(hours=1)


async def test_a_failure_counts_as_one_and_waiting_as_none(world: World) -> None:
    denied = RemoteServiceError("denied", service="sts", operation="AssumeRole", code="AccessDenied")
    services = replace(world.services(), directory=FakeDirectory({}, {"hts": denied}))
    assert (await notify(NOTIFICATION, services)).failures == 1
    assert (await notify(NOTIFICATION, world.services(lambda: True))).failures == 0
    world.mailer.troubles = {PEOPLE[0]: outage(), PEOPLE[1]: rejection()}
    assert (await world.run()).failures == 2


async def test_a_customer_with_more_people_than_allowed_is_not_mailed(world: World) -> None:
    limited = NotificationSettings(max_recipients_per_customer=len(PEOPLE) - 1)
    report = await notify(NOTIFICATION, replace(world.services(), settings=limited))
    [stop] = report.stops
    assert (stop.kind, stop.type, stop.customer) == (ErrorKind.GUARD, "MaxRecipientsPerCustomer", "hts")
    assert str(len(PEOPLE)) in stop.message
    assert world.mailer.sent == []
    assert world.store.objects == {}
    limited = NotificationSettings(max_recipients_per_customer=len(PEOPLE))
    assert (await notify(NOTIFICATION, replace(world.services(), settings=limited))).sent == len(PEOPLE)


async def test_the_people_of_the_other_customers_count_for_the_whole_change(world: World) -> None:
    others = (customer("acme"), customer("bolt"), customer("gone"))
    lists = {
        "hts": world.people,
        "acme": contact_list("a@example.com", "b@example.com"),
        "bolt": contact_list(),
    }
    denied = RemoteServiceError("denied", service="sts", operation="AssumeRole", code="AccessDenied")
    notification = replace(NOTIFICATION, other_customers=others)
    for allowed, number_of_stops in ((len(PEOPLE) + 1, 1), (len(PEOPLE) + 2, 0)):
        services = replace(
            world.services(),
            directory=FakeDirectory(lists, {"gone": denied}),
            settings=NotificationSettings(max_recipients=allowed),
        )
        assert len((await notify(notification, services)).stops) == number_of_stops
    assert len(world.mailer.sent) == len(PEOPLE)


async def test_a_test_run_has_no_limits(world: World) -> None:
    limited = NotificationSettings(max_recipients=1, max_recipients_per_customer=1)
    notification = replace(NOTIFICATION, only_to="robin@example.com")
    assert (await notify(notification, replace(world.services(), settings=limited))).sent == 1


async def test_people_who_shall_get_nothing_get_nothing_and_are_named_with_the_reason(world: World) -> None:
    world.people = contact_list(
        "ann@example.com",
        contact("left@example.com", OPT_OUT),
        contact("silent@example.com", None),
        contact("gone@example.com", OPT_IN, unsubscribe_all=True),
        "Bounced@example.com",
        "no address",
        suppressed=frozenset({"bounced@example.com"}),
    )
    report = await world.run()
    assert world.mailer.recipients == ["ann@example.com"]
    assert {one.address: one.reason for one in report.excluded} == {
        "left@example.com": ExclusionReason.UNSUBSCRIBED,
        "silent@example.com": ExclusionReason.UNSUBSCRIBED,
        "gone@example.com": ExclusionReason.UNSUBSCRIBED_ALL,
        "bounced@example.com": ExclusionReason.SUPPRESSED,
        "no address": ExclusionReason.INVALID_ADDRESS,
    }


async def test_who_never_chose_gets_it_where_the_topic_says_so(world: World) -> None:
    world.people = contact_list(contact("silent@example.com", None), default=OPT_IN)
    assert (await world.run()).sent == 1


async def test_a_restricted_customer_lets_only_its_list_through(world: World) -> None:
    report = await world.run(customer=customer("hts", PEOPLE[1], "stranger@example.com"))
    assert world.mailer.recipients == [PEOPLE[1]]
    assert {one.reason for one in report.excluded} == {ExclusionReason.NOT_ON_RESTRICTED_LIST}
    assert len(report.excluded) == len(PEOPLE) - 1


async def test_nobody_to_mail_is_no_error_and_leaves_no_note(world: World) -> None:
    world.people = contact_list()
    assert await world.run() == NotifyReport(TOPIC)
    assert world.store.objects == {}


async def test_a_run_waits_for_the_one_that_sends(world: World) -> None:
    other = world.leases()
    held = await other.read_ledger(KEY)
    await other.keep(held, held.note)
    report = await world.run()
    assert codes(report) == ["Busy"]
    assert report.errors[0].retryable
    assert world.mailer.sent == []


async def test_a_run_that_died_is_taken_over_at_the_end_of_its_lease(world: World) -> None:
    dead = world.leases()
    held = await dead.read_ledger(KEY)
    await dead.keep(held, replace(held.note, sent=frozenset(marks(PEOPLE[:CHUNK_SIZE]))))
    world.clock.move(DURATION)
    report = await world.run()
    assert (report.sent_before, report.sent) == (CHUNK_SIZE, len(PEOPLE) - CHUNK_SIZE)
    assert codes(await world.run()) == []


async def test_of_two_runs_at_once_one_sends(world: World) -> None:
    reports = await asyncio.gather(world.run(), world.run())
    assert sorted(map(codes, reports)) == [[], ["Busy"]]
    assert world.received == Counter(PEOPLE)


async def test_a_run_that_was_taken_over_stops(world: World) -> None:
    def take_over() -> None:
        world.store.objects[KEY] = b"{}"

    world.store.before_write = [lambda: None, take_over]
    report = await world.run()
    assert codes(report) == ["Busy"]
    assert (report.sent, len(world.mailer.sent)) == (CHUNK_SIZE, CHUNK_SIZE)
    assert world.ledger() == Ledger(sent=frozenset(marks(PEOPLE[:CHUNK_SIZE])))
    assert (await world.run()).sent == len(PEOPLE) - CHUNK_SIZE
    assert world.received == Counter(PEOPLE)


async def test_when_time_runs_out_the_rest_is_for_the_next_run(world: World) -> None:
    answers = iter([False, True])
    report = await notify(NOTIFICATION, world.services(lambda: next(answers)))
    assert codes(report) == ["OutOfTime"]
    assert str(report.errors[0]) == f"{len(PEOPLE) - CHUNK_SIZE} mails are left for the next run"
    assert (await world.run()).sent == len(PEOPLE) - CHUNK_SIZE
    assert world.received == Counter(PEOPLE)


async def test_an_unreadable_list_is_an_error_and_not_an_empty_list(world: World) -> None:
    denied = RemoteServiceError("denied", service="sts", operation="AssumeRole", code="AccessDenied")
    services = replace(world.services(), directory=FakeDirectory({}, {"hts": denied}))
    assert await notify(NOTIFICATION, services) == NotifyReport(TOPIC, errors=(denied,))


async def test_a_list_that_takes_too_long_is_tried_again(world: World) -> None:
    class SlowDirectory:
        async def fetch_contacts(self, customer: Customer, topics: Sequence[str]) -> ContactList:
            raise TimeoutError

    report = await notify(NOTIFICATION, replace(world.services(), directory=SlowDirectory()))
    assert codes(report) == ["Timeout"]
    assert report.errors[0].retryable


async def test_a_broken_ledger_stops_the_mails_and_is_told(world: World) -> None:
    world.store.objects[KEY] = b"not JSON"
    assert codes(await world.run()) == ["MalformedObject"]
    assert world.mailer.sent == []


async def test_a_rehearsal_goes_to_its_submitter_alone(world: World) -> None:
    report = await world.run(only_to="robin@example.com")
    (mail,) = world.mailer.sent
    assert report.sent == 1
    assert mail.recipient == "robin@example.com"
    assert mail.subject.startswith("[TEST] ")
    assert (mail.contact_list, mail.topic) == (None, None)
    assert "nsubscribe" not in mail.text + mail.html
    assert (await world.run(only_to="robin@example.com")).sent_before == 1


async def test_a_rehearsal_obeys_the_restriction_of_its_customer(world: World) -> None:
    restricted = customer("hts", "ann@example.com")
    report = await world.run(only_to="robin@example.com", customer=restricted)
    assert world.mailer.sent == []
    assert [(one.address, one.customer, one.reason) for one in report.excluded] == [
        ("robin@example.com", "hts", ExclusionReason.NOT_ON_RESTRICTED_LIST)
    ]
    assert (await world.run(only_to="ann@example.com", customer=restricted)).sent == 1


async def test_no_address_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="contact_manager")
    await world.run()
    assert "mail.sent" in caplog.text
    assert "@" not in caplog.text
