"""The command line before it touches anything outside."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from contact_manager.entrypoints.cli.arguments import as_spelled_now
from contact_manager.entrypoints.cli.main import run

ROOT = Path(__file__).parents[3]
CONFIG = str(ROOT / "examples" / "config.json")
FLAT = str(ROOT / "examples" / "changes" / "flat.json")


@pytest.fixture(autouse=True)
def _known_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CONFIG_FILE", CONFIG)
    monkeypatch.chdir(tmp_path)


def errors_of(capsys: pytest.CaptureFixture[str]) -> str:
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    return " ".join(f"{one['path']} {one['message']}" for one in report["errors"])


def test_flags_of_old_get_a_second_dash_and_nothing_else_changes() -> None:
    old = "ses -action x -dry-run -topic-name=t --output json -h - plain"
    now = "ses --action x --dry-run --topic-name=t --output json -h - plain"
    assert as_spelled_now(old.split()) == now.split()
    assert as_spelled_now(["meeting", "plan", "-output"]) == ["meeting", "plan", "-output"]


def test_general_flags_may_stand_before_the_command() -> None:
    before = "--output json --no-color --region=eu-west-1 meeting plan"
    behind = "meeting plan --output json --no-color --region=eu-west-1"
    assert as_spelled_now(before.split()) == behind.split()
    assert as_spelled_now(["--output"]) == ["--output"]


def test_the_bare_command_is_help_and_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    shown = capsys.readouterr()
    assert "Usage" in shown.out + shown.err
    assert "Traceback" not in shown.err


@pytest.mark.parametrize(("redirect", "exit_code"), [(">/dev/full", 1), (">&-", 0), ("<&-", 0), ("2>&-", 0)])
def test_a_stream_that_cannot_be_used_is_no_crash(redirect: str, exit_code: int) -> None:
    command = f'"{sys.executable}" -m contact_manager config show --output json {redirect}'
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert done.returncode == exit_code


def test_an_argument_that_is_no_text_is_wrong_usage() -> None:
    command = [sys.executable, "-m", "contact_manager", "meeting", "plan", "--output", "json"]
    done = subprocess.run([*command, "--json-metadata", b"\xff.json"], capture_output=True, check=False)
    assert done.returncode == 2
    assert json.loads(done.stdout)["ok"] is False


@pytest.mark.parametrize(
    "arguments", [["ses", "--action", "help"], ["ses", "-action", "help"], ["ses", "--help"]]
)
def test_the_actions_are_listed_in_categories(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 0
    told = capsys.readouterr().out
    category, action = told.index("Email & notifications"), told.index("create-multi-customer-meeting-invite")
    assert category < action


def test_the_actions_are_data_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ses", "--action", "help", "--output", "json"]) == 0
    names = [one["name"] for one in json.loads(capsys.readouterr().out)["actions"]]
    assert names[0] == "create-multi-customer-meeting-invite"


def test_an_unknown_action_is_wrong_usage_and_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ses", "--action", "create-multi-customer-meeting-invit"]) == 2
    assert "create-multi-customer-meeting-invite" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        pytest.param(["meeting", "plan"], "--json-metadata", id="no change file"),
        pytest.param(
            ["meeting", "plan", "--json-metadata", "missing.json"], "missing.json", id="missing file"
        ),
        pytest.param(["meeting", "plan", "--json-metadata", "."], "cannot read", id="a folder"),
        pytest.param(
            ["meeting", "plan", "--json-metadata", FLAT, "--customer-code", "ghost"],
            "--customer-code",
            id="customer not of the change",
        ),
        pytest.param(
            ["meeting", "plan", "--json-metadata", FLAT, "--sender-email", "nobody"],
            "--sender-email",
            id="organizer is no address",
        ),
        pytest.param(
            ["meeting", "plan", "--json-metadata", FLAT, "--config-file", "gone.json"],
            "gone.json",
            id="no configuration",
        ),
        pytest.param(["meeting", "plan", "--json-metadata", FLAT, "--bogus"], "--bogus", id="unknown flag"),
        pytest.param(["meeting", "plan", "--max-recipients", "many"], "--max-recipients", id="not a number"),
    ],
)
def test_wrong_usage_is_exit_2_and_one_json_object(
    arguments: list[str], place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "--output", "json"]) == 2
    assert place in errors_of(capsys)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GRAPH_BASE_URL", "http://graph.example.com/v1.0"),
        ("AZURE_AUTHORITY_HOST", "http://login.example.com"),
        ("REQUESTS_CA_BUNDLE", "/does/not/exist.pem"),
    ],
)
def test_a_bad_environment_is_named(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, value)
    assert run(["meeting", "plan", "--json-metadata", FLAT, "--output", "json"]) == 2
    assert variable in errors_of(capsys)


def test_three_problems_of_a_configuration_are_told_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = {
        "customer_mappings": {"hts": {"ses_role_arn": "arn:nonsense"}},
        "meeting_config": {"duraton_minutes": 5, "hide_attendees": "sometimes"},
    }
    path = tmp_path / "config.json"
    path.write_text(json.dumps(broken))
    assert run(["config", "check", "--config-file", str(path), "--output", "json"]) == 2
    told = errors_of(capsys)
    for place in ("hts.ses_role_arn", "duraton_minutes", "hide_attendees"):
        assert place in told
    assert "duration_minutes" in told


def test_slips_of_a_configuration_are_shown_with_their_places_beside_its_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    role = "arn:aws:iam::111122223333:role/reader"
    slips: dict[str, Any] = {
        "aws_region": "us-eest-1",
        "email_config": {"sender_adress": "a@b.example", "portal_base_url": "not-a-url"},
        "customer_mappings": {"hts": {"ses_role_arn": role, "externalid": "x-1"}},
    }
    path = tmp_path / "config.json"
    path.write_text(json.dumps(slips))
    assert run(["config", "check", "--config-file", str(path), "--output", "json"]) == 0
    shown = "\n".join(json.loads(capsys.readouterr().out)["warnings"])
    for place, word in {
        "$.aws_region": "us-east-1",
        "$.email_config.sender_adress": "sender_address",
        "$.customer_mappings.hts.externalid": "external_id",
        "$.email_config.portal_base_url": "web address",
        "$.email_config.sender_address": "not set",
        "$.email_config.meeting_organizer": "not set",
    }.items():
        assert any(place in line and word in line for line in shown.splitlines())
    slips["customer_mappings"]["cds"] = {"ses_role_arn": role}
    path.write_text(json.dumps(slips))
    assert run(["config", "check", "--config-file", str(path), "--output", "json"]) == 2
    report = json.loads(capsys.readouterr().out)
    [error] = report["errors"]
    assert error["path"].endswith("$.customer_mappings.cds.ses_role_arn")
    assert any("externalid" in warning for warning in report["warnings"])


def test_the_example_configuration_is_fine(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "check"]) == 0
    assert "fine" in capsys.readouterr().out


def test_config_show_and_schema_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "show", "--output", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["meeting_config"]["attendee_limit"] == 500
    assert run(["config", "schema"]) == 0
    assert "customer_mappings" in json.loads(capsys.readouterr().out)["properties"]


@pytest.mark.parametrize("name", ["config.json", "elsewhere/config.json"])
def test_the_configuration_is_found_here_or_in_config_path(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(Path(CONFIG).read_text())
    monkeypatch.delenv("CONFIG_FILE")
    if "/" in name:
        monkeypatch.setenv("CONFIG_PATH", str(path.parent))
    assert run(["config", "show", "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["source"].endswith(name)


def test_help_loads_no_heavy_library() -> None:
    program = (
        "import sys; from contact_manager.entrypoints.cli.main import run; run(['--help']);"
        "heavy = {'aiohttp', 'aiobotocore', 'botocore', 'msal', 'jinja2', 'moto', 'orjson'};"
        "sys.exit(', '.join(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


def test_a_reader_that_goes_away_is_no_crash() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "contact_manager", "config", "schema"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
