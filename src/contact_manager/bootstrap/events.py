"""What works through changes that arrive as events."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from contact_manager.adapters.aws.identity import OwnRole
from contact_manager.adapters.aws.message_queue import open_queue
from contact_manager.adapters.aws.object_store import S3ObjectStore
from contact_manager.adapters.aws.ses_mailer import SesMailer
from contact_manager.bootstrap import (
    RunOptions,
    SystemClock,
    aws_access,
    choose_organizer,
    load_templates,
    open_base,
    sharing_readings,
    tls_context,
)
from contact_manager.domain.processing import ProcessReport
from contact_manager.errors import ConfigError, Problem
from contact_manager.formats.rendering import Templates
from contact_manager.formats.s3_event import Role, Trigger
from contact_manager.ports import MessageQueue, ObjectStore
from contact_manager.services.leases import Leases
from contact_manager.services.process_change import ProcessServices
from contact_manager.services.process_messages import MessageOutcome, MessageRules, process_messages
from contact_manager.services.reconcile_archive import ReconcileReport, reconcile_archive
from contact_manager.services.replay_change import replay_change
from contact_manager.services.schedule_meeting import MeetingServices
from contact_manager.services.time_limits import TimeLimits
from contact_manager.settings import Settings


class ChangeProcessing:
    """Works through messages of the change queue; lives as long as its process.

    Args:
        services: What every run works with, but for leases of its own.
        lease_duration: Of the runs.
        rules: Which messages count.
        own_role: What we run under, whose own writes are no news; None when it is not known.
    """

    def __init__(
        self,
        services: ProcessServices,
        *,
        lease_duration: timedelta,
        rules: MessageRules,
        own_role: OwnRole | None = None,
    ) -> None:
        self._services = services
        self._lease_duration = lease_duration
        self._rules = rules
        self._own_role = own_role

    async def process(
        self,
        bodies: Mapping[str, str],
        *,
        limits: TimeLimits | None = None,
        is_stopping: Callable[[], bool] = lambda: False,
        on_begin: Callable[[str, Trigger], None] = lambda _message_id, _trigger: None,
    ) -> tuple[MessageOutcome, ...]:
        """Process the bodies of messages, by message id. Customers are read anew for every call.

        Args:
            bodies: By message id.
            limits: How long work may go on.
            is_stopping: Says when nothing new may be begun, before the limits say so.
            on_begin: Called with message id and trigger, in the task that processes it.
        """
        limits = limits or TimeLimits()
        rules = replace(self._rules, own_role=await self._find_own_role(), on_begin=on_begin)
        async with self._runs(lambda: is_stopping() or limits.is_over()) as new_services:
            return await process_messages(bodies, new_services, rules, limits)

    async def reconcile(self, *, limits: TimeLimits | None = None) -> ReconcileReport:
        """Bring the meetings of all upcoming changes in the bucket up to date.

        Args:
            limits: How long work may go on.

        Raises:
            RemoteServiceError: The bucket cannot be listed.
        """
        limits = limits or TimeLimits()
        async with self._runs(limits.is_over) as new_services:
            return await reconcile_archive(new_services, limits)

    async def replay(self, data: bytes, customer: str, *, source: str) -> ProcessReport:
        """Store a change file and process it for one customer, as its trigger would.

        Raises:
            InvalidChangeError: The file is wrong, has no id, or is behind what is stored.
            RemoteServiceError: The bucket cannot be used.
        """
        async with self._runs(lambda: False) as new_services:
            return await replay_change(
                data, customer, new_services(), bucket=self._rules.bucket, source=source
            )

    async def _find_own_role(self) -> Role | None:
        return Role(self._own_role.arn, await self._own_role.fetch_id()) if self._own_role else None

    @asynccontextmanager
    async def _runs(self, is_out_of_time: Callable[[], bool]) -> AsyncIterator[Callable[[], ProcessServices]]:
        services = self._services
        meeting = services.meeting
        async with sharing_readings(meeting.directory, meeting.settings) as directory:
            shared = replace(
                services, meeting=replace(meeting, directory=directory), is_out_of_time=is_out_of_time
            )
            yield lambda: replace(shared, leases=self._new_leases())

    def _new_leases(self) -> Leases:
        return new_leases(self._services.store, self._lease_duration)


def new_leases(store: ObjectStore, duration: timedelta) -> Leases:
    """Return the leases of one run."""
    return Leases(store, SystemClock(), owner=uuid.uuid4().hex, duration=duration)


@asynccontextmanager
async def open_change_processing(
    settings: Settings,
    environment: Mapping[str, str],
    options: RunOptions,
    *,
    on_throttle: Callable[[str], None] = lambda _service: None,
) -> AsyncIterator[ChangeProcessing]:
    """Yield what works through changes that arrive as events; its connections are closed at the end.

    Args:
        settings: The configuration.
        environment: The process's environment variables.
        options: What the caller chooses; there are no dry runs of events.
        on_throttle: Called with the name of a service that asks to come more slowly.

    Raises:
        ConfigError: The configuration lacks what events need, or the environment names something unusable.
        UsageError: The organizer is not an address.
    """
    needs = check_for_events(settings, environment)
    own_role = environment.get("BACKEND_ROLE_ARN", "")
    async with AsyncExitStack() as stack:
        base = await open_base(
            stack, settings, environment, options, organizer=needs.organizer, on_throttle=on_throttle
        )
        store, mailer = S3ObjectStore(base.aws, needs.bucket), SesMailer(base.aws)
        stack.push_async_callback(store.close)
        stack.push_async_callback(mailer.close)
        duration = settings.notification.lease_duration
        yield ChangeProcessing(
            ProcessServices(
                meeting=MeetingServices(
                    settings, base.directory, base.calendar, SystemClock(), templates=needs.templates
                ),
                store=store,
                mailer=mailer,
                leases=new_leases(store, duration),
                topics=settings.notification.topics,
                sender=needs.sender,
                organizer=needs.organizer,
                role=own_role or "contact-manager",
            ),
            lease_duration=duration,
            rules=MessageRules(needs.bucket, own_addresses=frozenset({needs.sender, needs.organizer})),
            own_role=OwnRole(base.aws, own_role) if own_role else None,
        )


@dataclass(frozen=True, slots=True)
class EventNeeds:
    """What events need of the configuration: bucket, sender of mails, organizer of meetings, templates."""

    bucket: str
    sender: str
    organizer: str
    templates: Templates


def check_for_events(settings: Settings, environment: Mapping[str, str]) -> EventNeeds:
    """Return what events need of the configuration.

    Raises:
        ConfigError: Something is missing, or a template cannot be used.
        UsageError: The organizer is not an address.
    """
    problems = []
    if not settings.bucket_name:
        problems.append(Problem("$.s3_config.bucket_name", "name the bucket with the change files"))
    if not settings.sender_address:
        problems.append(Problem("$.email_config.sender_address", "name the sender of the mails"))
    if not (settings.meeting_organizer or environment.get("MEETING_ORGANIZER_EMAIL")):
        message = "name the organizer of the meetings, here or as MEETING_ORGANIZER_EMAIL"
        problems.append(Problem("$.email_config.meeting_organizer", message))
    if problems:
        raise ConfigError(problems, source=settings.source)
    organizer = choose_organizer(None, settings, environment)
    return EventNeeds(
        str(settings.bucket_name), str(settings.sender_address), organizer, load_templates(settings)
    )


@asynccontextmanager
async def open_change_queue(
    settings: Settings, environment: Mapping[str, str], options: RunOptions, queue_url: str
) -> AsyncIterator[MessageQueue]:
    """Yield the queue; its connections are closed at the end.

    Raises:
        ConfigError: The environment names something unusable.
        RemoteServiceError: No region is known.
    """
    async with (
        aws_access(settings, tls_context(environment), options) as aws,
        open_queue(aws, queue_url) as queue,
    ):
        yield queue
