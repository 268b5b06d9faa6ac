"""The product's reading of all customers, without a command around it. Prints how many are invited."""

from __future__ import annotations

import asyncio
import gc
import ssl
import sys

from contact_manager.adapters.aws.ses_contacts import SesContactDirectory
from contact_manager.adapters.aws.session import AwsAccess
from contact_manager.domain.customer import Customer
from contact_manager.domain.recipients import TopicSelection, decide_recipients
from contact_manager.domain.subscription import ContactList

TOPIC = "aws-calendar"
CONCURRENT_CUSTOMERS = 256


def make_customer(number: int) -> Customer:
    """Return a customer whose account has this number."""
    role = f"arn:aws:iam::{number:012d}:role/reader"
    return Customer(f"c{number}", f"Customer {number}", "us-east-1", role)


async def read_all(customers: list[Customer]) -> int:
    """Return how many people are invited."""
    slots = asyncio.Semaphore(CONCURRENT_CUSTOMERS)
    async with AwsAccess(tls=ssl.create_default_context(), label="bench") as access:
        directory = SesContactDirectory(access, requests_per_second=10)

        async def read(customer: Customer) -> tuple[Customer, ContactList]:
            async with slots:
                return customer, await directory.fetch_contacts(customer, [TOPIC])

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(read(customer)) for customer in customers]
    return len(decide_recipients((task.result() for task in tasks), TopicSelection(TOPIC)).invited)


if __name__ == "__main__":
    gc.set_threshold(100_000, 50, 1000)  # a program's door decides about it: contacts are no garbage
    print(asyncio.run(read_all([make_customer(number) for number in range(int(sys.argv[1]))])))
