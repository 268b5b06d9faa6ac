"""What earlier releases have written stays valid, and what looks alike is kept apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from contact_manager.domain.lifecycle import Transition
from contact_manager.domain.processing import Verdict
from contact_manager.formats.change_json import parse_change
from contact_manager.formats.ledger_json import address_mark
from contact_manager.services import change_meeting
from tests.unit.services.change_world import ChangeWorld

CLAIM = "claims/CHG-1.json"
PEOPLE = 15


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_meeting, "CLAIM_POLL_INTERVAL", timedelta(0))


@pytest.fixture
def world() -> ChangeWorld:
    return ChangeWorld()


def old_digest(document: dict[str, Any]) -> str:
    """Return the digest that releases before ``v1:`` took; Python's own words are what it was taken over."""
    read = parse_change(json.dumps(document).encode(), source="x", default_time_zone="America/New_York")
    return hashlib.sha256(repr(read).encode()).hexdigest()[:16]


def put_old_ledgers(world: ChangeWorld, transition: str) -> None:
    for code, found in world.lists.items():
        key = f"ledger/CHG-1/{transition}/{code}/announcement.json"
        put_old_ledger(world, key, (contact.address for contact in found.contacts))


def put_old_ledger(world: ChangeWorld, key: str, addresses: Iterable[str]) -> None:
    note: dict[str, Any] = {
        "owner": "",
        "expires_at": None,
        "sent": sorted(map(address_mark, addresses)),
        "refused": {},
    }
    world.store.objects[key] = json.dumps(note).encode()


def put_old_claim(world: ChangeWorld, done: str) -> None:
    claim = {"owner": "", "expires_at": None, "doing": "", "customer": "", "is_approved": True, "done": done}
    world.store.objects[CLAIM] = json.dumps(claim).encode()


@pytest.mark.parametrize(
    ("version", "transition"),
    [
        ("1", "1"),
        ("1/0", "1_0"),
        ("9" * 300, "9" * 100),
        ("", "approved"),
        ("2031-1767225600000000", "2031-1767225600000000"),
    ],
)
async def test_who_was_mailed_by_an_earlier_release_is_not_mailed_again(
    world: ChangeWorld, version: str, transition: str
) -> None:
    world.submit(version=version)
    put_old_ledgers(world, transition)
    await world.deliver_until_done()
    assert world.mails == {}
    world.submit(version=version, changeReason="Another")
    await world.deliver_until_done()
    assert world.mails == {}


async def test_an_old_ledger_that_a_release_did_not_finish_is_gone_on_with(world: ChangeWorld) -> None:
    world.submit()
    put_old_ledger(world, "ledger/CHG-1/1/hts/announcement.json", ["h00@example.com", "h07@example.com"])
    await world.deliver_until_done()
    assert len(world.mails) == PEOPLE - 2
    assert set(world.mails.values()) == {1}


async def test_the_mails_of_versions_that_look_alike_are_kept_apart(world: ChangeWorld) -> None:
    versions = [
        "1/0",
        "1 0",
        "1_0",
        "\uff11/0",
        "v1",
        "V1",
        "\u00e9",
        "e\u0301",
        "approved",
        "",
        "9" * 101,
        "9" * 102,
        "1",
        Transition("1", is_version=True).key,
        Transition("approved", is_version=False).key,
    ]
    for number, version in enumerate(versions, 1):
        world.submit(version=version)
        await world.deliver_until_done()
        assert len(world.mailer.sent) == PEOPLE * number, version
    assert set(world.mails.values()) == {len(versions)}


async def test_an_old_ledger_counts_for_one_of_the_versions_that_had_its_key(world: ChangeWorld) -> None:
    put_old_ledgers(world, "1_0")
    for version in ("1/0", "1 0", "1/0"):
        world.submit(version=version)
        await world.deliver_until_done()
    assert len(world.mailer.sent) == PEOPLE


async def test_work_that_an_earlier_release_finished_is_not_opened_again(world: ChangeWorld) -> None:
    document = world.submit()
    put_old_claim(world, f"1:approved:{old_digest(document)}")
    await world.deliver_until_done()
    assert world.calendar.events == {}
    world.submit(meetingTitle="Another call")
    await world.deliver_until_done()
    assert len(world.calendar.events) == 1


async def test_an_old_line_in_the_record_says_that_a_customer_is_done(world: ChangeWorld) -> None:
    digest = old_digest(world.submit())
    line = {"modification_type": "processed", "customer_code": "hts", "transition": "1:approved"}
    world.submit(modifications=[line | {"content": digest}])
    world.store.objects.pop("customers/hts/CHG-1.json")
    assert (await world.deliver("hts")).verdict is Verdict.IGNORED
    world.submit(modifications=[line | {"content": digest}], changeReason="Edited since")
    world.store.objects.pop("customers/hts/CHG-1.json")
    assert (await world.deliver("hts")).verdict is Verdict.DONE


async def test_what_is_noted_now_names_its_form(world: ChangeWorld) -> None:
    world.submit()
    await world.deliver_until_done()
    lines = [line for line in world.record["modifications"] if line["modification_type"] == "processed"]
    assert {line["transition"] for line in lines} == {"1:approved"}
    assert all(line["content"].startswith("v1:") for line in lines)
    claim = json.loads(world.store.objects[CLAIM])
    assert claim["done"] == f"1:approved:{lines[0]['content']}"
