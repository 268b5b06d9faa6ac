"""From flags to what the use cases take: settings, change, organizer, topics, customers."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from contact_manager.bootstrap import RunOptions, choose_organizer, load_settings
from contact_manager.domain.change import Change
from contact_manager.domain.customer import customer_names, fold_customer_code
from contact_manager.entrypoints.cli.options import (
    ChangeFileOptions,
    ChangeOptions,
    CommonOptions,
    ReadingOptions,
)
from contact_manager.errors import InvalidChangeError, Problem, UsageError
from contact_manager.formats.change_json import MAX_CHANGE_BYTES, parse_change
from contact_manager.services.schedule_meeting import ScheduleRequest, choose_topics
from contact_manager.settings import Settings


def read_settings(options: CommonOptions) -> Settings:
    """Load the configuration with the flags laid over it.

    Raises:
        ConfigError: It cannot be read or is wrong.
    """
    settings = load_settings(options.config_file, os.environ)
    if options.log_level is None and settings.log_level:
        logging.getLogger("contact_manager").setLevel(settings.log_level.upper())
    concurrency = getattr(options, "max_customer_concurrency", None)
    if concurrency:
        settings = replace(settings, meeting=replace(settings.meeting, max_customer_concurrency=concurrency))
    return settings


def read_change(options: ChangeOptions, settings: Settings, *, checks_customers: bool = True) -> Change:
    """Read the change file that the flags name.

    Raises:
        UsageError: None is named.
        InvalidChangeError: It cannot be read or is wrong.
    """
    if not options.json_metadata:
        raise UsageError([Problem("--json-metadata", "name the change file, or - for stdin")])
    return read_change_file(options.json_metadata, settings, options, checks_customers=checks_customers)


def read_change_file(
    name: str, settings: Settings, options: ChangeFileOptions, *, checks_customers: bool = True
) -> Change:
    """Read the change file ``name``, ``-`` for stdin.

    Args:
        name: Of the file.
        settings: Default time zone and customers.
        options: How it is read.
        checks_customers: Refuse codes that are not configured and nearly are.

    Raises:
        InvalidChangeError: It cannot be read or is wrong.
    """
    return parse_change(
        read_change_bytes(name),
        source=source_name(name),
        default_time_zone=settings.meeting.time_zone,
        assumes_utc=options.assume_utc,
        customers=customer_names(settings.customers) if checks_customers else None,
    )


def read_change_bytes(name: str) -> bytes:
    """Return what the change file ``name`` holds, ``-`` for stdin.

    Raises:
        InvalidChangeError: It cannot be read.
    """
    try:
        with sys.stdin.buffer if name == "-" else Path(name).open("rb") as file:
            return file.read(MAX_CHANGE_BYTES + 1)
    except OSError as error:
        reason = (
            "it is a folder; name a file in it" if isinstance(error, IsADirectoryError) else error.strerror
        )
        problem = Problem("", f"cannot read the change file: {reason}")
        raise InvalidChangeError([problem], source=source_name(name)) from error


def source_name(name: str) -> str:
    """Return what a change file is called in messages."""
    return "stdin" if name == "-" else name


def find_change_files(names: Sequence[str]) -> list[str]:
    """Return the named files, and of folders every ``*.json`` directly in them, each once.

    Raises:
        UsageError: Nothing is named, or a folder has no such file.
    """
    if not names:
        raise UsageError([Problem("", "name change files, or a folder with change files")])
    files, problems = [], []
    for name in names:
        folder = Path(name)
        found = (
            sorted(str(one) for one in folder.glob("*.json") if one.is_file()) if folder.is_dir() else [name]
        )
        if not found:
            problems.append(Problem(name, "there are no change files (*.json) in this folder"))
        files += found
    if problems:
        raise UsageError(problems)
    return list(dict.fromkeys(files))


def choose_customers(options: ReadingOptions, available: tuple[str, ...], where: str) -> tuple[str, ...]:
    """Return the codes that --customer-code names, or none of them when it is not used.

    Raises:
        UsageError: A code is malformed or not among ``available``.
    """
    chosen, problems = [], []
    for raw in options.customer_code or []:
        code = fold_customer_code(raw)
        if code is None or code not in available:
            problems.append(Problem("--customer-code", f"{raw!r} is not a customer of {where}"))
        else:
            chosen.append(code)
    if problems:
        raise UsageError(problems)
    return tuple(dict.fromkeys(chosen))


def schedule_request(options: ReadingOptions, settings: Settings, change: Change) -> ScheduleRequest:
    """Return what the flags ask for about one change, guards and other choices of the command left out.

    Raises:
        UsageError: There is no organizer, or a named customer is not one of the change.
    """
    return ScheduleRequest(
        change,
        organizer=choose_organizer(options.sender_email, settings, os.environ),
        selection=choose_topics(change, settings, options.topic_name),
        only_customers=choose_customers(options, change.customers, "the change"),
    )


def run_options(options: CommonOptions, *, label: str, is_dry_run: bool = False) -> RunOptions:
    """Return what the flags say about the run itself."""
    return RunOptions(profile=options.profile, region=options.region, label=label, is_dry_run=is_dry_run)
