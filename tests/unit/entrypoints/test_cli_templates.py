"""Templates as the command line sees them: loaded at the start, checked by ``config check``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from contact_manager.entrypoints.cli.main import run

ROOT = Path(__file__).parents[3]
FLAT = str(ROOT / "examples" / "changes" / "flat.json")


class Operator:
    """Writes a configuration and templates, and runs commands elsewhere."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capsys = capsys

    def configure(self, templates_dir: str | None = "templates", **files: str) -> None:
        config = json.loads((ROOT / "examples" / "config.json").read_text())
        config.setdefault("meeting_config", {})["templates_dir"] = templates_dir
        (self.folder / "config.json").write_text(json.dumps(config))
        for name, text in files.items():
            path = self.folder / "templates" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def run(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        config = str(self.folder / "config.json")
        exit_code = run([*arguments, "--config-file", config, "--output", "json"])
        report: dict[str, Any] = json.loads(self.capsys.readouterr().out)
        return exit_code, report

    def place(self, name: str) -> str:
        return f"{self.folder}/templates/{name}"


@pytest.fixture
def operator(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Operator:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    (tmp_path / "config").mkdir()
    return Operator(tmp_path / "config", capsys)


def test_the_check_names_the_templates_in_use(operator: Operator) -> None:
    operator.configure(**{"change/subject.txt.j2": "x", "network/body.html.j2": "y", "_partial.j2": "z"})
    exit_code, report = operator.run("config", "check")
    assert (exit_code, report["ok"]) == (0, True)
    assert report["templates"] == ["change/subject.txt.j2", "network/body.html.j2"]
    assert "templates_dir" not in " ".join(report["warnings"])


def test_the_check_counts_them_for_people(operator: Operator) -> None:
    operator.configure(**{"change/subject.txt.j2": "x"})
    assert run(["config", "check", "--config-file", str(operator.folder / "config.json")]) == 0
    told = operator.capsys.readouterr().out
    assert "1 template from" in told
    assert "  change/subject.txt.j2" in told


def test_without_a_folder_there_is_nothing_to_say(operator: Operator) -> None:
    operator.configure(templates_dir=None)
    assert operator.run("config", "check")[1]["templates"] == []


def test_the_check_finds_an_unknown_name_by_trying(operator: Operator) -> None:
    operator.configure(**{"change/body.html.j2": "<p>\n{{ change.titel }}</p>", "_x.j2": "fine"})
    exit_code, report = operator.run("config", "check")
    assert exit_code == 2
    assert [error["path"] for error in report["errors"]] == [operator.place("change/body.html.j2:2")]
    assert report["errors"][0]["type"] == "ConfigError"


@pytest.mark.parametrize("action", [["meeting", verb] for verb in ("plan", "apply", "cancel", "show")])
def test_every_meeting_command_refuses_broken_templates_with_file_and_line(
    operator: Operator, action: list[str]
) -> None:
    operator.configure(
        **{
            "change/body.html.j2": "\n{{ change.title",
            "network/subject.txt.j2": "{% if %}",
            "change/foot.html": "x",
        }
    )
    exit_code, report = operator.run(*action, "--json-metadata", FLAT)
    assert exit_code == 2
    assert [error["path"] for error in report["errors"]] == [
        operator.place("change/foot.html"),
        operator.place("change/body.html.j2:2"),
        operator.place("network/subject.txt.j2:1"),
    ]


@pytest.mark.parametrize("named", ["missing", "config.json"])
def test_a_folder_that_is_not_there_is_named_with_its_key(operator: Operator, named: str) -> None:
    operator.configure(templates_dir=named)
    exit_code, report = operator.run("meeting", "plan", "--json-metadata", FLAT)
    assert exit_code == 2
    [error] = report["errors"]
    assert error["path"].endswith("config.json: $.meeting_config.templates_dir")
    assert str(operator.folder / named) in error["message"]


def test_optional_people_who_are_no_addresses_are_told_with_their_places(operator: Operator) -> None:
    operator.configure(templates_dir=None)
    change = json.loads(Path(FLAT).read_text()) | {"optional": ["ann@example.com", "nobody", 5]}
    Path("change.json").write_text(json.dumps(change))
    exit_code, report = operator.run("meeting", "plan", "--json-metadata", "change.json")
    assert exit_code == 2
    assert [error["path"] for error in report["errors"]] == [
        "change.json: $.optional[1]",
        "change.json: $.optional[2]",
    ]
