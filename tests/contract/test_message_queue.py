"""The change queue in Amazon SQS, against the sandbox; and how long any of botocore's clients waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from contact_manager.adapters.aws import message_queue, provider_errors
from contact_manager.adapters.aws.errors import NO_ANSWER, Asked
from contact_manager.adapters.aws.message_queue import LONG_POLL_S, SqsQueue
from contact_manager.adapters.aws.session import AwsAccess
from contact_manager.domain.processing import Message
from contact_manager.errors import RemoteServiceError
from contact_manager.sandbox.aws_server import (
    BASE_ACCESS_KEY_ID,
    BASE_SECRET_ACCESS_KEY,
    AwsServer,
    Fault,
)
from tests.fakes.aws_access import impatient_access, lead_to
from tests.fakes.aws_clients import assume, open_client
from tests.fakes.imds_fake import ImdsFake, Mood

MINUTE = timedelta(minutes=1)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsServer]:
    with AwsServer() as running:
        lead_to(monkeypatch, running.endpoint_url, BASE_ACCESS_KEY_ID, BASE_SECRET_ACCESS_KEY)
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield running


@pytest.fixture
def queue_url(server: AwsServer) -> str:
    url: str = open_client(server, "sqs").create_queue(QueueName="changes")["QueueUrl"]
    return url


@pytest.fixture
async def access(server: AwsServer) -> AsyncIterator[AwsAccess]:
    async with impatient_access() as access:
        yield access


@pytest.fixture
async def queue(access: AwsAccess, queue_url: str) -> AsyncIterator[SqsQueue]:
    queue = SqsQueue(access, queue_url)
    yield queue
    await queue.close()


def send(server: AwsServer, queue_url: str, count: int) -> None:
    for number in range(count):
        open_client(server, "sqs").send_message(QueueUrl=queue_url, MessageBody=f"message {number}")


async def receive(queue: SqsQueue, count: int) -> list[Message]:
    messages: list[Message] = []
    while len(messages) < count:
        messages += await queue.receive(MINUTE)
    return messages


async def test_more_messages_than_one_call_takes_are_hidden_and_deleted(
    server: AwsServer, queue: SqsQueue, queue_url: str
) -> None:
    send(server, queue_url, 23)
    messages = await receive(queue, 23)
    receipts = [message.receipt for message in messages]
    await queue.hide(dict.fromkeys(receipts, timedelta(0)))
    messages = await receive(queue, 23)
    assert {message.receptions for message in messages} == {2}
    await queue.delete([message.receipt for message in messages])
    counts = server.counts["123456789012"]
    assert (counts["ChangeMessageVisibilityBatch"], counts["DeleteMessageBatch"]) == (3, 3)
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    left = open_client(server, "sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
    assert set(left["Attributes"].values()) == {"0"}


async def test_a_message_that_is_gone_does_not_keep_the_others_from_being_hidden(
    server: AwsServer, queue: SqsQueue, queue_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    send(server, queue_url, 2)
    gone, kept = [message.receipt for message in await receive(queue, 2)]
    await queue.delete([gone])
    await queue.hide({gone: MINUTE, kept: timedelta(0), "no receipt of this queue": MINUTE})
    assert len(await receive(queue, 1)) == 1
    assert "queue.message_not_hidden" not in caplog.text


async def test_a_message_is_never_hidden_for_longer_than_sqs_takes(
    server: AwsServer, queue: SqsQueue, queue_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    send(server, queue_url, 1)
    [message] = await receive(queue, 1)
    await queue.hide({message.receipt: timedelta(days=2)})
    await queue.hide({message.receipt: timedelta(seconds=-5)})
    assert [found.body for found in await receive(queue, 1)] == ["message 0"]
    assert caplog.text == ""


async def test_a_queue_that_is_not_there_is_refused_with_what_to_do(
    access: AwsAccess, queue_url: str
) -> None:
    for name in ("-missing", "/of/nobody"):
        queue = SqsQueue(access, queue_url + name)
        with pytest.raises(RemoteServiceError, match="there is no such queue") as caught:
            await queue.receive(MINUTE)
        assert not caught.value.retryable
        await queue.close()


@pytest.mark.parametrize(
    ("code", "status", "passes"),
    [
        ("AccessDenied", 403, False),
        ("KMS.AccessDeniedException", 400, False),
        ("InvalidClientTokenId", 403, False),
        ("RequestThrottled", 400, True),
        ("InternalFailure", 500, True),
        ("ServiceUnavailable", 503, True),
    ],
)
async def test_a_refusal_says_whether_it_will_pass(
    server: AwsServer, queue: SqsQueue, code: str, status: int, *, passes: bool
) -> None:
    server.add_fault(Fault(service="sqs", code=code, status=status, times=None))
    with pytest.raises(RemoteServiceError, match=code) as caught:
        await queue.delete(["receipt"])
    assert caught.value.retryable is passes


async def test_a_queue_that_takes_a_request_and_never_answers_is_left_in_seconds(
    server: AwsServer, queue: SqsQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_queue, "_CALL_TIME_LIMIT_S", 0.1)
    server.add_fault(Fault(service="sqs", delay_s=3600.0, times=None))
    for call in (queue.delete(["receipt"]), queue.hide({"receipt": MINUTE})):
        with pytest.raises(RemoteServiceError) as caught:
            await call
        assert (caught.value.service, caught.value.code) == ("sqs", NO_ANSWER)
        assert caught.value.retryable


@pytest.mark.parametrize("service", ["s3", "sqs", "ssm", "sts"])
async def test_every_client_waits_for_seconds_and_tries_a_few_times(access: AwsAccess, service: str) -> None:
    async with access.open_client(service, Asked(service, "any", "anything")) as client:
        config = client.meta.config
        assert config.connect_timeout == 3
        assert config.read_timeout == 10
        assert config.retries == {"mode": "standard", "total_max_attempts": 3}


async def test_clients_that_credential_providers_open_wait_for_seconds_too(access: AwsAccess) -> None:
    session = access.open_session()
    async with session.create_client("sts", region_name="us-east-1") as client:
        assert (client.meta.config.connect_timeout, client.meta.config.read_timeout) == (3, 10)


async def test_a_long_poll_is_not_taken_for_silence(server: AwsServer, queue: SqsQueue) -> None:
    server.add_fault(Fault(operation="ReceiveMessage", delay_s=0.5))
    waiting = asyncio.create_task(queue.receive(MINUTE))
    async with queue._client.calling(Asked("sqs", "any", "anything")) as client:
        assert client.meta.config.read_timeout > LONG_POLL_S
    waiting.cancel()


@pytest.mark.parametrize("mood", [mood for mood in Mood if mood is not Mood.UP])
async def test_a_metadata_service_that_comes_up_later_gives_the_same_queue_credentials(
    server: AwsServer, monkeypatch: pytest.MonkeyPatch, mood: Mood
) -> None:
    own = assume(server)
    client = open_client(server, "sqs", **own)
    queue_url = client.create_queue(QueueName="changes")["QueueUrl"]
    client.send_message(QueueUrl=queue_url, MessageBody="message")
    key, secret, token = own.values()
    imds = ImdsFake(mood, key=key, secret=secret, token=token)
    async with imds.make_server() as metadata, impatient_access() as access:
        without_credentials(monkeypatch)
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", str(metadata.make_url("")))
        queue = SqsQueue(access, queue_url)
        for _ in range(2):
            with pytest.raises(RemoteServiceError, match="instance metadata service") as caught:
                await queue.receive(MINUTE)
            assert caught.value.retryable
        imds.mood = Mood.UP
        assert len(await queue.receive(MINUTE)) == 1
        await queue.close()


async def test_expired_credentials_of_a_file_are_read_again_and_those_of_the_environment_are_not(
    server: AwsServer, queue_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    expired = Fault(service="sqs", status=403, code="ExpiredToken")
    server.add_fault(expired)
    async with impatient_access() as access:
        queue = SqsQueue(access, queue_url)
        with pytest.raises(RemoteServiceError, match="ExpiredToken") as caught:
            await queue.delete(["receipt"])
        assert not caught.value.retryable
        await queue.close()
    without_credentials(monkeypatch)
    file = tmp_path / "credentials"
    file.write_text("[default]\naws_access_key_id = AKIAOLD\naws_secret_access_key = old\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    server.add_fault(expired)
    async with impatient_access() as access:
        queue = SqsQueue(access, queue_url)
        with pytest.raises(RemoteServiceError, match="ExpiredToken") as caught:
            await queue.delete(["receipt"])
        assert caught.value.retryable
        file.write_text(
            f"[default]\naws_access_key_id = {BASE_ACCESS_KEY_ID}\n"
            f"aws_secret_access_key = {BASE_SECRET_ACCESS_KEY}\n"
        )
        await queue.delete(["receipt"])
        await queue.close()


async def test_where_no_provider_is_configured_nothing_is_waited_for(
    server: AwsServer, queue: SqsQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_credentials(monkeypatch)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(RemoteServiceError, match="no AWS credentials were found") as caught:
        await queue.receive(MINUTE)
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("vendor", "environment", "passes"),
    [
        ("Amazon EC2\n", {}, True),
        ("Amazon EC2\n", {"AWS_EC2_METADATA_DISABLED": "true"}, False),
        ("LENOVO\n", {}, False),
        (None, {}, False),
    ],
)
def test_a_metadata_service_is_expected_on_an_instance_and_nowhere_else(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    vendor: str | None,
    environment: dict[str, str],
    *,
    passes: bool,
) -> None:
    file = tmp_path / "sys_vendor"
    if vendor is not None:
        file.write_text(vendor)
    monkeypatch.setattr(provider_errors, "_VENDOR_FILE", file)
    assert provider_errors.no_credentials(environment).retryable is passes


def without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED"):
        monkeypatch.delenv(name)
