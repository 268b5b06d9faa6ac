"""The process's one way into AWS: session, endpoints, own credentials, roles, connections."""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

from contact_manager.adapters.aws.credentials import AssumedRoles, Caller, role_session_name
from contact_manager.adapters.aws.endpoint_settings import chosen_endpoints
from contact_manager.adapters.aws.errors import Asked, unready
from contact_manager.adapters.aws.retries import Patience
from contact_manager.adapters.aws.signed_http import Credentials, Endpoint, SignedHttp
from contact_manager.adapters.proxies import choose_proxy
from contact_manager.adapters.shared_calls import SharedCalls
from contact_manager.errors import RemoteServiceError

if TYPE_CHECKING:
    from contact_manager.adapters.aws.own_session import OwnSession

_log = logging.getLogger(__name__)

REQUESTS_PER_CUSTOMER = 3
"""At the same time: topics, contacts and suppression list."""

MAX_CONNECTIONS = REQUESTS_PER_CUSTOMER * 256
"""For as many customers as are read at the same time, so that hanging ones never take the others' place;
within the usual limit of 1024 open files."""

CONNECT_TIMEOUT_S = 3.0
READ_TIMEOUT_S = 10.0
"""Of one attempt: until the connection stands, and between any two pieces of the answer."""

_ATTEMPTS = 3
_CONNECTIONS_OF_A_CLIENT = 32

_PROBES = {
    "sts": ("get_caller_identity", "/"),
    "sesv2": ("list_contact_lists", "/v2/email/contact-lists"),
}
"""An operation without parameters for each service, and its path: its presigned URL shows the endpoint."""

_SIGNED_AS = {"sesv2": "ses"}
_UNUSED_KEY = "unused"


class AwsAccess:
    """Owns what requests to AWS share; made once for a process, closed once.

    Nothing is loaded, looked up or connected before the first request needs it.

    Attributes:
        max_customers: For how many customers at the same time there are connections.

    Args:
        tls: Whom to trust in requests that are sent from here; botocore's own follow AWS_CA_BUNDLE,
            REQUESTS_CA_BUNDLE and SSL_CERT_FILE.
        profile: Named profile, or None for the AWS chain.
        region: Region for everything, over all other settings, or None.
        default_region: Region for what names none, before the AWS chain, or None.
        label: Says in the customers' logs what the roles are assumed for; a change id.
        connections: Most connections to one service at the same time.
        patience: How failed requests are repeated.
        on_throttle: Called with the name of a service that asks to come more slowly.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext,
        profile: str | None = None,
        region: str | None = None,
        default_region: str | None = None,
        label: str = "",
        connections: int = MAX_CONNECTIONS,
        patience: Patience | None = None,
        on_throttle: Callable[[str], None] = lambda _service: None,
    ) -> None:
        self._profile = profile
        self._region = region
        self._default_region = default_region
        self._session: OwnSession | None = None
        self._endpoints = SharedCalls[tuple[str, str], Endpoint]()
        self.patience = patience or Patience()
        self.on_throttle = on_throttle
        self.max_customers = max(1, connections // REQUESTS_PER_CUSTOMER)
        self.http = SignedHttp(tls, connections=connections)
        caller = Caller(self._fetch_sts_endpoint, self.fetch_own_credentials)
        session_name = role_session_name(label)
        self.roles = AssumedRoles(caller, self.http, session_name=session_name, patience=self.patience)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End what still runs and close the connections; may be called again."""
        async with AsyncExitStack() as stack:
            for owned in (self.http, self._endpoints, self._session, self.roles):
                if owned is not None:
                    stack.push_async_callback(owned.close)

    def open_session(self) -> OwnSession:
        """Return the process's session.

        Raises:
            RemoteServiceError: The profile does not exist, or the AWS files cannot be read.
        """
        if self._session is None:
            from contact_manager.adapters.aws.own_session import open_own_session

            self._session = open_own_session(self._profile, os.environ.get("SSL_CERT_FILE"))
            self._session.set_default_client_config(_client_config())
        return self._session

    def find_endpoints(self) -> dict[str, str]:
        """Return the endpoint URLs in use, by the setting that holds them.

        Raises:
            RemoteServiceError: The profile does not exist, or the AWS files cannot be read.
        """
        session = self.open_session()
        profile = session.get_scoped_config()
        sections = session.full_config.get("services", {})
        return chosen_endpoints(os.environ, profile, sections.get(profile.get("services")))

    @asynccontextmanager
    async def open_client(
        self, service: str, asked: Asked, *, read_timeout_s: float = READ_TIMEOUT_S
    ) -> AsyncIterator[Any]:
        """Yield a client of botocore whose calls end within seconds; its connections are closed at the end.

        Args:
            service: ``s3``, ``sqs``, ``ssm`` or ``sts``.
            asked: The request that needs it.
            read_timeout_s: Longest silence of the service.

        Raises:
            RemoteServiceError: No region or no credentials are known.
            BotoCoreError: The AWS settings are wrong.
        """
        config = _client_config(read_timeout_s)
        region = self.choose_region(asked)
        async with self.open_session().create_client(service, region_name=region, config=config) as client:
            yield client

    def choose_region(self, asked: Asked, customer_region: str | None = None) -> str:
        """Return the region: named for the run, else the customer's, else configured, else AWS's chain.

        Raises:
            RemoteServiceError: There is none.
        """
        chosen = self._region or customer_region or self._default_region or self._chain_region()
        if not chosen:
            reason = "no region is known; set aws_region in the configuration, AWS_REGION, or --region"
            raise unready(asked, "NoRegion", reason)
        return chosen

    async def fetch_endpoint(self, service: str, region: str) -> Endpoint:
        """Return where ``service`` (``sts`` or ``sesv2``) listens, by botocore's rules and settings.

        Raises:
            RemoteServiceError: The region's name or the AWS settings are wrong.
        """
        return await self._endpoints.fetch((service, region), lambda: self._resolve_endpoint(service, region))

    async def fetch_own_credentials(self) -> Credentials:
        """Return the caller's own credentials, renewed by botocore when they are about to end.

        Raises:
            RemoteServiceError: There are none, or they cannot be renewed.
        """
        own = await self.open_session().get_credentials()
        frozen = await own.get_frozen_credentials()
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    def _chain_region(self) -> str | None:
        chosen: str | None = self.open_session().get_config_variable("region")
        return chosen or os.environ.get("AWS_REGION")

    async def _fetch_sts_endpoint(self, near: str) -> Endpoint:
        """Return the STS endpoint of the own region; the role's when there is none."""
        region = self._region or self._default_region or self._chain_region() or near
        return await self.fetch_endpoint("sts", region)

    async def _resolve_endpoint(self, service: str, region: str) -> Endpoint:
        from botocore.exceptions import BotoCoreError

        try:
            endpoint = await self._probe_endpoint(service, region)
        except (BotoCoreError, ValueError, OSError) as error:
            reason = str(error) if isinstance(error, BotoCoreError) else "a setting of AWS cannot be used"
            raise RemoteServiceError(
                f"no address for {service} in {region}: {reason}; check profile, region and AWS settings",
                service=_SIGNED_AS.get(service, service),
                operation="endpoint",
                code=type(error).__name__,
            ) from error
        _log.debug("aws.endpoint_found service=%s region=%s url=%s", service, region, endpoint.url)
        return replace(endpoint, proxy=choose_proxy(endpoint.url))

    async def _probe_endpoint(self, service: str, region: str) -> Endpoint:
        operation, path = _PROBES[service]
        session = self.open_session()
        async with session.create_client(
            service,
            region_name=region,
            aws_access_key_id=_UNUSED_KEY,
            aws_secret_access_key=_UNUSED_KEY,
        ) as client:
            presigned = urlsplit(await client.generate_presigned_url(operation))
        scope = parse_qs(presigned.query)["X-Amz-Credential"][0].split("/")
        base = f"{presigned.scheme}://{presigned.netloc}{presigned.path.removesuffix(path)}"
        return Endpoint(base, region=scope[2], signing_name=scope[3])


def _client_config(read_timeout_s: float = READ_TIMEOUT_S) -> Any:
    """Return how long and how often botocore tries; providers of credentials use clients of their own."""
    from aiobotocore.config import AioConfig

    return AioConfig(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_timeout_s,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        max_pool_connections=_CONNECTIONS_OF_A_CLIENT,
    )
