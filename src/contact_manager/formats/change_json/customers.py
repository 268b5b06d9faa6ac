"""The customers of a change, wherever their codes stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from contact_manager.domain.customer import did_you_mean, fold_customer_code, nearest_codes
from contact_manager.formats.change_json.reader import Found, Places, Reader, fold_key
from contact_manager.formats.plain_text import kind_of, one_line, quote

NAMES = ("customers", "customerCodes", "affectedCustomers")
MAX_CUSTOMERS = 5_000
"""Named in one file; nobody has so many accounts with contact lists."""

_CODE_KEYS = ("code", "customerCode", "id", "value", "name", "customerName")
_FOLDED_NAMES = frozenset(map(fold_key, NAMES))
_CODE_FORM = "a customer code has 1 to 50 letters a-z, digits and hyphens"


def read_customers(
    reader: Reader, holders: Places, expected: str, configured: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the folded codes of all lists in the file's order, each once.

    An entry is a code, or an object with one. Noted as problems: malformed codes, codes that are not
    ``configured`` (names by code) and nearly are, and no code at all (at the empty list, else at
    ``expected``).
    """
    lists = list(_lists(reader, holders))
    entries = [entry for found in lists for entry in _entries(reader, found)]
    codes = dict.fromkeys(code for entry in entries if (code := _code(reader, entry, configured)) is not None)
    if not codes and not entries and all(isinstance(found.value, str | list) for found in lists):
        place = lists[0].path if lists else expected
        reader.refuse(place, 'there are no customer codes; name at least one, for example ["hts"]')
    return tuple(codes)


def _lists(reader: Reader, holders: Places) -> Iterator[Found]:
    folded_holders = frozenset(map(fold_key, holders))
    for found in reader.members():
        inner = reader.members(found) if fold_key(found.key) in folded_holders else ()
        for one in (found, *inner):
            if one.value is not None and fold_key(one.key) in _FOLDED_NAMES:
                yield one


def _entries(reader: Reader, found: Found) -> list[Found]:
    if isinstance(found.value, str):
        entries = [Found(found.path, "", code) for code in found.value.split(",") if code.strip()]
    elif isinstance(found.value, list):
        entries = [Found(f"{found.path}[{index}]", "", code) for index, code in enumerate(found.value)]
    elif isinstance(found.value, dict):
        entries = _keyed_entries(reader, found)
    else:
        reader.refuse(found.path, f"must be a list of customer codes, not {kind_of(found.value)}")
        return []
    if len(entries) > MAX_CUSTOMERS:
        reader.refuse(found.path, f"names {len(entries):,} customers; at most {MAX_CUSTOMERS:,} are read")
        return []
    return [_code_in(entry) for entry in entries]


def _keyed_entries(reader: Reader, found: Found) -> list[Found]:
    """Return the entries of an object: one customer, or one by code."""
    if _code_in(found) is not found:
        return [found]
    members = list(reader.members(found))
    if members and all(isinstance(one.value, dict) for one in members):
        return [Found(one.path, "", one.key) for one in members]
    reader.refuse(found.path, "must be a list of customer codes, or an object with one object for each code")
    return []


def _code_in(entry: Found) -> Found:
    """Return the code of an entry that is an object; what is none, as it is."""
    if not isinstance(entry.value, dict):
        return entry
    return Reader(entry.value, root=entry.path).find(_CODE_KEYS) or entry


def _code(reader: Reader, entry: Found, configured: Mapping[str, str]) -> str | None:
    return reader.convert(entry, lambda value: _folded(value, configured))


def _folded(value: Any, configured: Mapping[str, str]) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be a customer code, not {kind_of(value)}")  # noqa: TRY004 - a problem of the input
    text = one_line(value)
    near = nearest_codes(text, configured)
    if near:
        raise ValueError(did_you_mean(text, near))
    code = fold_customer_code(text)
    if code is None:
        raise ValueError(f"{quote(value)} is not a customer code; {_CODE_FORM}")
    return code
