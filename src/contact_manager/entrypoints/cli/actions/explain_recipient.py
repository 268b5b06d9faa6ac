"""``recipients explain``: why one person is invited or not, customer by customer."""

from __future__ import annotations

from typing import Any, NoReturn

from rich.console import Console

from contact_manager.domain.email_address import fold_address
from contact_manager.domain.outcome import RunReport
from contact_manager.entrypoints.cli.actions.list_recipients import gather
from contact_manager.entrypoints.cli.door import Presentation, finish
from contact_manager.entrypoints.cli.options import ReadingOptions
from contact_manager.entrypoints.cli.text import show_remarks
from contact_manager.formats.report_json import explanation_report


def explain_recipient(address: str, options: ReadingOptions) -> NoReturn:
    """Explain why ``address`` is invited or not."""
    wanted = fold_address(address) or address.strip()

    def as_json(report: RunReport) -> dict[str, Any]:
        return explanation_report(report, wanted)

    def as_text(report: RunReport, console: Console, talk: Console) -> None:
        _show(explanation_report(report, wanted), report, console)
        show_remarks(report, talk)

    finish(options, lambda: gather(options), Presentation(as_json, as_text))


def _show(explanation: dict[str, Any], report: RunReport, console: Console) -> None:
    if not report.customers:
        return
    verdict = "is invited" if explanation["invited"] else "is not invited"
    console.print(f"{explanation['address']} {verdict} ({report.topic})", style="bold")
    if explanation["source"] == "manual":
        console.print("  named in the change file")
    if explanation["reason"]:
        console.print(f"  named in the change file: {explanation['reason']}")
    for row in explanation["customers"]:
        console.print(f"  {row['code']}: {row['verdict']}")
