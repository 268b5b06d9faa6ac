"""The flags, each told once; a command takes the group it needs as one frozen value."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import wraps
from typing import Annotated, Any, TypeVar, get_type_hints

import typer


class OutputFormat(StrEnum):
    """For people, or for programs."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """How much is said on stderr."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


_GENERAL = "General"
_GUARDS = "Safety"
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", metavar="", help="Read everything, write nothing; show who and what would be touched."
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonOptions:
    """What every command understands."""

    config_file: Annotated[
        str | None,
        typer.Option(
            metavar="F",
            help="Configuration; default: $CONFIG_FILE, config.json in $CONFIG_PATH, ./config.json.",
            rich_help_panel=_GENERAL,
        ),
    ] = None
    output: Annotated[
        OutputFormat, typer.Option(help="For people or for programs.", rich_help_panel=_GENERAL)
    ] = OutputFormat.TEXT
    log_level: Annotated[
        LogLevel | None,
        typer.Option(
            case_sensitive=False,
            help="How much is said on stderr; default: the configuration's log_level, else warning.",
            rich_help_panel=_GENERAL,
        ),
    ] = None
    profile: Annotated[
        str | None, typer.Option(metavar="P", help="AWS profile.", rich_help_panel=_GENERAL)
    ] = None
    region: Annotated[
        str | None,
        typer.Option(metavar="R", help="AWS region, for all customers.", rich_help_panel=_GENERAL),
    ] = None
    no_color: Annotated[
        bool,
        typer.Option(
            "--no-color", metavar="", help="No colours (also: $NO_COLOR).", rich_help_panel=_GENERAL
        ),
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFileOptions(CommonOptions):
    """How a change file is read."""

    assume_utc: Annotated[
        bool,
        typer.Option(
            "--assume-utc",
            metavar="",
            help="Times without an offset in the change file are UTC, and not local to its time zone.",
        ),
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOptions(ChangeFileOptions):
    """Which change, and in whose calendar."""

    json_metadata: Annotated[str | None, typer.Option(metavar="F", help="Change file, - for stdin.")] = None
    sender_email: Annotated[
        str | None,
        typer.Option(
            metavar="E",
            help="Organizer's mailbox; default: the configured one, else $MEETING_ORGANIZER_EMAIL.",
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOptions(ChangeOptions):
    """What is asked when a meeting is cancelled."""

    dry_run: DryRun = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingOptions(ChangeOptions):
    """Whose contact lists are read, and for what."""

    topic_name: Annotated[
        str | None,
        typer.Option(
            metavar="T",
            help="SES topic; default: meeting_config.topic, else aws-calendar. Announcements have their own.",
        ),
    ] = None
    customer_code: Annotated[
        list[str] | None,
        typer.Option(metavar="C", help="Only these customers of the change (repeatable)."),
    ] = None
    max_customer_concurrency: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Customers read at the same time; default: up to 256."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardedOptions(ReadingOptions):
    """What must not happen."""

    require_all_customers: Annotated[
        bool,
        typer.Option(
            "--require-all-customers",
            metavar="",
            help="Stop (exit 3) if any customer cannot be read.",
            rich_help_panel=_GUARDS,
        ),
    ] = False
    max_recipients: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            help="Stop (exit 3) above N people; default: meeting_config.max_recipients.",
            rich_help_panel=_GUARDS,
        ),
    ] = None
    max_removals: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            help="Stop (exit 3) before removing more than N people.",
            rich_help_panel=_GUARDS,
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingOptions(GuardedOptions):
    """What is asked of the meeting."""

    force_update: Annotated[
        bool,
        typer.Option(
            "--force-update",
            metavar="",
            help="Send the update even when nothing differs. Never makes a second meeting.",
        ),
    ] = False
    allow_past: Annotated[
        bool,
        typer.Option("--allow-past", metavar="", help="Accept a start in the past.", rich_help_panel=_GUARDS),
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyOptions(MeetingOptions):
    """What is asked of the meeting, for real or not."""

    dry_run: DryRun = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileOptions(GuardedOptions):
    """What is asked of upcoming meetings."""

    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            metavar="",
            help="Set back a subject, time or location that a person changed in the calendar.",
        ),
    ] = False
    dry_run: DryRun = False


_Options = TypeVar("_Options", bound=CommonOptions)


def takes(group: type[_Options]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Let a command take ``options: group`` and show the group's flags as its own.

    Typer reads a function's signature; the one it sees here has the other parameters first and then one
    parameter for each field of ``group``.
    """
    hints = get_type_hints(group, include_extras=True)
    flags = [
        inspect.Parameter(
            one.name, inspect.Parameter.KEYWORD_ONLY, default=one.default, annotation=hints[one.name]
        )
        for one in fields(group)
    ]
    names = {flag.name for flag in flags}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own_hints = get_type_hints(command, include_extras=True)
        own = [
            one.replace(annotation=own_hints[name])
            for name, one in inspect.signature(command).parameters.items()
            if name != "options"
        ]

        @wraps(command)
        def wrapper(**values: Any) -> None:
            options = group(**{name: values.pop(name) for name in names})
            command(**values, options=options)

        del wrapper.__wrapped__
        shown = [*own, *flags]
        wrapper.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
        wrapper.__annotations__ = {one.name: one.annotation for one in shown}
        return wrapper

    return decorate
