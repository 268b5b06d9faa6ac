"""``recipients explain``: why one person is invited or not, customer by customer."""

from __future__ import annotations

from typing import Any, NoReturn

from rich.console import Console
from rich.text import Text

from contact_manager.domain.email_address import fold_address
from contact_manager.domain.outcome import RunReport
from contact_manager.entrypoints.cli.actions.list_recipients import gather
from contact_manager.entrypoints.cli.door import Presentation, finish
from contact_manager.entrypoints.cli.options import ReadingOptions
from contact_manager.entrypoints.cli.text import show_remarks
from contact_manager.errors import Problem, UsageError
from contact_manager.formats.report_json import explanation_report


def explain_recipient(address: str, options: ReadingOptions) -> NoReturn:
    """Explain why ``address`` is invited or not."""
    folded = fold_address(address)

    def run() -> RunReport:
        if folded is None:
            raise UsageError([Problem("ADDRESS", f"{address!r} is not an e-mail address")])
        return gather(options)

    wanted = folded or address

    def as_json(report: RunReport) -> dict[str, Any]:
        return explanation_report(report, wanted)

    def as_text(report: RunReport, console: Console, talk: Console) -> None:
        _show(explanation_report(report, wanted), report, console)
        show_remarks(report, talk)

    finish(options, run, Presentation(as_json, as_text))


def _show(explanation: dict[str, Any], report: RunReport, console: Console) -> None:
    if not report.customers:
        return
    verdict = "is invited" if explanation["invited"] else "is not invited"
    console.print(Text(f"{explanation['address']} {verdict} ({report.topic})", style="bold"))
    if explanation["source"] == "manual":
        console.print("  named in the change file")
    for row in explanation["customers"]:
        console.print(Text(f"  {row['code']}: {row['verdict']}"))
