"""Change files on the command line: what is checked, what is said, and how a command ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from contact_manager.entrypoints.cli.main import app, run
from tests.unit.formats.change_files import EXAMPLES, ROOT, announcement, flat

CONFIG = str(ROOT / "examples" / "config.json")
CUSTOMERS = ["hts", "fabrikam", "northfield"]
FORM = announcement(
    announcement_id="CIC-7",
    customers=CUSTOMERS,
    include_meeting="No",
    meeting_title="",
    meeting_date="",
    meeting_time="",
    meeting_duration=0,
    status="approved",
)
WITH_FILE = ["meeting plan", "meeting apply", "meeting show", "recipients list"]


@pytest.fixture(autouse=True)
def _known_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CONFIG_FILE", CONFIG)
    monkeypatch.chdir(tmp_path)


def write(document: Any, name: str = "change.json") -> str:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    Path(name).write_bytes(data)
    return name


def validate(document: Any, capsys: pytest.CaptureFixture[str], *flags: str) -> tuple[int, dict[str, Any]]:
    code = run(["change", "validate", write(document), "--output", "json", *flags])
    return code, json.loads(capsys.readouterr().out)


class TestEffects:
    def test_the_form_of_the_portal_tells_what_will_and_will_not_happen(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run(["change", "validate", write(FORM)]) == 0
        shown = capsys.readouterr()
        assert "announcement mail to 3 customers; no meeting: none was asked for" in shown.out
        assert "warning" not in shown.err

    def test_each_status_has_a_sentence(self, capsys: pytest.CaptureFixture[str]) -> None:
        code, report = validate(FORM, capsys)
        assert code == 0
        change = report["change"]
        assert change["gets_meeting"] is False
        assert change["meeting_start"] is None
        assert change["effect"] == change["effects"]["approved"]
        assert change["effects"] == {
            "submitted": "approval request mail to 3 customers; a meeting that was made is cancelled",
            "approved": "announcement mail to 3 customers; no meeting: none was asked for",
            "completed": "completion mail to 3 customers; a meeting that was made stays",
            "cancelled": "cancellation mail to 3 customers, if it was approved before; "
            "a meeting that was made is cancelled",
        }

    @pytest.mark.parametrize(
        ("edits", "approved"),
        [
            (
                {"include_meeting": "yes", "meeting_date": "2031-06-02T20:00", "meeting_duration": 90},
                "a meeting on 2031-06-02 at 20:00 EDT for 1 hour 30 minutes (America/New_York)",
            ),
            ({"include_meeting": "yes", "meeting_duration": ""}, "one was asked for, and nothing says when"),
            ({"testRun": True}, "announcement mail to the submitter alone, as it is a test run; no meeting"),
            ({"customers": ["hts"]}, "announcement mail to 1 customer; "),
            ({"customers": ["hts", "contoso"]}, "announcement mail to 1 customer; "),
        ],
    )
    def test_a_sentence_says_when_how_long_and_why_not(
        self, edits: dict[str, Any], approved: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code, report = validate(FORM | edits, capsys)
        assert code == 0
        assert approved in report["change"]["effects"]["approved"]

    def test_a_meeting_that_nobody_asked_for_is_explained(self, capsys: pytest.CaptureFixture[str]) -> None:
        _, report = validate(flat(customers=CUSTOMERS, timezone="America/New_York"), capsys)
        sentence = report["change"]["effects"]["approved"]
        assert "a meeting on 2031-05-10 at 18:00 EDT for 1 hour" in sentence
        assert sentence.endswith("because it has a start and affects several customers")

    def test_a_meeting_without_a_date_is_a_warning(self, capsys: pytest.CaptureFixture[str]) -> None:
        code, report = validate(FORM | {"include_meeting": "yes", "meeting_duration": ""}, capsys)
        assert code == 0
        assert any("the mails go, the meeting fails" in one for one in report["warnings"])

    def test_an_unknown_status_causes_nothing(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["change", "validate", write(FORM | {"status": "draft"})]) == 0
        assert "with status draft: nothing happens" in capsys.readouterr().out


def test_only_meetings_need_a_start(capsys: pytest.CaptureFixture[str]) -> None:
    path = write(flat(implementationStart=None, changeId="CHG-1"))
    for command in ("meeting plan", "meeting apply", "meeting show"):
        assert run([*command.split(), "--json-metadata", path, "--output", "json"]) == 2
        [error] = json.loads(capsys.readouterr().out)["errors"]
        assert error["message"] == "a meeting needs a start; the change names none"
    action = "create-multi-customer-meeting-invite"
    assert run(["ses", "--action", action, "--json-metadata", path, "--output", "json"]) == 2


@pytest.mark.parametrize("command", WITH_FILE)
@pytest.mark.parametrize(
    ("document", "place", "message"),
    [
        (flat(customers=["hst"]), "$.customers[0]", "did you mean 'hts'?"),
        (flat(customers="hts, Fabrikam Rail"), "$.customers", "did you mean 'fabrikam'?"),
        (flat(changeTitle="a\u202eb"), "$.changeTitle", "U+202E (RIGHT-TO-LEFT OVERRIDE)"),
        (flat(meetingLocation="a\u2028b"), "$.meetingLocation", "U+2028"),
        (flat(changeId="a\U000e0041"), "$.changeId", "U+E0041"),
        (flat(changeReason="\n" * 1_900_000 + "x"), "$.changeReason", "65,536 bytes"),
        (b'{"changeTitle": "caf\xe9"}', "", "save it as UTF-8"),
    ],
)
def test_a_wrong_file_is_exit_2_with_its_place(
    command: str, document: Any, place: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*command.split(), "--json-metadata", write(document), "--output", "json"]) == 2
    [error] = json.loads(capsys.readouterr().out)["errors"]
    assert place in error["path"]
    assert message in error["message"]
    assert error["message"].isprintable()


def test_near_codes_do_not_keep_a_meeting_from_being_cancelled(capsys: pytest.CaptureFixture[str]) -> None:
    path = write(flat(customers=["hst"], changeTitle=""))
    assert run(["meeting", "cancel", "--json-metadata", path, "--output", "json"]) == 2
    errors = json.loads(capsys.readouterr().out)["errors"]
    assert [one["message"] for one in errors] == ["there is no title"]


def test_a_code_is_compared_only_when_a_configuration_is_known(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    document = flat(customers=["hst"], changeId="CHG-1", timezone="UTC")
    code, report = validate(document, capsys)
    assert code == 2
    assert report["errors"][0]["path"] == "change.json: $.customers[0]"
    monkeypatch.delenv("CONFIG_FILE")
    code, report = validate(document, capsys)
    assert (code, report["warnings"]) == (0, [])


def test_warnings_quote_what_the_file_says_twice(capsys: pytest.CaptureFixture[str]) -> None:
    document = flat(
        implementationStart="2031-06-02T20:00:00Z",
        implementationBeginDate="2031-06-02",
        implementationBeginTime="20:00",
        meetingDuratoin=60,
    )
    code, report = validate(document, capsys)
    assert code == 0
    told = " ".join(report["warnings"])
    assert "'2031-06-02T20:00:00Z'" in told
    assert "'20:00'" in told
    assert "did you mean 'meetingDuration'?" in told


class TestAssumeUtc:
    def test_every_command_that_reads_a_change_file_for_a_meeting_has_the_flag(self) -> None:
        root = typer.main.get_command(app)
        groups: dict[str, Any] = root.commands  # type: ignore[attr-defined]
        having = {
            f"{group} {name}" if group else name
            for group, commands in {"": root, **groups}.items()
            for name, command in getattr(commands, "commands", {}).items()
            for option in command.params
            if "--assume-utc" in option.opts
        }
        verbs = {f"meeting {verb}" for verb in ("plan", "apply", "cancel", "show", "reconcile")}
        assert having == verbs | {"ses", "change validate", "recipients list", "recipients explain"}

    @pytest.mark.parametrize(
        ("flags", "start"),
        [((), "2031-05-10T18:00:00-04:00"), (("--assume-utc",), "2031-05-10T14:00:00-04:00")],
    )
    def test_a_local_time_is_never_utc_unless_it_is_said(
        self, flags: tuple[str, ...], start: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        _, report = validate(flat(timezone="America/New_York"), capsys, *flags)
        assert report["change"]["implementation_start"] == start


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_what_powershell_writes_is_read_from_a_file_and_from_stdin(encoding: str) -> None:
    data = (EXAMPLES / "flat.json").read_text().encode(encoding)
    command = [sys.executable, "-m", "contact_manager", "change", "validate", "--output", "json"]
    from_stdin = subprocess.run([*command, "-"], input=data, capture_output=True, check=False)
    from_file = subprocess.run([*command, write(data)], capture_output=True, check=False)
    assert from_stdin.returncode == from_file.returncode == 0
    assert json.loads(from_stdin.stdout)["change"] == json.loads(from_file.stdout)["change"]


def test_a_folder_where_a_file_belongs_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["change", "validate", ".", "--output", "json"]) == 2
    assert "it is a folder; name a file in it" in capsys.readouterr().out
