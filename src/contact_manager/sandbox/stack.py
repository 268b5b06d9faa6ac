"""Everything the tool talks to, on this machine: the AWS server and the Graph server with a world in them."""

from __future__ import annotations

import shlex
import ssl
import tempfile
import uuid
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import trustme

from contact_manager.sandbox.aws_server import (
    BASE_ACCESS_KEY_ID,
    BASE_ACCOUNT_ID,
    BASE_SECRET_ACCESS_KEY,
    AwsServer,
)
from contact_manager.sandbox.change_bucket import ChangeBucket
from contact_manager.sandbox.demo_world import DEMO_WORLD
from contact_manager.sandbox.keeper import Keeper
from contact_manager.sandbox.seed import seed
from contact_manager.sandbox.world import SandboxWorld, write_config

if TYPE_CHECKING:
    from contact_manager.sandbox.graph_server import GraphServer

_LOOPBACK_NAMES = ("127.0.0.1", "localhost")

# Whatever of these a person has set would lead away from the sandbox.
_STRAY_NAMES = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_SESV2",
    "AWS_ENDPOINT_URL_SQS",
    "AWS_ENDPOINT_URL_SSM",
    "AWS_ENDPOINT_URL_STS",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_TENANT_ID",
    "BACKEND_ROLE_ARN",
    "CONFIG_PATH",
    "MEETING_ORGANIZER_EMAIL",
)


class SandboxStack:
    """The AWS server and the Graph server, with a world in them, and the environment that leads there.

    Args:
        world: What the servers hold at the start.
        aws_port: Of the AWS server; 0 takes any free one.
        graph_port: Of the Graph server; 0 takes any free one.
        join_link_delay: How long a new online meeting has no join link yet.
    """

    def __init__(
        self,
        world: SandboxWorld = DEMO_WORLD,
        *,
        aws_port: int = 0,
        graph_port: int = 0,
        join_link_delay: timedelta = timedelta(0),
    ) -> None:
        self.world = world
        self.aws = AwsServer(aws_port)
        self._graph_port = graph_port
        self._join_link_delay = join_link_delay
        self._graph: GraphServer | None = None
        self._directory: Path | None = None
        self._keeper: Keeper | None = None
        self._undo = ExitStack()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start both servers and write the files; does nothing when they run already.

        Raises:
            OSError: A port is in use.
        """
        if self._directory is not None:
            return
        with ExitStack() as undo:
            self._directory = self._make_directory(undo)
            write_config(self.world, self.config_file)
            self.aws.start()
            undo.callback(self.aws.stop)
            seed(self.aws, self.world)
            self._graph = self._make_graph(self._write_certificates())
            self._graph.start()
            undo.callback(self._graph.stop)
            self._undo = undo.pop_all()

    def stop(self) -> None:
        """Stop both servers and remove the files; may be called again."""
        self._undo.close()

    @property
    def graph(self) -> GraphServer:
        """The Graph server.

        Raises:
            RuntimeError: The sandbox is not running.
        """
        if self._graph is None:
            raise RuntimeError("The sandbox is not running.")
        return self._graph

    @property
    def directory(self) -> Path:
        """The private folder with the sandbox's files.

        Raises:
            RuntimeError: The sandbox is not running.
        """
        if self._directory is None:
            raise RuntimeError("The sandbox is not running.")
        return self._directory

    @property
    def process_group(self) -> int:
        """For the sandbox's own processes: they end with it, however it ends.

        Raises:
            RuntimeError: The sandbox is not running.
        """
        if self._keeper is None:
            raise RuntimeError("The sandbox is not running.")
        return self._keeper.process_group

    @property
    def config_file(self) -> Path:
        """The configuration that fits the world."""
        return self.directory / "config.json"

    @property
    def ca_bundle(self) -> Path:
        """The certificates to trust: the machine's own and the one that signed the Graph server's."""
        return self.directory / "ca-bundle.pem"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead the tool, and the AWS command line, into the sandbox."""
        return self._aws_environment() | {
            "GRAPH_BASE_URL": self.graph.base_url,
            "AZURE_AUTHORITY_HOST": self.graph.authority_host,
            "SSL_CERT_FILE": str(self.ca_bundle),
            "REQUESTS_CA_BUNDLE": str(self.ca_bundle),
            "CONFIG_FILE": str(self.config_file),
            "CHANGE_QUEUE_URL": self.queue_url,
            "NO_PROXY": ",".join(_LOOPBACK_NAMES),
            "no_proxy": ",".join(_LOOPBACK_NAMES),
        }

    @property
    def queue_url(self) -> str:
        """The queue of the bucket's triggers."""
        return f"{self.aws.endpoint_url}/{BASE_ACCOUNT_ID}/{self.world.queue_name}"

    @property
    def changes(self) -> ChangeBucket:
        """The bucket of changes, and its queue."""
        return ChangeBucket(self.world)

    @property
    def unset(self) -> tuple[str, ...]:
        """The variables that must not be set, because they would lead out of the sandbox."""
        return _STRAY_NAMES

    def shell_exports(self) -> str:
        """Return the environment as lines for a POSIX shell's ``eval``."""
        exports = [f"export {name}={shlex.quote(value)}" for name, value in self.environment.items()]
        return "\n".join([*exports, *(f"unset {name}" for name in self.unset)]) + "\n"

    def _aws_environment(self) -> dict[str, str]:
        """Variables of the AWS SDKs (AWS SDKs and Tools reference guide, "Environment variables")."""
        return {
            "AWS_ENDPOINT_URL": self.aws.endpoint_url,
            "AWS_ACCESS_KEY_ID": BASE_ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": BASE_SECRET_ACCESS_KEY,
            "AWS_REGION": self.world.region,
            "AWS_DEFAULT_REGION": self.world.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(self.directory / "aws-config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.directory / "aws-credentials"),
        }

    def _make_directory(self, undo: ExitStack) -> Path:
        directory = Path(tempfile.gettempdir()) / f"contact-manager-{uuid.uuid4().hex}"
        undo.callback(self._forget)
        self._keeper = Keeper(directory)
        undo.callback(self._keeper.stop)
        directory.mkdir(mode=0o700)
        for name in ("aws-config", "aws-credentials"):
            (directory / name).touch()
        return directory

    def _forget(self) -> None:
        self._directory = self._graph = self._keeper = None

    def _write_certificates(self) -> ssl.SSLContext:
        """Write the bundle to trust and return the Graph server's side of TLS."""
        authority = trustme.CA(organization_name="contact-manager sandbox")
        system = ssl.get_default_verify_paths().cafile
        known = Path(system).read_bytes().rstrip() + b"\n" if system else b""
        self.ca_bundle.write_bytes(known + authority.cert_pem.bytes())
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(*_LOOPBACK_NAMES).configure_cert(context)
        return context

    def _make_graph(self, tls: ssl.SSLContext) -> GraphServer:
        from contact_manager.sandbox.graph_server import GraphServer

        app = self.world.graph_app
        return GraphServer(
            tenant_id=app.tenant_id,
            client_id=app.client_id,
            client_secret=app.client_secret,
            mailboxes=(self.world.organizer, *self.world.other_mailboxes),
            ssl_context=tls,
            port=self._graph_port,
            join_link_delay=self._join_link_delay,
        )
