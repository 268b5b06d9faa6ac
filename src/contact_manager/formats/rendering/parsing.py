"""The operator's template files, read and compiled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from contact_manager.errors import ConfigError, Problem
from contact_manager.formats.json_document import first_problems
from contact_manager.formats.rendering.environment import own_environments
from contact_manager.formats.rendering.names import name_problem
from contact_manager.formats.rendering.texts import Templates
from contact_manager.formats.rendering.troubles import COMPILE_ERRORS, compile_problem, place

MAX_TEMPLATE_BYTES = 256 * 1024
"""Of one template file."""


def parse_templates(files: Mapping[str, bytes], *, folder: str) -> Templates:
    """Return the templates that the files hold.

    Args:
        files: By name below the folder, with ``/``: ``change/body.html.j2``.
        folder: Where they are, for messages.

    Raises:
        ConfigError: A file has an unknown name, is too large or no text, or is no template; all problems at
            once, each with its file, and its line if there is one.
    """
    texts: dict[str, str] = {}
    problems = []
    for name, data in sorted(files.items()):
        try:
            texts[name] = _text(name, data)
        except ValueError as error:
            problems.append(Problem(place(folder, name), str(error)))
    templates = Templates(folder, frozenset(texts), own_environments(texts))
    problems += _compile_problems(templates)
    if problems:
        raise ConfigError(first_problems(problems))
    return templates


def _text(name: str, data: bytes) -> str:
    if problem := name_problem(name):
        raise ValueError(problem)
    if len(data) > MAX_TEMPLATE_BYTES:
        raise ValueError(f"the file is larger than {MAX_TEMPLATE_BYTES // 1024} KiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"the file is not UTF-8 text (byte {error.start + 1:,})") from error


def _compile_problems(templates: Templates) -> Iterator[Problem]:
    for name in sorted(templates.files):
        try:
            templates.environments.html.get_template(name)
        except COMPILE_ERRORS as error:
            yield compile_problem(templates.folder, name, error)
