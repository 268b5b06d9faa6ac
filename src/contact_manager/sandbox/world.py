"""A world to seed: customers, their contacts, and the configuration that fits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MAIN_ACCOUNT_ID = "123456789012"
TOPICS = (
    "aws-calendar",
    "aws-announce",
    "aws-approval",
    "general-updates",
    "cic-announce",
    "finops-announce",
    "inner-announce",
    "announce-approval",
)
OPT_IN = "OPT_IN"
OPT_OUT = "OPT_OUT"
_ROLE_NAME = "ContactManagerReader"


@dataclass(frozen=True, slots=True)
class SandboxContact:
    """A person on a customer's contact list.

    Attributes:
        address: As the person typed it.
        topics: Explicit choices, ``OPT_IN`` or ``OPT_OUT`` by topic name.
        unsubscribe_all: Whether the person left every topic.
    """

    address: str
    topics: Mapping[str, str] = field(default_factory=dict)
    unsubscribe_all: bool = False


@dataclass(frozen=True, slots=True)
class SandboxCustomer:
    """A customer with an AWS account of its own.

    Attributes:
        code: Key in ``customer_mappings``.
        name: For people.
        account_id: Twelve digits.
        region: Where its SES is.
        contacts: Of its one contact list.
        topic_defaults: Default status by topic name; these are the list's topics.
        list_name: Of the contact list; None leaves the account without a list.
        environment: ``production`` or ``non-production``.
        restricted_recipients: The only people who may be reached; empty for no restriction.
        external_id: What AssumeRole must give, or None.
        suppressed: Addresses on the account's suppression list.
        configured_list_name: Whether the configuration names the list, or the list must be looked for.
        denied: Whether the role may not be assumed.
    """

    code: str
    name: str
    account_id: str
    region: str = "us-east-1"
    contacts: Sequence[SandboxContact] = ()
    topic_defaults: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(TOPICS, OPT_OUT))
    list_name: str | None = "contacts"
    environment: str = "production"
    restricted_recipients: Sequence[str] = ()
    external_id: str | None = None
    suppressed: Sequence[str] = ()
    configured_list_name: bool = False
    denied: bool = False

    @property
    def role_arn(self) -> str:
        """The role that reads this customer's contacts."""
        return f"arn:aws:iam::{self.account_id}:role/{_ROLE_NAME}"

    @property
    def queue_name(self) -> str:
        """The queue of this customer's events, in the main account."""
        return f"contact-manager-{self.code}"


@dataclass(frozen=True, slots=True)
class GraphApp:
    """The application that is registered at Microsoft's sign-in.

    Attributes:
        tenant_id: Of the directory.
        client_id: Of the application.
        client_secret: Of the application; made up, like everything here.
    """

    tenant_id: str = "00000000-0000-4000-8000-000000000001"
    client_id: str = "00000000-0000-4000-8000-000000000002"
    client_secret: str = "sandbox-client-secret"


@dataclass(frozen=True, slots=True)
class SandboxWorld:
    """Everything that the stand-ins hold at the start.

    Attributes:
        customers: With their accounts.
        region: Of the main account.
        organizer: Mailbox that owns the meetings.
        other_mailboxes: More mailboxes that exist at Microsoft 365.
        bucket_name: Of change files.
        queue_name: Of the bucket's triggers.
        graph_app: Written to the three SSM parameters.
    """

    customers: Sequence[SandboxCustomer]
    region: str = "us-east-1"
    organizer: str = "changes@example.com"
    other_mailboxes: Sequence[str] = ("notifications@example.com",)
    bucket_name: str = "contact-manager-changes"
    queue_name: str = "contact-manager-main"
    graph_app: GraphApp = field(default_factory=GraphApp)

    @property
    def dead_letter_queue_name(self) -> str:
        """Of triggers that failed again and again."""
        return f"{self.queue_name}-dead"


def make_config(world: SandboxWorld) -> dict[str, Any]:
    """Return the content of the ``config.json`` that fits a world."""
    return {
        "aws_region": world.region,
        "log_level": "warning",
        "s3_config": {"bucket_name": world.bucket_name},
        "customer_mappings": {customer.code: _mapping(world, customer) for customer in world.customers},
        "email_config": {
            "sender_address": "notifications@example.com",
            "meeting_organizer": world.organizer,
            "portal_base_url": "https://portal.example.com",
            "domain": "example.com",
        },
        "meeting_config": {
            "topic": TOPICS[0],
            "time_zone": "America/New_York",
            "duration_minutes": 60,
            "location": "Microsoft Teams",
            "hide_attendees": "auto",
        },
    }


def write_config(world: SandboxWorld, path: Path) -> None:
    """Write the ``config.json`` that fits a world."""
    path.write_text(json.dumps(make_config(world), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _mapping(world: SandboxWorld, customer: SandboxCustomer) -> dict[str, Any]:
    mapping: dict[str, Any] = {
        "customer_code": customer.code,
        "customer_name": customer.name,
        "environment": customer.environment,
        "region": customer.region,
        "ses_role_arn": customer.role_arn,
        "sqs_queue_arn": f"arn:aws:sqs:{world.region}:{MAIN_ACCOUNT_ID}:{customer.queue_name}",
    }
    if customer.restricted_recipients:
        mapping["restricted_recipients"] = list(customer.restricted_recipients)
    if customer.external_id is not None:
        mapping["external_id"] = customer.external_id
    if customer.configured_list_name and customer.list_name is not None:
        mapping["contact_list_name"] = customer.list_name
    return mapping
