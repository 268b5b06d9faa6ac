"""Makes ``dist/lambda.zip``: the tool and its libraries for AWS Lambda; equal versions make equal bytes.

The command line, the sandbox and their libraries stay out, and so do the descriptions of AWS services that
are not used. A configuration, if one is named, stands beside the code, and so do its templates::

    python deploy/package.py --config config.json
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from contact_manager.adapters.template_folder import read_template_folder
from contact_manager.bootstrap import load_settings
from contact_manager.bootstrap.events import check_for_events
from contact_manager.errors import InvalidInputError
from contact_manager.formats.rendering import check_templates
from contact_manager.settings import Settings

ROOT = Path(__file__).parents[1]
MIB = 1024 * 1024
MAX_UNPACKED_BYTES = 40 * MIB
"""Our own limit, for a quick start; Lambda's is 250 (docs.aws.amazon.com/lambda, gettingstarted-limits)."""

DEFAULT_ARCHITECTURE = "arm64"
DEFAULT_PYTHON = "3.12"
"""Those of ``deploy/template.yaml``."""

NATIVE = "native"
ARCHITECTURES = {"arm64": "aarch64", "x86_64": "x86_64"}
"""Lambda's names, and those of wheels."""

GLIBC_TAGS = ("manylinux2014", "manylinux_2_28", "manylinux_2_34")
"""What Amazon Linux 2023, under Lambda's Python 3.12 and newer, can load: its glibc is 2.34."""

OF_THE_COMMAND_LINE = frozenset({"rich", "typer"})
AWS_SERVICES = frozenset({"s3", "sesv2", "sqs", "ssm", "sts"})
AWS_RULES = frozenset({"_retry.json", "endpoints.json", "partitions.json", "sdk-default-configuration.json"})
ONLY_TO_BUILD = ("cffi", "pycparser")
"""cryptography loads nothing of them but ``_cffi_backend``."""

COMPILED_TWINS = ("aiohttp/_websocket/*.so", "charset_normalizer/*.so", "wrapt/*.so")
"""Each has a Python module that does the same and takes over; what they are quick at is not done here."""

LEFT_OUT = (
    "bin",
    "contact_manager/__main__.py",
    "contact_manager/entrypoints/cli",
    "contact_manager/sandbox",
    "wrapt-stubs",
    "aws_lambda_powertools/event_handler",
    *ONLY_TO_BUILD,
    *COMPILED_TWINS,
    "**/__pycache__",
    "**/tests",
    "**/_testcapi*",
    "**/examples-1.json",
    "**/*.pyi",
    "**/*.pyx",
    "**/*.pxd",
    "**/*.c",
    "**/*.h",
)
_KEPT_OF_DIST_INFO = re.compile(r"METADATA|licenses|(LICEN[CS]E|NOTICE|AUTHORS|COPYING).*")
_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The first moment a zip file can tell."""

_REGULAR_FILE = 0o100644 << 16
_UNIX = 3


@dataclass(frozen=True, slots=True)
class Target:
    """Where the code shall run.

    Attributes:
        architecture: ``arm64`` or ``x86_64``, Lambda's names, or ``native``: this machine.
        python: Python version, as ``3.12``.
    """

    architecture: str = DEFAULT_ARCHITECTURE
    python: str = DEFAULT_PYTHON

    @property
    def pip_options(self) -> list[str]:
        """What tells pip to fetch for the target."""
        if self.architecture == NATIVE:
            return []
        machine = ARCHITECTURES[self.architecture]
        platforms = [f"--platform={tag}_{machine}" for tag in GLIBC_TAGS]
        return [*platforms, "--implementation=cp", f"--python-version={self.python}"]

    @property
    def markers(self) -> dict[str, str]:
        """What differs from this machine in the conditions of requirements."""
        if self.architecture == NATIVE:
            return {"extra": ""}
        return {
            "extra": "",
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": ARCHITECTURES[self.architecture],
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
        }


class PackagingError(Exception):
    """The package cannot be made, or would not work; the message says why."""


def build(folder: Path, target: Target, *, constraint: Path | None = None) -> None:
    """Put all that Lambda needs into ``folder``, which is empty or not there."""
    install(folder, target, constraint=constraint)
    prune(folder)
    missing = sorted(find_missing(folder, target))
    if missing:
        raise PackagingError(f"pip left out {', '.join(missing)}; run this with Python {target.python}")
    (folder / "requirements.txt").write_text("".join(f"{one}\n" for one in installed_versions(folder)))


def install(folder: Path, target: Target, *, constraint: Path | None = None) -> None:
    """Install the libraries for the target, then the tool itself, which is the same everywhere."""
    limits = [f"--constraint={constraint}"] if constraint else []
    _pip(folder, *target.pip_options, "--only-binary=:all:", *limits, *runtime_requirements())
    _pip(folder, "--no-deps", str(ROOT))


def runtime_requirements() -> list[str]:
    """Return the project's dependencies and those of Lambda, without those of the command line."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    dependencies: list[str] = [*project["dependencies"], *project["optional-dependencies"]["lambda"]]
    return [one for one in dependencies if Requirement(one).name not in OF_THE_COMMAND_LINE]


def _pip(folder: Path, *arguments: str) -> None:
    options = ["--quiet", "--disable-pip-version-check", "--no-compile", f"--target={folder}"]
    command = [sys.executable, "-P", "-m", "pip", "install", *options, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackagingError(f"pip failed:\n{done.stderr.strip()}")


def prune(folder: Path) -> None:
    """Remove what never runs in Lambda."""
    for pattern in LEFT_OUT:
        _remove(folder.glob(pattern))
    for info in folder.glob("*.dist-info"):
        _remove(one for one in info.iterdir() if not _KEPT_OF_DIST_INFO.fullmatch(one.name))
        metadata = info / "METADATA"
        metadata.write_text(_headers(metadata.read_text("utf-8")), "utf-8")
    known = AWS_SERVICES | AWS_RULES
    _remove(one for one in (folder / "botocore" / "data").iterdir() if one.name not in known)


def _headers(metadata: str) -> str:
    """The rest, after the first empty line, is the project's page on PyPI."""
    return metadata.partition("\n\n")[0] + "\n"


def _remove(paths: Iterable[Path]) -> None:
    for path in list(paths):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def find_missing(folder: Path, target: Target) -> Iterator[str]:
    """Yield what is required but not there.

    pip judges conditions such as ``python_version < "3.12"`` by the Python it runs on, not by the target's.
    """
    present = {canonicalize_name(one.name) for one in _distributions(folder)}
    for one in _distributions(folder):
        for text in one.requires or []:
            requirement = Requirement(text)
            name = canonicalize_name(requirement.name)
            is_needed = requirement.marker is None or requirement.marker.evaluate(target.markers)
            if is_needed and name not in present and name not in OF_THE_COMMAND_LINE:
                yield name


def installed_versions(folder: Path) -> list[str]:
    """Return ``name==version`` of every library, sorted."""
    own = canonicalize_name("ccoe-customer-contact-manager")
    found = {canonicalize_name(one.name): one.version for one in _distributions(folder)}
    return [f"{name}=={version}" for name, version in sorted(found.items()) if name != own]


def _distributions(folder: Path) -> list[importlib.metadata.Distribution]:
    return list(importlib.metadata.distributions(path=[str(folder)]))


def files_of(folder: Path) -> list[Path]:
    """Return all files below ``folder``, sorted by their names in the zip file."""
    return sorted(
        (path for path in folder.rglob("*") if path.is_file()),
        key=lambda path: path.relative_to(folder).parts,
    )


def write_zip(folder: Path, output: Path) -> None:
    """Write the files of ``folder``, sorted, of one date and one mode: equal content makes equal bytes."""
    with zipfile.ZipFile(output, "w") as archive:
        for path in files_of(folder):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EARLIEST)
            entry.create_system = _UNIX
            entry.external_attr = _REGULAR_FILE
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, compresslevel=6)


def measure(folder: Path) -> Counter[str]:
    """Return the bytes of every file or folder at the top."""
    sizes: Counter[str] = Counter()
    for path in files_of(folder):
        sizes[path.relative_to(folder).parts[0]] += path.stat().st_size
    return sizes


def check_config(path: Path) -> Settings:
    """Return a configuration with which the worker can start, judged by the worker's own checks.

    ``MEETING_ORGANIZER_EMAIL`` counts as it will for the functions: they get it from ``OrganizerMailbox``.

    Raises:
        PackagingError: The worker would not start; the message names every problem.
    """
    organizer = {name: value for name, value in os.environ.items() if name == "MEETING_ORGANIZER_EMAIL"}
    try:
        settings = load_settings(None, {"CONFIG_FILE": str(path), **organizer})
        check_templates(check_for_events(settings, organizer).templates)
    except InvalidInputError as error:
        raise PackagingError(f"{error.source or path}: {error}") from error
    return settings


def copy_config(settings: Settings, folder: Path) -> None:
    """Put a configuration and its templates beside the code.

    Raises:
        PackagingError: The templates are elsewhere, or in a folder that is called as one of the package's.
    """
    config = Path(settings.source)
    shutil.copyfile(config, folder / "config.json")
    named = settings.meeting.templates_dir
    if named is None:
        return
    target = folder / named
    if Path(named).is_absolute() or ".." in Path(named).parts or target.exists():
        raise PackagingError(
            f"{config}: $.meeting_config.templates_dir: {named} cannot be packed: name a folder below this "
            "file's own, by a relative path that is none of the package's"
        )
    for name, data in read_template_folder(config.parent / named).items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(data)


def check_package(path: Path) -> None:
    """Unpack a zip file as Lambda does, and let the worker judge the configuration in it.

    Raises:
        PackagingError: The worker would not start.
    """
    with tempfile.TemporaryDirectory() as name, zipfile.ZipFile(path) as archive:
        archive.extractall(name)
        check_config(Path(name) / "config.json")


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's choices."""
    parser = argparse.ArgumentParser(description="Make the zip file that AWS Lambda runs.")
    parser.add_argument("--config", type=Path, help="config.json to put beside the code")
    parser.add_argument(
        "--constraint", type=Path, help="exact versions: the requirements.txt of an earlier zip file"
    )
    parser.add_argument("--output", type=Path, default=ROOT / "dist" / "lambda.zip")
    parser.add_argument("--architecture", choices=[*ARCHITECTURES, NATIVE], default=DEFAULT_ARCHITECTURE)
    parser.add_argument("--python", default=DEFAULT_PYTHON, help="the function's Python version")
    return parser.parse_args(arguments)


def make_package(chosen: argparse.Namespace) -> str:
    """Make the zip file and return what it takes.

    Raises:
        PackagingError: It cannot be made, or is larger than it may be.
    """
    settings = check_config(chosen.config) if chosen.config else None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "lambda"
        build(folder, Target(chosen.architecture, chosen.python), constraint=chosen.constraint)
        if settings is not None:
            copy_config(settings, folder)
        sizes = measure(folder)
        if sizes.total() > MAX_UNPACKED_BYTES:
            raise PackagingError(f"more than {MAX_UNPACKED_BYTES // MIB} MB\n{describe(sizes)}")
        made = Path(name) / "lambda.zip"
        write_zip(folder, made)
        if settings is not None:
            check_package(made)
        chosen.output.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(made, chosen.output)
    packed = chosen.output.stat().st_size
    config = "with" if chosen.config else "WITHOUT"
    return f"{describe(sizes)}\n{chosen.output}: {packed / MIB:.1f} MB packed, {config} config.json"


def describe(sizes: Counter[str], most: int = 8) -> str:
    """Return the largest parts and the sum, a line each."""
    lines = [f"{size / MIB:7.1f} MB  {name}" for name, size in sizes.most_common(most)]
    return "\n".join([*lines, f"{sizes.total() / MIB:7.1f} MB  unpacked, all together"])


if __name__ == "__main__":
    try:
        print(make_package(parse_arguments()))
    except PackagingError as error:
        sys.exit(f"package: {error}")
