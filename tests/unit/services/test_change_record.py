"""The archive object is rewritten whoever else writes there, and never by force."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from contact_manager.domain.lifecycle import ChangeStatus, MeetingStep
from contact_manager.errors import ConflictError, InvalidChangeError, RemoteServiceError
from contact_manager.services.change_record import ChangeRecord, ChangeTask, archive_key
from contact_manager.services.update_object import MAX_ATTEMPTS
from tests.fakes.memory_store import MemoryStore
from tests.unit.formats.change_files import flat

KEY = "archive/CHG-1.json"
SCHEDULED = {"modification_type": "meeting_scheduled", "meeting_metadata": {"meeting_id": "x"}}
HISTORY = [{"modification_type": "submitted"}, {"modification_type": "approved"}]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def record(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> ChangeRecord:
    monkeypatch.setattr("random.uniform", lambda *_: 0.0)
    return ChangeRecord(store, "CHG-1", time_zone="Europe/Berlin")


def put(store: MemoryStore, **more: Any) -> None:
    store.objects[KEY] = json.dumps(flat(changeId="CHG-1", **more)).encode()


def stored(store: MemoryStore) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(store.objects[KEY])
    return document


def understand(record: ChangeRecord, **document: Any) -> ChangeTask | None:
    return record.understand(json.dumps(flat(**document)).encode())


def approved(record: ChangeRecord, **more: Any) -> ChangeTask:
    task = understand(record, **({"changeId": "CHG-1", "status": "approved"} | more))
    assert task is not None
    return task


def marked(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "mark": True}


async def test_the_object_is_fetched_as_it_is(record: ChangeRecord, store: MemoryStore) -> None:
    assert record.key == archive_key("CHG-1") == KEY
    assert await record.fetch() is None
    store.objects[KEY] = b"anything"
    assert await record.fetch() == b"anything"


def test_a_change_is_understood_with_what_its_status_asks_for(record: ChangeRecord) -> None:
    task = approved(record, version=3, modifications=HISTORY)
    assert task.status is ChangeStatus.APPROVED
    assert task.steps.meeting is MeetingStep.SCHEDULE
    assert task.history.statuses == (ChangeStatus.SUBMITTED, ChangeStatus.APPROVED)
    assert (task.transition.text, task.name) == ("3", "3:approved")
    assert task.change.time_zone == "Europe/Berlin"


def test_a_status_that_asks_for_nothing_is_no_task(record: ChangeRecord) -> None:
    assert understand(record, status="draft") is None
    assert understand(record) is None


def test_an_approved_announcement_is_recognised_by_its_request_type(record: ChangeRecord) -> None:
    task = understand(record, metadata={"request_type": "approved_announcement"})
    assert task is not None
    assert task.status is ChangeStatus.APPROVED


def test_a_change_without_an_id_is_called_as_its_object(record: ChangeRecord) -> None:
    assert approved(record, changeId=None).change.change_id == "CHG-1"


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"{}", b'{"changeTitle": NaN}'])
def test_what_is_no_change_is_refused(record: ChangeRecord, data: bytes) -> None:
    with pytest.raises(InvalidChangeError):
        record.understand(data)


def test_any_edit_of_the_change_is_another_wish(record: ChangeRecord) -> None:
    task = approved(record)
    assert approved(record).wish == task.wish
    assert approved(record, changeReason="Another").wish != task.wish
    assert approved(record, modifications=HISTORY, meeting_metadata={"meeting_id": "x"}).wish == task.wish


def test_the_record_tells_of_the_meeting_and_the_rehearsal(record: ChangeRecord) -> None:
    assert approved(record, meeting_metadata={"meeting_id": "x"}).has_meeting
    assert not approved(record).has_meeting
    assert approved(record, changeMetadata={"meetingMetadata": {"meeting_id": "x"}}).has_meeting
    assert approved(record, testRun=True).is_test_run
    assert not approved(record).is_test_run


@pytest.mark.parametrize(
    ("document", "was_approved"),
    [
        pytest.param({"meeting_metadata": {"meeting_id": "x"}}, True, id="record"),
        pytest.param({"modifications": [SCHEDULED]}, True, id="modification"),
        pytest.param(
            {"modifications": [SCHEDULED, {"modification_type": "meeting_cancelled"}]}, False, id="off"
        ),
        pytest.param({}, False, id="none"),
    ],
)
def test_a_change_whose_record_names_a_meeting_was_approved(
    record: ChangeRecord, document: dict[str, Any], *, was_approved: bool
) -> None:
    task = understand(record, status="cancelled", **document)
    assert task is not None
    assert (task.history.was_approved, task.has_meeting) == (was_approved, was_approved)


async def test_an_edit_is_written(record: ChangeRecord, store: MemoryStore) -> None:
    put(store)
    await record.rewrite(marked)
    assert stored(store) == flat(changeId="CHG-1", mark=True)


async def test_an_edit_that_changes_nothing_is_not_written(record: ChangeRecord, store: MemoryStore) -> None:
    put(store, version=1.10)
    await record.rewrite(dict)
    assert store.writes == []


async def test_an_object_that_is_gone_is_not_made_anew(record: ChangeRecord, store: MemoryStore) -> None:
    await record.rewrite(marked)
    assert store.objects == {}


async def test_what_another_writes_meanwhile_is_kept(record: ChangeRecord, store: MemoryStore) -> None:
    put(store)
    store.before_write = [lambda: put(store, note="one"), lambda: put(store, note="two", amount=7)]
    await record.rewrite(marked)
    assert stored(store) == flat(changeId="CHG-1", note="two", amount=7, mark=True)


async def test_an_object_that_goes_meanwhile_stays_gone(record: ChangeRecord, store: MemoryStore) -> None:
    put(store)
    store.before_write = [store.objects.clear]
    await record.rewrite(marked)
    assert store.objects == {}


async def test_endless_conflicts_end(record: ChangeRecord, store: MemoryStore) -> None:
    put(store)
    store.before_write = [partial(put, store, note=number) for number in range(100)]
    with pytest.raises(ConflictError):
        await record.rewrite(marked)
    assert len(store.before_write) == 100 - MAX_ATTEMPTS


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b'{"a": NaN}'])
async def test_an_object_that_broke_meanwhile_is_told_and_left(
    record: ChangeRecord, store: MemoryStore, data: bytes
) -> None:
    store.objects[KEY] = data
    with pytest.raises(InvalidChangeError) as caught:
        await record.rewrite(marked)
    assert caught.value.source == KEY
    assert store.objects[KEY] == data


async def test_a_bucket_that_is_down_is_told(record: ChangeRecord, store: MemoryStore) -> None:
    store.is_down = True
    with pytest.raises(RemoteServiceError, match="down"):
        await record.rewrite(marked)
