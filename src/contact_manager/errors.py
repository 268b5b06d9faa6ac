"""Everything this package raises on purpose, as one tree.

::

    ContactManagerError
    ├── InvalidInputError          somebody wrote something wrong; carries every problem with its place
    │   ├── ConfigError            the operator mends config.json or the environment
    │   ├── InvalidChangeError     the author mends the change file
    │   └── UsageError             the caller mends the command line
    └── RemoteServiceError         another system failed or refused
        ├── TopicMissingError      the customer's contact list has no such topic
        ├── MailRejectedError      this message can never be sent to this person
        ├── UnusableObjectError    a stored object is too large, or packed in an unknown way
        ├── RecipientUnverifiedError  the account may not send to this person yet
        ├── SendingStoppedError    the account sends to nobody now
        └── ConflictError          what was to be written has changed since it was read

Only the doors (``entrypoints``) catch the root; adapters translate into this tree once, ``from exc``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where it stands (a JSON path, or ``""`` for the whole) and what to do."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class ContactManagerError(Exception):
    """The root: what a door may show to a person as it is."""


class InvalidInputError(ContactManagerError):
    """Input that cannot be used; ``problems`` holds all of it at once, ``source`` names the file.

    Attributes:
        warnings: What is no error in it and looks like a mistake.
    """

    def __init__(
        self, problems: Iterable[Problem], *, source: str = "", warnings: Iterable[str] = ()
    ) -> None:
        self.problems = tuple(problems)
        self.source = source
        self.warnings = tuple(warnings)
        super().__init__("; ".join(str(problem) for problem in self.problems))


class ConfigError(InvalidInputError):
    """The configuration file or the environment is wrong."""


class InvalidChangeError(InvalidInputError):
    """The change file is wrong."""


class UsageError(InvalidInputError):
    """The command line asks for something that does not fit the files it names."""


class RemoteServiceError(ContactManagerError):
    """Another system failed or refused.

    Attributes:
        service: Who answered: ``ses``, ``sts``, ``ssm``, ``graph``, ``entra``.
        operation: What was asked of it, in its own words (``ListContacts``).
        code: Its error code, or ``""``.
        retryable: Whether the same request may succeed later without anybody acting.
        request_id: What its operators can look the request up by, or ``""``.
    """

    def __init__(
        self,
        message: str,
        *,
        service: str,
        operation: str,
        code: str = "",
        retryable: bool = False,
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.service = service
        self.operation = operation
        self.code = code
        self.retryable = retryable
        self.request_id = request_id


class TopicMissingError(RemoteServiceError):
    """The customer's contact list exists and does not have the topic that was asked for."""


class MailRejectedError(RemoteServiceError):
    """The mail service refuses this message for good; others may be sent."""


class UnusableObjectError(RemoteServiceError):
    """A stored object is larger than the caller takes, or its encoding is unknown; its owner must mend it."""


class RecipientUnverifiedError(RemoteServiceError):
    """The account may send to verified people only, and this one is not among them; others may be."""


class SendingStoppedError(RemoteServiceError):
    """The account, its sender or its set-up is refused: no mail can be sent through it now, to anybody.

    Attributes:
        retry_after: How long to wait before the next try, or None when nobody knows.
    """

    def __init__(
        self,
        message: str,
        *,
        service: str,
        operation: str,
        code: str = "",
        retryable: bool = False,
        request_id: str = "",
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(
            message,
            service=service,
            operation=operation,
            code=code,
            retryable=retryable,
            request_id=request_id,
        )
        self.retry_after = retry_after


class ConflictError(RemoteServiceError):
    """What was to be written has changed or gone since it was read, or nobody knows whether it is written.

    Read again and decide anew.

    Attributes:
        is_undone: Whether it is certain that nothing was written.
    """

    def __init__(
        self,
        message: str,
        *,
        service: str,
        operation: str,
        code: str = "",
        retryable: bool = False,
        request_id: str = "",
        is_undone: bool = False,
    ) -> None:
        super().__init__(
            message,
            service=service,
            operation=operation,
            code=code,
            retryable=retryable,
            request_id=request_id,
        )
        self.is_undone = is_undone
