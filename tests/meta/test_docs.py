"""The documentation stays true: flags, keys, values, links and examples."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import typer

from contact_manager.domain.change import Change, MeetingRequest
from contact_manager.domain.outcome import Action, CustomerStatus
from contact_manager.domain.recipients import ExclusionReason
from contact_manager.entrypoints.cli.main import app
from contact_manager.formats.change_json import parse_change
from contact_manager.formats.config_json import config_schema, parse_config
from contact_manager.formats.rendering import check_templates, parse_templates
from contact_manager.sandbox.aws_server import ServerSettings
from contact_manager.sandbox.aws_server import faults as aws_faults
from contact_manager.sandbox.aws_server.admin import ADMIN_REQUESTS
from contact_manager.sandbox.graph_server import faults as graph_faults
from contact_manager.sandbox.graph_server.mailbox import Behaviour

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
ACTIONS = sorted((ROOT / "src/contact_manager/entrypoints/cli/actions").glob("[a-z]*.py"))
TEMPLATES = ROOT / "docs/how-to/templates.md"


def page(name: str) -> str:
    return (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")


def flags(command: Any) -> Iterator[str]:
    for parameter in command.params:
        yield from (one for one in parameter.opts if one.startswith("--"))
    for inner in getattr(command, "commands", {}).values():
        yield from flags(inner)


def test_every_flag_is_in_the_reference() -> None:
    told = page("cli.md")
    missing = {flag for flag in flags(typer.main.get_command(app)) if f"`{flag}" not in told}
    assert missing == set()


def test_every_configuration_key_is_in_the_reference() -> None:
    schema = config_schema()
    keys = set(schema["properties"]) | {key for one in schema["$defs"].values() for key in one["properties"]}
    told = page("config.md")
    assert {key for key in keys if f"`{key}`" not in told} == set()


@pytest.mark.parametrize(
    "kind",
    [aws_faults.Fault, ServerSettings, graph_faults.Fault, Behaviour],
    ids=lambda kind: kind.__module__,
)
def test_everything_that_the_sandbox_can_be_made_to_do_is_in_the_reference(kind: Any) -> None:
    told = page("sandbox.md")
    assert {field.name for field in fields(kind) if f"| `{field.name}` |" not in told} == set()


def test_every_request_to_change_the_sandbox_is_in_the_reference() -> None:
    told = page("sandbox.md")
    assert {" ".join(request) for request in ADMIN_REQUESTS if f"`{' '.join(request)}`" not in told} == set()


@pytest.mark.parametrize("values", [Action, CustomerStatus, ExclusionReason])
def test_every_value_of_the_report_is_in_the_reference(values: Any) -> None:
    told = page("cli.md")
    assert {one.value for one in values if f"`{one.value}`" not in told} == set()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8"))
    relative = [link for link in links if "://" not in link]
    assert [link for link in relative if not (path.parent / link).exists()] == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def json_blocks(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return [re.sub(r"(?m)^ {3}", "", one) for one in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_json_example_is_json(path: Path) -> None:
    for block in json_blocks(path):
        assert isinstance(json.loads(block if block.strip().startswith("{") else f"{{{block}}}"), dict)


def test_the_example_change_can_be_read() -> None:
    [block] = json_blocks(ROOT / "docs/reference/change-json.md")
    change = parse_change(block.encode(), source="docs", default_time_zone="UTC")
    assert change.customers == ("hts", "fabrikam")


def test_every_name_that_a_template_sees_is_told() -> None:
    told = TEMPLATES.read_text(encoding="utf-8")
    names = {f"change.{one.name}" for one in fields(Change)} | {one.name for one in fields(MeetingRequest)}
    assert {name for name in names if f"`{name}`" not in told} == set()


def test_the_example_templates_can_be_used() -> None:
    text = TEMPLATES.read_text(encoding="utf-8")
    files = re.findall(r"^`([^`\n]+)`:\n\n```jinja\n(.*?)```$", text, re.DOTALL | re.MULTILINE)
    assert len(files) == text.count("```jinja")
    templates = parse_templates({name: body.encode() for name, body in files}, folder="docs")
    assert templates.names
    check_templates(templates)
    example = (ROOT / "examples" / "changes" / "flat.json").read_bytes()
    change = replace(parse_change(example, source="x", default_time_zone="UTC"), change_type="network")
    assert templates.subject(change) == "[Network CHG-2031-0042] Replace the transit gateway in us-east-1"


def test_the_example_configuration_can_be_read() -> None:
    [block] = [one for one in json_blocks(ROOT / "README.md") if "customer_mappings" in one]
    assert list(parse_config(block.encode(), source="README").customers) == ["fabrikam"]


@pytest.mark.parametrize("path", ACTIONS, ids=lambda path: path.stem)
def test_every_action_is_reached_by_a_command(path: Path) -> None:
    doors = [path.parents[1] / name for name in ("main.py", "ses.py")]
    assert any(f"actions.{path.stem} import" in door.read_text(encoding="utf-8") for door in doors)
