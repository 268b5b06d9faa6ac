"""Small template folders, and what comes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contact_manager.errors import ConfigError
from contact_manager.formats.rendering import Templates, parse_templates

FOLDER = "templates"
FILES = ("subject.txt.j2", "body.html.j2", "cancellation.txt.j2")


def templates(files: dict[str, str] | None = None, /, **bodies: str) -> Templates:
    """Templates of these files; ``change=…`` is the body of technical changes."""
    texts = (files or {}) | {f"{folder}/body.html.j2": text for folder, text in bodies.items()}
    return parse_templates({name: text.encode() for name, text in texts.items()}, folder=FOLDER)


def problems_of(work: Callable[..., Any], *arguments: Any, **named: Any) -> dict[str, str]:
    """Return the problems that some work ends in, by their places below the folder."""
    with pytest.raises(ConfigError) as caught:
        work(*arguments, **named)
    return {one.path.removeprefix(f"{FOLDER}/"): one.message for one in caught.value.problems}
