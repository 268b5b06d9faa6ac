"""What pydantic finds, said for people."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from contact_manager.domain.customer import fold_customer_code
from contact_manager.errors import Problem
from contact_manager.formats.config_json.models import CustomerEntry
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


def customer_problems(customers: Any) -> Iterator[Problem]:
    """Yield what is wrong with the codes of ``customer_mappings``, whatever else is wrong there."""
    keys: dict[str, str] = {}
    for key, entry in customers.items() if isinstance(customers, dict) else ():
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


_NEAR = 0.85


def misspelled_keys(document: dict[str, Any]) -> Iterator[str]:
    """Yield a warning for each ignored key of a customer that looks like a known one.

    Unknown keys are allowed there, but a misspelled ``restricted_recipients`` would let everybody in.
    """
    for code, entry in document.get("customer_mappings", {}).items():
        for key in entry:
            near = difflib.get_close_matches(key.lower(), CustomerEntry.model_fields, n=1, cutoff=_NEAR)
            if near and key not in CustomerEntry.model_fields:
                path = child_path(child_path("$.customer_mappings", code), key)
                yield f"{path} is ignored; did you mean {near[0]!r}?"
