"""Do for one customer what a trigger would, from a change file at hand."""

from __future__ import annotations

from contact_manager.domain.change import Change
from contact_manager.domain.customer import customer_names
from contact_manager.domain.lifecycle import ChangeHistory, forbidden_jump, read_status
from contact_manager.domain.processing import ProcessReport
from contact_manager.errors import InvalidChangeError, Problem
from contact_manager.formats import record_json
from contact_manager.formats.change_json import parse_change
from contact_manager.formats.s3_event import Trigger, trigger_key
from contact_manager.ports import StoredObject
from contact_manager.services.change_record import ChangeRecord
from contact_manager.services.process_change import ProcessServices, process_change
from contact_manager.services.update_object import update_object

_OWN_KEYS = ("modifications", "meeting_metadata")


async def replay_change(
    data: bytes, customer: str, services: ProcessServices, *, bucket: str, source: str
) -> ProcessReport:
    """Store the file as the change's archive object and process it for ``customer``.

    What the record of the change tells already is kept. No trigger is written, so that nobody else is set
    to work.

    Args:
        data: The change file.
        customer: Folded code.
        services: What it is processed with.
        bucket: Name of the bucket.
        source: Name of the file, for errors.

    Raises:
        InvalidChangeError: The file is wrong, has no id, or is behind what is stored.
        RemoteServiceError: The bucket cannot be used, or others write the archive object again and again.
    """
    settings = services.meeting.settings
    change = parse_change(
        data,
        source=source,
        default_time_zone=settings.meeting.time_zone,
        customers=customer_names(settings.customers),
    )
    if not change.change_id or "/" in change.change_id:
        problem = Problem("$.changeId", "a change that is processed needs an id, without a slash")
        raise InvalidChangeError([problem], source=source)
    await _store(data, change, services, source=source)
    trigger = Trigger(bucket, trigger_key(customer, change.change_id), customer, change.change_id)
    return await process_change(trigger, services, needs_trigger=False)


async def _store(data: bytes, given: Change, services: ProcessServices, *, source: str) -> None:
    record = ChangeRecord(services.store, str(given.change_id), time_zone=given.time_zone)
    key = record.key

    def edit(found: StoredObject | None) -> bytes | None:
        written = record_json.load_record(data)
        if found is None:
            return record_json.dump_record(written)
        known = parse_change(
            found.data, source=key, default_time_zone=given.time_zone, record_id=given.change_id
        )
        reason = _reason_not_to_replace(known, given)
        if reason:
            problem = Problem("", f"{key} in the bucket is ahead of this file: {reason}")
            raise InvalidChangeError([problem], source=source)
        kept = record_json.load_record(found.data)
        written |= {name: kept[name] for name in _OWN_KEYS if name in kept}
        return None if written == kept else record_json.dump_record(written)

    found = await record.fetch_stored()
    await update_object(services.store, key, edit, found=found, is_foreign=True)


def _reason_not_to_replace(known: Change, given: Change) -> str:
    if known.version.isdecimal() and given.version.isdecimal() and int(known.version) > int(given.version):
        return f"it has version {known.version}, the file version {given.version}"
    past, now = (read_status(one.status, record_json.read_request_type(one.record)) for one in (known, given))
    return forbidden_jump(now, ChangeHistory((past,))) if past and now else ""
