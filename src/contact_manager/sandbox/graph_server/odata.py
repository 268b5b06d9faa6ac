"""The query options of the events collection that the stand-in understands."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from contact_manager.sandbox.graph_server.event_rules import moment
from contact_manager.sandbox.graph_server.refusals import bad_request

_LITERAL = r"'((?:[^']|'')*)'"
_BY_PROPERTY = re.compile(
    rf"singleValueExtendedProperties/any\(\s*(\w+)\s*:\s*\1/id\s+eq\s+{_LITERAL}\s+and\s+\1/value\s+eq\s+{_LITERAL}\s*\)",
    re.IGNORECASE,
)
_BY_FIELD = re.compile(rf"(iCalUId|subject)\s+eq\s+{_LITERAL}")
_BY_TIME = re.compile(rf"(start|end)/dateTime\s+(ge|le)\s+{_LITERAL}")
_EXPANDED = re.compile(r"singleValueExtendedProperties\(\s*\$filter\s*=\s*(.*)\)", re.IGNORECASE)
_PROPERTY_IDS = re.compile(rf"id\s+eq\s+{_LITERAL}")
_ALWAYS_SHOWN = frozenset({"id", "@odata.etag", "singleValueExtendedProperties"})

Matches = Callable[[dict[str, Any]], bool]


def parse_filter(text: str | None) -> Matches:
    """Return the predicate of ``$filter``.

    Names of extended properties are compared with, their values without case.

    Raises:
        RefusedError: The filter is not supported.
    """
    if not text:
        return lambda _: True
    rest, tests = text.strip(), []
    while rest:
        test, rest = _first_test(rest)
        tests.append(test)
    return lambda event: all(test(event) for test in tests)


def parse_expand(text: str | None) -> frozenset[str]:
    """Return the ids of the extended properties to show; without an inner filter Graph shows none."""
    found = _EXPANDED.fullmatch(text.strip()) if text else None
    return frozenset(map(_unquote, _PROPERTY_IDS.findall(found.group(1)))) if found else frozenset()


def select(event: dict[str, Any], names: str | None) -> dict[str, Any]:
    """Return the wanted members of an event; what was expanded is always among them."""
    if not names:
        return event
    wanted = {one.strip() for one in names.split(",")} | _ALWAYS_SHOWN
    return {name: value for name, value in event.items() if name in wanted}


def _first_test(text: str) -> tuple[Matches, str]:
    """Return the first comparison of a filter, and what stands behind the ``and`` after it."""
    for pattern, make in ((_BY_PROPERTY, _by_property), (_BY_FIELD, _by_field), (_BY_TIME, _by_time)):
        found = re.match(rf"{pattern.pattern}(?:\s+and\s+(?=\S)|\s*$)", text, pattern.flags)
        if found:
            return make(*found.groups()), text[found.end() :]
    code = "ErrorInvalidProperty" if re.match(r"id\s", text) else "UnsupportedEntityExpression"
    raise bad_request(code, "The filter is not supported.")


def _by_property(_: str, property_id: str, value: str) -> Matches:
    name, wanted = _unquote(property_id), _unquote(value).lower()
    return lambda event: any(
        one["id"] == name and one["value"].lower() == wanted for one in event["singleValueExtendedProperties"]
    )


def _by_field(name: str, value: str) -> Matches:
    return lambda event: event.get(name) == _unquote(value)


def _by_time(name: str, relation: str, value: str) -> Matches:
    bound = moment({"dateTime": _unquote(value).rstrip("Z"), "timeZone": "UTC"})
    if relation == "ge":
        return lambda event: moment(event[name]) >= bound
    return lambda event: moment(event[name]) <= bound


def _unquote(text: str) -> str:
    return text.replace("''", "'")
