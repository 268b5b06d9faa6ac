"""The people whom the author of a change names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from contact_manager.domain.change import AttendeeRole, ManualAttendee
from contact_manager.domain.email_address import fold_address
from contact_manager.formats.change_json.reader import Found, Places, Reader
from contact_manager.formats.plain_text import kind_of, one_line, quote

_ADDRESS, _ROLE = ("address", "email", "mail", "emailAddress.address", "emailAddress"), ("role", "type")
_ROLES = {"required": AttendeeRole.REQUIRED, "optional": AttendeeRole.OPTIONAL}
MAX_PEOPLE = 5_000
"""Named in one file: more than one meeting can have at any vendor."""

_TOKEN = re.compile(r'"[^"]*"|<[^<>]*>|[,;]|[^,;"<]+|["<]')
_IN_BRACKETS = re.compile(r"<([^<>]*)>$")


def read_attendees(reader: Reader, groups: tuple[Places, ...]) -> tuple[ManualAttendee, ...]:
    """Return the people of the first group of places that names any, in the file's order, each once.

    A person is a text (``Name <address>`` or the address alone) or an object with an address and a role;
    one text may name several, with commas or semicolons between them. Addresses stay as written.
    """
    people = [person for found in _given(reader, groups) for person in _people(reader, found)]
    return tuple(dict.fromkeys(people))


def read_optional(reader: Reader, groups: tuple[Places, ...]) -> tuple[ManualAttendee, ...]:
    """Return the people who need not come: addresses only, written as those of attendees are.

    Noted as problems: everything that is no address.
    """
    entries = [entry for found in _given(reader, groups) for entry in _entries(reader, found)]
    addresses = [reader.convert(entry, _checked_address) for entry in entries if not _is_blank(entry)]
    return tuple(ManualAttendee(one, AttendeeRole.OPTIONAL) for one in addresses if one is not None)


def find_addresses(value: Any) -> Iterator[str]:
    """Yield the addresses in what another program wrote: a text, or a list of texts and objects.

    An object has an ``address``, ``email`` or ``emailAddress``; the latter may be an object itself. What has
    none is left out.
    """
    people = _split(value) if isinstance(value, str) else value if isinstance(value, list) else ()
    for person in people:
        try:
            address = _address(_innermost_address(person))
        except ValueError:
            continue
        if address:
            yield address


def _innermost_address(person: Any) -> Any:
    while isinstance(person, dict):
        found = Reader(person).find((*_ADDRESS, "emailAddress"))
        person = found.value if found else None
    return person


def _given(reader: Reader, groups: tuple[Places, ...]) -> list[Found]:
    """Return what stands at the places of the first group that says anything."""
    for places in groups:
        given = [found for place in places if (found := reader.find((place,))) is not None]
        if given:
            return given
    return []


def _people(reader: Reader, found: Found) -> Iterator[ManualAttendee]:
    for entry in _entries(reader, found):
        person = _person(reader, entry)
        if person is not None and person.address:
            yield person


def _entries(reader: Reader, found: Found) -> list[Found]:
    if isinstance(found.value, str):
        entries = [Found(found.path, "", text) for text in _split(found.value)]
    elif isinstance(found.value, list):
        entries = [Found(f"{found.path}[{index}]", "", person) for index, person in enumerate(found.value)]
    else:
        reader.refuse(found.path, f"must be a list of people, not {kind_of(found.value)}")
        return []
    if len(entries) > MAX_PEOPLE:
        reader.refuse(found.path, f"names {len(entries):,} people; at most {MAX_PEOPLE:,} are read")
        return []
    return entries


def _person(reader: Reader, entry: Found) -> ManualAttendee | None:
    if not isinstance(entry.value, dict):
        address = reader.convert(entry, _address)
        return None if address is None else ManualAttendee(address)
    person = Reader(entry.value, root=entry.path)
    address = person.read(_ADDRESS, _address)
    role = person.read(_ROLE, _role) or AttendeeRole.REQUIRED
    if person.find(_ADDRESS) is None:
        person.refuse(person.path(_ADDRESS), "there is no address")
    reader.problems.extend(person.problems)
    return None if address is None else ManualAttendee(address, role)


def _address(value: Any) -> str:
    text = one_line(value)
    match = _IN_BRACKETS.search(text)
    return (match[1] if match else text).strip()


def _is_blank(entry: Found) -> bool:
    return isinstance(entry.value, str) and not entry.value.strip()


def _checked_address(value: Any) -> str:
    address = _address(value)
    if fold_address(address) is None:
        raise ValueError(f"{quote(one_line(value))} is not an e-mail address")
    return address


def _role(value: Any) -> AttendeeRole:
    word = one_line(value).lower()
    if word not in _ROLES:
        raise ValueError(f"must be 'required' or 'optional', not {quote(word)}")
    return _ROLES[word]


def _split(text: str) -> list[str]:
    """Return the parts between commas and semicolons that stand in neither quotes nor angle brackets."""
    separators = [match.span() for match in _TOKEN.finditer(text) if match[0] in {",", ";"}]
    starts = [0, *(end for _, end in separators)]
    ends = [*(start for start, _ in separators), len(text)]
    parts = (text[start:end] for start, end in zip(starts, ends, strict=True))
    return [part for part in parts if part.strip()]
