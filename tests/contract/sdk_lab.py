"""Microsoft's own client of Graph and Microsoft's own sign-in, pointed at the stand-in."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import trustme
from azure.identity.aio import ClientSecretCredential
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_authentication_azure.azure_identity_authentication_provider import (
    AzureIdentityAuthenticationProvider,
)
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.attendee import Attendee
from msgraph.generated.models.attendee_type import AttendeeType
from msgraph.generated.models.body_type import BodyType
from msgraph.generated.models.date_time_time_zone import DateTimeTimeZone
from msgraph.generated.models.email_address import EmailAddress
from msgraph.generated.models.event import Event
from msgraph.generated.models.item_body import ItemBody
from msgraph.generated.models.location import Location
from msgraph.generated.models.online_meeting_provider_type import OnlineMeetingProviderType
from msgraph.generated.models.single_value_legacy_extended_property import SingleValueLegacyExtendedProperty
from msgraph.generated.users.item.events.events_request_builder import EventsRequestBuilder
from msgraph.generated.users.item.events.item.event_item_request_builder import EventItemRequestBuilder
from msgraph_core import GraphClientFactory

from contact_manager.sandbox.graph_server import GraphServer
from tests.contract.graph_lab import CLIENT, KEY, ORGANIZER, SECRET, TENANT, make_server, told

KEY_EXPANDED = f"singleValueExtendedProperties($filter=id eq '{KEY}')"
_ListQuery = EventsRequestBuilder.EventsRequestBuilderGetQueryParameters
_ItemQuery = EventItemRequestBuilder.EventItemRequestBuilderGetQueryParameters


@dataclass(frozen=True, slots=True)
class Sdk:
    """Microsoft's client, signed in by ``azure-identity``.

    Attributes:
        server: The stand-in that is driven, with TLS.
        tls: Trusts the stand-in.
        client: The client itself.
    """

    server: GraphServer
    tls: ssl.SSLContext
    client: GraphServiceClient

    @property
    def events(self) -> EventsRequestBuilder:
        """The organizer's calendar."""
        return self.client.users.by_user_id(ORGANIZER).events

    @property
    def statuses(self) -> list[int]:
        """HTTP status of every answer of Graph, which the client keeps to itself."""
        requests = self.server.state()["requests"]
        return [one["status"] for one in requests if one["path"].startswith("/v1.0/")]

    def at(self, event: Event) -> EventItemRequestBuilder:
        """Return what acts on one event."""
        return self.events.by_event_id(event.id)

    async def get(self, event: Event) -> Event:
        """Read an event with its key."""
        query = _ItemQuery(expand=[KEY_EXPANDED])
        return await self.at(event).get(RequestConfiguration(query_parameters=query))

    async def find(self, key: str) -> list[Event]:
        """Return the events of a key."""
        same = f"singleValueExtendedProperties/Any(ep: ep/id eq '{KEY}' and ep/value eq '{key}')"
        page = await self.events.get(list_query(filter=same, expand=[KEY_EXPANDED]))
        return list(page.value)

    def told(self) -> list[tuple[str, str]]:
        """Return who was told what, in order."""
        return told(self.server)


@asynccontextmanager
async def open_sdk(directory: Path, *, secret: str = SECRET) -> AsyncIterator[Sdk]:
    """Run the stand-in with TLS and point Microsoft's client at it, whatever proxy the environment names."""
    authority = trustme.CA()
    theirs, ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(theirs)
    authority.configure_trust(ours)
    bundle = directory / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    with make_server(ssl_context=theirs) as server:
        # The client's own transport never closes the one it wraps, so that one is closed here
        wire = httpx.AsyncHTTPTransport(verify=ours, trust_env=False)
        http = GraphClientFactory.create_with_default_middleware(
            client=httpx.AsyncClient(transport=wire, trust_env=False)
        )
        credential = ClientSecretCredential(
            TENANT,
            CLIENT,
            secret,
            authority=server.authority_host,
            connection_verify=str(bundle),
            use_env_settings=False,
        )
        async with wire, http, credential:
            adapter = GraphRequestAdapter(AzureIdentityAuthenticationProvider(credential), client=http)
            adapter.base_url = server.base_url
            yield Sdk(server, ours, GraphServiceClient(request_adapter=adapter))


def list_query(**options: Any) -> RequestConfiguration[Any]:
    """Return the query options of a list of events."""
    return RequestConfiguration(query_parameters=_ListQuery(**options))


def people(*addresses: str) -> list[Attendee]:
    return [
        Attendee(email_address=EmailAddress(address=one), type=AttendeeType.Required) for one in addresses
    ]


def meeting(*addresses: str, **changes: Any) -> Event:
    """Return an online meeting to create."""
    values: dict[str, Any] = {
        "subject": "Database upgrade",
        "start": DateTimeTimeZone(date_time="2031-01-14T18:00:00", time_zone="America/New_York"),
        "end": DateTimeTimeZone(date_time="2031-01-14T20:00:00", time_zone="America/New_York"),
        "location": Location(display_name="Microsoft Teams"),
        "body": ItemBody(content_type=BodyType.Html, content="<p>Hello</p>"),
        "attendees": people(*addresses),
        "is_online_meeting": True,
        "online_meeting_provider": OnlineMeetingProviderType.TeamsForBusiness,
        "single_value_extended_properties": [SingleValueLegacyExtendedProperty(id=KEY, value="chg-1")],
    }
    return Event(**values | changes)


def unknown_to_microsoft(value: Any) -> Iterator[str]:
    """Yield the names in an answer for which Microsoft's models have no place."""
    if isinstance(value, list):
        for one in value:
            yield from unknown_to_microsoft(one)
    elif hasattr(value, "backing_store"):
        yield from value.additional_data
        for name, _ in value.backing_store.enumerate_():
            yield from unknown_to_microsoft(getattr(value, name))
