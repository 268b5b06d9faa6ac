"""Nothing but two modules writes to a terminal, so that no command can forget what data may hold."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "contact_manager"
WRITERS = {SOURCE / "entrypoints/cli" / name for name in ("terminal.py", "console.py")}


def sinks(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the places where something is written past those modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in {"write", "writelines", "buffer"}:
            if isinstance(node.value, ast.Attribute) and node.value.attr in {"stdout", "stderr"}:
                yield node.lineno, f"sys.{node.value.attr}.{node.attr}"
        elif isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id in {"print", "Console"}:
                yield node.lineno, called.id
            if isinstance(called, ast.Attribute) and called.attr in {"echo", "secho", "basicConfig"}:
                yield node.lineno, called.attr
            if isinstance(called, ast.Attribute) and called.attr in {"StreamHandler", "print_json"}:
                yield node.lineno, called.attr


@pytest.mark.parametrize(
    "line",
    [
        "print(text)",
        "sys.stdout.write(text)",
        "sys.stderr.buffer.write(text)",
        "typer.echo(text)",
        "console.print_json(data=text)",
        "Console(stderr=True).print(text)",
        "logging.basicConfig()",
    ],
)
def test_a_line_that_writes_by_itself_is_found(line: str) -> None:
    assert list(sinks(ast.parse(line)))


def test_only_the_writers_write() -> None:
    found = [
        f"{path.relative_to(SOURCE)}:{line} {what}"
        for path in sorted(SOURCE.rglob("*.py"))
        if path not in WRITERS
        for line, what in sinks(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []
