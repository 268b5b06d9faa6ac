"""What every command does at its start and its end: log set-up, and results, errors and exit code out."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from contact_manager.domain.outcome import ErrorKind, ReportedError, RunReport
from contact_manager.entrypoints.cli.exit_codes import ExitCode, exit_code
from contact_manager.entrypoints.cli.options import CommonOptions, OutputFormat
from contact_manager.errors import ContactManagerError, InvalidInputError, RemoteServiceError

if TYPE_CHECKING:
    from rich.console import Console

_log = logging.getLogger(__name__)

_OWN_LOGGER = "contact_manager"


@dataclass(frozen=True, slots=True)
class Presentation:
    """How a report is shown: as a JSON object; to a person, with a console for data and one for talk."""

    as_json: Callable[[RunReport], dict[str, Any]]
    as_text: Callable[[RunReport, Console, Console], None]


def finish(
    options: CommonOptions,
    work: Callable[[], RunReport],
    presentation: Presentation,
    *,
    is_dry_run: bool = False,
) -> NoReturn:
    """Run ``work``, show its report, and leave with the exit code that fits."""
    start_logging(options.log_level.value if options.log_level else "warning")
    try:
        report = work()
    except ContactManagerError as error:
        _log.debug("command.failed", exc_info=True)
        report = RunReport(dry_run=is_dry_run, errors=reported_errors(error))
    if options.output is OutputFormat.JSON:
        print_json(presentation.as_json(report))
    else:
        talk = open_console(no_color=options.no_color, stderr=True)
        with _writing_result():
            presentation.as_text(report, open_console(no_color=options.no_color), talk)
    raise typer.Exit(exit_code(report))


def print_json(value: dict[str, Any]) -> None:
    """Write one JSON object to stdout."""
    from contact_manager.formats.report_json import dump_json

    with _writing_result():
        sys.stdout.buffer.write(dump_json(value))


@contextmanager
def _writing_result() -> Iterator[None]:
    """Let a reader go away without a word; an output that cannot be written is a failure."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.stderr.write(f"error: the result cannot be written: {error.strerror}\n")
        raise typer.Exit(ExitCode.FAILED) from error


def open_console(*, no_color: bool, stderr: bool = False) -> Console:
    """Return a Rich console that takes text as it is: no markup, no emoji names, no highlighting."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(
        stderr=stderr,
        color_system=None if no_color or os.environ.get("NO_COLOR") else "auto",
        markup=False,
        emoji=False,
        highlight=False,
        width=None if stream.isatty() else 160,
    )


def reported_errors(error: ContactManagerError) -> tuple[ReportedError, ...]:
    """Return an exception as lines of a report."""
    name = type(error).__name__
    if isinstance(error, InvalidInputError):
        return tuple(
            ReportedError(ErrorKind.INPUT, name, problem.message, _place(error.source, problem.path))
            for problem in error.problems
        )
    code = error.code if isinstance(error, RemoteServiceError) else ""
    return (ReportedError(ErrorKind.REMOTE, code or name, str(error)),)


def _place(source: str, path: str) -> str:
    return ": ".join(part for part in (source, path) if part)


def start_logging(level: str) -> None:
    """Send log lines to stderr.

    ``level`` is for this package; libraries stay at WARNING, because at DEBUG they write out headers and
    with them secrets.
    """
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s", force=True
    )
    logging.getLogger(_OWN_LOGGER).setLevel(level.upper())
    logging.getLogger("urllib3").setLevel(logging.ERROR)
