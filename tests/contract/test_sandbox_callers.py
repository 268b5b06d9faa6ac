"""No web page reaches the sandbox, and nobody anything that it does not serve."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from contact_manager.sandbox.aws_server import BASE_ACCESS_KEY_ID, BASE_SECRET_ACCESS_KEY
from contact_manager.sandbox.seed import SandboxWorld
from contact_manager.sandbox.stack import SandboxStack
from tests.fakes.aws_clients import open_client

REQUESTS = [
    "aws GET /",
    "aws POST /v2/email/outbound-emails",
    "aws GET /_sandbox/state",
    "aws POST /_sandbox/settings",
    "aws OPTIONS /_sandbox/faults",
    "aws POST /moto-api/reset",
    "aws PUT /bucket/key",
    "graph POST /_sandbox/reset",
    "graph OPTIONS /_sandbox/faults",
    "graph POST /common/oauth2/v2.0/token",
    "graph GET /v1.0/users/changes@example.com/events",
]
OWN = "{scheme}://127.0.0.1:{port}"
FOREIGN = [
    {"Host": "evil.example"},
    {"Host": "evil.example:{port}"},
    {"Host": "127.0.0.1"},
    {"Host": "127.0.0.1:1"},
    {"Host": "127.0.0.1.evil.example:{port}"},
    {"Host": "localhost.evil.example:{port}"},
    {"Host": "evil.example@127.0.0.1:{port}"},
    {"Host": "0.0.0.0:{port}"},
    {"Host": ""},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1"},
    {"Origin": "http://localhost:1"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": OWN, "Sec-Fetch-Site": "cross-site"},
]


@pytest.fixture(scope="module")
def stack() -> Iterator[SandboxStack]:
    with SandboxStack(SandboxWorld(customers=())) as running:
        yield running


def connect(stack: SandboxStack, server: str) -> HTTPConnection:
    url = urlsplit(stack.aws.endpoint_url if server == "aws" else stack.graph.authority_host)
    assert url.port is not None
    if server == "aws":
        return HTTPConnection("127.0.0.1", url.port, timeout=10)
    trust = ssl.create_default_context(cafile=str(stack.ca_bundle))
    return HTTPSConnection("127.0.0.1", url.port, timeout=10, context=trust)


def answer(stack: SandboxStack, request: str, headers: dict[str, str]) -> HTTPResponse:
    server, method, path = request.split()
    connection = connect(stack, server)
    values = {"scheme": "http" if server == "aws" else "https", "port": connection.port}
    body = None if method == "GET" else "{}"
    connection.request(method, path, body, {name: value.format(**values) for name, value in headers.items()})
    response = connection.getresponse()
    response.read()
    connection.close()
    return response


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize("request_line", REQUESTS)
def test_a_web_page_is_refused(stack: SandboxStack, request_line: str, headers: dict[str, str]) -> None:
    stack.aws.forget_requests()
    seen = len(stack.graph.state()["requests"])

    response = answer(stack, request_line, headers)

    assert response.status == 403
    assert not any(name.lower().startswith("access-control-") for name, _ in response.getheaders())
    assert stack.aws.requests == ()
    assert len(stack.graph.state()["requests"]) == seen


@pytest.mark.parametrize("server", ["aws", "graph"])
@pytest.mark.parametrize(
    "head",
    [
        "GET /_sandbox/state HTTP/1.0\r\n\r\n",
        "GET /_sandbox/state HTTP/1.1\r\nConnection: close\r\n\r\n",
        "GET /_sandbox/state HTTP/1.1\r\nConnection: close\r\nHost: {host}\r\nHost: evil.example\r\n\r\n",
        "GET http://evil.example/_sandbox/state HTTP/1.1\r\nConnection: close\r\nHost: evil.example\r\n\r\n",
    ],
)
def test_a_request_without_one_good_host_is_refused(stack: SandboxStack, server: str, head: str) -> None:
    connection = connect(stack, server)
    connection.connect()
    wire: socket.socket = connection.sock
    wire.sendall(head.format(host=f"127.0.0.1:{connection.port}").encode())
    response = HTTPResponse(wire)
    response.begin()

    assert response.status in {400, 403}
    response.close()
    connection.close()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "localhost:{port}"},
        {"Host": "LOCALHOST:{port}"},
        {"Host": "[::1]:{port}"},
        {"Origin": OWN},
        {"Sec-Fetch-Site": "none"},
        {"Origin": OWN, "Sec-Fetch-Site": "same-origin"},
    ],
    ids=str,
)
@pytest.mark.parametrize("server", ["aws", "graph"])
def test_a_program_on_this_machine_is_answered(
    stack: SandboxStack, server: str, headers: dict[str, str]
) -> None:
    assert answer(stack, f"{server} GET /_sandbox/state", headers).status == 200


@pytest.mark.parametrize("style", ["auto", "path", "virtual"])
def test_the_sdk_reaches_a_bucket_whatever_its_style(stack: SandboxStack, style: str) -> None:
    s3 = boto3.Session().client(
        "s3",
        endpoint_url=stack.aws.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=BASE_ACCESS_KEY_ID,
        aws_secret_access_key=BASE_SECRET_ACCESS_KEY,
        config=boto3.session.Config(s3={"addressing_style": style}),
    )

    assert s3.list_objects_v2(Bucket=stack.world.bucket_name)["KeyCount"] == 0


def test_no_answer_lets_a_web_page_read_it(stack: SandboxStack) -> None:
    for service, call in (("s3", "list_buckets"), ("sqs", "list_queues"), ("sts", "get_caller_identity")):
        headers = getattr(open_client(stack.aws, service), call)()["ResponseMetadata"]["HTTPHeaders"]
        assert not [name for name in headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("dynamodb", "list_tables"),
        ("ec2", "describe_instances"),
        ("iam", "list_users"),
        ("lambda", "list_functions"),
        ("secretsmanager", "list_secrets"),
        ("ses", "list_identities"),
        ("sns", "list_topics"),
    ],
)
def test_a_service_that_is_not_used_is_not_served(stack: SandboxStack, service: str, call: str) -> None:
    with pytest.raises(ClientError, match=r"The sandbox serves S3, SES v2, SQS, SSM and STS") as caught:
        getattr(open_client(stack.aws, service), call)()

    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


@pytest.mark.parametrize("path", ["/moto-api/", "/moto-api/reset", "/latest/meta-data/", "/v20180820/jobs"])
@pytest.mark.parametrize("service", ["s3", "ses", "sqs", "ssm", "moto_api"])
def test_motos_own_pages_are_not_served_to_anybody(stack: SandboxStack, service: str, path: str) -> None:
    """Also not with a signature: a path of S3 is a bucket's."""
    request = AWSRequest("GET", stack.aws.endpoint_url + path)
    credentials = Credentials(BASE_ACCESS_KEY_ID, BASE_SECRET_ACCESS_KEY)
    SigV4Auth(credentials, service, "us-east-1").add_auth(request)
    buckets = open_client(stack.aws, "s3").list_buckets()["Buckets"]

    assert 400 <= answer(stack, f"aws GET {path}", dict(request.headers)).status < 500
    assert open_client(stack.aws, "s3").list_buckets()["Buckets"] == buckets != []
