"""``config check | show | schema``: the configuration as the tool understands it."""

from __future__ import annotations

from typing import Any, NoReturn

from rich.console import Console
from rich.text import Text

from contact_manager.domain.outcome import RunReport
from contact_manager.entrypoints.cli.door import Presentation, finish, print_json
from contact_manager.entrypoints.cli.inputs import read_settings
from contact_manager.entrypoints.cli.options import CommonOptions
from contact_manager.entrypoints.cli.text import show_remarks
from contact_manager.formats.config_json import config_schema
from contact_manager.formats.report_json import checked_config_report, settings_object
from contact_manager.settings import Settings


def check_config(options: CommonOptions) -> NoReturn:
    """Check the configuration and name every problem with its place."""
    loaded: list[Settings] = []

    def run() -> RunReport:
        loaded.append(read_settings(options))
        return RunReport(warnings=_remarks(loaded[0]))

    def as_text(report: RunReport, console: Console, talk: Console) -> None:
        for settings in loaded:
            console.print(Text(f"{settings.source} is fine: {len(settings.customers)} customers"))
        show_remarks(report, talk)

    finish(options, run, Presentation(checked_config_report, as_text))


def _remarks(settings: Settings) -> tuple[str, ...]:
    without_role = [one.code for one in settings.customers.values() if not one.role_arn]
    remarks = list(settings.warnings)
    remarks += [f"customer_mappings.{code} has no ses_role_arn and cannot be read" for code in without_role]
    if not settings.meeting_organizer:
        remarks.append("email_config.meeting_organizer is not set; every run needs --sender-email")
    return tuple(remarks)


def show_config(options: CommonOptions) -> NoReturn:
    """Show the configuration with every default filled in."""
    loaded: list[Settings] = []

    def run() -> RunReport:
        loaded.append(read_settings(options))
        return RunReport()

    def as_json(report: RunReport) -> dict[str, Any]:
        return settings_object(loaded[0]) if loaded else checked_config_report(report)

    def as_text(report: RunReport, console: Console, talk: Console) -> None:
        for settings in loaded:
            console.print_json(data=settings_object(settings))
        show_remarks(report, talk)

    finish(options, run, Presentation(as_json, as_text))


def print_schema() -> None:
    """Print the JSON Schema of the configuration."""
    print_json(config_schema())
