"""STS, SES and SSM on this machine, as far as they are asked; every signature is checked.

It shares no code with the adapter. Trouble is put in line for an operation and used up one by one::

    fake.interrupt("ListContacts", refuse(429, "TooManyRequestsException"))
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from aiohttp import web
from aiohttp.test_utils import TestServer

OWN_KEY, OWN_SECRET = "AKIAOWN", "own-secret"
Trouble = Callable[[web.Request], Awaitable[web.StreamResponse]]
JsonObject = dict[str, Any]


@dataclass
class FakeAccount:
    """A customer's account. ``pages`` are the pages of ListContacts; ``list_name`` None means no list."""

    list_name: str | None = "all-people"
    topics: dict[str, str] = field(default_factory=lambda: {"aws-calendar": "OPT_OUT"})
    pages: list[list[JsonObject]] = field(default_factory=lambda: [[]])
    suppressed_pages: list[list[str]] = field(default_factory=lambda: [[]])
    external_id: str | None = None


def contact(address: str, *, has_left: bool = False, **choices: str) -> JsonObject:
    """Return a contact as ListContacts shows it; topic names have ``_`` for ``-``."""
    preferences = [
        {"TopicName": topic.replace("_", "-"), "SubscriptionStatus": status}
        for topic, status in choices.items()
    ]
    return {
        "EmailAddress": address,
        "TopicPreferences": preferences,
        "TopicDefaultPreferences": [],
        "UnsubscribeAll": has_left,
        "LastUpdatedTimestamp": 1700000000.5,
    }


def refuse(status: int, code: str, message: str = "no") -> Trouble:
    """Return an answer that refuses, in the form of the JSON protocols."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        headers = {"x-amzn-errortype": f"{code}:http://internal.amazon.com/x/", "x-amzn-requestid": "req-1"}
        body = {"__type": f"com.amazon.coral.service#{code}", "message": message}
        return web.json_response(body, status=status, headers=headers)

    return answer


def say(body: bytes, status: int = 200) -> Trouble:
    """Return an answer of these bytes."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, status=status, headers={"x-amzn-requestid": "req-2"})

    return answer


async def drop_mid_body(request: web.Request) -> web.StreamResponse:
    """Promise more than is sent, and hang up."""
    response = web.StreamResponse(headers={"Content-Length": "100000"})
    await response.prepare(request)
    await response.write(b'{"Contacts": [')
    assert request.transport is not None
    request.transport.close()
    return response


class AwsFake:
    """All of AWS at one address.

    Attributes:
        accounts: By account id.
        parameters: Of SSM.
        calls: How often each operation came.
        requests: The parameters of each call, by operation.
        signed_for: Services and regions that requests were signed for.
        expired: Access keys that are refused as expired.
        before: What is waited for before an operation is answered.
    """

    def __init__(self) -> None:
        self.accounts: dict[str, FakeAccount] = {}
        self.parameters: dict[str, str] = {}
        self.calls: Counter[str] = Counter()
        self.requests: defaultdict[str, list[JsonObject]] = defaultdict(list)
        self.signed_for: set[tuple[str, str]] = set()
        self.expired: set[str] = set()
        self.before: dict[str, Callable[[web.Request], Awaitable[None]]] = {}
        self._troubles: defaultdict[str, deque[Trouble]] = defaultdict(deque)
        self._secrets = {OWN_KEY: OWN_SECRET}

    def interrupt(self, operation: str, *troubles: Trouble) -> None:
        """Answer the next calls of ``operation`` like this."""
        self._troubles[operation].extend(troubles)

    def make_server(self) -> TestServer:
        """Return the server; it is started by ``async with``."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        return TestServer(app, host="127.0.0.1")

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        key = self._check_signature(request, body)
        operation, parameters, answer = self._route(request, body)
        self.calls[operation] += 1
        self.requests[operation].append(parameters)
        if operation in self.before:
            await self.before[operation](request)
        if key in self.expired:
            return await refuse(403, "ExpiredTokenException")(request)
        if self._troubles[operation]:
            return await self._troubles[operation].popleft()(request)
        return answer(key, parameters)

    def _route(
        self, request: web.Request, body: bytes
    ) -> tuple[str, JsonObject, Callable[[str, JsonObject], web.Response]]:
        if "X-Amz-Target" in request.headers:
            return "GetParameters", json.loads(body), self._get_parameters
        if request.path == "/":
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            return "AssumeRole", form, self._assume_role
        parts = request.path.removeprefix("/v2/email/").split("/")
        asked = {**dict(request.query), **(json.loads(body) if body else {}), "List": (*parts, "")[1]}
        match request.method, parts:
            case "GET", ["contact-lists"]:
                return "ListContactLists", asked, self._list_contact_lists
            case "GET", ["contact-lists", _]:
                return "GetContactList", asked, self._get_contact_list
            case "POST", ["contact-lists", _, "contacts", "list"]:
                return "ListContacts", asked, self._list_contacts
            case "GET", ["suppression", "addresses"]:
                return "ListSuppressedDestinations", asked, self._list_suppressed
        raise web.HTTPNotFound

    def _assume_role(self, _key: str, form: JsonObject) -> web.Response:
        account_id = form["RoleArn"].split(":")[4]
        account = self.accounts.get(account_id)
        if account is None or account.external_id != form.get("ExternalId"):
            error = (
                "<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not authorized</Message></Error>"
            )
            return _xml(f"<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>", status=403)
        key = f"ASIA{account_id}N{self.calls['AssumeRole']}"
        self._secrets[key] = f"secret-of-{key}"
        credentials = (
            f"<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{self._secrets[key]}</SecretAccessKey>"
            f"<SessionToken>token+of/{key}==</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration>"
        )
        return _xml(
            '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>'
            f"<Credentials>{credentials}</Credentials></AssumeRoleResult></AssumeRoleResponse>"
        )

    def _account(self, key: str) -> FakeAccount:
        return self.accounts[key.removeprefix("ASIA").split("N")[0]]

    def _list_contact_lists(self, key: str, _asked: JsonObject) -> web.Response:
        name = self._account(key).list_name
        return web.json_response({"ContactLists": [{"ContactListName": name}] if name else []})

    def _get_contact_list(self, key: str, asked: JsonObject) -> web.Response:
        account = self._account(key)
        if asked["List"] != account.list_name:
            return web.json_response(
                {"message": "gone"}, status=404, headers={"x-amzn-errortype": "NotFoundException"}
            )
        topics = [
            {"TopicName": name, "DefaultSubscriptionStatus": status}
            for name, status in account.topics.items()
        ]
        return web.json_response({"ContactListName": account.list_name, "Topics": topics})

    def _list_contacts(self, key: str, asked: JsonObject) -> web.Response:
        return _page("Contacts", self._account(key).pages, asked.get("NextToken"))

    def _list_suppressed(self, key: str, asked: JsonObject) -> web.Response:
        pages = [
            [{"EmailAddress": address, "Reason": "BOUNCE", "LastUpdateTime": 1} for address in page]
            for page in self._account(key).suppressed_pages
        ]
        return _page("SuppressedDestinationSummaries", pages, asked.get("NextToken"))

    def _get_parameters(self, _key: str, asked: JsonObject) -> web.Response:
        found = sorted(set(asked["Names"]) & set(self.parameters))
        missing = [name for name in asked["Names"] if name not in self.parameters]
        parameters = [
            {"Name": name, "Type": "SecureString", "Value": self.parameters[name]} for name in found
        ]
        return web.json_response({"Parameters": parameters, "InvalidParameters": missing})

    def _check_signature(self, request: web.Request, body: bytes) -> str:
        """Return the access key, after computing the signature anew (AWS Signature Version 4)."""
        given = dict(
            part.strip().split("=", 1)
            for part in request.headers["Authorization"].split(" ", 1)[1].split(",")
        )
        key, *scope = given["Credential"].split("/")
        self.signed_for.add((scope[2], scope[1]))
        signing_key = f"AWS4{self._secrets[key]}".encode()
        for part in scope:
            signing_key = _hmac(signing_key, part)
        names = given["SignedHeaders"].split(";")
        url = urlsplit(request.raw_path)
        canonical = "\n".join(
            [
                request.method,
                quote(url.path, safe="/~"),
                "&".join(sorted(url.query.split("&"))),
                *(f"{name}:{request.headers[name].strip()}" for name in names),
                "",
                given["SignedHeaders"],
                hashlib.sha256(body).hexdigest(),
            ]
        )
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = "\n".join(["AWS4-HMAC-SHA256", request.headers["X-Amz-Date"], "/".join(scope), digest])
        if given["Signature"] != _hmac(signing_key, text).hex():
            raise web.HTTPForbidden(headers={"x-amzn-errortype": "SignatureDoesNotMatch"})
        return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _page(name: str, pages: list[Any], token: str | None) -> web.Response:
    """Return a page; tokens have characters that must be percent-encoded in a query."""
    index = int(token.removeprefix("+/page=&")) if token else 0
    following = {"NextToken": f"+/page=&{index + 1}"} if index + 1 < len(pages) else {}
    return web.json_response({name: pages[index], **following})


def _xml(text: str, status: int = 200) -> web.Response:
    return web.Response(
        text=text, status=status, content_type="text/xml", headers={"x-amzn-RequestId": "sts-1"}
    )
