"""What every command does at its start and its end: log set-up, and results, errors and exit code out."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

import typer

from contact_manager.domain.outcome import BatchReport, ReportedError, RunReport, reported_errors
from contact_manager.domain.processing import ProcessReport
from contact_manager.entrypoints.cli.exit_codes import ExitCode, batch_exit_code, exit_code, process_exit_code
from contact_manager.entrypoints.cli.options import CommonOptions, OutputFormat
from contact_manager.entrypoints.cli.terminal import start_logging, write_json, write_message
from contact_manager.errors import ContactManagerError

if TYPE_CHECKING:
    from rich.console import Console

_log = logging.getLogger(__name__)

_Report = TypeVar("_Report", RunReport, BatchReport, ProcessReport)


@dataclass(frozen=True, slots=True)
class Presentation(Generic[_Report]):
    """How a report is shown: as a JSON object; to a person, with a console for data and one for talk."""

    as_json: Callable[[_Report], dict[str, Any]]
    as_text: Callable[[_Report, Console, Console], None]


def finish(
    options: CommonOptions,
    work: Callable[[], RunReport],
    presentation: Presentation[RunReport],
    *,
    is_dry_run: bool = False,
) -> NoReturn:
    """Run ``work``, show its report, and leave with the exit code that fits."""
    report = _done(options, work, lambda errors: RunReport(dry_run=is_dry_run, errors=errors))
    _show(options, report, presentation)
    raise typer.Exit(exit_code(report))


def finish_batch(
    options: CommonOptions,
    work: Callable[[], BatchReport],
    presentation: Presentation[BatchReport],
    *,
    is_dry_run: bool,
) -> NoReturn:
    """Run ``work`` for many changes, show its report, and leave with the exit code that fits."""
    report = _done(options, work, lambda errors: BatchReport(dry_run=is_dry_run, errors=errors))
    _show(options, report, presentation)
    raise typer.Exit(batch_exit_code(report))


def finish_process(
    options: CommonOptions,
    work: Callable[[], ProcessReport],
    of_errors: Callable[[tuple[ReportedError, ...]], ProcessReport],
    presentation: Presentation[ProcessReport],
) -> NoReturn:
    """Run ``work`` for one trigger, show its report, and leave with the exit code that fits."""
    report = _done(options, work, of_errors)
    _show(options, report, presentation)
    raise typer.Exit(process_exit_code(report))


def _done(
    options: CommonOptions,
    work: Callable[[], _Report],
    of_errors: Callable[[tuple[ReportedError, ...]], _Report],
) -> _Report:
    start_logging(options.log_level.value if options.log_level else "warning")
    try:
        return work()
    except ContactManagerError as error:
        _log.debug("command.failed", exc_info=True)
        return of_errors(reported_errors(error))


def _show(options: CommonOptions, report: _Report, presentation: Presentation[_Report]) -> None:
    if options.output is OutputFormat.JSON:
        print_json(presentation.as_json(report))
        return
    from contact_manager.entrypoints.cli.console import open_console

    talk = open_console(no_color=options.no_color, stderr=True)
    with _writing_result():
        presentation.as_text(report, open_console(no_color=options.no_color), talk)


def print_json(value: dict[str, Any]) -> None:
    """Write one JSON object to stdout."""
    from contact_manager.formats.report_json import dump_json

    with _writing_result():
        write_json(dump_json(value))


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
        write_message(f"error: the result cannot be written: {error.strerror}")
        raise typer.Exit(ExitCode.FAILED) from error
