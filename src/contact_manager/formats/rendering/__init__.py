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
    folder = "announcement" if change.kind.is_announcement else "change"
    return _environment().get_template(f"{folder}/body.html.j2").render(change=change).strip()


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
