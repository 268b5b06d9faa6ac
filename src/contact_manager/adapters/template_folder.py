"""The operator's templates, read from a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from contact_manager.errors import ConfigError, Problem
from contact_manager.formats.rendering import MAX_TEMPLATE_BYTES

MAX_ENTRIES = 1000
"""Files and folders; more means that another folder is named, or that links lead in a circle."""


def read_template_folder(folder: Path) -> dict[str, bytes]:
    """Return the files below ``folder`` by name; of a file that is too large only so much as shows it.

    What begins with a dot is left out: editors, version control and mounted volumes keep their own there.
    Links are followed as long as they stay inside.

    Raises:
        ConfigError: A file cannot be read or is outside, or there are too many; all problems at once.
    """
    files: dict[str, bytes] = {}
    problems: list[Problem] = []
    entries = list(islice(_entries(folder, folder.resolve(), problems), MAX_ENTRIES + 1))
    if len(entries) > MAX_ENTRIES:
        raise ConfigError([Problem(str(folder), f"there are more than {MAX_ENTRIES:,} files and folders")])
    for path in entries:
        if not path.is_dir():
            try:
                files[_name(path, folder)] = _read(path)
            except OSError as error:
                problems.append(_unreadable(path, error))
    if problems:
        raise ConfigError(problems)
    return files


def _entries(folder: Path, root: Path, problems: list[Problem]) -> Iterator[Path]:
    waiting = [folder]
    while waiting:
        parent = waiting.pop()
        try:
            children = sorted(path for path in parent.iterdir() if not path.name.startswith("."))
        except OSError as error:
            problems.append(_unreadable(parent, error))
            continue
        for path in children:
            if _leads_out(path, root):
                problems.append(Problem(str(path), "the link leads out of the folder of templates"))
                continue
            if path.is_dir():
                waiting.append(path)
            yield path


def _leads_out(path: Path, root: Path) -> bool:
    try:
        return not path.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # links in a circle, an OSError since Python 3.13: reading tells it
        return False


def _read(path: Path) -> bytes:
    if path.exists() and not path.is_file():
        raise OSError(0, "it is no regular file")
    with path.open("rb") as file:
        return file.read(MAX_TEMPLATE_BYTES + 1)


def _unreadable(path: Path, error: OSError) -> Problem:
    return Problem(str(path), f"cannot be read: {error.strerror}")


def _name(path: Path, folder: Path) -> str:
    """Return the name with ``/``; what is not UTF-8 in it cannot be shown and is no known name either."""
    return os.fsencode(path.relative_to(folder).as_posix()).decode(errors="replace")
