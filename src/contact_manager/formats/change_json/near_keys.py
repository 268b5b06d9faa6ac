"""Keys that are nearly those that are read: what stands there is lost without a word."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache

from contact_manager.domain.spelling import is_near
from contact_manager.errors import Problem
from contact_manager.formats.change_json.customers import NAMES
from contact_manager.formats.change_json.layout import Layout
from contact_manager.formats.change_json.reader import Reader, fold_key

_MAX_KEYS = 500
"""Of one object: nobody mistypes a key in a longer one, which a program has written."""

_SHORTEST = 5
"""Shorter keys (``key``, ``time``) are near to too many others."""

_OWN_PREFIXES = ("x_", "x-", "u_", "_", "$", "@")
"""Of keys that people and ServiceNow add themselves."""

_OF_OTHERS = frozenset(
    map(
        fold_key,
        (
            "modifications meeting_metadata request_type testRun submitter submittedBy submitterEmail "
            "createdBy createdAt updatedAt approvedBy approvedAt author emailNotification "
            "customerNames customerName changeMetadata metadata schedule tickets meetingInvite meeting "
            "fields meetingType meetingName changeTime implementationState implementationStage"
        ).split(),
    )
)
"""What is read elsewhere, or is a word of its own."""


def near_keys(reader: Reader, layout: Layout, layouts: tuple[Layout, ...]) -> Iterator[Problem]:
    """Yield every unknown key that is nearly one of those that ``layout`` has in the same object."""
    known = _words(layouts)
    for holder, names in _names_by_holder(layout).items():
        found = reader.find((holder,)) if holder else reader.root
        if found is None or not isinstance(found.value, dict) or len(found.value) > _MAX_KEYS:
            continue
        for member in reader.members(found):
            word = fold_key(member.key)
            if len(word) < _SHORTEST or word in known or member.key.startswith(_OWN_PREFIXES):
                continue
            near = next((name for name in names if _is_slip(word, fold_key(name))), None)
            if near is not None:
                yield Problem(member.path, f"the key is unknown and not read; did you mean {near!r}?")


def _is_slip(word: str, name: str) -> bool:
    """Whether it is mistyped; a plural is another word."""
    return len(name) >= _SHORTEST and word != f"{name}s" and is_near(word, name)


@lru_cache(maxsize=8)
def _names_by_holder(layout: Layout) -> dict[str, list[str]]:
    names: dict[str, list[str]] = defaultdict(list)
    for place in sorted(layout.places):
        holder, _, name = place.rpartition(".")
        names[holder].append(name)
    for holder in ("", *layout.customer_holders):
        names[holder] += NAMES
    return dict(names)


@lru_cache(maxsize=1)
def _words(layouts: tuple[Layout, ...]) -> frozenset[str]:
    places = (place for layout in layouts for place in layout.places)
    return (
        frozenset(fold_key(word) for place in places for word in place.split("."))
        | _OF_OTHERS
        | {fold_key(name) for name in NAMES}
    )
