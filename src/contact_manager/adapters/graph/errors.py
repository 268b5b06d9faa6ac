"""Graph's refusals, told as what to do next."""

from __future__ import annotations

from typing import Any

from contact_manager.errors import ConflictError, RemoteServiceError

NO_MAILBOX_CODES = frozenset(
    {"errorinvaliduser", "request_resourcenotfound", "resourcenotfound", "mailboxnotenabledforrestapi"}
)
"""404 codes that speak of the mailbox and never of the event (Microsoft Learn, Graph error responses)."""

_CONFLICT_CODES = frozenset({"errorirresolvableconflict", "concurrentitemsave"})
_CREATED_ALL_THE_SAME_CODES = frozenset({"errorinvalidrecipients", "errorduplicatetransactionid"})
_GONE_CODES = frozenset({"erroritemnotfound", "itemnotfound"})
_OTHER_MAILBOX_CODE = "errorinvalidmailboxitemid"
"""The id is one of another mailbox (seen with status 404)."""

_MALFORMED_ID = "errorinvalidid"
"""What the codes for something that is no id begin with: ``ErrorInvalidIdMalformed``, ``ErrorInvalidIdEmpty``
(Exchange Web Services reference, ``ResponseCode``)."""


class GraphError(RemoteServiceError):
    """A refusal by Graph, with the parts that decide how to go on.

    Attributes:
        status: HTTP status, or 0 when no answer came.
        body: The ``error`` object, keys in lower case.
        may_be_done: Whether the request may have been carried out all the same.
    """

    def __init__(
        self,
        message: str,
        *,
        operation: str,
        status: int = 0,
        code: str = "",
        body: dict[str, Any] | None = None,
        retryable: bool = False,
        may_be_done: bool = False,
        request_id: str = "",
    ) -> None:
        super().__init__(
            message,
            service="graph",
            operation=operation,
            code=code,
            retryable=retryable,
            request_id=request_id,
        )
        self.status = status
        self.body = body or {}
        self.may_be_done = may_be_done

    @property
    def is_gone(self) -> bool:
        """Whether the event, and not the mailbox, does not exist."""
        return self.status == 404 and self.code.lower() in _GONE_CODES  # noqa: PLR2004

    @property
    def names_no_event(self) -> bool:
        """Whether there is no event of the id that was read: it is gone, another mailbox's, or no id."""
        code = self.code.lower()
        return self.is_gone or code == _OTHER_MAILBOX_CODE or code.startswith(_MALFORMED_ID)

    @property
    def is_conflict(self) -> bool:
        """Whether the event changed since it was read."""
        return self.status in (409, 412) or self.code.lower() in _CONFLICT_CODES

    @property
    def may_have_created(self) -> bool:
        """Whether a refused create may have left an event; Graph created one for bad recipients once."""
        lower = self.code.lower()
        return self.may_be_done or self.is_conflict or lower in _CREATED_ALL_THE_SAME_CODES

    @property
    def is_duplicate_transaction(self) -> bool:
        """Whether the transaction id belongs to an event with other content."""
        return self.code.lower() == "errorduplicatetransactionid"


def as_conflict(error: GraphError) -> ConflictError:
    """Return ``error`` as the port's word for "read again and decide anew"."""
    return ConflictError(
        str(error),
        service="graph",
        operation=error.operation,
        code=error.code,
        retryable=True,
        request_id=error.request_id,
        is_undone=not error.may_be_done,
    )


def refusal(status: int, answer: Any, *, operation: str, mailbox: str, request_id: str) -> GraphError:
    """Return Graph's answer as an error that says who must act.

    Bodies may be empty and keys differ in case between pages of the documentation.
    """
    body = _error_object(answer)
    code = str(body.get("code") or "")
    request_id = request_id or _find_request_id(body)
    advice = _advice(status, code, mailbox) or f"Graph says: {body.get('message') or 'nothing more'}"
    trace = f" (request-id {request_id})" if request_id else ""
    named = f" {code}" if code else ""
    return GraphError(
        f"Microsoft Graph refused to {operation}: HTTP {status}{named}. {advice}{trace}",
        operation=operation,
        status=status,
        code=code or f"HTTP{status}",
        body=body,
        retryable=status == 429 or status >= 500,  # noqa: PLR2004
        may_be_done=status >= 500,  # noqa: PLR2004
        request_id=request_id,
    )


def _error_object(answer: Any) -> dict[str, Any]:
    error = answer.get("error") if isinstance(answer, dict) else None
    return {str(key).lower(): value for key, value in error.items()} if isinstance(error, dict) else {}


def _find_request_id(error: dict[str, Any]) -> str:
    """Return the id that the body names: ``innerError`` is spelled in two ways and may be nested."""
    inner = error.get("innererror")
    if not isinstance(inner, dict):
        return ""
    named = {str(key).lower(): value for key, value in inner.items()}
    found = named.get("request-id") or named.get("client-request-id")
    return str(found) if found else _find_request_id(named)


_ADVICE = {
    "mailboxnotenabledforrestapi": (
        "{mailbox} has no Exchange Online mailbox (guest, unlicensed or on-premises): name another organizer."
    ),
    "timezonenotsupportedexception": (
        "Exchange does not know the time zone: name it by its Windows name in the change file."
    ),
    "errorexceededmaxrecipientlimit": (
        "Exchange takes no meeting with so many people: lower attendee_limit."
    ),
}
_NO_MAILBOX = "There is no mailbox {mailbox}: check --sender-email or email_config.meeting_organizer."
_BY_STATUS = {
    401: "The token is not accepted: check that tenant, app and Graph address belong to the same cloud.",
    403: (
        "The app has no access to the mailbox {mailbox}: assign it the role "
        '"Application Calendars.ReadWrite" with a scope that holds this mailbox; '
        "a new assignment takes up to two hours."
    ),
}


def _advice(status: int, code: str, mailbox: str) -> str:
    known = _NO_MAILBOX if code.lower() in NO_MAILBOX_CODES else ""
    return (_BY_STATUS.get(status) or _ADVICE.get(code.lower()) or known).format(mailbox=mailbox)
