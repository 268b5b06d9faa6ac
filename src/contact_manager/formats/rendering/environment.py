"""Where templates run: sandboxed, and each file readable as HTML and as plain text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from jinja2 import BaseLoader, Environment, FunctionLoader, PackageLoader, StrictUndefined, pass_eval_context
from jinja2.nodes import EvalContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from contact_manager.formats.rendering.names import TemplateFile


@dataclass(frozen=True, slots=True)
class Environments:
    """The same files in two readings.

    What is escaped depends on the text that is made and not on the file a value stands in: otherwise a
    partial for plain text, used in a body, would bring in values as they are.
    """

    html: Environment
    text: Environment

    def of(self, file: TemplateFile) -> Environment:
        """Return where a text is made."""
        return self.html if file is TemplateFile.BODY else self.text


@lru_cache(maxsize=1)
def built_in_environments() -> Environments:
    """Return where the built-in templates run."""
    return _environments(PackageLoader("contact_manager.formats.rendering"))


def own_environments(texts: Mapping[str, str]) -> Environments:
    """Return where the operator's templates run; they reach one another by name, and no other file."""

    def load(name: str) -> tuple[str, str, None] | None:
        return (texts[name], name, None) if name in texts else None

    return _environments(FunctionLoader(load))


def _environments(loader: BaseLoader) -> Environments:
    return Environments(_environment(loader, autoescape=True), _environment(loader, autoescape=False))


_CLOCK_METHODS = frozenset({"now", "today", "utcnow", "astimezone"})
"""Of dates: what tells the machine's time or zone."""


class _Sandbox(ImmutableSandboxedEnvironment):
    """A sandbox without clock and chance: with another text in each run, each would send an update."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        is_of_date = isinstance(obj, date) or (isinstance(obj, type) and issubclass(obj, date))
        return not (is_of_date and attr in _CLOCK_METHODS) and super().is_safe_attribute(obj, attr, value)


def _environment(loader: BaseLoader, *, autoescape: bool) -> Environment:
    environment = _Sandbox(
        loader=loader,
        autoescape=autoescape,
        auto_reload=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["lines"] = _with_line_breaks
    del environment.filters["random"], environment.globals["lipsum"]
    return environment


@pass_eval_context
def _with_line_breaks(context: EvalContext, value: Any) -> str:
    """Keep a text's line breaks in HTML; mail clients do not all know ``white-space: pre-line``."""
    text = value if isinstance(value, str) else str(value)
    if not context.autoescape:
        return text.strip()
    return Markup("<br>\n".join(escape(text.strip()).splitlines()))  # noqa: S704 - escaped
