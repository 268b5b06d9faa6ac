"""A credential provider that fails, as a person at the command line meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FLAT = str(ROOT / "examples" / "changes" / "flat.json")

KEYS = "[profile base]\naws_access_key_id = AKIA\naws_secret_access_key = x\n"
ROLE = "[profile dev]\nrole_arn = arn:aws:iam::111111111111:role/x\nsource_profile = base\n"
FAILING = {
    "program": ("[profile dev]\ncredential_process = /no/such/helper\n", "credential_process"),
    "second factor": (
        f"{ROLE}mfa_serial = mfa/me-and-more\n{KEYS}",
        "needs an MFA code, and there is no terminal",
    ),
    "circle": (f"{ROLE}[profile base]\nrole_arn = x\nsource_profile = dev\n", "lead back"),
    "unknown profile": ("", '"dev"'),
    "no file": ("[[[", "cannot be read"),
}


@pytest.mark.parametrize("command", ["recipients list --customer-code hts", "meeting plan"])
@pytest.mark.parametrize("name", FAILING)
def test_a_failing_provider_is_one_cause_in_the_same_words_for_every_customer(
    tmp_path: Path, name: str, command: str
) -> None:
    text, expected = FAILING[name]
    (tmp_path / "config").write_text(text)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "AZURE_"))}
    environment |= {
        "CONFIG_FILE": str(ROOT / "examples" / "config.json"),
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_PROFILE": "dev",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    arguments = [*command.split(), *(["--json-metadata", FLAT] if "plan" in command else [])]
    done = subprocess.run(
        [sys.executable, "-m", "contact_manager", *arguments, "--output", "json"],
        env=environment,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        start_new_session=True,
    )
    assert done.returncode == 1
    assert done.stderr == ""
    messages = {one["error"]["message"] for one in json.loads(done.stdout)["customers"]}
    assert len(messages) == 1
    assert expected in messages.pop()
