"""What pydantic finds, said for people."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from contact_manager.domain.customer import fold_customer_code
from contact_manager.errors import Problem
from contact_manager.formats.json_document import child_path
from contact_manager.formats.plain_text import quote

_MESSAGES = {
    "missing": "is missing",
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "literal_error": "must be one of {expected}",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:g}",
    "value_error": "{error}",
}
"""By pydantic's error type (https://docs.pydantic.dev/latest/errors/validation_errors/)."""

_NO_CUSTOMERS = 'there are no customers configured; name them as in {"customer_mappings": {"hts": {…}}}'
_CUSTOMERS = "$.customer_mappings"


def shape_problems(
    error: ValidationError, sections: dict[tuple[str, ...], type[BaseModel]]
) -> Iterator[Problem]:
    """Yield what does not fit the models; ``sections`` are those in which unknown keys are refused."""
    for details in error.errors(include_url=False, include_input=False):
        path = _path(details["loc"])
        if path == _CUSTOMERS and details["type"] in {"missing", "too_short"}:
            yield Problem(path, _NO_CUSTOMERS)
        elif details["type"] == "extra_forbidden":
            *section, key = map(str, details["loc"])
            yield Problem(path, _unknown_key(key, sections[tuple(section)]))
        else:
            yield Problem(path, _message(details))


def customer_problems(document: dict[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with the customers as a whole, whatever else is wrong there."""
    customers = document.get("customer_mappings")
    if isinstance(customers, dict):
        yield from _code_problems(customers)
        yield from _shared_list_problems(customers, document.get("aws_region"))


def _code_problems(customers: dict[str, Any]) -> Iterator[Problem]:
    keys: dict[str, str] = {}
    for key, entry in customers.items():
        path, code = child_path(_CUSTOMERS, key), fold_customer_code(key)
        if code is None:
            yield Problem(
                path, f"{quote(key)} is not a customer code: 1 to 50 letters a-z, digits and hyphens"
            )
        elif (first := keys.setdefault(code, key)) is not key:
            yield Problem(path, f"{quote(key)} and {quote(first)} are the same customer code")
        own = entry.get("customer_code") if isinstance(entry, dict) else None
        if isinstance(own, str) and own.strip() and code and fold_customer_code(own) != code:
            yield Problem(
                f"{path}.customer_code", f"{quote(own)} is not the code of this entry, {quote(code)}"
            )


def _shared_list_problems(customers: dict[str, Any], default_region: Any) -> Iterator[Problem]:
    """Yield customers that are read under the role and in the region of another one.

    An account has one contact list in a region, so that both would be given the same people.
    """
    owners: dict[tuple[str, str], str] = {}
    for key, entry in customers.items():
        role, region = (_text_of(entry, "ses_role_arn"), _text_of(entry, "region") or default_region)
        if not role or not isinstance(region, str | None):
            continue
        owner = owners.setdefault((role, region or ""), key)
        if owner is not key:
            path = child_path(child_path(_CUSTOMERS, key), "ses_role_arn")
            yield Problem(
                path,
                f"is the role of {quote(owner)} too, in the same region; both would have the people of one "
                "contact list: give each customer its own role, or its own region",
            )


def _text_of(entry: Any, key: str) -> str:
    value = entry.get(key) if isinstance(entry, dict) else None
    return value.strip() if isinstance(value, str) else ""


def _path(location: tuple[int | str, ...]) -> str:
    path = "$"
    for part in location:
        path = f"{path}[{part}]" if isinstance(part, int) else child_path(path, part)
    return path


def _message(details: ErrorDetails) -> str:
    template = _MESSAGES.get(details["type"], "is not valid")
    return template.format(**details.get("ctx", {}))


def _unknown_key(key: str, section: type[BaseModel]) -> str:
    known = list(section.model_fields)
    near = difflib.get_close_matches(key.lower(), known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
    return f"unknown key {quote(key)}; {hint}"
