"""The account-level suppression list, which moto does not have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from contact_manager.sandbox.aws_server.contact_store import Place


@dataclass(frozen=True, slots=True)
class Suppressed:
    """An address that SES does not mail.

    Attributes:
        address: With its case, which is kept and must match exactly when an entry is read or deleted
            (Amazon SES developer guide, "Managing tenant suppression list entries").
        reason: ``BOUNCE`` or ``COMPLAINT``.
        updated: When it was put on the list.
    """

    address: str
    reason: str
    updated: datetime


class SuppressionLists:
    """One list for each account and Region."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._lists: dict[Place, dict[str, Suppressed]] = {}

    def put(self, place: Place, suppressed: Suppressed) -> None:
        """Add an address, or replace what is known about it."""
        with self._lock:
            self._lists.setdefault(place, {})[suppressed.address] = suppressed

    def find(self, place: Place, address: str) -> Suppressed | None:
        """Return what is known about an address, or None."""
        with self._lock:
            return self._lists.get(place, {}).get(address)

    def remove(self, place: Place, address: str) -> bool:
        """Take an address off the list, and tell whether it was there."""
        with self._lock:
            return self._lists.get(place, {}).pop(address, None) is not None

    def entries(self, place: Place) -> list[Suppressed]:
        """Return a list, in the order of the addresses."""
        with self._lock:
            return sorted(self._lists.get(place, {}).values(), key=lambda entry: entry.address)
