"""Pages and the tokens between them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")


class BadTokenError(ValueError):
    """A token that this listing did not give."""


@dataclass(frozen=True, slots=True)
class Page(Generic[ItemT]):
    """A part of a listing.

    Attributes:
        items: What the page holds; may be empty although more follows.
        next_token: For the next page, or None at the end.
    """

    items: Sequence[ItemT]
    next_token: str | None


@dataclass(frozen=True, slots=True)
class Paging:
    """How a listing is cut.

    Attributes:
        scope: Names the listing; a token is good for its own listing only.
        size: Items on a page.
        token: From the page before, or None for the first page.
        empty_first_page: Whether an empty page comes before the first one.
    """

    scope: str
    size: int
    token: str | None = None
    empty_first_page: bool = False

    def cut(self, items: Sequence[ItemT]) -> Page[ItemT]:
        """Return the page that the token asks for.

        Raises:
            BadTokenError: The token is not from this listing.
        """
        if self.token is None and self.empty_first_page:
            return Page((), self._token(0))
        start = 0 if self.token is None else self._offset(self.token)
        end = start + self.size
        return Page(items[start:end], self._token(end) if end < len(items) else None)

    def _token(self, offset: int) -> str:
        return base64.urlsafe_b64encode(json.dumps([self.scope, offset]).encode()).decode()

    def _offset(self, token: str) -> int:
        try:
            scope, offset = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
        except (binascii.Error, ValueError, TypeError) as exc:
            raise BadTokenError(token) from exc
        if scope != self.scope or not isinstance(offset, int):
            raise BadTokenError(token)
        return offset
