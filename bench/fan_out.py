"""How long reading all customers takes: this tool, the obvious boto3 program, and the bare network.

Every figure is a whole process, imports included; the best of a few runs counts. Amazon's side is a stub on
this machine that answers after a round trip's time. Ends by itself::

    python bench/fan_out.py --customers 300 --contacts 1000 --rtt-ms 50 --runs 3
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
RUN_TIME_LIMIT_S = 300
_COUNT = """
import json, sys
told = json.load(sys.stdin)
print(told if isinstance(told, int) else len(told["recipients"]))
"""
_KIB = 1024
_MIB = 1024 * 1024
_PEAK_UNIT = 1 if sys.platform == "darwin" else _KIB
"""getrusage counts kibibytes on Linux and bytes on macOS (their manual pages)."""


@dataclass(frozen=True, slots=True)
class Program:
    """What is measured: a name, and the command line without the interpreter."""

    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """The best of a program's runs."""

    name: str
    seconds: float
    processor_s: float
    peak_mib: float
    result: str


def programs(customers: int, contacts: int, config_file: Path) -> tuple[Program, ...]:
    """Return what is compared; the first one is ours."""
    command = ("-m", "contact_manager", "recipients", "list", "--output", "json", "--config-file")
    return (
        Program("contact_manager", (*command, str(config_file))),
        Program("its reading alone", (str(HERE / "read_customers.py"), str(customers))),
        Program("boto3, 64 threads", (str(HERE / "boto3_baseline.py"), str(customers))),
        Program("network floor", (str(HERE / "network_floor.py"), str(customers), str(contacts))),
    )


def write_config(path: Path, customers: int) -> None:
    """Write the configuration of so many customers."""
    mappings = {
        f"c{number}": {
            "customer_code": f"c{number}",
            "customer_name": f"Customer {number}",
            "region": "us-east-1",
            "ses_role_arn": f"arn:aws:iam::{number:012d}:role/reader",
        }
        for number in range(customers)
    }
    path.write_text(json.dumps({"aws_region": "us-east-1", "customer_mappings": mappings}))


@contextmanager
def stub(customers: int, contacts: int, rtt_ms: float) -> Iterator[str]:
    """Run the stub of AWS and yield its address."""
    size = ["--customers", str(customers), "--contacts", str(contacts), "--rtt-ms", str(rtt_ms)]
    command = [sys.executable, str(HERE / "ses_stub.py"), *size]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            if not port:
                raise SystemExit("the stub of AWS did not start")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def environment(url: str) -> dict[str, str]:
    """Return the environment of a measured process: nothing of the caller's AWS settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **kept,
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "AKIABENCH",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }


def run_once(program: Program, url: str) -> Figure:
    """Run the program in a fresh interpreter and return what it took.

    This process stays small: what it holds when it starts another counts in that one's peak.
    """
    with tempfile.TemporaryFile() as output:
        started_at = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, *program.arguments], stdout=output, env=environment(url)
        ) as process:
            limit = threading.Timer(RUN_TIME_LIMIT_S, process.kill)
            limit.start()
            _pid, status, used = os.wait4(process.pid, 0)
            limit.cancel()
            seconds = time.perf_counter() - started_at
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{program.name} failed with exit code {process.returncode}")
        output.seek(0)
        counted = subprocess.run(
            [sys.executable, "-c", _COUNT], stdin=output, capture_output=True, text=True, check=True
        )
    peak_mib = used.ru_maxrss * _PEAK_UNIT / _MIB
    return Figure(program.name, seconds, _processor_s(used), peak_mib, counted.stdout.strip())


def _processor_s(used: resource.struct_rusage) -> float:
    return used.ru_utime + used.ru_stime


def measure(program: Program, url: str, runs: int) -> Figure:
    """Return the run that took the least time."""
    return min((run_once(program, url) for _ in range(runs)), key=lambda one: one.seconds)


def print_table(figures: list[Figure]) -> None:
    """Print the figures, and how ours stand to the others."""
    ours = figures[0]
    print(f"{'process, best run':24}{'seconds':>9}{'CPU s':>9}{'peak MiB':>10}{'ours / it':>11}  result")
    for one in figures:
        numbers = f"{one.seconds:9.2f}{one.processor_s:9.2f}{one.peak_mib:10.0f}"
        print(f"{one.name:24}{numbers}{ours.seconds / one.seconds:11.2f}  {one.result}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=300)
    parser.add_argument("--contacts", type=int, default=1000, help="of each customer")
    parser.add_argument("--rtt-ms", type=float, default=50.0, help="round trip to AWS")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", help="measure only programs whose name has this in it")
    asked = parser.parse_args()
    print(f"{asked.customers} customers x {asked.contacts} contacts, {asked.rtt_ms:g} ms a round trip")
    with (
        stub(asked.customers, asked.contacts, asked.rtt_ms) as url,
        tempfile.TemporaryDirectory() as directory,
    ):
        config_file = Path(directory) / "config.json"
        write_config(config_file, asked.customers)
        every = programs(asked.customers, asked.contacts, config_file)
        chosen = [program for program in every if (asked.only or "") in program.name]
        print_table([measure(program, url, asked.runs) for program in chosen])


if __name__ == "__main__":
    main()
