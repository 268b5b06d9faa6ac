"""Notes come back as they were written, and what is no note is refused."""

from __future__ import annotations

import json
from datetime import UTC, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contact_manager.formats.ledger_json import (
    Claim,
    Lease,
    Ledger,
    address_mark,
    dump_claim,
    dump_ledger,
    load_claim,
    load_ledger,
)
from tests.fakes.worlds import NOW

DURATION = timedelta(minutes=5)
LEASE = Lease("run-1", NOW + timedelta(minutes=5))
MOMENTS = st.datetimes(timezones=st.just(UTC))
LEASES = st.builds(Lease, st.text(), st.none() | MOMENTS)
CLAIMS = st.builds(Claim, LEASES, st.text(), st.text(), st.booleans(), st.text())
LEDGERS = st.builds(
    Ledger,
    LEASES,
    st.frozensets(st.text(), max_size=5),
    st.dictionaries(st.text(), st.text(), max_size=5),
    st.text(),
)
KEYS = st.sampled_from("owner expires_at doing customer is_approved done sent refused moved_to".split())
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(CLAIMS)
def test_a_claim_comes_back_as_it_was_written(claim: Claim) -> None:
    assert load_claim(dump_claim(claim)) == claim


@given(LEDGERS)
def test_a_ledger_comes_back_as_it_was_written(ledger: Ledger) -> None:
    assert load_ledger(dump_ledger(ledger)) == ledger


def assert_note_or_refused(data: bytes) -> None:
    for load in (load_claim, load_ledger):
        try:
            note = load(data)
        except (ValueError, TypeError):
            continue
        note.lease.is_running(timedelta(0), DURATION)


@given(st.binary())
def test_any_bytes_are_a_note_or_refused(data: bytes) -> None:
    assert_note_or_refused(data)


@given(st.dictionaries(KEYS, VALUES) | VALUES)
def test_any_json_is_a_note_or_refused(document: Any) -> None:
    assert_note_or_refused(json.dumps(document).encode())


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"7", b"null", b"\xff", b"[" * 2000])
def test_what_is_no_object_is_refused(data: bytes) -> None:
    for load in (load_claim, load_ledger):
        with pytest.raises(ValueError, match=r"."):
            load(data)


@pytest.mark.parametrize("until", ["2030-01-01T00:00:00", "2030-01-01", "soon", 7, ["2030"]])
def test_an_end_that_is_no_moment_is_refused(until: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        load_ledger(json.dumps({"owner": "run-1", "expires_at": until}).encode())


def test_an_empty_object_is_a_note_of_nobody() -> None:
    assert load_claim(b"{}") == Claim()
    assert load_ledger(b"{}") == Ledger()


def test_a_lease_runs_for_its_duration_whatever_end_is_written_in_it() -> None:
    for end in (NOW - timedelta(days=99), NOW, NOW + timedelta(days=99)):
        lease = Lease("run-1", end)
        assert lease.is_running(timedelta(0), DURATION)
        assert lease.is_running(DURATION - timedelta(microseconds=1), DURATION)
        assert not lease.is_running(DURATION, DURATION)
    assert not Lease().is_running(timedelta(0), DURATION)


def test_a_lease_of_nobody_counts_and_does_not_run() -> None:
    left = Lease("", NOW + timedelta(minutes=5))
    assert left.counts(timedelta(0), DURATION)
    assert not left.is_running(timedelta(0), DURATION)
    assert not left.counts(DURATION, DURATION)


def test_ledgers_are_joined_without_losing_anybody() -> None:
    one = Ledger(LEASE, frozenset({"a"}), {"b": "MessageRejected"})
    other = Ledger(Lease(), frozenset({"c"}), {"d": "MessageRejected"})
    joined = Ledger(LEASE, frozenset({"a", "c"}), {"b": "MessageRejected", "d": "MessageRejected"})
    assert one.joined_with(other) == joined


def test_people_whose_mail_was_accepted_or_refused_are_settled() -> None:
    ledger = Ledger(
        sent=frozenset({address_mark("ann@example.com")}),
        refused={address_mark("bob@example.com"): "MessageRejected"},
    )
    people = ("ann@example.com", "bob@example.com", "cay@example.com")
    assert [ledger.is_settled(address) for address in people] == [True, True, False]


def test_the_ledger_holds_no_address() -> None:
    ledger = Ledger(sent=frozenset({address_mark("ann@example.com")}))
    assert b"ann" not in dump_ledger(ledger)
    assert b"example" not in dump_ledger(ledger)
