"""Change a stored object whoever else writes there, and whatever becomes of the store's answers."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import timedelta

from contact_manager.errors import ConflictError, RemoteServiceError
from contact_manager.ports import ObjectStore, StoredObject

_log = logging.getLogger(__name__)

MAX_ATTEMPTS = 20
"""How often an object is read again and written; every customer's run writes into the change's record."""

MAX_ELAPSED_S = 15.0
"""After this no further attempt begins; the store's client has repeated each request by itself, too."""

_LONGEST_WAIT_S = 1.0

Edit = Callable[[StoredObject | None], bytes | None]
"""Returns what shall stand in place of an object (None: there is none), or None to leave it as it is."""


async def update_object(
    store: ObjectStore, key: str, edit: Edit, *, found: StoredObject | None, is_foreign: bool = False
) -> StoredObject | None:
    """Write what ``edit`` makes of an object, and do not give up before that is certain.

    A refused condition (409, 412, or 404 when the object went) says nothing for certain: somebody else wrote,
    there was a race with nobody, or this very write succeeded and its first answer was lost. The same holds
    for a failure on the way. So the object is read again, recognised if it is what was written, and else
    edited anew.

    Args:
        store: Where it is.
        key: Of the object.
        edit: What is made of it; called again with what stands there then.
        found: The object as it was read last.
        is_foreign: Whether somebody else made the object, so that it keeps its properties.

    Returns:
        The object as it stands there now; None when there is none.

    Raises:
        RemoteServiceError: The store cannot be used, or others wrote again and again. What was to be
            written may stand there all the same.
    """
    attempts = _Attempts(key)
    attempted: bytes | None = None
    while True:
        try:
            if attempted is not None:
                found = await store.fetch(key)
            if found is not None and found.data == attempted:
                return found
            data = edit(found)
            if data is None:
                return found
            attempted = data
            etag = await store.write(
                key, data, etag=found.etag if found else None, keeping=found if is_foreign else None
            )
            return StoredObject(data, etag, timedelta(0))
        except RemoteServiceError as error:
            await attempts.wait_after(error)


async def delete_object(store: ObjectStore, key: str) -> None:
    """Remove an object, and do not give up for a conflict or a failure that passes.

    Raises:
        RemoteServiceError: The store cannot be used, or conflicts came again and again.
    """
    attempts = _Attempts(key)
    while True:
        try:
            return await store.delete(key)
        except RemoteServiceError as error:
            await attempts.wait_after(error)


class _Attempts:
    """How often something was tried with an object, and whether it may be tried once more."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._clock = asyncio.get_running_loop()
        self._last_start = self._clock.time() + MAX_ELAPSED_S
        self._failed = 0

    async def wait_after(self, error: RemoteServiceError) -> None:
        """Wait until the next attempt.

        Raises:
            RemoteServiceError: ``error``, when there is none.
        """
        self._failed += 1
        is_passing = error.retryable or isinstance(error, ConflictError)
        if not is_passing or self._failed >= MAX_ATTEMPTS or self._clock.time() >= self._last_start:
            raise error
        _log.info("store.write_repeated key=%s code=%s attempt=%d", self._key, error.code, self._failed)
        await asyncio.sleep(random.uniform(0, min(0.1 * self._failed, _LONGEST_WAIT_S)))  # noqa: S311 - no secret
