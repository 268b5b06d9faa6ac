"""Who has been read so far, on stderr, when a person is watching."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from contact_manager.domain.outcome import CustomerOutcome
from contact_manager.entrypoints.cli.options import CommonOptions, OutputFormat


@contextmanager
def customer_progress(
    options: CommonOptions, total: int
) -> Iterator[Callable[[CustomerOutcome], None] | None]:
    """Yield what to call for every customer that is done, or None when nobody watches."""
    with progress(options, "Reading customers", total) as on_done:
        yield None if on_done is None else lambda outcome: on_done(outcome.code)


@contextmanager
def progress(options: CommonOptions, title: str, total: int) -> Iterator[Callable[[str], None] | None]:
    """Yield what to call with the name of everything that is done, or None when nobody watches."""
    if options.output is OutputFormat.JSON or not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from contact_manager.entrypoints.cli.console import open_console

    columns = (
        TextColumn(title),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}", markup=False),
    )
    console = open_console(no_color=options.no_color, stderr=True)
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task("", total=total)
        yield lambda name: shown.update(task, advance=1, description=name)
