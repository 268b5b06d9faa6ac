"""A line of a log says what we say, and data stands in it as data."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from contact_manager.entrypoints.cli.terminal import start_logging, write_message
from tests.fakes.hostile import HOSTILE, forbidden, forged_lines

FORGERY = 'CHG-1" customer=other\n2031-01-01 00:00:00,000 ERROR change.done customer=other'


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the command's log holds; in its process nobody has set up the log of AWS Lambda."""
    root, own = logging.getLogger(), logging.getLogger("contact_manager")
    monkeypatch.setattr(own, "propagate", True)
    monkeypatch.setattr(own, "handlers", [])
    handlers, level, own_level = root.handlers[:], root.level, own.level
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    start_logging("info")
    yield written
    root.handlers = handlers
    root.setLevel(level)
    own.setLevel(own_level)


@pytest.mark.parametrize("value", [HOSTILE, FORGERY, "a b", ValueError(FORGERY)])
def test_a_value_neither_ends_its_line_nor_makes_another_field(plain: io.StringIO, value: object) -> None:
    logging.getLogger("contact_manager.x").warning("change.retry change_id=%s customer=%s", value, "hts")
    (line,) = plain.getvalue().splitlines()
    assert forbidden(line) == set()
    told = line.partition("change.retry ")[2]
    assert told.startswith('change_id="')
    assert told.endswith('" customer=hts')


def test_a_plain_value_stands_there_as_it_is(plain: io.StringIO) -> None:
    logging.getLogger("contact_manager.x").warning("change.retry change_id=%s people=%d", "CHG-1", 3)
    assert plain.getvalue().endswith("WARNING change.retry change_id=CHG-1 people=3\n")


def test_lines_of_libraries_are_escaped_too(plain: io.StringIO) -> None:
    logging.getLogger("library").warning("it said %s", HOSTILE)
    (line,) = plain.getvalue().splitlines()
    assert forbidden(line) == set()


def test_no_line_of_a_traceback_looks_like_a_record(plain: io.StringIO) -> None:
    try:
        int(FORGERY + HOSTILE)
    except ValueError:
        logging.getLogger("contact_manager.x").exception("command.crashed", stack_info=True)
    first, *others = plain.getvalue().splitlines()
    assert forbidden(plain.getvalue()) == set()
    assert first.endswith("ERROR command.crashed")
    assert others
    assert all(line.startswith("    ") for line in others)


def test_a_message_stays_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    write_message(f"error: {HOSTILE}", "second")
    told = capsys.readouterr().err
    assert (forbidden(told), forged_lines(told), told.count("\n")) == (set(), [], 2)


LAMBDA = """
import logging, sys
import contact_manager.entrypoints.lambda_sqs
values = (sys.argv[1], "hts")
logging.getLogger("contact_manager.x").error("change.retry change_id=%s customer=%s", *values)
"""


@pytest.mark.parametrize("value", [HOSTILE, FORGERY])
def test_lines_of_the_lambda_function_hold_data_as_data(value: str) -> None:
    command = [sys.executable, "-c", LAMBDA, value]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True)
    assert forbidden(done.stdout) == set()
    (line,) = done.stdout.splitlines()
    told = json.loads(line)["message"]
    assert told.startswith('change.retry change_id="')
    assert told.endswith('" customer=hts')
