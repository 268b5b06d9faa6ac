"""Rich, which shows what it is given as text: no markup, no emoji names, and no control characters."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from itertools import accumulate
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Span, Text

from contact_manager.formats.plain_text import printable

_WIDTH_OF_FILES = 160


class _PlainConsole(Console):
    """A console through which every text goes as data.

    Rich measures strings after ``render_str`` and shows every text through ``render``: these two are all
    ways in. Rich's own control codes are segments, not texts, and stay.
    """

    def render_str(self, text: str, **how: Any) -> Text:
        return super().render_str(printable(text), **how)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        shown = _printable_text(renderable) if isinstance(renderable, Text) else renderable
        return super().render(shown, options)


def open_console(*, no_color: bool, stderr: bool = False) -> Console:
    """Return a console on stdout or stderr."""
    stream = sys.stderr if stderr else sys.stdout
    return _PlainConsole(
        stderr=stderr,
        color_system=None if no_color or os.environ.get("NO_COLOR") else "auto",
        markup=False,
        emoji=False,
        highlight=False,
        width=None if stream.isatty() else _WIDTH_OF_FILES,
    )


def _printable_text(text: Text) -> Text:
    """Return the text with its hidden characters escaped and its styles where they were."""
    if text.plain.isprintable():
        return text
    pieces = [printable(character) for character in text.plain]
    places = list(accumulate(map(len, pieces), initial=0))
    shown = text.blank_copy("".join(pieces))
    shown.spans = [Span(places[span.start], places[span.end], span.style) for span in text.spans]
    return shown
