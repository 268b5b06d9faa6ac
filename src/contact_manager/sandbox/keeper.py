"""A small process that outlives the sandbox and leaves nothing of it behind, however it ends.

It is started as a script of its own, with the standard library alone. Its stdin is a pipe that only the
sandbox's process holds: when that process has ended, even by SIGKILL, reading gives an end of file.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path


class Keeper:
    """The process, and the process group that it leads.

    Args:
        folder: Is removed when this process has ended, or at ``stop``.
    """

    def __init__(self, folder: Path) -> None:
        # -I and -S: nothing of the current directory, of PYTHONPATH or of site-packages is imported
        self._process = subprocess.Popen(  # noqa: S603 - this file
            [sys.executable, "-I", "-S", __file__, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )

    @property
    def process_group(self) -> int:
        """Processes in it end with this one; a terminal's Ctrl-C does not reach them."""
        return self._process.pid

    def stop(self) -> None:
        """End the process group and remove the folder."""
        # A byte and not only the end of file: a process that was forked from this one holds the pipe, too
        self._process.communicate(b".")


def keep(folder: str) -> None:
    """Wait for the end of the sandbox, remove its folder and end its processes."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read(1)
    shutil.rmtree(folder, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    keep(sys.argv[1])
