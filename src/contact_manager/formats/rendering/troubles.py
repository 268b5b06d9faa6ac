"""What goes wrong in a template, with its file and line."""

from __future__ import annotations

import traceback
from collections.abc import Collection

from jinja2 import TemplateNotFound, TemplateSyntaxError

from contact_manager.errors import Problem
from contact_manager.formats.plain_text import quote, shorten

COMPILE_ERRORS = (TemplateSyntaxError, SyntaxError, RecursionError, MemoryError, ValueError, OverflowError)
"""Jinja2 compiles to Python: too deep an expression is refused by either, an endless number by Python."""


def compile_problem(folder: str, name: str, error: BaseException) -> Problem:
    """Return what a file that is no template is refused with."""
    line = error.lineno if isinstance(error, TemplateSyntaxError) else None
    return Problem(place(folder, name, line), _sentence(error))


def render_problem(folder: str, name: str, error: BaseException, names: Collection[str]) -> Problem:
    """Return what is wrong where a text is made; the innermost template is named.

    Args:
        folder: Where the templates are.
        name: Of the template that was asked for.
        error: What it raised; Jinja2 puts frames of the templates into its traceback.
        names: Of all templates.
    """
    frames = traceback.walk_tb(error.__traceback__)
    lines = [(frame.f_code.co_filename, line) for frame, line in frames]
    own = [(file, line) for file, line in lines if file in names]
    file, line = own[-1] if own else (name, None)
    return Problem(place(folder, file, line), _sentence(error))


def place(folder: str, name: str, line: int | None = None) -> str:
    """Return file and line as editors and terminals know them."""
    file = f"{folder}/{name}" if folder else name
    return f"{file}:{line}" if line else file


def _sentence(error: BaseException) -> str:
    if isinstance(error, TemplateNotFound):
        names = (quote(str(one)) for one in error.templates)
        return f"there is no template {' or '.join(names)}"
    told = error.message if isinstance(error, TemplateSyntaxError) else str(error)
    return shorten(told or "") or type(error).__name__
