"""``worker``: process the change queue in a container, or anywhere without Lambda."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import NoReturn

import typer

from contact_manager.bootstrap.events import open_change_processing, open_change_queue
from contact_manager.entrypoints.cli.exit_codes import ExitCode
from contact_manager.entrypoints.cli.inputs import read_settings, run_options
from contact_manager.entrypoints.cli.options import CommonOptions, LogLevel
from contact_manager.entrypoints.cli.terminal import start_logging, write_message
from contact_manager.errors import ContactManagerError, InvalidInputError
from contact_manager.services.consume_queue import consume_queue
from contact_manager.services.process_messages import MessageOutcome
from contact_manager.services.time_limits import TimeLimits

MESSAGE_TIME_LIMIT = timedelta(minutes=30)
"""After this the work on a message is broken off and it comes again, ten times at most: its queue would give
it out again by itself after twelve hours."""


def run_worker(queue_url: str, options: CommonOptions) -> NoReturn:
    """Work until SIGTERM or Ctrl-C; what was begun is brought to its end, a second signal breaks it off."""
    level = options.log_level or LogLevel.INFO
    options = replace(options, log_level=level)
    start_logging(level.value)
    try:
        asyncio.run(_work(queue_url, options))
    except ContactManagerError as error:
        source = f"{error.source}: " if isinstance(error, InvalidInputError) and error.source else ""
        write_message(f"error: {source}{error}")
        is_input = isinstance(error, InvalidInputError)
        raise typer.Exit(ExitCode.BAD_INPUT if is_input else ExitCode.FAILED) from error
    raise typer.Exit(ExitCode.DONE)


async def _work(queue_url: str, options: CommonOptions) -> None:
    settings = read_settings(options)
    run = run_options(options, label="worker")
    stopping = asyncio.Event()
    _stop_on_signal(stopping)
    async with (
        open_change_processing(settings, os.environ, run) as processing,
        open_change_queue(settings, os.environ, run, queue_url) as queue,
    ):
        write_message(f"The worker listens to {queue_url}; Ctrl-C stops it.")

        async def process(bodies: Mapping[str, str]) -> Sequence[MessageOutcome]:
            limits = TimeLimits.within(MESSAGE_TIME_LIMIT.total_seconds())
            return await processing.process(bodies, limits=limits, is_stopping=stopping.is_set)

        await consume_queue(queue, process, stopping)
    write_message("The worker has stopped.")


def _stop_on_signal(stopping: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def stop(number: signal.Signals) -> None:
        stopping.set()
        loop.remove_signal_handler(number)
        signal.signal(number, signal.default_int_handler)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
