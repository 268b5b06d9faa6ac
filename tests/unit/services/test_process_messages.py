"""Messages of the queue: each on its own, and only those come again that may succeed later."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from contact_manager.domain.customer import Customer
from contact_manager.domain.notification import Mail
from contact_manager.domain.processing import Verdict
from contact_manager.errors import RemoteServiceError
from contact_manager.formats.s3_event import Role, Trigger
from contact_manager.services.process_messages import MessageOutcome, MessageRules, process_messages
from tests.fakes.memory_mailer import MemoryMailer, outage
from tests.unit.services.change_world import ChangeWorld, listed

ROLE = Role("arn:aws:iam::123456789012:role/backend", "AROAEXAMPLE")


@pytest.fixture
def world() -> ChangeWorld:
    world = ChangeWorld({"hts": listed("ann@example.com"), "acme": listed("cat@example.org")})
    world.submit()
    return world


def record(code: str, *, bucket: str = "changes", writer: str = "AWS:portal") -> dict[str, Any]:
    key = f"customers/{code}/CHG-1.json"
    return {
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": writer},
        "s3": {"bucket": {"name": bucket}, "object": {"key": key}},
    }


def message(*records: dict[str, Any]) -> str:
    return json.dumps({"Records": records})


async def handle(
    world: ChangeWorld, *bodies: str, rules: MessageRules | None = None
) -> tuple[MessageOutcome, ...]:
    named = {f"m{number}": body for number, body in enumerate(bodies)}
    return await process_messages(named, world.services, rules or MessageRules("changes", ROLE))


def verdicts(outcomes: tuple[MessageOutcome, ...]) -> list[list[Verdict]]:
    return [[report.verdict for report in outcome.reports] for outcome in outcomes]


async def test_a_batch_does_what_its_messages_ask_for_and_nothing_comes_again(world: ChangeWorld) -> None:
    outcomes = await handle(world, message(record("hts")), message(record("acme")))
    assert verdicts(outcomes) == [[Verdict.DONE], [Verdict.DONE]]
    assert not any(outcome.comes_again for outcome in outcomes)
    assert set(world.mails) == {("ann@example.com", "Approved"), ("cat@example.org", "Approved")}
    assert all(report.duration.total_seconds() >= 0 for outcome in outcomes for report in outcome.reports)


async def test_one_message_may_carry_several_triggers_or_none(world: ChangeWorld) -> None:
    both, none = message(record("hts"), record("acme")), message()
    assert verdicts(await handle(world, both, none)) == [[Verdict.DONE] * 2, []]


async def test_the_same_message_twice_in_a_batch_is_done_once(world: ChangeWorld) -> None:
    outcomes = await handle(world, *[message(record("hts"))] * 5)
    while again := [message(record("hts")) for outcome in outcomes if outcome.comes_again]:
        outcomes = await handle(world, *again)
    assert world.mails == {("ann@example.com", "Approved"): 1}
    assert len(world.calendar.events) == 1


@pytest.mark.parametrize(
    "body", ["", "nonsense", "[]", "{}", json.dumps({"Records": [{}]}), message(record("no such code!"))]
)
async def test_what_is_no_message_of_ours_is_rejected_and_spoils_no_other(
    world: ChangeWorld, body: str
) -> None:
    bad, good = await handle(world, body, message(record("hts")))
    assert bad.rejected
    assert not bad.comes_again
    assert [report.verdict for report in good.reports] == [Verdict.DONE]


async def test_another_bucket_is_rejected(world: ChangeWorld) -> None:
    assert verdicts(await handle(world, message(record("hts", bucket="theirs")))) == [[Verdict.REJECTED]]
    assert world.mailer.sent == []


async def test_what_we_wrote_ourselves_is_no_news(world: ChangeWorld) -> None:
    own = message(record("hts", writer="AWS:AROAEXAMPLE:session"))
    assert verdicts(await handle(world, own)) == [[Verdict.IGNORED]]
    assert verdicts(await handle(world, own, rules=MessageRules("changes"))) == [[Verdict.DONE]]


async def test_only_what_may_succeed_later_comes_again(world: ChangeWorld) -> None:
    world.mailer.troubles = {"ann@example.com": outage()}
    world.submit(customers=["hts", "acme"])
    world.unconfigured = set()
    failed, done = await handle(world, message(record("hts")), message(record("acme")))
    assert (failed.comes_again, done.comes_again) == (True, False)
    world.mailer.troubles.clear()
    assert verdicts(await handle(world, message(record("hts")))) == [[Verdict.DONE]]
    assert set(world.mails.values()) == {1}


class DefectiveMailer(MemoryMailer):
    """Raises what no mailer may raise, for one customer."""

    async def send(self, customer: Customer, mail: Mail) -> None:
        if customer.code == "hts":
            raise ZeroDivisionError("a defect")
        await super().send(customer, mail)


async def test_a_defect_brings_its_own_message_back_and_no_other(
    world: ChangeWorld, caplog: pytest.LogCaptureFixture
) -> None:
    world.mailer = DefectiveMailer()
    failed, done = await handle(world, message(record("hts")), message(record("acme")))
    assert [error.type for error in failed.reports[0].errors] == ["ZeroDivisionError"]
    assert (failed.comes_again, done.comes_again) == (True, False)
    assert "change.crashed" in caplog.text


async def test_without_time_every_message_comes_again_and_nothing_was_done(world: ChangeWorld) -> None:
    world.is_out_of_time = lambda: True
    outcomes = await handle(world, message(record("hts")), message(record("acme")))
    assert all(outcome.comes_again for outcome in outcomes)
    assert (world.mailer.sent, world.calendar.events) == ([], {})


async def test_the_caller_hears_which_trigger_begins(world: ChangeWorld) -> None:
    begun: list[tuple[str, Trigger]] = []
    rules = MessageRules("changes", on_begin=lambda message_id, trigger: begun.append((message_id, trigger)))
    await handle(world, message(record("hts")), rules=rules)
    assert [(message_id, trigger.customer) for message_id, trigger in begun] == [("m0", "hts")]


async def test_the_log_names_change_customer_and_outcome_and_no_address(
    world: ChangeWorld, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="contact_manager")
    told = "mailbox ann@example.com is full"
    world.mailer.troubles = {
        "ann@example.com": RemoteServiceError(told, service="ses", operation="SendEmail", retryable=True)
    }
    await handle(world, message(record("hts")), message(record("acme")), "nonsense")
    lines = caplog.text.splitlines()
    assert any("change.retry change_id=CHG-1 customer=hts status=approved" in line for line in lines)
    assert any("change.done change_id=CHG-1 customer=acme" in line for line in lines)
    assert any("message.rejected message_id=m2" in line for line in lines)
    assert "ann@" not in caplog.text
    assert "<address>" in caplog.text


async def test_the_log_names_our_own_addresses_and_nobody_elses(
    world: ChangeWorld, caplog: pytest.LogCaptureFixture
) -> None:
    said = "not verified: changes@example.com, arn:aws:ses:::identity/changes@example.com, ann@example.com"
    error = RemoteServiceError(said, service="ses", operation="SendEmail", code="MessageRejected")
    world.mailer = MemoryMailer(troubles={"ann@example.com": error})
    rules = MessageRules("changes", own_addresses=frozenset({"changes@example.com"}))
    await handle(world, message(record("hts")), rules=rules)
    [line] = [one.getMessage() for one in caplog.records if "change.retry" in one.getMessage()]
    assert "not verified: changes@example.com, arn:aws:ses:::identity/changes@example.com, <address>" in line
