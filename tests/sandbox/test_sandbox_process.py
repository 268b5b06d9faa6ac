"""``sandbox up`` and ``sandbox demo`` as processes: nothing foreign is imported, nothing stays behind."""

from __future__ import annotations

import os
import pty
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAUNCHER = "ccoe-customer-contact-manager"
UP = (sys.executable, "-P", "-m", "contact_manager", "sandbox", "up")
LIMIT_S = 30
FOREIGN = (
    "asyncio contact_manager jinja2 json moto orjson pip shutil signal sitecustomize typer usercustomize venv"
)


@dataclass(frozen=True, slots=True)
class Up:
    """A sandbox that is up, with all that it started."""

    process: subprocess.Popen[str]
    temporary: Path
    port: int

    def traces(self) -> dict[str, list[str]]:
        """Return what there is of it besides the process itself."""
        found = {"folders": [one.name for one in self.temporary.iterdir()], "processes": self._processes()}
        return {kind: names for kind, names in found.items() if names} | self._listening()

    def _processes(self) -> list[str]:
        """Return the command lines of all processes with the environment of the sandbox."""
        marker = f"TMPDIR={self.temporary}".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                environment, command = (folder / "environ").read_bytes(), (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if int(folder.name) != self.process.pid and marker in environment.split(b"\0"):
                found.append(command.replace(b"\0", b" ").decode())
        return found

    def _listening(self) -> dict[str, list[str]]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.connect()
        except OSError:
            return {}
        connection.close()
        return {"ports": [str(self.port)]}


@contextmanager
def sandbox_up(temporary: Path, command: Sequence[str] = UP, **options: object) -> Iterator[Up]:
    temporary.mkdir(exist_ok=True)
    with subprocess.Popen(  # type: ignore[call-overload]
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(temporary)},
        **options,
    ) as process:
        try:
            exports = [process.stdout.readline()]
            while "AWS_ENDPOINT_URL=" not in exports[-1]:
                assert process.poll() is None
                exports.append(process.stdout.readline())
            while "The worker listens" not in process.stderr.readline():
                assert process.poll() is None
            yield Up(process, temporary, int(exports[-1].rpartition(":")[2]))
        finally:
            process.kill()


def wait_until(reached: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + LIMIT_S
    while not reached() and time.monotonic() < give_up_at:
        threading.Event().wait(0.02)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
class TestEnd:
    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
    def test_nothing_of_a_sandbox_stays_however_it_ends(self, tmp_path: Path, number: signal.Signals) -> None:
        with sandbox_up(tmp_path / "tmp") as up:
            assert set(up.traces()) == {"folders", "processes", "ports"}

            up.process.send_signal(number)
            up.process.wait(LIMIT_S)

            wait_until(lambda: not up.traces())
            assert up.traces() == {}

    def test_a_second_ctrl_c_ends_a_sandbox_at_once(self, tmp_path: Path) -> None:
        with sandbox_up(tmp_path / "tmp") as up:
            up.process.send_signal(signal.SIGINT)
            up.process.send_signal(signal.SIGINT)
            up.process.wait(LIMIT_S)

            wait_until(lambda: not up.traces())
            assert up.traces() == {}

    def test_nothing_of_a_sandbox_stays_when_its_terminal_is_closed(self, tmp_path: Path) -> None:
        terminal, inside = pty.openpty()

        def take_terminal() -> None:
            os.setsid()
            os.close(os.open(os.ttyname(inside), os.O_RDWR))

        with sandbox_up(tmp_path / "tmp", stdin=inside, preexec_fn=take_terminal) as up:
            os.close(inside)
            os.close(terminal)
            up.process.wait(LIMIT_S)

            wait_until(lambda: not up.traces())
            assert up.traces() == {}

    def test_two_sandboxes_do_not_know_each_other(self, tmp_path: Path) -> None:
        with sandbox_up(tmp_path / "one") as one, sandbox_up(tmp_path / "two") as two:
            one.process.kill()
            one.process.wait(LIMIT_S)
            wait_until(lambda: not one.traces())

            assert one.traces() == {}
            assert set(two.traces()) == {"folders", "processes", "ports"}


@pytest.fixture
def foreign_folder(tmp_path: Path) -> Path:
    """A folder of somebody else's modules, each of which leaves a trace when it is imported."""
    folder = tmp_path / "foreign"
    folder.mkdir()
    trace = f"open({str(tmp_path / 'imported')!r}, 'a').write(__name__ + ' ')\nraise SystemExit(99)\n"
    for name in FOREIGN.split():
        package = folder / name
        package.mkdir()
        (package / "__init__.py").write_text(trace, encoding="utf-8")
        (package / "__main__.py").write_text(trace, encoding="utf-8")
    return folder


def imported(foreign_folder: Path) -> str:
    trace = foreign_folder.parent / "imported"
    return trace.read_text(encoding="utf-8") if trace.exists() else ""


@pytest.fixture
def launcher(tmp_path: Path) -> Path:
    """The launcher in a checkout whose ``.venv`` is there already."""
    checkout = tmp_path / "checkout"
    (checkout / ".venv").mkdir(parents=True)
    (checkout / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    shutil.copy(ROOT / "pyproject.toml", checkout / ".venv" / ".installed")
    shutil.copy(ROOT / "pyproject.toml", checkout)
    return Path(shutil.copy(ROOT / LAUNCHER, checkout))


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
class TestImports:
    """``PYTHONPATH`` names the current folder by an empty part, as ``PYTHONPATH=$PYTHONPATH:/more`` does."""

    def test_the_launcher_imports_nothing_of_the_current_folder(
        self, foreign_folder: Path, launcher: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PYTHONPATH", ":.")
        with sandbox_up(foreign_folder.parent / "tmp", (str(launcher), "sandbox", "up"), cwd=foreign_folder):
            assert imported(foreign_folder) == ""

    def test_the_processes_of_a_sandbox_import_nothing_of_the_current_folder(
        self, foreign_folder: Path
    ) -> None:
        program = (
            "import os; os.environ['PYTHONPATH'] = ':.'\n"
            "from contact_manager.entrypoints.cli.main import main; main()"
        )
        command = (sys.executable, "-P", "-c", program, "sandbox", "up")
        with sandbox_up(foreign_folder.parent / "tmp", command, cwd=foreign_folder):
            assert imported(foreign_folder) == ""


def test_the_first_use_imports_nothing_of_the_current_folder(launcher: Path, tmp_path: Path) -> None:
    (launcher.parent / ".venv" / ".installed").unlink()
    (launcher.parent / ".venv" / "bin").unlink()
    python, log = tmp_path / "python", tmp_path / "log"
    python.write_text(f'#!/bin/sh\necho "$*" >> "{log}"\n', encoding="utf-8")
    python.chmod(0o755)
    environment = os.environ | {"PYTHON": str(python)}

    done = subprocess.run([str(launcher)], env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert [line.split()[0] for line in log.read_text(encoding="utf-8").splitlines()] == ["-I", "-I"]
