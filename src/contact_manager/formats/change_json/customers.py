"""The customers of a change, wherever their codes stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from contact_manager.domain.customer import fold_customer_code
from contact_manager.formats.change_json.reader import Found, Places, Reader, fold_key
from contact_manager.formats.plain_text import kind_of, quote

_NAMES = frozenset(map(fold_key, ("customers", "customerCodes", "affectedCustomers")))
_CODE_FORM = "a customer code has 1 to 50 letters a-z, digits and hyphens"


def read_customers(reader: Reader, holders: Places, expected: str) -> tuple[str, ...]:
    """Return the folded codes of all lists in the file's order, each once.

    Noted as problems: malformed codes, and no code at all (at the empty list, else at ``expected``).
    """
    lists = list(_lists(reader, holders))
    entries = [entry for found in lists for entry in _entries(reader, found)]
    codes = dict.fromkeys(code for entry in entries if (code := _code(reader, entry)) is not None)
    if not codes and not entries and all(isinstance(found.value, str | list) for found in lists):
        place = lists[0].path if lists else expected
        reader.refuse(place, 'there are no customer codes; name at least one, for example ["hts"]')
    return tuple(codes)


def _lists(reader: Reader, holders: Places) -> Iterator[Found]:
    folded_holders = frozenset(map(fold_key, holders))
    for found in reader.members():
        inner = reader.members(found) if fold_key(found.key) in folded_holders else ()
        yield from (one for one in (found, *inner) if one.value is not None and fold_key(one.key) in _NAMES)


def _entries(reader: Reader, found: Found) -> list[Found]:
    if isinstance(found.value, str):
        return [Found(found.path, "", code) for code in found.value.split(",") if code.strip()]
    if isinstance(found.value, list):
        return [Found(f"{found.path}[{index}]", "", code) for index, code in enumerate(found.value)]
    reader.refuse(found.path, f"must be a list of customer codes, not {kind_of(found.value)}")
    return []


def _code(reader: Reader, entry: Found) -> str | None:
    return reader.convert(entry, _folded)


def _folded(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be a customer code, not {kind_of(value)}")  # noqa: TRY004 - a problem of the input
    code = fold_customer_code(value)
    if code is None:
        raise ValueError(f"{quote(value)} is not a customer code; {_CODE_FORM}")
    return code
