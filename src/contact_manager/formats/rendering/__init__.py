"""A change becomes text for people; every value is escaped."""

from __future__ import annotations

from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from contact_manager.domain.change import Change


def render_meeting_body(change: Change) -> str:
    """Return our own text of the calendar entry as an HTML fragment.

    It depends on the change alone, so that the same change always gives the same text.
    """
    return _environment().get_template(f"{_folder(change)}/body.html.j2").render(change=change).strip()


def render_cancellation(change: Change) -> str:
    """Return what everybody is told when the meeting is cancelled, as plain text on one line.

    Nothing of the change but its id is in it: whether Graph reads a comment as text or as HTML is not
    documented.
    """
    text = _environment().get_template(f"{_folder(change)}/cancellation.txt.j2").render(change=change)
    return " ".join(text.split())


def _folder(change: Change) -> str:
    return "announcement" if change.kind.is_announcement else "change"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("contact_manager.formats.rendering"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["lines"] = _with_line_breaks
    return environment


def _with_line_breaks(text: str) -> Markup:
    """Escape ``text`` and keep its line breaks; mail clients do not all know ``white-space: pre-line``."""
    return Markup("<br>\n").join(escape(line) for line in text.strip().splitlines())
