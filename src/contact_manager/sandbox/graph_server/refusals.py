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
        retry_after: The ``Retry-After`` header: seconds, or any text; None for no such header.
    """

    def __init__(
        self, status: int, code: str, message: str, *, retry_after: float | str | None = None, **more: Any
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.more = more
        self.retry_after = retry_after


def bad_request(code: str, message: str, **more: Any) -> RefusedError:
    """Return a refusal of a malformed request."""
    return RefusedError(400, code, message, **more)


def malformed_id() -> RefusedError:
    """Return the refusal for what is no id of an event."""
    return bad_request("ErrorInvalidIdMalformed", "Id is malformed.")


def not_found() -> RefusedError:
    """Return the refusal for an event that is not there."""
    return RefusedError(404, "ErrorItemNotFound", "The specified object was not found in the store.")
