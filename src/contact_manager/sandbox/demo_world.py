"""Six invented customers that show every way a contact can be in or out of a meeting."""

from __future__ import annotations

from contact_manager.sandbox.world import (
    OPT_IN,
    OPT_OUT,
    TOPICS,
    SandboxContact,
    SandboxCustomer,
    SandboxWorld,
)

_CALENDAR = TOPICS[0]
_ALL_OUT = dict.fromkeys(TOPICS, OPT_OUT)
_CALENDAR_IN = {**_ALL_OUT, _CALENDAR: OPT_IN, "general-updates": OPT_IN}
_STAFF = 1199
_EVERY = 100


def _chose(
    address: str, calendar: str | None = None, *also: str, unsubscribe_all: bool = False
) -> SandboxContact:
    topics = ({_CALENDAR: calendar} if calendar else {}) | dict.fromkeys(also, OPT_IN)
    return SandboxContact(address, topics, unsubscribe_all)


def _member_of_staff(number: int) -> SandboxContact:
    return _chose(f"staff{number:04d}@northfield.example.com", OPT_IN if number % _EVERY == 0 else None)


_HTS = SandboxCustomer(
    code="hts",
    name="Harbor Trust Services",
    account_id="111111111111",
    topic_defaults=_ALL_OUT,
    list_name="hts-contacts",
    configured_list_name=True,
    contacts=(
        _chose("maria.silva@example.com", OPT_IN, "aws-announce", "aws-approval", "announce-approval"),
        _chose("jon.berg@example.com", OPT_IN, "aws-announce", "cic-announce", "finops-announce"),
        _chose("priya.nair@example.com", OPT_IN),
        _chose("lena.fischer@example.com", OPT_OUT),
        _chose("omar.haddad@example.com"),
        _chose("tom.reed@example.com", OPT_IN, unsubscribe_all=True),
    ),
)
_FABRIKAM = SandboxCustomer(
    code="fabrikam",
    name="Fabrikam Rail",
    account_id="222222222222",
    region="eu-west-1",
    topic_defaults=_CALENDAR_IN,
    list_name="fabrikam-list",
    external_id="fabrikam-external-id",
    contacts=(
        _chose("Priya.Nair@Example.com"),
        _chose("anna.kowalski@example.org", None, "aws-approval", "finops-announce", "inner-announce"),
        _chose("ben.okafor@example.org", OPT_IN, "aws-announce"),
        _chose("carla.mendes@example.org", OPT_OUT),
        _chose("dieter.wolf@example.org", unsubscribe_all=True),
    ),
)
_NORTHFIELD = SandboxCustomer(
    code="northfield",
    name="Northfield University Press",
    account_id="333333333333",
    topic_defaults=_ALL_OUT,
    list_name="staff",
    contacts=(
        *(_member_of_staff(number) for number in range(1, _STAFF + 1)),
        _chose(" priya.nair@EXAMPLE.com ", OPT_IN, "aws-announce", "aws-approval"),
    ),
)
_TESTBED = SandboxCustomer(
    code="quayside-dev",
    name="Quayside Logistics (development)",
    account_id="444444444444",
    environment="non-production",
    topic_defaults=_CALENDAR_IN,
    restricted_recipients=("qa.lead@example.net", "Release.Manager@example.net"),
    contacts=(
        _chose("qa.lead@example.net", OPT_IN),
        _chose("release.manager@example.net"),
        _chose("warehouse.desk@example.net", OPT_IN),
        _chose("jon.berg@example.com", OPT_IN),
    ),
)
_WINGSPAN = SandboxCustomer(
    code="wingspan",
    name="Wingspan Energy",
    account_id="555555555555",
    topic_defaults=_ALL_OUT,
    suppressed=("gone.away@example.org",),
    contacts=(
        _chose("erik.lund@example.org", OPT_IN),
        _chose("sofia.rossi@example.org", OPT_IN),
        _chose("gone.away@example.org", OPT_IN),
        _chose("not-an-address", OPT_IN),
        _chose("maria.silva@example.com"),
    ),
)
_LUMEN = SandboxCustomer(
    code="lumen-labs",
    name="Lumen Laboratories",
    account_id="666666666666",
    region="eu-central-1",
    topic_defaults=_ALL_OUT,
    list_name="lab-people",
    contacts=(
        _chose("hiro.tanaka@example.com", OPT_IN),
        _chose("grace.obi@example.com", OPT_IN, "finops-announce"),
        _chose("noor.aziz@example.com", None, "cic-announce", "inner-announce"),
    ),
)

DEMO_CUSTOMERS = (_HTS, _FABRIKAM, _NORTHFIELD, _TESTBED, _WINGSPAN, _LUMEN)
DEMO_WORLD = SandboxWorld(customers=DEMO_CUSTOMERS)
