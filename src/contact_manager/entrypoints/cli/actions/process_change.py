"""``change process``: one customer's trigger, from the shell."""

from __future__ import annotations

import asyncio
import os
from typing import NoReturn

from rich.console import Console

from contact_manager.bootstrap.events import open_change_processing
from contact_manager.domain.customer import fold_customer_code
from contact_manager.domain.outcome import ReportedError
from contact_manager.domain.processing import ProcessReport, Verdict
from contact_manager.entrypoints.cli.door import Presentation, finish_process
from contact_manager.entrypoints.cli.inputs import read_change_bytes, read_settings, run_options, source_name
from contact_manager.entrypoints.cli.options import CommonOptions
from contact_manager.entrypoints.cli.text import HEADLINES, print_remark, show_remarks
from contact_manager.errors import Problem, UsageError
from contact_manager.formats.report_json import process_report

_VERDICTS = {
    Verdict.DONE: ("done", "bold"),
    Verdict.IGNORED: ("nothing to do", "bold"),
    Verdict.REJECTED: ("rejected", "red"),
    Verdict.RETRY: ("not finished; run it again", "red"),
}


def process_change(name: str, customer: str, options: CommonOptions) -> NoReturn:
    """Do what the change's status asks for on behalf of one customer, as its trigger would."""
    code = fold_customer_code(customer) or customer

    def work() -> ProcessReport:
        if fold_customer_code(customer) is None:
            raise UsageError([Problem("--customer", f"{customer!r} is not a customer code")])
        return asyncio.run(_replay(name, code, options))

    def of_errors(errors: tuple[ReportedError, ...]) -> ProcessReport:
        return ProcessReport("", code, Verdict.REJECTED, errors=errors)

    finish_process(options, work, of_errors, Presentation(process_report, _show))


async def _replay(name: str, customer: str, options: CommonOptions) -> ProcessReport:
    settings = read_settings(options)
    data = read_change_bytes(name)
    run = run_options(options, label="process")
    async with open_change_processing(settings, os.environ, run) as processing:
        return await processing.replay(data, customer, source=source_name(name))


def _show(report: ProcessReport, console: Console, talk: Console) -> None:
    told, style = _VERDICTS[report.verdict]
    change = f"{report.change_id} for {report.customer}".strip()
    reason = f": {report.reason}" if report.reason else ""
    if report.change_id:
        status = f", {report.status}" if report.status else ""
        console.print(f"{change}{status}: {told}{reason}", style=style)
    meeting = report.meeting.report if report.meeting else None
    if meeting is not None:
        console.print(f"  {HEADLINES[meeting.action]}")
    if report.mails is not None:
        mails = report.mails
        told = f"  Mails ({mails.topic}): {mails.sent} sent"
        told += f", {mails.sent_before} sent before" if mails.sent_before else ""
        told += f", {mails.refused} refused" if mails.refused else ""
        told += f", {mails.failed} failed" if mails.failed else ""
        told += f", {mails.postponed} waiting for the account's quota" if mails.postponed else ""
        console.print(f"{told}, {len(mails.excluded)} left out")
    if meeting is not None and not report.errors:
        show_remarks(meeting, talk)
    for error in report.errors:
        place = f"{error.path}: " if error.path else ""
        print_remark(talk, "error", f"{place}{error.message}")
