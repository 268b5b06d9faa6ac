"""The whole stage set: the demo world, its configuration, and the environment that leads into it."""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError

from contact_manager.sandbox.aws_server import BASE_ACCOUNT_ID, AwsServer
from contact_manager.sandbox.seed import (
    DEMO_CUSTOMERS,
    DEMO_WORLD,
    SandboxContact,
    SandboxCustomer,
    SandboxWorld,
    make_config,
    seed,
    write_config,
)
from contact_manager.sandbox.stack import SandboxStack
from tests.fakes.aws_clients import assume, open_client

EXAMPLES = Path(__file__).parents[2] / "examples"
AZURE_PARAMETERS = ("/azure/client-id", "/azure/client-secret", "/azure/tenant-id")
SHOW_ENVIRONMENT = "import json, os; print(json.dumps(dict(os.environ)))"


@pytest.fixture
def server() -> Iterator[AwsServer]:
    with AwsServer() as running:
        yield running


@pytest.fixture
def stack() -> Iterator[SandboxStack]:
    with SandboxStack() as running:
        yield running


@pytest.fixture
def aws(stack: SandboxStack, monkeypatch: pytest.MonkeyPatch) -> boto3.Session:
    """Open the SDK with nothing but the sandbox's environment."""
    for name in stack.unset:
        monkeypatch.delenv(name, raising=False)
    for name, value in stack.environment.items():
        monkeypatch.setenv(name, value)
    return boto3.Session()


def subscribed(customer: SandboxCustomer, topic: str = "aws-calendar") -> list[str]:
    return [
        contact.address
        for contact in customer.contacts
        if not contact.unsubscribe_all
        and contact.topics.get(topic, customer.topic_defaults[topic]) == "OPT_IN"
    ]


def ses_of(server: AwsServer, customer: SandboxCustomer) -> Any:
    more = {"ExternalId": customer.external_id} if customer.external_id else {}
    return open_client(server, "sesv2", region=customer.region, **assume(server, customer.role_arn, **more))


def count_contacts(ses: Any, list_name: str) -> list[int]:
    answer = ses.list_contacts(ContactListName=list_name)
    counts = [len(answer["Contacts"])]
    while "NextToken" in answer:
        answer = ses.list_contacts(ContactListName=list_name, NextToken=answer["NextToken"])
        counts.append(len(answer["Contacts"]))
    return counts


def test_the_example_configuration_is_the_one_of_the_demo_world(tmp_path: Path) -> None:
    write_config(DEMO_WORLD, tmp_path / "config.json")

    written = (tmp_path / "config.json").read_text(encoding="utf-8")
    assert (EXAMPLES / "config.json").read_text(encoding="utf-8") == written


def test_the_demo_world_is_small_enough_to_read_and_shows_every_case() -> None:
    contacts = [contact for customer in DEMO_CUSTOMERS for contact in customer.contacts]
    folded = [
        address.strip().casefold() for customer in DEMO_CUSTOMERS for address in set(subscribed(customer))
    ]

    assert all(re.fullmatch(r"[a-z0-9-]{1,50}", customer.code) for customer in DEMO_CUSTOMERS)
    assert len(folded) < 60
    assert max(folded.count(address) for address in folded) == 3
    assert any(len(customer.contacts) > 1000 for customer in DEMO_CUSTOMERS)
    assert any(contact.unsubscribe_all for contact in contacts)
    assert any("@" not in contact.address for contact in contacts)
    assert {customer.topic_defaults["aws-calendar"] for customer in DEMO_CUSTOMERS} == {"OPT_IN", "OPT_OUT"}


def test_every_demo_customer_can_be_read_under_its_role(server: AwsServer) -> None:
    seed(server)

    read = {}
    for customer in DEMO_CUSTOMERS:
        ses = ses_of(server, customer)
        [found] = ses.list_contact_lists()["ContactLists"]
        read[customer.code] = count_contacts(ses, found["ContactListName"])

    assert read.pop("northfield") == [1000, 200]
    assert read == {
        customer.code: [len(customer.contacts)]
        for customer in DEMO_CUSTOMERS
        if customer.code != "northfield"
    }


def test_a_world_of_ones_own_has_just_what_it_says(server: AwsServer) -> None:
    people = (SandboxContact("ann@example.com", {"aws-calendar": "OPT_IN"}),)
    customer = SandboxCustomer("one", "One", "999999999999", contacts=people, suppressed=("bo@example.com",))
    empty = SandboxCustomer("two", "Two", "888888888888", list_name=None, configured_list_name=True)
    denied = SandboxCustomer("three", "Three", "777777777777", denied=True)
    world = SandboxWorld(customers=(customer, empty, denied))

    seed(server, world)

    ses = ses_of(server, customer)
    assert count_contacts(ses, "contacts") == [1]
    assert ses.get_suppressed_destination(EmailAddress="bo@example.com")
    assert ses_of(server, empty).list_contact_lists()["ContactLists"] == []
    assert "contact_list_name" not in make_config(world)["customer_mappings"]["two"]
    for role in (denied.role_arn, "arn:aws:iam::111111111111:role/Unknown"):
        with pytest.raises(ClientError, match="AccessDenied"):
            assume(server, role)


def test_the_world_has_its_parameters_bucket_and_queues(server: AwsServer) -> None:
    seed(server)
    ssm, s3, sqs = (open_client(server, service) for service in ("ssm", "s3", "sqs"))

    found = ssm.get_parameters(Names=list(AZURE_PARAMETERS), WithDecryption=True)["Parameters"]
    buckets = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    queues = {url.rpartition("/")[2] for url in sqs.list_queues()["QueueUrls"]}

    assert {parameter["Type"] for parameter in found} == {"SecureString"}
    assert DEMO_WORLD.graph_app.client_secret in {parameter["Value"] for parameter in found}
    assert buckets == [DEMO_WORLD.bucket_name]
    assert queues == {DEMO_WORLD.queue_name, DEMO_WORLD.dead_letter_queue_name} | {
        customer.queue_name for customer in DEMO_CUSTOMERS
    }


def test_the_environment_leads_the_sdk_into_the_sandbox(stack: SandboxStack, aws: boto3.Session) -> None:
    assert aws.client("sts").get_caller_identity()["Account"] == BASE_ACCOUNT_ID
    assert stack.aws.requests[-1].operation == "GetCallerIdentity"


def test_a_token_is_given_for_what_the_parameters_say(stack: SandboxStack, aws: boto3.Session) -> None:
    answer = aws.client("ssm").get_parameters(Names=list(AZURE_PARAMETERS), WithDecryption=True)
    values = {parameter["Name"]: parameter["Value"] for parameter in answer["Parameters"]}
    client_id, secret, tenant = (values[name] for name in AZURE_PARAMETERS)
    form = {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "client_secret": secret,
        "scope": "https://graph.microsoft.com/.default",
    }
    host = urlsplit(stack.environment["AZURE_AUTHORITY_HOST"]).netloc
    trust = ssl.create_default_context(cafile=stack.environment["SSL_CERT_FILE"])
    connection = HTTPSConnection(host, context=trust)
    connection.request(
        "POST",
        f"/{tenant}/oauth2/v2.0/token",
        urlencode(form),
        {"Content-Type": "application/x-www-form-urlencoded"},
    )
    token = json.loads(connection.getresponse().read())
    connection.close()

    assert token["access_token"]


def test_the_bundle_trusts_what_the_machine_trusts_and_one_more(stack: SandboxStack) -> None:
    machine = ssl.create_default_context()
    bundle = ssl.create_default_context(cafile=str(stack.ca_bundle))

    known = {json.dumps(certificate) for certificate in machine.get_ca_certs()}
    trusted = {json.dumps(certificate) for certificate in bundle.get_ca_certs()}
    assert len(trusted - known) == 1
    assert known <= trusted


def test_the_exports_can_be_evaluated_by_a_shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "it's $HOME; `here`"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))

    with SandboxStack() as stack:
        before = {"PATH": os.environ["PATH"], "AWS_PROFILE": "mine", "AZURE_CLIENT_ID": "mine"}
        done = subprocess.run(
            ["sh", "-c", 'eval "$1"; exec "$2" -c "$3"', "sh", stack.shell_exports(), sys.executable,
             SHOW_ENVIRONMENT],
            env=before, capture_output=True, text=True, check=True,
        )  # fmt: skip
        expected = stack.environment

    after = json.loads(done.stdout)
    assert {name: after.get(name) for name in expected} == expected
    assert not set(stack.unset) & set(after)


def test_no_variable_is_both_set_and_unset(stack: SandboxStack) -> None:
    assert not set(stack.unset) & set(stack.environment)


def test_the_configuration_of_the_stack_is_the_one_of_its_world(stack: SandboxStack) -> None:
    content = json.loads(Path(stack.environment["CONFIG_FILE"]).read_text(encoding="utf-8"))

    assert content == make_config(DEMO_WORLD)


def test_nothing_is_left_after_the_stop(stack: SandboxStack) -> None:
    folder = stack.directory
    assert folder.stat().st_mode & 0o077 == 0

    stack.stop()
    stack.stop()

    assert not folder.exists()
    with pytest.raises(RuntimeError, match="not running"):
        _ = stack.environment


def test_a_stopped_stack_can_be_started_again(stack: SandboxStack) -> None:
    stack.start()
    stack.stop()
    stack.start()

    assert stack.config_file.exists()


def test_a_start_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with AwsServer() as other:
        port = int(other.endpoint_url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            SandboxStack(aws_port=port).start()

    assert list(tmp_path.iterdir()) == []
