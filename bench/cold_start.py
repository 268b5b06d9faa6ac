"""How long importing the Lambda handler takes, as a ratio to ``import boto3`` on the same machine.

Each is imported in a fresh interpreter, in turn, and the quickest of the rounds counts::

    python bench/cold_start.py
"""

from __future__ import annotations

import subprocess
import sys

ROUNDS = 15
PROGRAM = "import time; began = time.perf_counter(); import {}; print(time.perf_counter() - began)"
MODULES = ("boto3", "contact_manager.entrypoints.lambda_sqs")


def measure(module: str) -> float:
    """Return the seconds that one import takes."""
    command = [sys.executable, "-c", PROGRAM.format(module)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    """Measure and print."""
    rounds = [{module: measure(module) for module in MODULES} for _ in range(ROUNDS)]
    quickest = {module: min(one[module] for one in rounds) for module in MODULES}
    for module, seconds in quickest.items():
        print(f"{seconds * 1000:6.0f} ms  import {module}")
    boto3, handler = quickest.values()
    print(f"{handler / boto3:6.2f}     ratio")


if __name__ == "__main__":
    main()
