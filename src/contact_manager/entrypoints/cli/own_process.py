"""The command as a process of its own, in the sandbox: it imports nothing of the current directory."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contact_manager.sandbox.stack import SandboxStack


def own_command(*arguments: str) -> list[str]:
    """Return the command line; ``-P`` leaves the current directory out of the places to import from."""
    return [sys.executable, "-P", "-m", "contact_manager", *arguments]


def sandbox_environment(stack: SandboxStack) -> dict[str, str]:
    """Return this process's environment, led into the sandbox."""
    inherited = {name: value for name, value in os.environ.items() if name not in stack.unset}
    if "PYTHONPATH" in inherited:  # an empty part of it is the current directory, too
        parts = inherited["PYTHONPATH"].split(os.pathsep)
        inherited["PYTHONPATH"] = os.pathsep.join(part for part in parts if os.path.isabs(part))  # noqa: PTH117 - text
    return {**inherited, **stack.environment}
