"""Looking for values in a JSON object by name, and remembering everything that is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from contact_manager.errors import Problem
from contact_manager.formats.json_document import child_path
from contact_manager.formats.plain_text import kind_of, quote

Places = tuple[str, ...]
"""Where a value may stand, best first: ``("changeTitle", "metadata.title")``."""

T = TypeVar("T")

SHOWN, STORED = "display_value", "value"
"""The two halves of a ServiceNow field that is read with ``sysparm_display_value=all`` (Table API)."""

_PAIR = frozenset({SHOWN, STORED, "link"})
_IGNORED_IN_KEYS = str.maketrans("", "", "_- ")


def fold_key(key: str) -> str:
    """Return the key without case, ``_``, ``-`` and spaces: ``customer_codes`` is ``customerCodes``."""
    return key.translate(_IGNORED_IN_KEYS).lower()


@dataclass(frozen=True, slots=True)
class Found:
    """A value and the JSON path at which it stands; ``key`` is its name as written."""

    path: str
    key: str
    value: Any

    @property
    def quoted(self) -> str:
        """The value as it may stand in a message, with its path."""
        return f"{self.path} {quote(self.value) if isinstance(self.value, str) else str(self.value)[:20]}"


class Reader:
    """A JSON object with its open questions: ``problems`` to mend and ``warnings`` to know.

    A value that is null, or a text of nothing but white space, counts as not given. Of a pair of what is
    shown and what is stored, the first is the value.
    """

    def __init__(self, document: dict[str, Any], *, root: str = "$") -> None:
        self.document = document
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self.root = Found(root, "", document)
        self._keys: dict[str, dict[str, list[str]]] = {}

    def find(self, places: Places, *, half: str = SHOWN) -> Found | None:
        """Return the first value that is given at one of the places; of a pair that half."""
        return next((found for place in places if (found := self._at(place, half)) is not None), None)

    def find_all(self, places: Places) -> list[Found]:
        """Return what is given at any of the places."""
        return [found for place in places if (found := self._at(place, SHOWN)) is not None]

    def aside(self) -> Reader:
        """Return a reader of the same object whose problems and warnings nobody reads."""
        other = Reader(self.document, root=self.root.path)
        other._keys = self._keys
        return other

    def path(self, places: Places) -> str:
        """Return where the value stands, or where it is expected if it is not given."""
        found = self.find(places)
        return found.path if found else f"{self.root.path}.{places[0]}"

    def read(self, places: Places, convert: Callable[[Any], T]) -> T | None:
        """Return the converted value; None if it is not given, or wrong and noted as a problem."""
        found = self.find(places)
        return self.convert(found, convert) if found else None

    def read_agreed(self, places: Places, convert: Callable[[Any], T]) -> T | None:
        """Return the same as ``read``, with a warning for every other place that says something else."""
        return self.convert_agreed(self.find_all(places), convert)

    def convert_agreed(self, given: list[Found], convert: Callable[[Any], T]) -> T | None:
        """Return the first value converted, with a warning for every other that says something else."""
        value = self.convert(given[0], convert) if given else None
        for other in given[1:]:
            said = self.aside().convert(other, convert)
            if said is not None and value is not None and said != value:
                self.contradict(given[0], other)
        return value

    def read_usable(self, places: Places, convert: Callable[[Any], T]) -> T | None:
        """Return the first value that can be converted; what cannot is left aside."""
        aside = self.aside()
        values = (aside.convert(found, convert) for found in self.find_all(places))
        return next((value for value in values if value is not None), None)

    def contradict(self, used: Found, other: Found) -> None:
        """Warn that two values do not agree."""
        self.warn(used.path, f"{used.quoted} and {other.quoted} contradict each other; {used.path} is used")

    def convert(self, found: Found, convert: Callable[[Any], T]) -> T | None:
        """Return the value converted; what the converter says in a ValueError becomes a problem."""
        try:
            return convert(found.value)
        except ValueError as exc:
            self.refuse(found.path, str(exc))
            return None

    def members(self, parent: Found | None = None) -> Iterator[Found]:
        """Yield what an object holds, in the file's order; of the whole document without ``parent``."""
        holder = parent or self.root
        if isinstance(holder.value, dict):
            for key, value in holder.value.items():
                yield Found(child_path(holder.path, key), key, value)

    def refuse(self, path: str, message: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(path, message))

    def warn(self, path: str, message: str) -> None:
        """Note something that was decided for the author."""
        self.warnings.append(f"{path}: {message}")

    def require_objects(self, places: Places) -> None:
        """Note a problem for each of the places at which something else than an object stands."""
        for place in places:
            found = self._at(place, SHOWN)
            if found is not None and not isinstance(found.value, dict):
                self.refuse(found.path, f"must be an object, not {kind_of(found.value)}")

    def _at(self, place: str, half: str) -> Found | None:
        found: Found | None = self.root
        for name in place.split("."):
            if found is None or not isinstance(found.value, dict):
                return None
            found = self._member(found, name, half)
        return found

    def _member(self, parent: Found, name: str, half: str) -> Found | None:
        spellings = self._spellings(parent).get(fold_key(name), [])
        for key in sorted(spellings, key=lambda key: key != name):  # the exact one first
            found = _half_of(Found(child_path(parent.path, key), key, parent.value[key]), half)
            if is_given(found.value):
                return found
        return None

    def _spellings(self, parent: Found) -> dict[str, list[str]]:
        if parent.path not in self._keys:
            index: dict[str, list[str]] = {}
            for key in parent.value:
                index.setdefault(fold_key(key), []).append(key)
            self._keys[parent.path] = index
        return self._keys[parent.path]


def is_given(value: Any) -> bool:
    """Return whether a value says anything."""
    return value is not None and not (isinstance(value, str) and not value.strip())


def _half_of(found: Found, half: str) -> Found:
    """Return one half of a pair, or the other one when it is empty; what is no pair, as it is."""
    value = found.value
    if not (isinstance(value, dict) and value and value.keys() <= _PAIR) or value.keys() == {"link"}:
        return found
    key = half if is_given(value.get(half)) else SHOWN if half == STORED else STORED
    return Found(child_path(found.path, key), found.key, value.get(key))
