"""People and a calendar for tests of what a change's triggers do."""

from __future__ import annotations

from typing import Any

from tests.unit.services.change_world import ChangeWorld, listed

HTS = {"ann@example.com", "bob@example.com"}
ACME = {"cat@example.org"}
EVERYBODY = HTS | ACME
ANNOUNCED, ASKED, ENDED, CALLED_OFF = "Approved", "Approval requested", "Completed", "Cancelled"


def new_world() -> ChangeWorld:
    return ChangeWorld({"hts": listed(*sorted(HTS)), "acme": listed(*sorted(ACME))})


async def go_through(world: ChangeWorld, *statuses: str, **edits: Any) -> None:
    """Bring a change through statuses, each with all its triggers; its people are mailed at each."""
    for number, status in enumerate(statuses):
        world.move_to(status, **{"version": str(number + 1)} | edits)
        await world.deliver_until_done()
    world.mailer.sent.clear()


def mailed(world: ChangeWorld, word: str) -> set[str]:
    """Return who has exactly one mail that begins so; nobody has more than one, and nobody another one."""
    assert set(world.mails.values()) <= {1}
    assert {kind for _, kind in world.mails} <= {word}
    return {address for address, _ in world.mails}


def invited(world: ChangeWorld) -> set[str]:
    """Return who is in the meeting, of which there is at most one."""
    assert len(world.calendar.events) <= 1
    return {one.address for event in world.calendar.events.values() for one in event.attendees}
