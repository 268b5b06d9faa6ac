"""The only place where choices meet: settings and environment become a working application."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import stamina.instrumentation

from contact_manager.adapters.aws.descriptors import fit_connections
from contact_manager.adapters.aws.endpoint_settings import chosen_endpoints
from contact_manager.adapters.aws.parameters import fetch_parameters
from contact_manager.adapters.aws.ses_contacts import SesContactDirectory
from contact_manager.adapters.aws.session import MAX_CONNECTIONS, REQUESTS_PER_CUSTOMER, AwsAccess
from contact_manager.adapters.cached_directory import CachedContactDirectory
from contact_manager.adapters.dry_run import DryRunCalendar
from contact_manager.adapters.graph.calendar import GraphCalendar
from contact_manager.adapters.graph.credentials import AzureCredential
from contact_manager.adapters.graph.tokens import TokenSource
from contact_manager.adapters.template_folder import read_template_folder
from contact_manager.domain.email_address import fold_address
from contact_manager.errors import ConfigError, Problem, RemoteServiceError, UsageError
from contact_manager.formats.config_json import MAX_CONFIG_BYTES, check_service_url, parse_config
from contact_manager.formats.rendering import Templates, parse_templates
from contact_manager.ports import ContactDirectory
from contact_manager.services.schedule_meeting import MeetingServices
from contact_manager.settings import GraphSettings, Settings


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the caller chooses for one run, over the configuration.

    Attributes:
        profile: AWS profile, or None for the AWS chain.
        region: AWS region for everything, or None.
        label: Says in the customers' logs what the roles are assumed for.
        is_dry_run: Whether the writing ports are swapped.
        shares_readings: Whether a customer is read once for all changes of the run.
    """

    profile: str | None = None
    region: str | None = None
    label: str = ""
    is_dry_run: bool = False
    shares_readings: bool = False


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(UTC)


def find_config_file(named: str | None, environment: Mapping[str, str]) -> Path:
    """Return the configuration file's path: named, else CONFIG_FILE, else in CONFIG_PATH, else here."""
    if named:
        return Path(named)
    if environment.get("CONFIG_FILE"):
        return Path(environment["CONFIG_FILE"])
    return Path(environment.get("CONFIG_PATH") or ".") / "config.json"


def load_settings(named: str | None, environment: Mapping[str, str]) -> Settings:
    """Read the configuration file and lay the environment's addresses over it.

    Raises:
        ConfigError: It cannot be read, or something in it or in the environment is wrong; or it names other
            addresses of Microsoft and was merely found in the current directory.
    """
    path = find_config_file(named, environment)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        how = "name it with --config-file, or set CONFIG_FILE"
        problem = Problem("", f"cannot read the configuration {path}: {error.strerror}; {how}")
        raise ConfigError([problem], source=str(path)) from error
    settings = parse_config(data, source=str(path))
    if not (named or environment.get("CONFIG_FILE") or environment.get("CONFIG_PATH")):
        _refuse_addresses(settings)
    check_aws_endpoints(chosen_endpoints(environment))
    return replace(settings, graph=_with_addresses(settings.graph, environment))


def _refuse_addresses(settings: Settings) -> None:
    """Let no file that nobody named say where secrets are sent: it may have come with a download."""
    chosen, usual = settings.graph, GraphSettings()
    problems = [
        Problem(
            f"$.graph_config.{key}",
            "another address counts only in a file that is named: name this one with --config-file, or set "
            "CONFIG_FILE; it was merely found in the current directory",
        )
        for key in ("base_url", "authority_host")
        if getattr(chosen, key).lower() != getattr(usual, key)
    ]
    if problems:
        raise ConfigError(problems, source=settings.source)


def check_aws_endpoints(endpoints: Mapping[str, str]) -> None:
    """Accept https, and http to this machine.

    Args:
        endpoints: URLs by the setting that holds them; no URL is repeated in the error.

    Raises:
        ConfigError: One is something else.
    """
    problems = []
    for setting, url in endpoints.items():
        try:
            check_service_url(url)
        except ValueError as error:
            problems.append(Problem(setting, str(error)))
    if problems:
        raise ConfigError(problems, source="environment")


def load_templates(settings: Settings) -> Templates:
    """Read the templates of ``templates_dir``, which is relative to the configuration file.

    Raises:
        ConfigError: There is no such folder, or a file in it cannot be used.
    """
    named = settings.meeting.templates_dir
    if named is None:
        return Templates()
    folder = Path(settings.source).parent / named
    if not folder.is_dir():
        problem = Problem("$.meeting_config.templates_dir", f"there is no folder {folder}")
        raise ConfigError([problem], source=settings.source)
    return parse_templates(read_template_folder(folder), folder=str(folder))


def _with_addresses(graph: GraphSettings, environment: Mapping[str, str]) -> GraphSettings:
    problems = []
    chosen = {"GRAPH_BASE_URL": graph.base_url, "AZURE_AUTHORITY_HOST": graph.authority_host}
    for name in chosen:
        if environment.get(name):
            try:
                chosen[name] = check_service_url(_with_scheme(environment[name]))
            except ValueError as error:
                problems.append(Problem(name, str(error)))
    if problems:
        raise ConfigError(problems, source="environment")
    return replace(graph, base_url=chosen["GRAPH_BASE_URL"], authority_host=chosen["AZURE_AUTHORITY_HOST"])


def _with_scheme(address: str) -> str:
    """Azure's own tools take AZURE_AUTHORITY_HOST with and without a scheme."""
    return address if "://" in address else f"https://{address}"


def choose_organizer(named: str | None, settings: Settings, environment: Mapping[str, str]) -> str:
    """Return the folded organizer's address.

    Raises:
        UsageError: None is given, or it is not an address.
    """
    raw = named or settings.meeting_organizer or environment.get("MEETING_ORGANIZER_EMAIL")
    if not raw:
        message = "name the organizer, here, as email_config.meeting_organizer or MEETING_ORGANIZER_EMAIL"
        raise UsageError([Problem("--sender-email", message)])
    address = fold_address(raw)
    if address is None:
        raise UsageError([Problem("--sender-email", f"{raw!r} is not an e-mail address")])
    return address


def tls_context(environment: Mapping[str, str]) -> ssl.SSLContext:
    """Return what servers are trusted by: the system's authorities and those the environment names.

    ``SSL_CERT_FILE`` is honoured by OpenSSL itself, ``REQUESTS_CA_BUNDLE`` and ``AWS_CA_BUNDLE`` are added.

    Raises:
        ConfigError: A named file cannot be used.
    """
    context = ssl.create_default_context()
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE"):
        path = environment.get(name)
        if path:
            try:
                context.load_verify_locations(**{"capath" if Path(path).is_dir() else "cafile": path})
            except OSError as error:
                problem = Problem(name, f"cannot use {path}: {error.strerror or error}")
                raise ConfigError([problem], source="environment") from error
    return context


@asynccontextmanager
async def open_directory(
    settings: Settings, environment: Mapping[str, str], options: RunOptions
) -> AsyncIterator[ContactDirectory]:
    """Yield what reads the customers' contact lists; its connections are closed at the end."""
    async with aws_access(settings, tls_context(environment), options) as aws:
        yield _ses_directory(aws, settings)


@asynccontextmanager
async def open_meeting_services(
    settings: Settings, environment: Mapping[str, str], options: RunOptions, *, organizer: str
) -> AsyncIterator[MeetingServices]:
    """Yield what the meeting use case works with; its connections are closed at the end.

    Raises:
        ConfigError: The environment names something unusable, or a template is broken.
    """
    templates = load_templates(settings)
    async with AsyncExitStack() as stack:
        base = await open_base(stack, settings, environment, options, organizer=organizer)
        directory: ContactDirectory = base.directory
        if options.shares_readings:
            directory = await stack.enter_async_context(sharing_readings(directory, settings))
        yield MeetingServices(
            settings,
            directory,
            DryRunCalendar(base.calendar) if options.is_dry_run else base.calendar,
            SystemClock(),
            is_dry_run=options.is_dry_run,
            templates=templates,
        )


@dataclass(frozen=True, slots=True)
class Base:
    """The ways into AWS, to the contact lists and to the organizer's calendar."""

    aws: AwsAccess
    directory: ContactDirectory
    calendar: GraphCalendar


async def open_base(
    stack: AsyncExitStack,
    settings: Settings,
    environment: Mapping[str, str],
    options: RunOptions,
    *,
    organizer: str,
    on_throttle: Callable[[str], None] = lambda _service: None,
) -> Base:
    """Return the ways into AWS and to the organizer's calendar, which ``stack`` closes."""
    stamina.instrumentation.set_on_retry_hooks([])  # GraphHttp logs what it repeats, and why
    tls = tls_context(environment)
    graph = settings.graph
    aws = await stack.enter_async_context(aws_access(settings, tls, options, on_throttle))
    tokens = TokenSource(
        partial(_find_credential, graph, environment, aws),
        authority_host=graph.authority_host,
        graph_url=graph.base_url,
        tls=tls,
    )
    calendar = GraphCalendar(organizer, tokens, base_url=graph.base_url, tls=tls, on_throttle=on_throttle)
    stack.push_async_callback(calendar.close)
    return Base(aws, _ses_directory(aws, settings), calendar)


def _ses_directory(aws: AwsAccess, settings: Settings) -> SesContactDirectory:
    meeting = settings.meeting
    return SesContactDirectory(
        aws, requests_per_second=meeting.requests_per_second, time_limit=meeting.customer_timeout
    )


@asynccontextmanager
async def sharing_readings(
    directory: ContactDirectory, settings: Settings
) -> AsyncIterator[ContactDirectory]:
    """Yield a directory that reads every customer once."""
    cached = CachedContactDirectory(directory, max_concurrency=settings.meeting.max_customer_concurrency)
    try:
        yield cached
    finally:
        await cached.close()


def aws_access(
    settings: Settings,
    tls: ssl.SSLContext,
    options: RunOptions,
    on_throttle: Callable[[str], None] = lambda _service: None,
) -> AwsAccess:
    """Return the process's way into AWS; the caller closes it.

    Raises:
        ConfigError: The AWS settings send requests over plain http to another machine.
    """
    wanted = REQUESTS_PER_CUSTOMER * settings.meeting.max_customer_concurrency
    access = AwsAccess(
        tls=tls,
        profile=options.profile,
        region=options.region,
        default_region=settings.aws_region,
        label=options.label,
        connections=fit_connections(max(MAX_CONNECTIONS, wanted)),
        on_throttle=on_throttle,
    )
    with suppress(RemoteServiceError):  # AWS files that cannot be read are an error of the first request
        check_aws_endpoints(access.find_endpoints())
    return access


async def _find_credential(
    graph: GraphSettings, environment: Mapping[str, str], aws: AwsAccess
) -> AzureCredential:
    """Return the app's credential: a complete one from the environment, else the three SSM parameters."""
    named = AzureCredential(
        tenant_id=environment.get("AZURE_TENANT_ID", ""),
        client_id=environment.get("AZURE_CLIENT_ID", ""),
        federated_token_file=environment.get("AZURE_FEDERATED_TOKEN_FILE"),
        certificate_path=environment.get("AZURE_CLIENT_CERTIFICATE_PATH"),
        certificate_password=environment.get("AZURE_CLIENT_CERTIFICATE_PASSWORD"),
        client_secret=environment.get("AZURE_CLIENT_SECRET"),
    )
    if named.is_complete:
        return named
    names = (graph.tenant_id_parameter, graph.client_id_parameter, graph.client_secret_parameter)
    values = await fetch_parameters(aws, names)
    tenant_id, client_id, client_secret = (values[name].strip() for name in names)
    return AzureCredential(tenant_id, client_id, client_secret=client_secret)
