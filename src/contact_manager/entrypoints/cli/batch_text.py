"""The report of many changes for people."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from contact_manager.domain.outcome import Action, BatchItem, BatchReport
from contact_manager.entrypoints.cli.text import new_table, print_remark

_RESULTS = {
    Action.WOULD_CREATE: "would be created",
    Action.WOULD_UPDATE: "would be updated",
    Action.WOULD_LEAVE: "would be left",
    Action.NONE: "no meeting",
}


def show_batch_report(batch: BatchReport, console: Console, talk: Console) -> None:
    """Tell what happened, or would happen, to every meeting; then what to look at."""
    if batch.items:
        console.print(_results(batch))
    for item in batch.items:
        for warning in item.report.warnings:
            print_remark(talk, "warning", f"{item.source}: {warning}", style="yellow")
    unreadable = {one.code: one.error_message for item in batch.items for one in item.report.unreadable}
    for code, message in unreadable.items():
        print_remark(talk, "not read", f"{code}: {message}")
    for item in batch.items:
        for error in item.report.errors:
            place = error.path if item.source in error.path else f"{item.source} {error.path}".strip()
            print_remark(talk, "error", f"{place}: {error.message}")
    for error in batch.errors:
        place = f"{error.path}: " if error.path else ""
        print_remark(talk, "error", f"{place}{error.message}")


def _results(batch: BatchReport) -> Table:
    number = len(batch.items)
    title = f"{number} change{'' if number == 1 else 's'}{', dry run' if batch.dry_run else ''}"
    table = new_table(title, "Change", "Meeting")
    for column in ("Attendees", "Invited", "Taken out"):
        table.add_column(column, header_style="dim", justify="right")
    for column in ("Changed", "File"):
        table.add_column(column, header_style="dim", overflow="fold")
    for item in batch.items:
        report = item.report
        people = sum(len(event.attendees) for event in report.events)
        changes = report.changes
        table.add_row(
            report.change_id or "",
            _result(item),
            str(people or ""),
            str(len(changes.added) or ""),
            str(len(changes.removed) or ""),
            ", ".join(changes.fields),
            item.source,
        )
    return table


def _result(item: BatchItem) -> Text:
    report = item.report
    if item.skipped:
        return Text(f"skipped: {item.skipped}", style="dim")
    told = _RESULTS.get(report.action, report.action.value)
    if report.errors:
        done = "" if report.action is Action.NONE else f" after it was {report.action.value}"
        return Text(f"failed{done}", style="red")
    return Text(f"{told}, in part" if report.unreadable else told)
