"""How far apart two words are, for people who mistype one."""

from __future__ import annotations

_TOLERANT_LENGTH = 12
"""From here on a word is long enough that a second slip still leaves no doubt which one is meant."""


def is_near(word: str, other: str) -> bool:
    """Return whether one slip makes the one word of the other, or two slips in long ones.

    A slip is a letter too many, too few, another one, or two neighbours in the wrong order.
    """
    allowed = 1 if min(len(word), len(other)) < _TOLERANT_LENGTH else 2
    return word != other and abs(len(word) - len(other)) <= allowed and _slips(word, other) <= allowed


def _slips(word: str, other: str) -> int:
    """Return the distance of optimal string alignment (Damerau-Levenshtein without edits in between)."""
    before, row = list[int](), list(range(len(other) + 1))
    for i, letter in enumerate(word, 1):
        above, row = row, [i]
        for j, target in enumerate(other, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != target))
            is_swapped = i > 1 and j > 1 and letter == other[j - 2] and word[i - 2] == target
            row.append(min(cost, before[j - 2] + 1) if is_swapped else cost)
        before = above
    return row[-1]
