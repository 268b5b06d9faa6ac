"""Where the elements of an HTML page begin and end, in time that grows with its length.

Only positions are of interest: the page itself is Exchange's and is written back as it stands. The standard
library's parser gives positions as well, but takes time that grows with the square of some malformed pages.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
_RAW_TEXT = frozenset("script style textarea title".split())
"""Elements whose content is no markup (WHATWG HTML, "Elements")."""

_PAGE = frozenset({"html", "body"})
_START = re.compile(r"<([a-zA-Z][^\s/>]*)(?:[^>\"']++|\"[^\"]*+\"|'[^']*+')*+>")
_ID = re.compile(r"\sid\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>\"']+))", re.IGNORECASE)
_END_NAME = re.compile(r"</([a-zA-Z][^\s/>]*)")


@dataclass(slots=True)
class Element:
    """An element from the first character of its start tag to the last of its end tag.

    Attributes:
        name: Lower case.
        element_id: Its ``id``, or ``""``.
        start: Position of the start tag.
        inner: Position behind the start tag.
        end: Position behind the end tag; that of an element that is never closed is the page's end.
    """

    name: str
    element_id: str
    start: int
    inner: int
    end: int = -1


@dataclass(slots=True)
class _Stack:
    """The elements that are open at a position, and which names are among them."""

    elements: list[Element] = field(default_factory=list)
    names: Counter[str] = field(default_factory=Counter)

    def open(self, element: Element) -> None:
        self.elements.append(element)
        self.names[element.name] += 1

    def close(self, name: str, start: int, end: int) -> None:
        """End the innermost element of that name, and before it whatever is still open in it."""
        while self.names[name]:
            element = self.elements.pop()
            self.names[element.name] -= 1
            element.end = end if element.name == name else start
            if element.name == name:
                return


def scan_elements(html: str) -> tuple[Element, ...]:
    """Return the elements of a page in the order in which they begin; html, body and void ones are left out.

    Comments, declarations and what is no tag are passed over; an end tag without a beginning is no element.
    """
    found: list[Element] = []
    stack = _Stack()
    for tag in _tags(html):
        if isinstance(tag, Element):
            found.append(tag)
            stack.open(tag)
        else:
            stack.close(*tag)
    for element in stack.elements:
        element.end = len(html)
    return tuple(found)


def _tags(html: str) -> Iterator[Element | tuple[str, int, int]]:
    """Yield start tags as elements, and end tags as name, beginning and end."""
    position = html.find("<")
    while position >= 0:
        if html.startswith("<!--", position):
            end = _behind(html, "-->", position)
        elif name := _END_NAME.match(html, position):
            end = _behind(html, ">", position)
            yield name[1].lower(), position, end
        elif start := _START.match(html, position):
            end = start.end()
            yield from _opened(start)
            if start[1].lower() in _RAW_TEXT:
                end = _raw_text_end(html, start[1], end)
        else:
            end = position + 1
        position = html.find("<", end)


def _opened(tag: re.Match[str]) -> Iterator[Element]:
    name = tag[1].lower()
    if name in _VOID or name in _PAGE:
        return
    named = _ID.search(tag[0])
    element_id = next((value for value in named.groups() if value is not None), "") if named else ""
    yield Element(name, element_id, tag.start(), tag.end())


def _behind(html: str, mark: str, position: int) -> int:
    """Return the position behind the next ``mark``; the page's end when there is none."""
    found = html.find(mark, position)
    return found + len(mark) if found >= 0 else len(html)


def _raw_text_end(html: str, name: str, position: int) -> int:
    """Return where the end tag of an element begins whose content is no markup."""
    closing = re.compile(f"</{re.escape(name)}", re.IGNORECASE).search(html, position)
    return closing.start() if closing else len(html)
