"""Looking for values in a JSON object by name, and remembering everything that is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from contact_manager.errors import Problem
from contact_manager.formats.json_document import child_path
from contact_manager.formats.plain_text import kind_of

Places = tuple[str, ...]
"""Where a value may stand, best first: ``("changeTitle", "metadata.title")``."""

T = TypeVar("T")

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


class Reader:
    """A JSON object with its open questions: ``problems`` to mend and ``warnings`` to know.

    A value that is null, or a text of nothing but white space, counts as not given.
    """

    def __init__(self, document: dict[str, Any], *, root: str = "$") -> None:
        self.document = document
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self._root = Found(root, "", document)
        self._keys: dict[str, dict[str, list[str]]] = {}

    def find(self, places: Places) -> Found | None:
        """Return the first value that is given at one of the places."""
        return next((found for place in places if (found := self._at(place)) is not None), None)

    def path(self, places: Places) -> str:
        """Return where the value stands, or where it is expected if it is not given."""
        found = self.find(places)
        return found.path if found else f"{self._root.path}.{places[0]}"

    def read(self, places: Places, convert: Callable[[Any], T]) -> T | None:
        """Return the converted value; None if it is not given, or wrong and noted as a problem."""
        found = self.find(places)
        return self.convert(found, convert) if found else None

    def convert(self, found: Found, convert: Callable[[Any], T]) -> T | None:
        """Return the value converted; what the converter says in a ValueError becomes a problem."""
        try:
            return convert(found.value)
        except ValueError as exc:
            self.refuse(found.path, str(exc))
            return None

    def members(self, parent: Found | None = None) -> Iterator[Found]:
        """Yield what an object holds, in the file's order; of the whole document without ``parent``."""
        holder = parent or self._root
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
            found = self._at(place)
            if found is not None and not isinstance(found.value, dict):
                self.refuse(found.path, f"must be an object, not {kind_of(found.value)}")

    def _at(self, place: str) -> Found | None:
        found: Found | None = self._root
        for name in place.split("."):
            if found is None or not isinstance(found.value, dict):
                return None
            found = self._member(found, name)
        return found

    def _member(self, parent: Found, name: str) -> Found | None:
        spellings = self._spellings(parent).get(fold_key(name), [])
        for key in sorted(spellings, key=lambda key: key != name):  # the exact one first
            if _is_given(parent.value[key]):
                return Found(child_path(parent.path, key), key, parent.value[key])
        return None

    def _spellings(self, parent: Found) -> dict[str, list[str]]:
        if parent.path not in self._keys:
            index: dict[str, list[str]] = {}
            for key in parent.value:
                index.setdefault(fold_key(key), []).append(key)
            self._keys[parent.path] = index
        return self._keys[parent.path]


def _is_given(value: Any) -> bool:
    return value is not None and not (isinstance(value, str) and not value.strip())
