"""The shape of ``config.json``, key by key. These models exist in this package only."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from contact_manager.formats.config_json import checks
from contact_manager.settings import GraphSettings, MeetingSettings, NotificationSettings

_MEETING, _GRAPH, _NOTIFICATION = MeetingSettings(), GraphSettings(), NotificationSettings()
_TOPICS = _NOTIFICATION.topics

MAX_ATTENDEE_LIMIT = 5000
"""What newer Microsoft material names as the most people of one invitation; 500 is documented."""

MAX_TIMEOUT_SECONDS = 900
"""AWS Lambda: a function runs 15 minutes at most."""


def _schema(pattern: str = "", **more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", **({"pattern": f"^{pattern}$"} if pattern else {}), **more})


_OR_EMPTY = "(%s)?"
Region = Annotated[str, AfterValidator(checks.region), _schema(_OR_EMPTY % checks.REGION_PATTERN)]
RoleArn = Annotated[str, AfterValidator(checks.role_arn), _schema(_OR_EMPTY % checks.ROLE_ARN_PATTERN)]
QueueArn = Annotated[str, AfterValidator(checks.queue_arn), _schema(_OR_EMPTY % checks.QUEUE_ARN_PATTERN)]
ExternalId = Annotated[
    str, AfterValidator(checks.external_id), _schema(_OR_EMPTY % checks.EXTERNAL_ID_PATTERN)
]
ListName = Annotated[
    str, AfterValidator(checks.contact_list_name), _schema(_OR_EMPTY % checks.LIST_OR_TOPIC_PATTERN)
]
TopicName = Annotated[str, AfterValidator(checks.topic_name), _schema(checks.LIST_OR_TOPIC_PATTERN)]
Address = Annotated[str, AfterValidator(checks.address), _schema(format="email")]
OptionalAddress = Annotated[str, AfterValidator(checks.optional_address), _schema(".*@.*|")]
LogLevel = Annotated[str, AfterValidator(checks.log_level), _schema(examples=list(checks.LOG_LEVELS))]
TimeZone = Annotated[str, AfterValidator(checks.time_zone), _schema(examples=["America/New_York"])]
Line = Annotated[str, AfterValidator(checks.single_line)]
ServiceUrl = Annotated[str, AfterValidator(checks.check_service_url), _schema(format="uri")]
ParameterName = Annotated[str, AfterValidator(checks.parameter_name), _schema(minLength=1)]


class Section(BaseModel):
    """An established part of the file: keys that are not known here are left alone."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", str_strip_whitespace=True)


class ClosedSection(Section):
    """A part of the file in which every key is known, so that a misspelled one cannot go unnoticed."""

    model_config = ConfigDict(extra="forbid")


class CustomerEntry(Section):
    """One customer organization: its AWS account and who of its people may be invited."""

    customer_code: str | None = Field(None, description="The key of this entry once more.")
    customer_name: Line | None = Field(None, description="Name for people; the code if there is none.")
    environment: str | None = Field(None, description="For the operator; not used.")
    region: Region | None = Field(None, description="AWS region of the contact list; else aws_region.")
    ses_role_arn: RoleArn | None = Field(
        None,
        description="Role to assume for reading the contact list. Empty: the customer is not configured.",
    )
    identity_center_role_arn: RoleArn | None = Field(None, description="Not used here.")
    sqs_queue_arn: QueueArn | None = Field(None, description="Queue of the customer's change events.")
    restricted_recipients: list[Address] | None = Field(
        default=None, description="If not empty, only these people come through this customer."
    )
    external_id: ExternalId | None = Field(None, description="What the role's trust policy asks for.")
    contact_list_name: ListName | None = Field(
        None, description="SES contact list; without it the account's only one is taken."
    )


class S3Config(Section):
    """Where change files are stored."""

    bucket_name: Line | None = Field(None, description="Bucket of the change files.")


class EmailConfig(Section):
    """Who sends mail and who owns the meetings."""

    sender_address: OptionalAddress | None = Field(None, description="Sender of notification mails.")
    meeting_organizer: OptionalAddress | None = Field(None, description="Mailbox that owns the meetings.")
    portal_base_url: str | None = Field(None, description="Address of the change portal.")
    domain: str | None = Field(None, description="Mail domain.")


def _max_recipients(default: int) -> Any:
    return Field(default, ge=1, description="More people in all stop a change.")


def _max_recipients_per_customer(default: int) -> Any:
    return Field(default, ge=1, description="More people of one customer stop it.")


class MeetingConfig(ClosedSection):
    """How meetings are made."""

    topic: TopicName = Field(_MEETING.topic, description="SES topic whose subscribers are invited.")
    time_zone: TimeZone = Field(
        _MEETING.time_zone, description="IANA or Windows name, for files without one."
    )
    duration_minutes: int = Field(
        60, ge=1, le=1440, description="For changes with neither a duration nor an end."
    )
    location: Line = Field(_MEETING.location, description="For changes without one.")
    hide_attendees: Literal["auto", "always", "never"] = Field(
        _MEETING.hide_attendees.value, description="auto hides them when more than one customer is invited."
    )
    optional_topics: list[TopicName] = Field(
        default=[], description="Subscribers of these topics are invited as optional."
    )
    attendee_limit: int = Field(
        _MEETING.attendee_limit,
        ge=1,
        le=MAX_ATTENDEE_LIMIT,
        description="People one calendar entry may have.",
    )
    templates_dir: Line | None = Field(
        None,
        description="Folder with templates that replace the built-in ones; relative to this file's folder.",
    )
    auto_schedule: bool = Field(
        _MEETING.auto_schedule,
        description="Whether a change that arrives as an event may get a meeting unasked.",
    )
    requests_per_second: float = Field(
        _MEETING.requests_per_second, gt=0, le=1000, description="At Amazon SES, for each customer's account."
    )
    max_customer_concurrency: int = Field(
        _MEETING.max_customer_concurrency, ge=1, le=1024, description="Customers read at the same time."
    )
    customer_timeout_seconds: float = Field(
        60, ge=1, le=MAX_TIMEOUT_SECONDS, description="After this a customer counts as unreadable."
    )
    max_recipients: int = _max_recipients(_MEETING.max_recipients)
    max_recipients_per_customer: int = _max_recipients_per_customer(_MEETING.max_recipients_per_customer)


class TopicsConfig(Section):
    """Topics of the mails."""

    approval_request: TopicName = Field(_TOPICS.approval_request, description="Requests for approval.")
    announcement: TopicName = Field(_TOPICS.announcement, description="Approved changes.")
    completion: TopicName = Field(_TOPICS.completion, description="Completed changes.")
    cancellation: TopicName = Field(_TOPICS.cancellation, description="Cancelled changes.")
    announcement_approval_request: TopicName = Field(
        _TOPICS.announcement_approval_request, description="Requests for approval of announcements."
    )
    cic: TopicName = Field(_TOPICS.cic, description="CIC announcements.")
    finops: TopicName = Field(_TOPICS.finops, description="FinOps announcements.")
    innersource: TopicName = Field(_TOPICS.innersource, description="InnerSource announcements.")
    general: TopicName = Field(_TOPICS.general, description="General announcements.")


class NotificationConfig(Section):
    """How mails are sent for changes that arrive as events."""

    topics: TopicsConfig = Field(default=TopicsConfig(), description="SES topics of the mails.")
    lease_seconds: float = Field(
        _NOTIFICATION.lease_duration.total_seconds(),
        ge=30,
        le=43200,
        description="How long one run may work on a meeting or a portion of mails before another takes over.",
    )
    max_recipients: int = _max_recipients(_NOTIFICATION.max_recipients)
    max_recipients_per_customer: int = _max_recipients_per_customer(_NOTIFICATION.max_recipients_per_customer)


class GraphConfig(ClosedSection):
    """Where Microsoft Graph is, and where its credentials are kept."""

    base_url: ServiceUrl = Field(_GRAPH.base_url, description="Microsoft Graph, with the version.")
    authority_host: ServiceUrl = Field(_GRAPH.authority_host, description="Microsoft Entra sign-in.")
    client_id_parameter: ParameterName = Field(_GRAPH.client_id_parameter, description="SSM parameter.")
    client_secret_parameter: ParameterName = Field(
        _GRAPH.client_secret_parameter, description="SSM parameter."
    )
    tenant_id_parameter: ParameterName = Field(_GRAPH.tenant_id_parameter, description="SSM parameter.")


class ConfigFile(Section):
    """Configuration of the customer contact manager."""

    aws_region: Region | None = Field(None, description="AWS region for everything that names none.")
    log_level: LogLevel | None = Field(None, description="How much is said on stderr.")
    s3_config: S3Config | None = None
    customer_mappings: dict[str, CustomerEntry] = Field(
        description="The customers by code (1 to 50 letters a-z, digits and hyphens).", min_length=1
    )
    email_config: EmailConfig | None = None
    contact_config: Any = Field(None, description="Not used here.")
    route53_config: Any = Field(None, description="Not used here.")
    meeting_config: MeetingConfig | None = None
    graph_config: GraphConfig | None = None
    notification_config: NotificationConfig | None = None
