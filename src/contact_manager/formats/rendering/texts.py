"""The texts of a meeting."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from jinja2 import TemplateError

from contact_manager.domain.change import Change
from contact_manager.errors import ConfigError, Problem
from contact_manager.formats.rendering.environment import (
    Environments,
    built_in_environments,
    own_environments,
)
from contact_manager.formats.rendering.finishing import finish
from contact_manager.formats.rendering.names import TemplateFile, folders_of, is_partial
from contact_manager.formats.rendering.troubles import place, render_problem

_RENDER_ERRORS = (
    TemplateError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What an expression of a template can raise."""


@dataclass(frozen=True, slots=True, eq=False)
class Templates:
    """The operator's templates over the built-in ones; without any, the built-in ones.

    Every text depends on the change alone, so that the same change always gives the same text. Each method
    raises ConfigError, with file and line, when a template of the operator cannot be used.

    Attributes:
        folder: Where the operator's templates are, for messages.
        files: Names of all of them, partials included.
        environments: Where they run.
    """

    folder: str = ""
    files: frozenset[str] = frozenset()
    environments: Environments = field(default_factory=partial(own_environments, {}), repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The templates that replace a built-in text."""
        return tuple(sorted(name for name in self.files if not is_partial(name)))

    def subject(self, change: Change) -> str:
        """Return the subject: one line of at most 255 characters; without a template the change's own."""
        name = self._find(change, TemplateFile.SUBJECT)
        return self.render(name, change) if name else change.subject

    def body(self, change: Change) -> str:
        """Return our own text of the calendar entry as an HTML fragment; every value is escaped."""
        return self._text(TemplateFile.BODY, change)

    def cancellation(self, change: Change) -> str:
        """Return what everybody is told when the meeting is cancelled, as plain text on one line."""
        return self._text(TemplateFile.CANCELLATION, change)

    def render(self, name: str, change: Change) -> str:
        """Return the text that the operator's template ``name`` gives for ``change``."""
        file = TemplateFile(name.rpartition("/")[2])
        try:
            text = _run(self.environments, file, name, change)
        except _RENDER_ERRORS as error:
            raise ConfigError([render_problem(self.folder, name, error, self.files)]) from error
        try:
            return finish(file, text)
        except ValueError as error:
            raise ConfigError([Problem(place(self.folder, name), str(error))]) from error

    def _text(self, file: TemplateFile, change: Change) -> str:
        name = self._find(change, file)
        if name:
            return self.render(name, change)
        built_in = f"{folders_of(change)[-1]}/{file}"
        return finish(file, _run(built_in_environments(), file, built_in, change))

    def _find(self, change: Change, file: TemplateFile) -> str:
        names = (f"{folder}/{file}" for folder in folders_of(change))
        return next((name for name in names if name in self.files), "")


def _run(environments: Environments, file: TemplateFile, name: str, change: Change) -> str:
    return environments.of(file).get_template(name).render(change=change, subject=change.subject)
