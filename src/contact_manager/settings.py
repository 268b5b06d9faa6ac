"""What the tool is told to do, already right: frozen values, no reading here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from contact_manager.domain.customer import Customer
from contact_manager.domain.guards import (
    DEFAULT_MAX_RECIPIENTS,
    DEFAULT_MAX_RECIPIENTS_PER_CUSTOMER,
    RecipientLimits,
)
from contact_manager.domain.notification import NotificationTopics

DEFAULT_TOPIC = "aws-calendar"
DEFAULT_TIME_ZONE = "America/New_York"
MAX_CUSTOMER_CONCURRENCY = 256


class HideAttendees(StrEnum):
    """When the people of a meeting must not see each other."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class MeetingSettings:
    """``meeting_config``.

    Attributes:
        topic: SES topic whose subscribers are invited.
        time_zone: IANA name for change files that name none.
        duration: When a change gives neither a duration nor an end.
        location: When a change gives none.
        hide_attendees: ``auto`` hides when the change touches more than one customer.
        optional_topics: Subscribers of these are invited as optional.
        attendee_limit: People an event may have. 500 is the documented cap (Microsoft Learn, event resource).
        templates_dir: Folder with templates, relative to that of the configuration file; or None.
        auto_schedule: Whether a change that arrives as an event may get a meeting unasked.
        requests_per_second: Per customer account, at Amazon SES.
        max_customer_concurrency: Customers read at the same time.
        customer_timeout: After this a customer counts as unreadable.
        max_recipients: More people of one change stop its meeting.
        max_recipients_per_customer: More people through one customer stop it, too.
    """

    topic: str = DEFAULT_TOPIC
    time_zone: str = DEFAULT_TIME_ZONE
    duration: timedelta = timedelta(minutes=60)
    location: str = "Microsoft Teams"
    hide_attendees: HideAttendees = HideAttendees.AUTO
    optional_topics: tuple[str, ...] = ()
    attendee_limit: int = 500
    templates_dir: str | None = None
    auto_schedule: bool = True
    requests_per_second: float = 10.0
    max_customer_concurrency: int = MAX_CUSTOMER_CONCURRENCY
    customer_timeout: timedelta = timedelta(seconds=60)
    max_recipients: int = DEFAULT_MAX_RECIPIENTS
    max_recipients_per_customer: int = DEFAULT_MAX_RECIPIENTS_PER_CUSTOMER

    @property
    def limits(self) -> RecipientLimits:
        """How many people a meeting may have."""
        return RecipientLimits(self.max_recipients, self.max_recipients_per_customer, "meeting_config")


@dataclass(frozen=True, slots=True)
class GraphSettings:
    """``graph_config``: where Microsoft Graph and its sign-in are, and the SSM names of the credentials."""

    base_url: str = "https://graph.microsoft.com/v1.0"
    authority_host: str = "https://login.microsoftonline.com"
    client_id_parameter: str = "/azure/client-id"
    client_secret_parameter: str = "/azure/client-secret"  # noqa: S105 - a parameter's name
    tenant_id_parameter: str = "/azure/tenant-id"


@dataclass(frozen=True, slots=True)
class NotificationSettings:
    """``notification_config``.

    Attributes:
        topics: SES topics of the mails.
        lease_duration: How long one run may work on a meeting or a portion of mails before another takes
            over.
        max_recipients: More people through all customers of one change stop its mails.
        max_recipients_per_customer: More people through one customer stop the mails to them.
    """

    topics: NotificationTopics = field(default_factory=NotificationTopics)
    lease_duration: timedelta = timedelta(seconds=180)
    max_recipients: int = DEFAULT_MAX_RECIPIENTS
    max_recipients_per_customer: int = DEFAULT_MAX_RECIPIENTS_PER_CUSTOMER

    @property
    def limits(self) -> RecipientLimits:
        """How many people may be mailed."""
        return RecipientLimits(self.max_recipients, self.max_recipients_per_customer, "notification_config")


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration.

    Attributes:
        source: Path of the file it came from.
        aws_region: For STS, SSM and customers that name none; None leaves it to the AWS chain.
        log_level: As in the file, lower case, or None.
        customers: By folded code.
        sender_address: Of mails, or None.
        meeting_organizer: Mailbox that owns the meetings, or None.
        bucket_name: Of change files, or None.
        meeting: ``meeting_config``.
        graph: ``graph_config``.
        notification: ``notification_config``.
        warnings: What is allowed and looks like a misspelling; every run shows it.
        remarks: What else is missing or odd; ``config check`` shows it.
    """

    source: str
    aws_region: str | None = None
    log_level: str | None = None
    customers: Mapping[str, Customer] = field(default_factory=dict)
    sender_address: str | None = None
    meeting_organizer: str | None = None
    bucket_name: str | None = None
    meeting: MeetingSettings = field(default_factory=MeetingSettings)
    graph: GraphSettings = field(default_factory=GraphSettings)
    notification: NotificationSettings = field(default_factory=NotificationSettings)
    warnings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = field(default=(), compare=False)
