"""Every ``ObjectStore`` keeps the same promises: the one in memory, and S3's against the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from contact_manager.adapters.aws.object_store import S3ObjectStore
from contact_manager.errors import ConflictError, RemoteServiceError
from contact_manager.ports import ObjectStore
from contact_manager.sandbox.aws_server import (
    BASE_ACCESS_KEY_ID,
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
