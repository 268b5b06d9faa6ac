from __future__ import annotations

import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deploy.package import DEFAULT_ARCHITECTURE, NATIVE, make_package, parse_arguments

CONFIG = Path(__file__).parents[2] / "examples" / "config.json"


@pytest.fixture(scope="session")
def zips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The zip file for Lambda and the same for this machine; the libraries come from the package index."""
    folder = tmp_path_factory.mktemp("zips")

    def make(architecture: str) -> Path:
        output = folder / f"{architecture}.zip"
        options = ["--config", str(CONFIG), "--output", str(output), "--architecture", architecture]
        make_package(parse_arguments(options))
        return output

    architectures = (DEFAULT_ARCHITECTURE, NATIVE)
    with ThreadPoolExecutor() as pool:
        return dict(zip(architectures, pool.map(make, architectures), strict=True))


@pytest.fixture(scope="session")
def lambda_zip(zips: dict[str, Path]) -> Path:
    """What is deployed."""
    return zips[DEFAULT_ARCHITECTURE]


@pytest.fixture(scope="session")
def task_root(zips: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for this machine, unpacked: what Lambda's runtime finds in ``/var/task``."""
    folder = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(zips[NATIVE]) as archive:
        archive.extractall(folder)
    return folder
