"""Many changes through the whole line, with faults and every message twice: is anything lost or doubled?

Writes changes for all customers into the sandbox's bucket, has every message delivered twice, lets one in
twenty requests fail, and runs workers until the queue is empty. Then it counts::

    python bench/soak.py --changes 200 --customers 10
    python bench/soak.py --changes 30 --customers 5 --people 12 --kill-every 15

With ``--kill-every`` a worker is killed and started anew every so many seconds; each of these crashes may
repeat the mails that were handed over and not yet noted, ``MAILS_OF_A_CRASH`` at most.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

from contact_manager.entrypoints.cli.sandbox_events import running_worker
from contact_manager.sandbox.aws_server import Fault as AwsFault
from contact_manager.sandbox.seed import SandboxContact, SandboxCustomer, SandboxWorld
from contact_manager.sandbox.stack import SandboxStack
from contact_manager.sandbox.world import OPT_IN, TOPICS

FAULT_SHARE = 0.05
TIME_LIMIT_S = 3600
WORKERS = 2
MAILS_OF_A_CRASH = 10
SHARED = "everywhere@example.com"


@dataclass(frozen=True, slots=True)
class Counts:
    """What was found at the end, and what it should have been."""

    meetings: int
    invitations: Counter[int]
    mails: Counter[int]
    expected_mails: int
    triggers_left: int
    dead_letters: int
    kills: int

    @property
    def is_fine(self) -> bool:
        """Whether nothing is lost, and nobody has more than a crash may repeat."""
        repeated = sum((times - 1) * people for times, people in self.mails.items())
        return (
            set(self.invitations) == {1}
            and sum(self.mails.values()) == self.expected_mails
            and repeated <= MAILS_OF_A_CRASH * self.kills
            and self.triggers_left == self.dead_letters == 0
        )

    def lines(self) -> Iterator[str]:
        """Yield the counts for people."""
        yield f"meetings                    {self.meetings}"
        yield f"invitations by repetition   {dict(self.invitations)}"
        yield f"mails by repetition         {dict(self.mails)} of {self.expected_mails} to be sent"
        yield f"triggers left               {self.triggers_left}"
        yield f"dead letters                {self.dead_letters}"
        yield f"workers killed              {self.kills}"


def make_world(customers: int, people: int) -> SandboxWorld:
    """Return customers with subscribers of their own and one whom they share."""
    chosen = dict.fromkeys(TOPICS, OPT_IN)
    return SandboxWorld(
        tuple(
            SandboxCustomer(
                code=f"customer-{number}",
                name=f"Customer {number}",
                account_id=f"{number + 1:012d}",
                contacts=tuple(
                    SandboxContact(address, chosen)
                    for address in (SHARED, *(f"p{one}@c{number}.example.com" for one in range(people - 1)))
                ),
            )
            for number in range(customers)
        )
    )


def make_change(number: int, world: SandboxWorld) -> dict[str, object]:
    """Return an approved change for all customers."""
    return {
        "changeId": f"CHG-{number:05d}",
        "changeTitle": f"Change {number:05d}",
        "customers": [customer.code for customer in world.customers],
        "implementationStart": "2031-05-10T22:00:00Z",
        "implementationEnd": "2031-05-11T00:00:00Z",
        "include_meeting": True,
        "status": "approved",
        "version": 1,
    }


def add_faults(stack: SandboxStack, requests: int) -> None:
    """Let one in twenty requests fail, each service in its usual ways."""
    share = FAULT_SHARE / 4
    for status in (429, 500, 503):
        stack.aws.add_fault(AwsFault(service="ses", status=status, probability=share, times=None))
    for status in (409, 500):
        write = AwsFault(service="s3", method="PUT", status=status, probability=share, times=None)
        stack.aws.add_fault(write)
        stack.aws.add_fault(replace(write, carried_out=True))
    stack.aws.add_fault(AwsFault(service="s3", status=503, probability=2 * share, times=None))
    stack.aws.add_fault(AwsFault(service="s3", drop_answer=True, probability=share, times=None))
    stack.aws.add_fault(AwsFault(service="ses", drop=True, probability=share, times=None))
    stack.aws.add_fault(AwsFault(service="sqs", status=503, probability=FAULT_SHARE, times=None))
    for number in range(1, int(requests * FAULT_SHARE)):
        status = (429, 500, 503, 504)[number % 4]
        stack.graph.add_fault({"skip": int(number / FAULT_SHARE), "status": status, "retry_after": 1})


class Workers:
    """Workers that are killed and started anew, in turn.

    Args:
        stack: The sandbox they work in.
        stopping: Ends them.
    """

    def __init__(self, stack: SandboxStack, stopping: ExitStack) -> None:
        self._stack = stack
        self._stopping = stopping
        self._running = [self._start() for _ in range(WORKERS)]
        self.kills = 0

    def kill_one(self) -> None:
        """End the oldest worker without a warning, and start another."""
        worker = self._running.pop(0)
        worker.kill()
        worker.wait()
        self.kills += 1
        self._running.append(self._start())

    def _start(self) -> subprocess.Popen[bytes]:
        return self._stopping.enter_context(running_worker(self._stack, sys.stderr))


def count(stack: SandboxStack, changes: int, kills: int) -> Counts:
    """Look at the calendar, the mailboxes, the bucket and the queues."""
    state = stack.graph.state()
    world = stack.world
    events = [one for one in state["mailboxes"][world.organizer]["events"] if not one["isCancelled"]]
    invitations = Counter((one["subject"], one["address"]) for one in state["notices"])
    mails = Counter((one.account, one.recipient, one.subject) for one in stack.aws.sent_mails)
    return Counts(
        meetings=len(events),
        invitations=Counter(invitations.values()),
        mails=Counter(mails.values()),
        expected_mails=changes * sum(len(customer.contacts) for customer in world.customers),
        triggers_left=len(stack.changes.keys("customers/")),
        dead_letters=len(stack.changes.dead_letters()),
        kills=kills,
    )


def run(changes: int, customers: int, people: int, kill_every_s: float | None) -> Counts:
    """Run it all and return the counts."""
    world = make_world(customers, people)
    with SandboxStack(world) as stack, ExitStack() as running:
        for number in range(changes):
            stack.changes.submit(make_change(number, world))
        stack.changes.deliver_again()
        add_faults(stack, requests=20 * changes)
        workers = Workers(stack, running)
        began = killed = time.monotonic()
        while stack.changes.queue_depth() and time.monotonic() - began < TIME_LIMIT_S:
            time.sleep(1)
            if kill_every_s is not None and time.monotonic() - killed > kill_every_s:
                workers.kill_one()
                killed = time.monotonic()
        print(f"{changes} changes x {customers} customers: {time.monotonic() - began:.0f} s", file=sys.stderr)
        return count(stack, changes, workers.kills)


def main() -> None:
    """Run it as the command line says, and fail when something is lost or doubled."""
    parser = argparse.ArgumentParser(description="Soak the whole line in the sandbox.")
    parser.add_argument("--changes", type=int, default=200)
    parser.add_argument("--customers", type=int, default=10)
    parser.add_argument("--people", type=int, default=5, help="subscribers of each customer")
    parser.add_argument("--kill-every", type=float, metavar="SECONDS", help="kill a worker so often")
    chosen = parser.parse_args()
    counts = run(chosen.changes, chosen.customers, chosen.people, chosen.kill_every)
    print("\n".join(counts.lines()))
    sys.exit(0 if counts.is_fine and counts.meetings == chosen.changes else 1)


if __name__ == "__main__":
    main()
