"""Amazon SES and STS as far as the benchmark asks them: prepared answers after a chosen round trip.

It runs in a process of its own, prints the port it listens on, and ends when its standard input closes.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson
from aiohttp import web

PAGE_SIZE = 1000
LIST_NAME = "contacts"
TOPIC = "aws-calendar"
_OTHER_TOPIC = "aws-approval"
_MARK = b"@c000000."
_ROLE_ACCOUNT = re.compile(rb"RoleArn=arn%3Aaws%3Aiam%3A%3A(\d{12})%3A")
_CREDENTIAL = re.compile(r"Credential=ASIA(\d{12})/")
_EVERY_TENTH = 10


@dataclass(frozen=True, slots=True)
class Size:
    """What the accounts hold, and how far away they are."""

    customers: int
    contacts: int
    rtt_ms: float


def _contact(number: int) -> dict[str, object]:
    status = "OPT_OUT" if number % _EVERY_TENTH == 0 else "OPT_IN"
    return {
        "EmailAddress": f"given.surname{number:06d}{_MARK.decode()}example.com",
        "TopicPreferences": [{"TopicName": TOPIC, "SubscriptionStatus": status}],
        "TopicDefaultPreferences": [{"TopicName": _OTHER_TOPIC, "SubscriptionStatus": "OPT_OUT"}],
        "UnsubscribeAll": number % 97 == 0,
        "LastUpdatedTimestamp": 1700000000.123 + number,
    }


def _pages(contacts: int) -> tuple[bytes, ...]:
    pages: list[bytes] = []
    for start in range(0, max(contacts, 1), PAGE_SIZE):
        end = min(start + PAGE_SIZE, contacts)
        page: dict[str, object] = {"Contacts": [_contact(number) for number in range(start, end)]}
        if end < contacts:
            page["NextToken"] = str(len(pages) + 1)
        pages.append(orjson.dumps(page))
    return tuple(pages)


_LISTS = orjson.dumps({"ContactLists": [{"ContactListName": LIST_NAME, "LastUpdatedTimestamp": 1700000000}]})
_LIST = orjson.dumps(
    {
        "ContactListName": LIST_NAME,
        "Topics": [
            {
                "TopicName": name,
                "DisplayName": name,
                "DefaultSubscriptionStatus": "OPT_OUT",
            }
            for name in (TOPIC, _OTHER_TOPIC)
        ],
        "CreatedTimestamp": 1700000000,
        "LastUpdatedTimestamp": 1700000000,
        "Tags": [],
    }
)
_SUPPRESSED = orjson.dumps({"SuppressedDestinationSummaries": []})
_ASSUMED = (
    b'<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>'
    b"<AssumedRoleUser><AssumedRoleId>AROA:bench</AssumedRoleId>"
    b"<Arn>arn:aws:sts::%(account)b:assumed-role/reader/bench</Arn></AssumedRoleUser>"
    b"<Credentials><AccessKeyId>ASIA%(account)b</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>"
    b"<SessionToken>%(token)b</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration></Credentials>"
    b"<PackedPolicySize>6</PackedPolicySize></AssumeRoleResult><ResponseMetadata>"
    b"<RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId></ResponseMetadata></AssumeRoleResponse>"
)
_TOKEN = b"T" * 800


class Stub:
    """Answers as many accounts as asked for; the account is read from the key that STS gave."""

    def __init__(self, size: Size) -> None:
        self._rtt_s = size.rtt_ms / 1000
        template = _pages(size.contacts)
        self._pages = {
            f"{number:012d}": tuple(page.replace(_MARK, b"@c%06d." % number) for page in template)
            for number in range(size.customers)
        }

    def make_app(self) -> web.Application:
        """Return the routes."""
        app = web.Application()
        contacts = f"/v2/email/contact-lists/{LIST_NAME}/contacts/list"
        app.router.add_post("/", self._assume_role)
        app.router.add_post(contacts, self._list_contacts)
        app.router.add_get("/v2/email/contact-lists", self._always(_LISTS))
        app.router.add_get(f"/v2/email/contact-lists/{LIST_NAME}", self._always(_LIST))
        app.router.add_get("/v2/email/suppression/addresses", self._always(_SUPPRESSED))
        return app

    async def _assume_role(self, request: web.Request) -> web.Response:
        match = _ROLE_ACCOUNT.search(await request.read())
        account = match[1] if match else b"0" * 12
        await asyncio.sleep(self._rtt_s)
        return web.Response(body=_ASSUMED % {b"account": account, b"token": _TOKEN}, content_type="text/xml")

    async def _list_contacts(self, request: web.Request) -> web.Response:
        asked = orjson.loads(await request.read())
        match = _CREDENTIAL.search(request.headers.get("Authorization", ""))
        pages = self._pages[match[1] if match else "0" * 12]
        await asyncio.sleep(self._rtt_s)
        return web.Response(body=pages[int(asked.get("NextToken", 0))], content_type="application/json")

    def _always(self, body: bytes) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(_request: web.Request) -> web.Response:
            await asyncio.sleep(self._rtt_s)
            return web.Response(body=body, content_type="application/json")

        return answer


async def _serve(size: Size) -> None:
    runner = web.AppRunner(Stub(size).make_app(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


def main() -> None:
    """Serve until standard input closes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, required=True)
    parser.add_argument("--contacts", type=int, required=True)
    parser.add_argument("--rtt-ms", type=float, required=True)
    asked = parser.parse_args()
    asyncio.run(_serve(Size(asked.customers, asked.contacts, asked.rtt_ms)))


if __name__ == "__main__":
    main()
