"""Reports for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from contact_manager.domain.outcome import Action, CustomerStatus, ReportedMeeting, RunReport

HEADLINES = {
    Action.CREATED: "Meeting created",
    Action.UPDATED: "Meeting updated",
    Action.UNCHANGED: "Meeting unchanged: it is as it should be, nobody was mailed",
    Action.CANCELLED: "Meeting cancelled",
    Action.NONE: "No meeting was touched",
    Action.WOULD_CREATE: "Dry run: the meeting would be created",
    Action.WOULD_UPDATE: "Dry run: the meeting would be updated",
    Action.WOULD_LEAVE: "Dry run: the meeting would be left as it is",
    Action.WOULD_CANCEL: "Dry run: the meeting would be cancelled",
}
_STATUS_STYLES = {
    CustomerStatus.OK: "green",
    CustomerStatus.FAILED: "red",
    CustomerStatus.NOT_CONFIGURED: "red",
}
_MANY = 20
_FEW = 5


def show_meeting_report(report: RunReport, console: Console, talk: Console) -> None:
    """Tell what happened, or would happen, to the meeting, who is in and who is out."""
    if report.customers:
        style = "red" if report.errors else "bold"
        console.print(_headline(report), style=style)
    if report.meeting is not None:
        console.print(meeting_grid(report.meeting, report))
    _show_people(report, console, everybody=report.dry_run)
    show_remarks(report, talk)


def show_recipients_report(report: RunReport, console: Console, talk: Console) -> None:
    """Tell who is in and who is out."""
    _show_people(report, console, everybody=True)
    show_remarks(report, talk)


def _headline(report: RunReport) -> str:
    if report.errors and report.action is Action.NONE:
        return "Nothing was changed"
    return HEADLINES[report.action]


def meeting_grid(meeting: ReportedMeeting, report: RunReport) -> Padding:
    """Return the meeting as a block of lines."""
    grid = _grid()
    grid.add_row("Subject", meeting.subject)
    grid.add_row("When", _when(meeting))
    grid.add_row("Organizer", meeting.organizer)
    grid.add_row("Location", meeting.location)
    grid.add_row("Attendees", "hidden from each other" if meeting.hide_attendees else "see each other")
    if report.join_url:
        grid.add_row("Join link", report.join_url)
    if len(report.events) > 1:
        sizes = " + ".join(str(len(event.attendees)) for event in report.events)
        grid.add_row("Entries", f"{len(report.events)} calendar entries with one join link: {sizes} people")
    if report.action is not Action.NONE:
        _add_changes(grid, report)
    return Padding(grid, (0, 0, 1, 2), expand=False)


def _add_changes(grid: Table, report: RunReport) -> None:
    changes = report.changes
    if report.action in (Action.CREATED, Action.WOULD_CREATE):
        grid.add_row("Invited", _people(len(changes.added)))
        return
    for name, addresses in (("Invited", changes.added), ("Taken out", changes.removed)):
        if addresses:
            grid.add_row(name, some(addresses))
    if changes.fields:
        grid.add_row("Changed", ", ".join(changes.fields))
    grid.add_row("Mail goes to", _mailed(report))


def _mailed(report: RunReport) -> str:
    mailed = report.notifies
    if mailed.all:
        return "everybody in the meeting"
    told = [f"{_people(mailed.added)} invited"] if mailed.added else []
    told += [f"{_people(mailed.removed)} taken out"] if mailed.removed else []
    return " and ".join(told) or "nobody"


def _people(number: int) -> str:
    return f"{number} person" if number == 1 else f"{number} people"


def _when(meeting: ReportedMeeting) -> str:
    start, end = meeting.start, meeting.end
    until = end.strftime("%H:%M %Z" if start.date() == end.date() else "%a %d %b %Y %H:%M %Z")
    utc = start.utctimetuple()
    return f"{start:%a %d %b %Y %H:%M} - {until} ({meeting.time_zone}; {utc.tm_hour:02}:{utc.tm_min:02} UTC)"


def _show_people(report: RunReport, console: Console, *, everybody: bool) -> None:
    if not report.customers:
        return
    console.print(_customers(report))
    invited = report.recipients.invited
    if everybody and invited:
        table = new_table(f"Recipients ({len(invited)})", "Address", "Role", "Through")
        for one in invited:
            table.add_row(one.address, one.role.value, ", ".join(one.customers) or "change file")
        console.print(table)
    if report.recipients.excluded:
        console.print(_excluded(report) if everybody else _counted(report))


def _customers(report: RunReport) -> Table:
    total = len(report.recipients.invited)
    table = new_table(
        f"Customers ({len(report.customers)}), {_people(total)} to invite", "Code", "Name", "Read"
    )
    for title in ("Contacts", "Recipients"):
        table.add_column(title, justify="right")
    table.add_column("ms", justify="right")
    for one in report.customers:
        status = Text(one.status.value, style=_STATUS_STYLES[one.status])
        numbers = (str(one.contacts), str(one.recipients)) if one.status is CustomerStatus.OK else ("-", "-")
        table.add_row(one.code, one.name, status, *numbers, str(round(one.duration.total_seconds() * 1000)))
    return table


def _counted(report: RunReport) -> str:
    counts = Counter(one.reason.value for one in report.recipients.excluded)
    told = ", ".join(f"{number} {reason}" for reason, number in counts.most_common())
    return f"Left out: {told}. Who and why: recipients list"


def _excluded(report: RunReport) -> Table:
    groups: dict[tuple[str, str], list[str]] = {}
    for one in report.recipients.excluded:
        groups.setdefault((one.customer or "change file", one.reason.value), []).append(one.address)
    table = new_table(f"Left out ({len(report.recipients.excluded)})", "Address", "Customer", "Reason")
    for (customer, reason), addresses in sorted(groups.items()):
        for address in addresses[:_FEW]:
            table.add_row(address, customer, reason)
        if len(addresses) > _FEW:
            table.add_row(f"and {len(addresses) - _FEW} more (all: --output json)", customer, reason)
    return table


def show_remarks(report: RunReport, talk: Console) -> None:
    """Tell what to look at: warnings, customers that could not be read, errors."""
    for warning in report.warnings:
        print_remark(talk, "warning", warning, style="yellow")
    for one in report.unreadable:
        print_remark(talk, "not read", f"{one.code}: {one.error_message} [{one.error_type}]")
    for error in report.errors:
        place = f"{error.path}: " if error.path else ""
        print_remark(talk, "error", f"{place}{error.message}")


def print_remark(talk: Console, label: str, text: str, *, style: str = "red") -> None:
    """Write one line ``label: text``; the label has a colour."""
    talk.print(f"{label}: ", style=style, end="")
    talk.print(text, soft_wrap=True)


def some(addresses: Iterable[str]) -> str:
    """Return the first of many addresses, and how many there are besides."""
    listed = list(addresses)
    rest = f" and {len(listed) - _MANY} more" if len(listed) > _MANY else ""
    return ", ".join(listed[:_MANY]) + rest


def new_table(title: str, *columns: str) -> Table:
    """Return a table of texts without lines around it."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, header_style="dim", overflow="fold")
    return table


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column(overflow="fold")
    return grid
