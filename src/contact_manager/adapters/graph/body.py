"""Our own text inside a body that Exchange rewrites and to which Teams adds its join block.

A PATCH whose body lacks the join block ends the online meeting (Microsoft Learn, "Update event"). So our text
stands in a marked element, and an update replaces only what is inside it.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

_MARK = "contact-manager-text"
_SEPARATOR = re.compile(r"_{30,}")
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())


def as_own_block(text: str) -> str:
    """Return our HTML fragment in the element by which it is found again."""
    return f'<div id="{_MARK}">{text}</div>'


def splice(live: str, text: str, join_url: str) -> str | None:
    """Return the live body with our text replaced by ``text``, or None when that cannot be done safely.

    The marked element is looked for first. Without it, all before the line of underscores with which Teams
    begins its block counts as ours; without either, the whole body. What would take the join link out is not
    safe; that our own text mentions it does not help.
    """
    try:
        before, after = _around_ours(live)
    except AssertionError:  # HTMLParser, of a malformed "<![…"
        before = after = ""
    is_lost = join_url and _mentions(live, join_url) and not _mentions(f"{before}\n{after}", join_url)
    return None if is_lost else before + as_own_block(text) + after


def _around_ours(live: str) -> tuple[str, str]:
    found = _find_marked(live)
    if found is not None:
        return live[: found[0]], live[found[1] :]
    separator = _SEPARATOR.search(live)
    if separator is not None:
        return live[: _body_start(live)], live[_element_start(live, separator.start()) :]
    return "", ""


def _mentions(live: str, join_url: str) -> bool:
    return join_url in live or join_url.replace("&", "&amp;") in live


def _body_start(live: str) -> int:
    opening = re.search(r"<body[^>]*>", live, re.IGNORECASE)
    return opening.end() if opening else 0


def _element_start(live: str, position: int) -> int:
    """Return where the outermost element of the body that holds ``position`` begins."""
    scan = _Scan(live)
    for start, end in scan.top_level:
        if start <= position < end:
            return start
    return position


def _find_marked(live: str) -> tuple[int, int] | None:
    return _Scan(live).marked


class _Scan(HTMLParser):
    """Finds the positions of the body's outermost elements and of the marked one.

    Exchange may put ``x_`` before ids.
    """

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=False)
        self.marked: tuple[int, int] | None = None
        self.top_level: list[tuple[int, int]] = []
        self._html = html
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", html))]
        self._open: list[tuple[str, int, bool]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID or tag in ("html", "body"):
            return
        is_marked = any(name == "id" and (value or "").removeprefix("x_") == _MARK for name, value in attrs)
        self._open.append((tag, self._offset(), is_marked))

    def handle_endtag(self, tag: str) -> None:
        if tag not in (name for name, _, _ in self._open):
            return
        end = self._html.index(">", self._offset()) + 1
        while self._open:
            name, start, is_marked = self._open.pop()
            if is_marked and self.marked is None:
                self.marked = (start, end)
            if not self._open:
                self.top_level.append((start, end))
            if name == tag:
                return

    def _offset(self) -> int:
        line, column = self.getpos()
        return self._line_starts[line - 1] + column
