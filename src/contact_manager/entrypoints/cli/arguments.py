"""How a command line may be spelled, before Typer reads it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

_WITH_VALUE = frozenset({"--output", "--log-level", "--profile", "--region", "--config-file"})
_ALONE = frozenset({"--no-color"})
_OF_OLD = re.compile(r"-[a-z][a-z-]+(=|$)")


def as_spelled_now(arguments: Sequence[str]) -> list[str]:
    """Return the arguments as Typer reads them: flags behind the command, and with two dashes."""
    separated = [part for one in arguments for part in _without_equals(one)]
    return _with_double_dashes(_with_flags_behind_command(separated))


def _without_equals(argument: str) -> tuple[str, ...]:
    """Let ``--batch=FOLDER`` be ``--batch FOLDER``: the flag takes no value, the folder is an argument."""
    flag, _, folder = argument.partition("=")
    return (flag, folder) if flag == "--batch" and folder else (argument,)


def asks_for_json(arguments: Sequence[str]) -> bool:
    """Whether ``--output json`` is among them, for errors that come before they are parsed."""
    return "--output=json" in arguments or ("--output", "json") in pairwise(arguments)


def _with_flags_behind_command(arguments: list[str]) -> list[str]:
    """Let general flags stand before the command, as in the AWS command line."""
    flags: list[str] = []
    rest = arguments
    while rest and (rest[0].partition("=")[0] in _WITH_VALUE or rest[0] in _ALONE):
        size = 2 if rest[0] in _WITH_VALUE else 1
        flags, rest = [*flags, *rest[:size]], rest[size:]
    return [*rest, *flags] if rest else arguments


def _with_double_dashes(arguments: list[str]) -> list[str]:
    """Return ``-flag`` as ``--flag`` behind ``ses``, as scripts of old spell them.

    A lone dash (stdin) and one-letter flags stay as they are.
    """
    if "ses" not in arguments:
        return arguments
    start = arguments.index("ses")
    return [
        *arguments[:start],
        *(f"-{one}" if _OF_OLD.match(one) else one for one in arguments[start:]),
    ]
