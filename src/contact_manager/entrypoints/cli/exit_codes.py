"""What the shell is told."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from contact_manager.domain.outcome import BatchReport, ErrorKind, ReportedError, RunReport
from contact_manager.domain.processing import ProcessReport, Verdict


class ExitCode(IntEnum):
    """The command's exit codes; scripts depend on them."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    STOPPED_BY_GUARD = 3
    DONE_IN_PART = 4
    INTERRUPTED = 130


def exit_code(report: RunReport) -> ExitCode:
    """Return how the run ended, as a number for scripts."""
    if report.errors:
        return error_code(report.errors)
    return ExitCode.DONE_IN_PART if report.unreadable else ExitCode.DONE


def batch_exit_code(batch: BatchReport) -> ExitCode:
    """Return how a run for many changes ended: done in part when some came to their end and some did not."""
    if batch.errors:
        return error_code(batch.errors)
    codes = {exit_code(item.report) for item in batch.items}
    if len(codes) < 2:  # noqa: PLR2004
        return next(iter(codes), ExitCode.DONE)
    if codes & {ExitCode.DONE, ExitCode.DONE_IN_PART}:
        return ExitCode.DONE_IN_PART
    return error_code([error for item in batch.items for error in item.report.errors])


def process_exit_code(report: ProcessReport) -> ExitCode:
    """Return how one trigger ended; done in part when only customers are missing from the meeting."""
    if report.verdict is Verdict.REJECTED:
        return error_code(report.errors) if report.errors else ExitCode.BAD_INPUT
    meeting = report.meeting.report if report.meeting else None
    if report.verdict is Verdict.RETRY:
        lacks_only_customers = (
            meeting is not None and meeting.is_ok and not (report.mails and report.mails.errors)
        )
        return ExitCode.DONE_IN_PART if lacks_only_customers else ExitCode.FAILED
    if report.errors:
        return ExitCode.BAD_INPUT
    return ExitCode.DONE_IN_PART if meeting is not None and meeting.unreadable else ExitCode.DONE


def error_code(errors: Sequence[ReportedError]) -> ExitCode:
    """Return the number for these errors; a failure outweighs a guard, bad input outweighs both."""
    kinds = {error.kind for error in errors}
    if ErrorKind.INPUT in kinds:
        return ExitCode.BAD_INPUT
    return ExitCode.FAILED if ErrorKind.REMOTE in kinds else ExitCode.STOPPED_BY_GUARD
