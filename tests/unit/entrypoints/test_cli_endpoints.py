"""Where requests may be sent: https or this machine, and no other Microsoft by a file that nobody named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from contact_manager.bootstrap import load_settings
from contact_manager.errors import ConfigError

EVIL = "http://user:hush@evil.example/x"
ROLE = "arn:aws:iam::111111111111:role/x"
DEFAULT_URL = "https://graph.microsoft.com/v1.0"


def written(folder: Path, **sections: Any) -> Path:
    path = folder / "config.json"
    config = {"aws_region": "us-east-1", "customer_mappings": {"hts": {"ses_role_arn": ROLE}}}
    path.write_text(json.dumps(config | sections))
    return path


@pytest.mark.parametrize("service", ["", "_SESV2", "_STS", "_SSM", "_S3", "_SQS", "_SSO", "_SSO_OIDC"])
@pytest.mark.parametrize(
    "url", ["http://evil.example", "http://localhost.evil.example", EVIL, "ftp://127.0.0.1", "nonsense"]
)
def test_plain_http_to_another_machine_is_refused_with_the_variable(
    tmp_path: Path, service: str, url: str
) -> None:
    path = written(tmp_path)
    with pytest.raises(ConfigError, match=f"AWS_ENDPOINT_URL{service}: must") as caught:
        load_settings(str(path), {f"AWS_ENDPOINT_URL{service}": url})
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "environment",
    [
        {"AWS_ENDPOINT_URL": "http://127.8.9.1:4566"},
        {"AWS_ENDPOINT_URL_S3": "http://localhost:4566"},
        {"AWS_ENDPOINT_URL_STS": "http://[::1]:4566/"},
        {"AWS_ENDPOINT_URL": "https://vpce-1.sts.us-east-1.vpce.amazonaws.com"},
        {"AWS_ENDPOINT_URL": ""},
        {"AWS_ENDPOINT_URL_DYNAMODB": "http://dynamodb:8000"},
        {"AWS_ENDPOINT_URL": EVIL, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "True"},
        {"AWS_ENDPOINT_URL_S3": EVIL, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
    ],
)
def test_other_endpoints_are_allowed(tmp_path: Path, environment: dict[str, str]) -> None:
    assert load_settings(str(written(tmp_path)), environment).aws_region == "us-east-1"


AWS_CONFIGS = {
    "profile": ("[profile dev]\nendpoint_url = http://evil.example\n", "endpoint_url in the AWS config file"),
    "services": (
        "[profile dev]\nservices = s\n[services s]\nsts =\n  endpoint_url = http://evil.example\n",
        "services.sts.endpoint_url in the AWS config file",
    ),
    "other service": (
        "[profile dev]\nservices = s\n[services s]\ndynamodb =\n  endpoint_url = http://x\n",
        "",
    ),
    "other profile": ("[profile dev]\n[profile x]\nendpoint_url = http://evil.example\n", ""),
    "ignored": (
        "[profile dev]\nignore_configured_endpoint_urls = true\nendpoint_url = http://evil.example\n",
        "",
    ),
    "loopback": ("[profile dev]\nendpoint_url = http://127.0.0.1:9\n", ""),
    "no section": ("[profile dev]\nservices = s\n[services s]\nsts = http://evil.example\n", "services.sts"),
}


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    cleaned = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "CONFIG_"))}
    cleaned |= {
        "AWS_CONFIG_FILE": str(folder / "aws"),
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
    }
    command = [sys.executable, "-m", "contact_manager", *arguments, "--output", "json"]
    return subprocess.run(
        command,
        env=cleaned | environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("name", AWS_CONFIGS)
@pytest.mark.parametrize("way", ["flag", "variable"])
def test_endpoints_of_the_profile_follow_the_same_rule(tmp_path: Path, name: str, way: str) -> None:
    text, expected = AWS_CONFIGS[name]
    (tmp_path / "aws").write_text(text)
    path = str(written(tmp_path))
    flags, environment = (["--profile", "dev"], {}) if way == "flag" else ([], {"AWS_PROFILE": "dev"})
    done = run(tmp_path, "recipients", "list", "--config-file", path, *flags, **environment)
    assert done.returncode == (2 if expected else 1)
    assert done.stderr == ""
    errors = json.loads(done.stdout)["errors"]
    assert not expected or any(expected in one["path"] for one in errors)


@pytest.mark.parametrize(
    ("key", "url"),
    [
        ("base_url", "https://graph.microsoft.us/v1.0"),
        ("base_url", "https://graph.microsoft.com.evil.example/v1.0"),
        ("base_url", "https://graph.microsoft.com/beta"),
        ("base_url", "http://127.0.0.1:5000"),
        ("authority_host", "https://login.microsoftonline.us"),
        ("authority_host", "https://login.microsoftonline.com."),
    ],
)
def test_a_file_that_was_merely_found_names_no_other_microsoft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, url: str
) -> None:
    path = written(tmp_path, graph_config={key: url})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=rf"\$\.graph_config\.{key}: .*--config-file"):
        load_settings(None, {})
    for named, environment in (
        (str(path), {}),
        ("config.json", {}),
        (None, {"CONFIG_FILE": str(path)}),
        (None, {"CONFIG_PATH": str(tmp_path)}),
    ):
        assert getattr(load_settings(named, environment).graph, key) == url


def test_the_usual_addresses_may_stand_in_a_file_that_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, graph_config={"base_url": f"{DEFAULT_URL}/", "client_id_parameter": "/other"})
    monkeypatch.chdir(tmp_path)
    assert (
        load_settings(None, {"GRAPH_BASE_URL": "http://127.0.0.1:1"}).graph.base_url == "http://127.0.0.1:1"
    )


def test_the_command_says_so_with_exit_2(tmp_path: Path) -> None:
    written(tmp_path, graph_config={"base_url": "https://graph.microsoft.us/v1.0"})
    (tmp_path / "aws").write_text("")
    done = run(tmp_path, "config", "check")
    assert done.returncode == 2
    assert "merely found" in json.loads(done.stdout)["errors"][0]["message"]
    assert run(tmp_path, "config", "check", "--config-file", "config.json").returncode == 0
