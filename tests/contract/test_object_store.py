"""Every ``ObjectStore`` keeps the same promises: the one in memory, and S3's against the sandbox."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto.s3.models import s3_backends

from contact_manager.adapters.aws.object_store import S3ObjectStore
from contact_manager.errors import ConflictError, RemoteServiceError, UnusableObjectError
from contact_manager.ports import ObjectStore
from contact_manager.sandbox.aws_server import (
    BASE_ACCESS_KEY_ID,
    BASE_ACCOUNT_ID,
    BASE_SECRET_ACCESS_KEY,
    AwsServer,
    Fault,
)
from tests.fakes.aws_access import impatient_access, lead_to
from tests.fakes.aws_clients import open_client
from tests.fakes.memory_store import MemoryStore

KEY = "archive/CHG 1+2 ü.json"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsServer]:
    with AwsServer() as running:
        lead_to(monkeypatch, running.endpoint_url, BASE_ACCESS_KEY_ID, BASE_SECRET_ACCESS_KEY)
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        open_client(running, "s3").create_bucket(Bucket="changes")
        yield running


@pytest.fixture
async def s3(server: AwsServer) -> AsyncIterator[S3ObjectStore]:
    async with impatient_access() as access:
        store = S3ObjectStore(access, "changes")
        yield store
        await store.close()


@pytest.fixture(params=["memory", "s3"])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    if request.param == "memory":
        return MemoryStore()
    found: ObjectStore = request.getfixturevalue("s3")
    return found


async def test_an_object_that_is_not_there_is_none(store: ObjectStore) -> None:
    assert await store.fetch(KEY) is None


async def test_what_is_written_is_fetched_with_its_etag(store: ObjectStore) -> None:
    etag = await store.write(KEY, b"one", etag=None)
    found = await store.fetch(KEY)
    assert found is not None
    assert (found.data, found.etag) == (b"one", etag)


async def test_an_object_is_made_only_once(store: ObjectStore) -> None:
    await store.write(KEY, b"one", etag=None)
    with pytest.raises(ConflictError) as caught:
        await store.write(KEY, b"two", etag=None)
    assert caught.value.retryable
    assert KEY in str(caught.value)
    found = await store.fetch(KEY)
    assert found is not None
    assert found.data == b"one"


async def test_a_writer_who_read_an_older_object_is_refused(store: ObjectStore) -> None:
    first = await store.write(KEY, b"one", etag=None)
    second = await store.write(KEY, b"two", etag=first)
    with pytest.raises(ConflictError):
        await store.write(KEY, b"three", etag=first)
    await store.write(KEY, b"four", etag=second)
    found = await store.fetch(KEY)
    assert found is not None
    assert found.data == b"four"


async def test_an_object_that_is_gone_is_not_written_again(store: ObjectStore) -> None:
    etag = await store.write(KEY, b"one", etag=None)
    await store.delete(KEY)
    with pytest.raises(ConflictError):
        await store.write(KEY, b"two", etag=etag)
    assert await store.fetch(KEY) is None


async def test_of_many_who_make_an_object_one_succeeds(store: ObjectStore) -> None:
    writers = (store.write(KEY, f"{number}".encode(), etag=None) for number in range(8))
    results = await asyncio.gather(*writers, return_exceptions=True)
    assert sum(isinstance(one, str) for one in results) == 1
    assert sum(isinstance(one, ConflictError) for one in results) == 7


async def test_deleting_twice_is_fine(store: ObjectStore) -> None:
    await store.write(KEY, b"one", etag=None)
    await store.delete(KEY)
    await store.delete(KEY)
    assert await store.fetch(KEY) is None


async def test_keys_are_listed_by_their_beginning(store: ObjectStore) -> None:
    for key in ("archive/b.json", "archive/a.json", "customers/hts/a.json", KEY):
        await store.write(key, b"{}", etag=None)
    assert sorted([key async for key in store.list_keys("archive/")]) == [
        "archive/CHG 1+2 ü.json",
        "archive/a.json",
        "archive/b.json",
    ]
    assert [key async for key in store.list_keys("none/")] == []


async def test_more_keys_than_a_page_holds_are_all_listed(server: AwsServer, s3: S3ObjectStore) -> None:
    client = open_client(server, "s3")
    for number in range(1003):
        client.put_object(Bucket="changes", Key=f"archive/{number:04}.json", Body=b"{}")
    assert len([key async for key in s3.list_keys("archive/")]) == 1003


async def test_a_bucket_that_is_not_there_is_an_error_and_not_an_empty_one(server: AwsServer) -> None:
    async with impatient_access() as access:
        store = S3ObjectStore(access, "no-such-bucket")
        for call in (store.fetch(KEY), store.write(KEY, b"", etag=None), store.delete(KEY)):
            with pytest.raises(RemoteServiceError) as caught:
                await call
            assert not isinstance(caught.value, ConflictError)
            assert caught.value.code == "NoSuchBucket"
        await store.close()


@pytest.mark.parametrize(
    ("status", "code", "is_conflict"),
    [
        (412, "PreconditionFailed", True),
        (409, "ConditionalRequestConflict", True),
        (409, "OperationAborted", False),
        (403, "AccessDenied", False),
    ],
)
async def test_only_a_failed_condition_is_a_conflict(
    server: AwsServer, s3: S3ObjectStore, status: int, code: str, *, is_conflict: bool
) -> None:
    server.add_fault(Fault("s3", status=status, code=code))
    with pytest.raises(RemoteServiceError) as caught:
        await s3.write(KEY, b"one", etag=None)
    assert isinstance(caught.value, ConflictError) is is_conflict
    assert caught.value.code == code


async def test_a_closed_store_may_be_used_again(s3: S3ObjectStore) -> None:
    await s3.write(KEY, b"one", etag=None)
    await s3.close()
    assert await s3.fetch(KEY) is not None


async def test_whether_an_object_exists_is_known_without_reading_it(
    server: AwsServer, store: ObjectStore
) -> None:
    assert not await store.exists(KEY)
    await store.write(KEY, b"x" * 1000, etag=None)
    server.forget_requests()
    assert await store.exists(KEY)
    assert all(request.method == "HEAD" for request in server.requests)


async def test_an_object_that_may_not_be_looked_at_is_an_error_and_not_a_missing_one(
    server: AwsServer, s3: S3ObjectStore
) -> None:
    server.add_fault(Fault("s3", operation="HeadObject", status=403, code="AccessDenied"))
    with pytest.raises(RemoteServiceError, match="lacks s3:GetObject"):
        await s3.exists(KEY)


async def test_an_object_that_is_too_large_is_refused_by_name(store: ObjectStore) -> None:
    await store.write(KEY, b"x" * 1001, etag=None)
    with pytest.raises(UnusableObjectError) as caught:
        await store.fetch(KEY, max_size=1000)
    assert KEY in str(caught.value)
    assert await store.fetch(KEY, max_size=1001) is not None


async def test_an_object_says_how_old_it_is_by_the_clock_of_the_store(
    server: AwsServer, s3: S3ObjectStore
) -> None:
    await s3.write(KEY, b"one", etag=None)
    found = await s3.fetch(KEY)
    assert found is not None
    assert found.age == timedelta(0)
    s3_backends[BASE_ACCOUNT_ID]["aws"].head_bucket("changes").keys[KEY].last_modified -= timedelta(hours=2)
    found = await s3.fetch(KEY)
    assert found is not None
    assert timedelta(hours=1, minutes=59) < found.age <= timedelta(hours=2)


PROPERTIES: dict[str, Any] = {
    "ContentType": "application/vnd.example+json; charset=utf-8",
    "CacheControl": "max-age=60",
    "ContentDisposition": 'attachment; filename="change.json"',
    "ContentLanguage": "de",
    "Expires": datetime(2035, 1, 1, tzinfo=UTC),
    "Metadata": {"author": "portal", "trace-id": "1-2"},
    "StorageClass": "STANDARD_IA",
    "WebsiteRedirectLocation": "/elsewhere",
    "ServerSideEncryption": "aws:kms",
    "SSEKMSKeyId": "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000",
    "BucketKeyEnabled": True,
}


async def rewritten(server: AwsServer, s3: S3ObjectStore, **properties: Any) -> dict[str, Any]:
    """Write an object as a portal does, let the store write it again, and return what S3 says of it."""
    client = open_client(server, "s3")
    client.put_object(Bucket="changes", Key=KEY, **({"Body": b"one"} | properties))
    found = await s3.fetch(KEY)
    assert found is not None
    assert found.data == b"one"
    await s3.write(KEY, b"two", etag=found.etag, keeping=found)
    again = await s3.fetch(KEY)
    assert again is not None
    assert again.data == b"two"
    answer: dict[str, Any] = client.get_object(Bucket="changes", Key=KEY)
    return answer


async def test_an_object_that_is_written_again_keeps_what_it_carries(
    server: AwsServer, s3: S3ObjectStore
) -> None:
    answer = await rewritten(server, s3, **PROPERTIES, Tagging="team=a%20b&cost-centre=a%3Db%2Bc%40d")
    assert {name: answer.get(name) for name in PROPERTIES} == PROPERTIES
    tags = open_client(server, "s3").get_object_tagging(Bucket="changes", Key=KEY)["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "a b", "cost-centre": "a=b+c@d"}


@pytest.mark.parametrize("name", PROPERTIES)
async def test_an_object_that_carries_one_thing_gets_nothing_else(
    server: AwsServer, s3: S3ObjectStore, name: str
) -> None:
    given = {name: PROPERTIES[name]}
    if name in ("SSEKMSKeyId", "BucketKeyEnabled"):
        given["ServerSideEncryption"] = "aws:kms"
    answer = await rewritten(server, s3, **given)
    plain = {"ContentType": "binary/octet-stream"} | given
    assert {key: answer[key] for key in (*PROPERTIES, "ContentEncoding") if answer.get(key)} == plain


async def test_an_encrypted_object_of_s3_itself_stays_one(server: AwsServer, s3: S3ObjectStore) -> None:
    answer = await rewritten(server, s3, ServerSideEncryption="AES256")
    assert answer["ServerSideEncryption"] == "AES256"
    assert "SSEKMSKeyId" not in answer


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip"])
async def test_a_compressed_object_is_read_and_stays_compressed(
    server: AwsServer, s3: S3ObjectStore, encoding: str
) -> None:
    answer = await rewritten(server, s3, Body=gzip.compress(b"one"), ContentEncoding=encoding)
    assert answer["ContentEncoding"] == encoding
    assert gzip.decompress(answer["Body"].read()) == b"two"


async def test_an_encoding_that_changes_nothing_is_kept(server: AwsServer, s3: S3ObjectStore) -> None:
    answer = await rewritten(server, s3, ContentEncoding="utf-8")
    assert answer["ContentEncoding"] == "utf-8"
    assert answer["Body"].read() == b"two"


@pytest.mark.parametrize(
    ("encoding", "body", "said"),
    [
        ("br", b"one", "br"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"one")), "gzip, gzip"),
        ("gzip", b"one", "its content is not"),
        ("gzip", gzip.compress(b"one" * 100)[:-9], "whole"),
        ("gzip", gzip.compress(b"one") * 2, "whole"),
        ("gzip", gzip.compress(b"x" * 1_000_000), "1000 bytes"),
    ],
)
async def test_what_cannot_be_unpacked_is_refused_by_name(
    server: AwsServer, s3: S3ObjectStore, encoding: str, body: bytes, said: str
) -> None:
    client = open_client(server, "s3")
    client.put_object(Bucket="changes", Key=KEY, Body=body, ContentEncoding=encoding)
    with pytest.raises(UnusableObjectError) as caught:
        await s3.fetch(KEY, max_size=1000)
    assert KEY in str(caught.value)
    assert said in str(caught.value)


async def test_tags_that_may_not_be_read_are_named_and_do_not_stop_the_write(
    server: AwsServer, s3: S3ObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    server.add_fault(Fault("s3", operation="GetObjectTagging", status=403, code="AccessDenied"))
    await rewritten(server, s3)
    assert "needs=s3:GetObjectTagging" in caplog.text


@pytest.mark.parametrize("code", ["AccessDenied", "InternalError"])
async def test_tags_that_are_known_to_be_there_are_never_lost(
    server: AwsServer, s3: S3ObjectStore, code: str
) -> None:
    status = 403 if code == "AccessDenied" else 500
    server.add_fault(Fault("s3", operation="GetObjectTagging", status=status, code=code, times=None))
    with pytest.raises(RemoteServiceError, match="GetObjectTagging"):
        await rewritten(server, s3, Tagging="team=a")
    server.clear_faults()
    found = await s3.fetch(KEY)
    assert found is not None
    assert found.data == b"one"


async def test_an_object_in_an_archive_is_an_error_that_says_what_to_do(
    server: AwsServer, s3: S3ObjectStore
) -> None:
    open_client(server, "s3").put_object(Bucket="changes", Key=KEY, Body=b"one", StorageClass="GLACIER")
    with pytest.raises(RemoteServiceError, match="restore it") as caught:
        await s3.fetch(KEY)
    assert caught.value.code == "InvalidObjectState"
    assert await s3.exists(KEY)


async def test_a_permission_that_aws_names_is_the_one_that_is_told(
    server: AwsServer, s3: S3ObjectStore
) -> None:
    said = "User: x is not authorized to perform: kms:Decrypt on resource: y"
    server.add_fault(Fault("s3", operation="GetObject", status=403, code="AccessDenied", message=said))
    with pytest.raises(RemoteServiceError, match="lacks kms:Decrypt;"):
        await s3.fetch(KEY)


@pytest.mark.parametrize("status", [409, 412, 500, 503])
async def test_a_write_that_is_carried_out_and_answered_with_an_error_is_an_error(
    server: AwsServer, s3: S3ObjectStore, status: int
) -> None:
    code = {409: "ConditionalRequestConflict", 412: "PreconditionFailed"}.get(status)
    server.add_fault(Fault("s3", operation="PutObject", status=status, code=code, carried_out=True))
    with pytest.raises(ConflictError):  # botocore repeats after 500 and 503, and finds its own object
        await s3.write(KEY, b"one", etag=None)
    found = await s3.fetch(KEY)
    assert found is not None
    assert found.data == b"one"
