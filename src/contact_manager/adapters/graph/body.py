"""Our own text inside a body that Exchange rewrites and to which Teams adds its join block.

A PATCH whose body lacks the join block ends the online meeting (Microsoft Learn, "Update event"). So our text
stands in an element with an id, and an update replaces only what is inside it. An editor that takes the ids
away leaves the line of underscores with which the block begins; where that is gone as well, nothing is
written over a body that shows any sign of the block.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from contact_manager.adapters.graph.html_scan import Element, scan_elements

MAX_BODY_LENGTH = 2 * 1024 * 1024
"""Characters of a body that is still looked through; a longer one is left as it is."""

_TEXT_ID = "contact-manager-text"
_SEPARATOR = re.compile(r"_{30,}")
_SLASH = r"(?:/|%(?:25)*2f)"
_JOIN_BLOCK = re.compile(
    rf"meetup-join|teams\.[a-z.]{{1,40}}{_SLASH}(?:[a-z]{{1,8}}{_SLASH})?meet{_SLASH}|aka\.ms{_SLASH}jointeams"
    rf"|class=[\"']?(?:x_)*me-email-|_{{30,}}",
    re.IGNORECASE,
)
"""Signs of the block: the long and the short form of the link, as it stands or behind Safe Links, which puts
it percent-encoded into an address of its own (Microsoft 365 message center, MC772556 and MC1120871); the help
link; the block's classes; its line."""

_TAG = re.compile(r"<[^<>]*+>")


def as_own_block(text: str) -> str:
    """Return our HTML fragment in the element by which it is found again."""
    return f'<div id="{_TEXT_ID}">{text}</div>'


def splice(live: str, text: str, join_url: str) -> str | None:
    """Return the live body with our text replaced by ``text``, or None when that cannot be done safely.

    Our element is looked for first. Without it, all before the line of underscores counts as ours; without
    either, the whole body. What would take the join block out is not safe; that our own text mentions the
    link does not help.

    Args:
        live: The body as Graph gave it.
        text: HTML fragment.
        join_url: Of the meeting, or ``""``.
    """
    if len(live) > MAX_BODY_LENGTH:
        return None
    elements = scan_elements(live)
    ours = next((element for element in elements if _is_ours(element)), None)
    before, after = (live[: ours.start], live[ours.end :]) if ours else _around_unmarked(live, elements)
    if _is_lost(live, f"{before}\n{after}", join_url, is_ours=ours is not None):
        return None
    return before + as_own_block(text) + after


def _is_lost(live: str, rest: str, join_url: str, *, is_ours: bool) -> bool:
    """Whether a body without our text lacks the join block.

    In an entry without a link of its own, a link inside our element is our text: it leads to the first entry.
    """
    if _mentions(live, join_url) and not _mentions(rest, join_url):
        return True
    has_block = _JOIN_BLOCK.search(live) is not None and bool(join_url or not is_ours)
    return has_block and _JOIN_BLOCK.search(rest) is None


def _around_unmarked(live: str, elements: Sequence[Element]) -> tuple[str, str]:
    separator = _SEPARATOR.search(live)
    if separator is not None:
        return _before_line(live, elements, separator.start())
    return "", ""


def _is_ours(element: Element) -> bool:
    """Whether it has our id; Exchange may put ``x_`` before ids, again with every forwarding."""
    return re.sub(r"^(?:x_)+", "", element.element_id) == _TEXT_ID


def _before_line(live: str, elements: Sequence[Element], line: int) -> tuple[str, str]:
    """Return what stands around the text before the join block's line.

    An editor may have put everything into one element: then the block begins at the outermost element around
    the line that has some text before it. Without any text before the line, ours is put before everything.
    """
    top = begin = _body_start(live)
    for element in elements:
        if not element.start <= line < element.end:
            continue
        if _has_text(live[begin : element.start]):
            return live[:begin], live[element.start :]
        begin = element.inner
    return (live[:begin], live[line:]) if _has_text(live[begin:line]) else (live[:top], live[top:])


def _has_text(part: str) -> bool:
    return bool(html.unescape(_TAG.sub("", part)).strip())


def _mentions(live: str, join_url: str) -> bool:
    return bool(join_url) and (join_url in live or join_url.replace("&", "&amp;") in live)


def _body_start(live: str) -> int:
    opening = re.search(r"<body[^>]*>", live, re.IGNORECASE)
    return opening.end() if opening else 0
