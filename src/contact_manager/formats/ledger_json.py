"""What is noted beside a change so that nothing is done twice: leases, and who got which mail."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

_MARK_LENGTH = 24
LEDGER_FORM = 2


@dataclass(frozen=True, slots=True)
class Lease:
    """To whom a note belongs: ``""`` for a run that has ended without success.

    ``expires_at`` is by the writer's clock, which may be wrong: it only says that there is a lease, and when
    a release that still believes it lets go. Since when the lease runs is the age of the stored object.
    """

    owner: str = ""
    expires_at: datetime | None = None

    def is_running(self, age: timedelta, duration: timedelta) -> bool:
        """Whether a run works on it now."""
        return bool(self.owner) and self.counts(age, duration)

    def counts(self, age: timedelta, duration: timedelta) -> bool:
        """Whether the lease, written ``age`` ago, has not ended yet."""
        return self.expires_at is not None and age < duration


@dataclass(frozen=True, slots=True)
class Claim:
    """The meeting of a change: which run works on it, and what was done.

    Attributes:
        lease: Of the run that works on it.
        doing: The task of that run.
        customer: Whose trigger started that run, and comes again when it fails.
        is_approved: Whether the change was ever approved: there may be a meeting.
        done: The task that came to its end last.
    """

    lease: Lease = field(default_factory=Lease)
    doing: str = ""
    customer: str = ""
    is_approved: bool = False
    done: str = ""

    def joined_with(self, _other: Claim) -> Claim:
        """Return this claim: what another run was at does not matter any more."""
        return self


@dataclass(frozen=True, slots=True)
class Ledger:
    """One kind of mail of one transition for one customer.

    Attributes:
        lease: Who sends now.
        sent: Marks of the people whose mail was accepted.
        refused: By mark, why a mail can never be sent.
        moved_to: Of a ledger under an old key: the key of the transition that has taken it over.
        form: 1 for one that an earlier release wrote, whose key has no digest.
    """

    lease: Lease = field(default_factory=Lease)
    sent: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)
    moved_to: str = ""
    form: int = field(default=LEDGER_FORM, compare=False)

    def joined_with(self, other: Ledger) -> Ledger:
        """Return this ledger with what ``other`` knows of people as well."""
        return replace(self, sent=self.sent | other.sent, refused={**other.refused, **self.refused})

    def is_settled(self, address: str) -> bool:
        """Whether nothing is left to do for a person."""
        mark = address_mark(address)
        return mark in self.sent or mark in self.refused


def address_mark(address: str) -> str:
    """Return what stands for a folded address, so that the ledger holds none."""
    return hashlib.sha256(address.encode()).hexdigest()[:_MARK_LENGTH]


def dump_claim(claim: Claim) -> bytes:
    """Return the claim as JSON."""
    parts = {
        **_lease(claim.lease),
        "doing": claim.doing,
        "customer": claim.customer,
        "is_approved": claim.is_approved,
        "done": claim.done,
    }
    return orjson.dumps(parts, option=orjson.OPT_INDENT_2)


def load_claim(data: bytes) -> Claim:
    """Return the claim.

    Raises:
        ValueError: It is none.
    """
    parts = _parts(data)
    return Claim(
        _read_lease(parts),
        str(parts.get("doing") or ""),
        str(parts.get("customer") or ""),
        bool(parts.get("is_approved")),
        str(parts.get("done") or ""),
    )


def dump_ledger(ledger: Ledger) -> bytes:
    """Return the ledger as JSON."""
    parts = {
        "v": ledger.form,
        **_lease(ledger.lease),
        "sent": sorted(ledger.sent),
        "refused": dict(ledger.refused),
    }
    if ledger.moved_to:
        parts["moved_to"] = ledger.moved_to
    return orjson.dumps(parts, option=orjson.OPT_INDENT_2)


def load_ledger(data: bytes) -> Ledger:
    """Return the ledger.

    Raises:
        ValueError: It is none.
    """
    parts = _parts(data)
    refused = {str(mark): str(code) for mark, code in dict(parts.get("refused") or {}).items()}
    sent = frozenset(map(str, parts.get("sent") or ()))
    moved_to, form = str(parts.get("moved_to") or ""), int(parts.get("v") or 1)
    return Ledger(_read_lease(parts), sent, refused, moved_to, form)


def _lease(lease: Lease) -> dict[str, Any]:
    return {"owner": lease.owner, "expires_at": lease.expires_at}


def _read_lease(parts: Mapping[str, Any]) -> Lease:
    until = parts.get("expires_at")
    ends = datetime.fromisoformat(until) if until else None
    if ends is not None and ends.tzinfo is None:
        raise ValueError("expires_at names no time zone")
    return Lease(str(parts.get("owner") or ""), ends)


def _parts(data: bytes) -> Mapping[str, Any]:
    parts = orjson.loads(data)
    if not isinstance(parts, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 - a problem of the input
    return parts
