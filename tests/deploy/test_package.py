"""What is in the zip file, and what is not."""

from __future__ import annotations

import json
import os
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest

from contact_manager.bootstrap import load_settings, load_templates
from deploy import package
from deploy.package import PackagingError, Target, find_missing, make_package, parse_arguments, write_zip
from tests.deploy.conftest import CONFIG

ELF_MACHINE_AARCH64 = 183
"""elf.h, EM_AARCH64."""


def write_config(folder: Path, content: dict[str, Any]) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def with_templates(named: str) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(CONFIG.read_bytes())
    config["meeting_config"]["templates_dir"] = named
    return config


@pytest.fixture(scope="module")
def names(lambda_zip: Path) -> list[str]:
    with zipfile.ZipFile(lambda_zip) as archive:
        return archive.namelist()


def test_the_package_unpacks_to_less_than_forty_megabytes(lambda_zip: Path) -> None:
    with zipfile.ZipFile(lambda_zip) as archive:
        assert sum(one.file_size for one in archive.infolist()) < 40 * 1024 * 1024


def test_compiled_libraries_are_for_the_functions_processor(lambda_zip: Path, names: list[str]) -> None:
    compiled = [name for name in names if name.endswith(".so")]
    assert {"orjson", "pydantic_core"} <= {name.split("/")[0] for name in compiled}
    with zipfile.ZipFile(lambda_zip) as archive:
        heads = [archive.read(name)[:20] for name in compiled]
    assert {struct.unpack_from("<H", head, 18)[0] for head in heads} == {ELF_MACHINE_AARCH64}


def test_what_never_runs_in_lambda_stays_out(names: list[str]) -> None:
    tops = {name.split("/")[0] for name in names}
    assert tops & {"moto", "trustme", "pytest", "boto3", "typer", "rich", "click", "pip", "bin"} == set()
    own = [name for name in names if name.startswith("contact_manager/")]
    assert [name for name in own if name.split("/")[1] == "sandbox" or "/cli/" in name] == []
    assert [name for name in names if "/tests/" in name or "__pycache__" in name] == []


def test_the_tool_its_templates_and_its_configuration_are_inside(lambda_zip: Path, names: list[str]) -> None:
    assert "contact_manager/bootstrap/__init__.py" in names
    assert "contact_manager/services/schedule_meeting.py" in names
    assert [name for name in names if name.startswith("contact_manager/formats/rendering/templates/")]
    with zipfile.ZipFile(lambda_zip) as archive:
        assert archive.read("config.json") == CONFIG.read_bytes()


def test_only_services_in_use_are_described(names: list[str]) -> None:
    described = {name.split("/")[2] for name in names if name.startswith("botocore/data/")}
    assert described == package.AWS_SERVICES | package.AWS_RULES


def test_every_library_is_named_with_its_version(lambda_zip: Path, names: list[str]) -> None:
    with zipfile.ZipFile(lambda_zip) as archive:
        pinned = archive.read("requirements.txt").decode().splitlines()
    assert len(pinned) == len([name for name in names if name.endswith(".dist-info/METADATA")]) - 1
    assert [line for line in pinned if line.count("==") != 1] == []


def test_equal_content_makes_equal_bytes(tmp_path: Path) -> None:
    zips = []
    for moment, order in ((1_000_000_000, ("b/c.py", "a.py")), (1_700_000_000, ("a.py", "b/c.py"))):
        folder = tmp_path / str(moment)
        for name in order:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
            path.chmod(0o600 if order[0] == name else 0o755)
            os.utime(path, (moment, moment))
        write_zip(folder, folder.with_suffix(".zip"))
        zips.append(folder.with_suffix(".zip"))
    assert zips[0].read_bytes() == zips[1].read_bytes()
    with zipfile.ZipFile(zips[0]) as archive:
        assert archive.namelist() == ["a.py", "b/c.py"]


def test_a_wrong_configuration_is_refused_before_anything_is_fetched(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"meeting_config": {"topik": "aws-calendar"}}')
    output = tmp_path / "lambda.zip"
    with pytest.raises(PackagingError, match="topik"):
        make_package(parse_arguments(["--config", str(config), "--output", str(output)]))
    assert not output.exists()


@pytest.mark.parametrize(
    ("left_out", "place"),
    [
        (("s3_config", "bucket_name"), r"\$.s3_config.bucket_name"),
        (("email_config", "sender_address"), r"\$.email_config.sender_address"),
        (("email_config", "meeting_organizer"), r"\$.email_config.meeting_organizer"),
    ],
)
def test_a_configuration_without_what_the_worker_needs_is_refused(
    tmp_path: Path, left_out: tuple[str, str], place: str
) -> None:
    config = json.loads(CONFIG.read_bytes())
    del config[left_out[0]][left_out[1]]

    with pytest.raises(PackagingError, match=place):
        package.check_config(write_config(tmp_path, config))


def test_the_organizer_may_be_left_to_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = json.loads(CONFIG.read_bytes())
    del config["email_config"]["meeting_organizer"]
    monkeypatch.setenv("MEETING_ORGANIZER_EMAIL", "changes@example.com")

    assert package.check_config(write_config(tmp_path, config)).meeting_organizer is None


def test_the_templates_of_the_configuration_are_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "build", lambda folder, *_, **__: folder.mkdir())
    path = write_config(tmp_path, with_templates("own/texts"))
    (tmp_path / "own/texts/change").mkdir(parents=True)
    (tmp_path / "own/texts/change/subject.txt.j2").write_text("Own: {{ change.title }}")
    (tmp_path / "own/texts/.git").mkdir()
    output = tmp_path / "dist" / "lambda.zip"

    make_package(parse_arguments(["--config", str(path), "--output", str(output)]))

    with zipfile.ZipFile(output) as archive:
        assert archive.namelist() == ["config.json", "own/texts/change/subject.txt.j2"]
        archive.extractall(tmp_path / "task")
    settings = load_settings(None, {"CONFIG_PATH": str(tmp_path / "task")})
    assert load_templates(settings).names


@pytest.mark.parametrize("named", ["../texts", "{folder}/texts", ".", "contact_manager"])
def test_templates_that_cannot_stand_beside_the_code_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.setattr(
        package, "build", lambda folder, *_, **__: (folder / "contact_manager").mkdir(parents=True)
    )
    (tmp_path / "config" / "contact_manager").mkdir(parents=True)
    (tmp_path / "texts").mkdir()
    (tmp_path / "config" / "config.json").touch()
    config = with_templates(named.format(folder=tmp_path))
    path = write_config(tmp_path / "config", config)
    if named == ".":
        path = path.rename(tmp_path / "texts" / "config.json")
    output = tmp_path / "lambda.zip"

    with pytest.raises(PackagingError, match=r"templates_dir|config\.json"):
        make_package(parse_arguments(["--config", str(path), "--output", str(output)]))
    assert not output.exists()


def test_a_template_that_fails_in_the_worker_is_refused(tmp_path: Path) -> None:
    path = write_config(tmp_path, with_templates("texts"))
    (tmp_path / "texts/change").mkdir(parents=True)
    (tmp_path / "texts/change/subject.txt.j2").write_text("{{ change.titel }}")

    with pytest.raises(PackagingError, match="titel"):
        package.check_config(path)


def test_a_zip_file_without_the_templates_it_names_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "lambda.zip", "w") as archive:
        archive.writestr("config.json", json.dumps(with_templates("texts")))

    with pytest.raises(PackagingError, match="no folder"):
        package.check_package(tmp_path / "lambda.zip")


@pytest.mark.parametrize(
    ("condition", "missing"),
    [
        ("", ["beta"]),
        ("; python_version >= '3.12'", ["beta"]),
        ("; python_version < '3.12'", []),
        ("; platform_machine == 'aarch64'", ["beta"]),
        ("; sys_platform == 'win32'", []),
        ("; extra == 'speed'", []),
    ],
)
def test_a_library_that_the_target_needs_is_missed(
    tmp_path: Path, condition: str, missing: list[str]
) -> None:
    info = tmp_path / "alpha-1.0.dist-info"
    info.mkdir()
    told = f"Metadata-Version: 2.1\nName: alpha\nVersion: 1.0\nRequires-Dist: beta{condition}\n"
    (info / "METADATA").write_text(told)
    assert list(find_missing(tmp_path, Target("arm64", "3.12"))) == missing


def test_what_pip_says_is_passed_on(tmp_path: Path) -> None:
    constraint = tmp_path / "constraint.txt"
    constraint.write_text("idna==0.0.0\n")
    with pytest.raises(PackagingError, match="idna"):
        package.build(tmp_path / "task", Target("native"), constraint=constraint)
