"""Whether HTML stays inside the element it is put into."""

from __future__ import annotations

from html.parser import HTMLParser

_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
_WHOLE_PAGE = frozenset({"html", "head", "body", "plaintext"})


def check_fragment(html: str) -> None:
    """Make sure that every element of ``html`` is closed in it, and that it closes no other.

    Our text stands in an element of the calendar entry beside the block with the join link. Were it open at
    its end, that block would become a part of it and go with the next update of the text.

    Raises:
        ValueError: It is no such fragment; the text says which element.
    """
    nesting = _Nesting()
    try:
        nesting.feed(f"<div>{html}</div>")
        nesting.close()
    except AssertionError as error:  # HTMLParser, of a malformed "<![…"
        raise ValueError("the body is not HTML") from error
    nesting.expect_closed()


class _Nesting(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self._open: list[str] = []
        self._is_over = False

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        self._expect_more(f"<{tag}>")
        if tag in _WHOLE_PAGE:
            raise ValueError(f"the body is a part of a page; leave out <{tag}>")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        """In HTML the slash of ``<div/>`` means nothing."""
        self.handle_starttag(tag, _attrs)

    def handle_endtag(self, tag: str) -> None:
        self._expect_more(f"</{tag}>")
        if self._open[-1] != tag:
            within = self._open[-1] if len(self._open) > 1 else ""
            reason = f"<{within}> is not closed before it" if within else "nothing is open there"
            raise ValueError(f"the body's HTML is not balanced: </{tag}>, and {reason}")
        self._open.pop()
        self._is_over = not self._open

    def expect_closed(self) -> None:
        if self._open:
            raise ValueError(f"the body's HTML is not balanced: <{self._open[-1]}> is not closed")

    def _expect_more(self, tag: str) -> None:
        if self._is_over:
            raise ValueError(f"the body's HTML is not balanced: a </div> before {tag} closes nothing")
