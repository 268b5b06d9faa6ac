"""Puts a world into the AWS server: contact lists, suppression lists, roles, parameters, bucket, queues."""

from __future__ import annotations

import json
from typing import Any

from moto.s3.models import s3_backends
from moto.sqs.models import sqs_backends
from moto.ssm.models import ssm_backends

from contact_manager.sandbox.aws_server import BASE_ACCOUNT_ID, AwsServer, ContactEntry, Place, RoleRule
from contact_manager.sandbox.demo_world import DEMO_CUSTOMERS, DEMO_WORLD
from contact_manager.sandbox.world import (
    GraphApp,
    SandboxContact,
    SandboxCustomer,
    SandboxWorld,
    make_config,
    write_config,
)

__all__ = [
    "DEMO_CUSTOMERS",
    "DEMO_WORLD",
    "GraphApp",
    "SandboxContact",
    "SandboxCustomer",
    "SandboxWorld",
    "make_config",
    "seed",
    "seed_customer",
    "write_config",
]

MAX_RECEIVE_COUNT = 10
"""After this a message goes to the dead-letter queue."""


def seed(server: AwsServer, world: SandboxWorld = DEMO_WORLD) -> None:
    """Put a world into a running server, in which only the world's roles can be assumed from then on.

    Args:
        server: Started before; its start forgets what was seeded.
        world: What to put in.
    """
    server.configure(deny_unknown_roles=True)
    for customer in world.customers:
        seed_customer(server, customer)
    _seed_parameters(world)
    queues = sqs_backends[BASE_ACCOUNT_ID][world.region]
    dead = queues.create_queue(world.dead_letter_queue_name)
    redrive = json.dumps({"deadLetterTargetArn": dead.queue_arn, "maxReceiveCount": MAX_RECEIVE_COUNT})
    queue = queues.create_queue(world.queue_name, RedrivePolicy=redrive)
    for customer in world.customers:
        queues.create_queue(customer.queue_name)
    bucket = s3_backends[BASE_ACCOUNT_ID]["aws"].create_bucket(world.bucket_name, world.region)
    bucket.set_notification_configuration(_notification_to(queue.queue_arn))


def seed_customer(server: AwsServer, customer: SandboxCustomer) -> None:
    """Put one customer's account into a running server: its role, contact list and suppression list."""
    place = Place(customer.account_id, customer.region)
    server.set_role(RoleRule(customer.role_arn, denied=customer.denied, external_id=customer.external_id))
    for address in customer.suppressed:
        server.suppress(place, address)
    if customer.list_name is None:
        return
    server.create_contact_list(place, customer.list_name, customer.topic_defaults)
    for contact in customer.contacts:
        entry = ContactEntry(contact.address, contact.topics, contact.unsubscribe_all)
        server.put_contact(place, entry, list_name=customer.list_name)


def _notification_to(queue_arn: str) -> dict[str, Any]:
    """Return what a bucket is configured with so that triggers arrive in the queue."""
    rules = [{"Name": "prefix", "Value": "customers/"}, {"Name": "suffix", "Value": ".json"}]
    filters = {"S3Key": {"FilterRule": rules}}
    return {
        "QueueConfiguration": [
            {"Queue": queue_arn, "Event": ["s3:ObjectCreated:*"], "Filter": filters, "Id": "triggers"}
        ]
    }


def _seed_parameters(world: SandboxWorld) -> None:
    app = world.graph_app
    values = {
        "/azure/client-id": app.client_id,
        "/azure/client-secret": app.client_secret,
        "/azure/tenant-id": app.tenant_id,
    }
    for name, value in values.items():
        ssm_backends[BASE_ACCOUNT_ID][world.region].put_parameter(
            name=name,
            description="Made up for the sandbox",
            value=value,
            parameter_type="SecureString",
            allowed_pattern="",
            keyid="alias/aws/ssm",
            overwrite=True,
            tags=[],
            data_type="text",
            tier=None,
            policies=None,
        )
