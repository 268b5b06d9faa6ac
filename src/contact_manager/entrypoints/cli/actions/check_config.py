"""``config check | show | schema``: the configuration as the tool understands it."""

from __future__ import annotations

from typing import Any, NoReturn

from rich.console import Console

from contact_manager.bootstrap import load_templates
from contact_manager.domain.outcome import RunReport, reported_errors
from contact_manager.entrypoints.cli.door import Presentation, finish, print_json
from contact_manager.entrypoints.cli.inputs import read_settings
from contact_manager.entrypoints.cli.options import CommonOptions
from contact_manager.entrypoints.cli.text import show_remarks
from contact_manager.errors import ConfigError
from contact_manager.formats.config_json import config_schema
from contact_manager.formats.rendering import Templates, check_templates
from contact_manager.formats.report_json import checked_config_report, dump_json, settings_object
from contact_manager.settings import Settings


def check_config(options: CommonOptions) -> NoReturn:
    """Check the configuration and its templates, and name every problem with its place."""
    checked: list[tuple[Settings, Templates]] = []

    def run() -> RunReport:
        try:
            settings = read_settings(options)
        except ConfigError as error:
            return RunReport(errors=reported_errors(error), warnings=error.warnings)
        templates = load_templates(settings)
        check_templates(templates)
        checked.append((settings, templates))
        return RunReport(warnings=(*settings.warnings, *settings.remarks))

    def as_json(report: RunReport) -> dict[str, Any]:
        names = [name for _, templates in checked for name in templates.names]
        return checked_config_report(report, templates=names)

    def as_text(report: RunReport, console: Console, talk: Console) -> None:
        for settings, templates in checked:
            for line in _summary(settings, templates):
                console.print(line)
        show_remarks(report, talk)

    finish(options, run, Presentation(as_json, as_text))


def _summary(settings: Settings, templates: Templates) -> tuple[str, ...]:
    customers, used = len(settings.customers), len(templates.names)
    told = f"{settings.source} is fine: {customers} customers"
    if settings.meeting.templates_dir is not None:
        told += f"; {used} template{'' if used == 1 else 's'} from {templates.folder} in use"
    return (told, *(f"  {name}" for name in templates.names))


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
            for line in dump_json(settings_object(settings)).decode().rstrip("\n").split("\n"):
                console.print(line, soft_wrap=True)
        show_remarks(report, talk)

    finish(options, run, Presentation(as_json, as_text))


def print_schema() -> None:
    """Print the JSON Schema of the configuration."""
    print_json(config_schema())
