"""Refusals in Graph's form."""

from __future__ import annotations

from typing import Any


class RefusedError(Exception):
    """A request that is answered with an error.

    Attributes:
        status: HTTP status.
        code: Graph's error code.
        message: For people.
        more: Further members of the ``error`` object.
        retry_after_s: For the ``Retry-After`` header, or None.
    """

    def __init__(
        self, status: int, code: str, message: str, *, retry_after_s: int | None = None, **more: Any
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.more = more
        self.retry_after_s = retry_after_s


def bad_request(code: str, message: str, **more: Any) -> RefusedError:
    """Return a refusal of a malformed request."""
    return RefusedError(400, code, message, **more)


def not_found() -> RefusedError:
    """Return the refusal for an event that is not there."""
    return RefusedError(404, "ErrorItemNotFound", "The specified object was not found in the store.")
