"""The only ways from the command to a terminal, a pipe or a plain log; Rich's way is in ``console``.

What comes from files, services, the environment or the command line is data: it stays within its line and
reaches the terminal without control characters. A line is one argument or one log record, so that data
cannot begin another.
"""

from __future__ import annotations

import copy
import logging
import sys
from typing import Any

from contact_manager.formats.plain_text import log_values, printable

_OWN_LOGGER = "contact_manager"


def write_result(*lines: str) -> None:
    """Write lines to stdout."""
    sys.stdout.write(_as_lines(lines))
    sys.stdout.flush()


def write_message(*lines: str) -> None:
    """Write lines to stderr."""
    sys.stderr.write(_as_lines(lines))
    sys.stderr.flush()


def write_json(text: bytes) -> None:
    """Write JSON, which is escaped already, to stdout."""
    sys.stdout.buffer.write(text)


def start_logging(level: str) -> None:
    """Send log lines to stderr.

    ``level`` is for this package; libraries stay at WARNING, because at DEBUG they write out headers and
    with them secrets.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_LineFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger(_OWN_LOGGER).setLevel(level.upper())
    logging.getLogger("urllib3").setLevel(logging.ERROR)


class _LineFormatter(logging.Formatter):
    """Writes a record on one line; a traceback is indented, so that no line of it looks like a record."""

    def format(self, record: logging.LogRecord) -> str:
        shown = copy.copy(record)
        if record.name.partition(".")[0] == _OWN_LOGGER:
            shown.args = log_values(record.args)
        return super().format(shown)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's
        return printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's
        return _indented(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 - logging's
        return _indented(super().formatStack(stack_info))


def _as_lines(lines: tuple[str, ...]) -> str:
    return "".join(f"{printable(line)}\n" for line in lines)


def _indented(text: str) -> str:
    return "\n".join(f"    {printable(line)}" for line in text.split("\n"))
