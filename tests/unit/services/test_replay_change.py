"""A change file at hand is stored and processed, whatever happens in the bucket meanwhile."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contact_manager.domain.processing import ProcessReport, Verdict
from contact_manager.errors import InvalidChangeError
from contact_manager.services.replay_change import replay_change
from tests.fakes.memory_store import conflict, outage
from tests.unit.services.change_world import ChangeWorld

KEY = "archive/CHG-1.json"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda *_: 0.0)


@pytest.fixture
def world() -> ChangeWorld:
    return ChangeWorld()


async def replay(world: ChangeWorld, **edits: Any) -> ProcessReport:
    document = {
        "changeId": "CHG-1",
        "changeTitle": "Replace the gateway",
        "customers": ["hts", "acme"],
        "implementationStart": "2031-05-10T18:00:00Z",
        "status": "submitted",
        "version": "1",
        **edits,
    }
    data = json.dumps(document).encode()
    return await replay_change(data, "hts", world.services(), bucket="changes", source="change.json")


@pytest.mark.parametrize("error", [conflict(), outage()])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_file_is_stored_once_whatever_the_bucket_answers(
    world: ChangeWorld, error: Exception, *, after: bool
) -> None:
    def interrupt() -> None:
        raise error

    (world.store.after_write if after else world.store.before_write)[:] = [interrupt] * 3
    assert (await replay(world)).verdict is Verdict.DONE
    assert world.record["version"] == "1"
    assert set(world.mails.values()) == {1}


async def test_what_another_run_writes_into_the_record_meanwhile_is_kept(world: ChangeWorld) -> None:
    await replay(world)
    other = {"modification_type": "noted by somebody"}

    def write_meanwhile() -> None:
        edited = world.record | {"modifications": [*world.record["modifications"], other]}
        world.store.objects[KEY] = json.dumps(edited).encode()

    world.store.before_write = [write_meanwhile]
    await replay(world, version="2")
    assert world.record["version"] == "2"
    assert other in world.record["modifications"]


async def test_a_newer_version_that_comes_meanwhile_is_not_replaced(world: ChangeWorld) -> None:
    await replay(world)

    def write_meanwhile() -> None:
        world.store.objects[KEY] = json.dumps(world.record | {"version": "3"}).encode()

    world.store.before_write = [write_meanwhile]
    with pytest.raises(InvalidChangeError, match="version 3"):
        await replay(world, version="2")
    assert world.record["version"] == "3"
