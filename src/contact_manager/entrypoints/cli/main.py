"""The command ``ccoe-customer-contact-manager``, short ``ccm``."""

from __future__ import annotations

import gc
import io
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import version
from typing import Annotated

import typer

from contact_manager.domain.outcome import ErrorKind, ReportedError, RunReport
from contact_manager.entrypoints.cli.arguments import as_spelled_now, asks_for_json
from contact_manager.entrypoints.cli.exit_codes import ExitCode
from contact_manager.entrypoints.cli.options import (
    ApplyOptions,
    CancelOptions,
    ChangeFileOptions,
    CommonOptions,
    MeetingOptions,
    ReadingOptions,
    ReconcileOptions,
    takes,
)
from contact_manager.entrypoints.cli.ses import list_actions, run_ses_action
from contact_manager.entrypoints.cli.terminal import write_message, write_result

PROGRAM = "ccoe-customer-contact-manager"
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""Typer raises it for every wrong command line and does not export it."""

_log = logging.getLogger(__name__)


def _group(summary: str) -> typer.Typer:
    return typer.Typer(no_args_is_help=True, help=summary)


app = typer.Typer(
    name=PROGRAM,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="One Microsoft Teams meeting for the Amazon SES subscribers of every customer a change affects.",
)
meeting = _group("Plan, make and look at the meeting of a change.")
change = _group("Check a change file, and do what it asks for.")
recipients = _group("Who would be invited, who not, and why.")
config = _group("Check and show the configuration.")
sandbox = _group("Try everything without an account.")
for _name, _commands, _panel in (
    ("meeting", meeting, "Email & notifications"),
    ("change", change, "Email & notifications"),
    ("recipients", recipients, "Email & notifications"),
    ("config", config, "Set-up"),
    ("sandbox", sandbox, "Set-up"),
):
    app.add_typer(_commands, name=_name, rich_help_panel=_panel)


def _as_paragraphs(text: str) -> str:
    """Keep line breaks in a help page, where single ones are folded."""
    return "\n\n".join(line for line in text.splitlines() if line)


@app.callback(invoke_without_command=True)
def _root(
    *,
    show_version: Annotated[
        bool, typer.Option("--version", metavar="", help="Show the version and leave.")
    ] = False,
) -> None:
    if show_version:
        write_result(f"{PROGRAM} {version(PROGRAM)}")
        raise typer.Exit


@app.command("ses", rich_help_panel="Email & notifications", epilog=_as_paragraphs(list_actions()))
@takes(ApplyOptions)
def _ses(
    *,
    action: Annotated[str, typer.Option(metavar="X", help="What to do; `--action help` lists the actions.")],
    options: ApplyOptions,
) -> None:
    """The established form: ses --action X. Flags may be spelled with one dash."""
    run_ses_action(action, options)


_Files = Annotated[
    list[str] | None,
    typer.Argument(metavar="FILE|FOLDER", help="Change files, or folders of them.", show_default=False),
]
_Batch = Annotated[
    bool, typer.Option("--batch", metavar="", help="Many change files: one report for each, in one result.")
]


@meeting.command("plan")
@takes(MeetingOptions)
def _meeting_plan(files: _Files = None, *, batch: _Batch = False, options: MeetingOptions) -> None:
    """Read everything, write nothing: show who would be invited and what would happen."""
    _apply(files or [], options, is_batch=batch, is_dry_run=True)


@meeting.command("apply")
@takes(ApplyOptions)
def _meeting_apply(files: _Files = None, *, batch: _Batch = False, options: ApplyOptions) -> None:
    """Bring the one meeting of each change in line with it: create, update or leave alone."""
    _apply(files or [], options, is_batch=batch, is_dry_run=options.dry_run)


def _apply(files: list[str], options: MeetingOptions, *, is_batch: bool, is_dry_run: bool) -> None:
    names = [*([options.json_metadata] if options.json_metadata else []), *files]
    if is_batch or len(names) > 1 or any(map(os.path.isdir, files)):
        from contact_manager.entrypoints.cli.actions.apply_batch import apply_batch

        apply_batch(names, options, is_dry_run=is_dry_run)
    from contact_manager.entrypoints.cli.actions.apply_meeting import apply_meeting

    apply_meeting(replace(options, json_metadata=names[0] if names else None), is_dry_run=is_dry_run)


@meeting.command("reconcile")
@takes(ReconcileOptions)
def _meeting_reconcile(files: _Files = None, *, options: ReconcileOptions) -> None:
    """Bring upcoming meetings up to date; run it on a schedule. What a person changed by hand is reported."""
    from contact_manager.entrypoints.cli.actions.reconcile_meetings import reconcile_meetings

    names = [*([options.json_metadata] if options.json_metadata else []), *(files or [])]
    reconcile_meetings(names, options)


@meeting.command("cancel")
@takes(CancelOptions)
def _meeting_cancel(options: CancelOptions) -> None:
    """Cancel the meeting; everybody in it is told. Nothing there is nothing to do."""
    from contact_manager.entrypoints.cli.actions.cancel_meeting import cancel_meeting

    cancel_meeting(options)


@meeting.command("show")
@takes(ReadingOptions)
def _meeting_show(options: ReadingOptions) -> None:
    """Show the meeting as it is in the calendar now: everybody's answer, and the drift from the change."""
    from contact_manager.entrypoints.cli.actions.show_meeting import show_meeting

    show_meeting(options)


_File = Annotated[str, typer.Argument(metavar="FILE", help="Change file, - for stdin.")]


@change.command("process")
@takes(CommonOptions)
def _change_process(
    file: _File,
    *,
    customer: Annotated[
        str,
        typer.Option("--customer-code", "--customer", metavar="C", help="For which customer of the change."),
    ],
    options: CommonOptions,
) -> None:
    """Do for one customer what the change's trigger would: the meeting, and this customer's mails."""
    from contact_manager.entrypoints.cli.actions.process_change import process_change

    process_change(file, customer, options)


@change.command("validate")
@takes(ChangeFileOptions)
def _change_validate(file: _File, *, options: ChangeFileOptions) -> None:
    """Check a change file: how it is understood, and what will happen. No service is called."""
    from contact_manager.entrypoints.cli.actions.validate_change import validate_change

    validate_change(file, options)


@app.command("worker", rich_help_panel="Email & notifications")
@takes(CommonOptions)
def _worker(
    *,
    queue_url: Annotated[
        str,
        typer.Option(metavar="U", envvar="CHANGE_QUEUE_URL", help="SQS queue of the change triggers."),
    ],
    options: CommonOptions,
) -> None:
    """Process the change queue until stopped, as the Lambda function does."""
    from contact_manager.entrypoints.cli.actions.run_worker import run_worker

    run_worker(queue_url, options)


@recipients.command("list")
@takes(ReadingOptions)
def _recipients_list(options: ReadingOptions) -> None:
    """List who would be invited, and who not and why; without a change file, of all customers."""
    from contact_manager.entrypoints.cli.actions.list_recipients import list_recipients

    list_recipients(options)


@recipients.command("explain")
@takes(ReadingOptions)
def _recipients_explain(
    address: Annotated[str, typer.Argument(help="E-mail address.")], *, options: ReadingOptions
) -> None:
    """Explain why one person is invited or not, customer by customer."""
    from contact_manager.entrypoints.cli.actions.explain_recipient import explain_recipient

    explain_recipient(address, options)


@config.command("check")
@takes(CommonOptions)
def _config_check(options: CommonOptions) -> None:
    """Check the configuration; every problem is named with its place."""
    from contact_manager.entrypoints.cli.actions.check_config import check_config

    check_config(options)


@config.command("show")
@takes(CommonOptions)
def _config_show(options: CommonOptions) -> None:
    """Show the configuration with every default filled in."""
    from contact_manager.entrypoints.cli.actions.check_config import show_config

    show_config(options)


@config.command("schema")
@takes(CommonOptions)
def _config_schema(options: CommonOptions) -> None:  # noqa: ARG001 - a schema is JSON in any case
    """Print the JSON Schema of the configuration."""
    from contact_manager.entrypoints.cli.actions.check_config import print_schema

    print_schema()


@sandbox.command("demo")
def _sandbox_demo() -> None:
    """Run the main job on the example changes: dry run, create, run again."""
    from contact_manager.entrypoints.cli.actions.run_sandbox import run_demo

    run_demo()


@sandbox.command("up")
def _sandbox_up() -> None:
    """Start the sandbox, print the environment to export, and stay until stopped.

    Its services can be made to fail; docs/reference/sandbox.md lists how.
    """
    from contact_manager.entrypoints.cli.actions.run_sandbox import run_sandbox

    run_sandbox()


def main() -> None:
    """Run the command line and leave with its exit code."""
    gc.set_threshold(100_000, 50, 1000)  # measured: two fifths of a large run is looking for garbage
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run the command line ``arguments`` and return the exit code: the outermost door."""
    _prepare_process()
    arguments = as_spelled_now(arguments)
    try:
        _refuse_undecodable(arguments)
        code = app(arguments, prog_name=PROGRAM, standalone_mode=False)
    except _UsageError as error:
        message = error.format_message()  # type: ignore[attr-defined]
        _show_usage(message, error.ctx)  # type: ignore[attr-defined]
        return _give_up(arguments, ErrorKind.INPUT, "UsageError", message, code=ExitCode.BAD_INPUT)
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted(arguments)
    except Exception as error:  # noqa: BLE001 - the outermost door
        _log.debug("command.crashed", exc_info=True)
        message = f"internal error, please report it: {type(error).__name__}: {error}"
        write_message(f"{PROGRAM}: {message}", "The traceback: --log-level debug")
        return _give_up(arguments, ErrorKind.REMOTE, "InternalError", message, code=ExitCode.FAILED)
    if code == ExitCode.INTERRUPTED:
        return _interrupted(arguments)
    return int(code or 0)


def _prepare_process() -> None:
    """Make SIGTERM end a run as Ctrl-C does, and have three streams that can take any text."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - for good
        elif isinstance(stream, io.TextIOWrapper) and mode == "w":
            stream.reconfigure(errors="backslashreplace")


def _refuse_undecodable(arguments: Sequence[str]) -> None:
    for one in arguments:
        if not one.isprintable() and "\udc80" <= max(one) <= "\udcff":
            raise typer.BadParameter(f"{one!r} is not UTF-8")


def _show_usage(message: str, context: typer.Context | None) -> None:
    """Say what is wrong with the command line; a command line without a command has shown its help by now."""
    if context is not None and message:
        hint = f"Try '{context.command_path} {context.help_option_names[0]}' for help."
        write_message(*context.get_usage().splitlines(), hint, "")
    if message:
        write_message(f"Error: {message}")


def _interrupted(arguments: Sequence[str]) -> int:
    message = "interrupted; run the same command again: it goes on from what is there"
    write_message(f"{PROGRAM}: {message}")
    return _give_up(arguments, ErrorKind.REMOTE, "Interrupted", message, code=ExitCode.INTERRUPTED)


def _give_up(arguments: Sequence[str], kind: ErrorKind, name: str, message: str, *, code: ExitCode) -> int:
    """Keep the promise of one JSON object also when a command did not come to its report."""
    from contact_manager.entrypoints.cli.door import print_json
    from contact_manager.formats.report_json import meeting_report

    if asks_for_json(arguments):
        with suppress(typer.Exit):
            print_json(meeting_report(RunReport(errors=(ReportedError(kind, name, message),))))
    return code


if __name__ == "__main__":
    main()
