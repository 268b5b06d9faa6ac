"""Which words are one slip apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contact_manager.domain.spelling import is_near


@pytest.mark.parametrize(
    ("word", "other", "near"),
    [
        ("customers", "custmers", True),
        ("customers", "customerss", True),
        ("customers", "custumers", True),
        ("customers", "cusotmers", True),
        ("customers", "customers", False),
        ("customers", "cusotmer", False),
        ("customers", "costumes", False),
        ("hts", "hst", True),
        ("hts", "cds", False),
        ("implementationstart", "implemntationstrat", True),
        ("implementationstart", "implementationstatus", False),
        ("implementationstart", "mplemntationstrat", False),
        ("", "a", True),
        ("", "ab", False),
    ],
)
def test_one_slip_is_near_and_two_are_in_long_words(word: str, other: str, near: bool) -> None:
    assert is_near(word, other) is near
    assert is_near(other, word) is near


@given(st.text("abc", min_size=1, max_size=8), st.integers(0, 7), st.sampled_from("abcd"))
def test_every_single_slip_is_near(word: str, place: int, letter: str) -> None:
    place %= len(word)
    slips = {
        word[:place] + word[place + 1 :],
        word[:place] + letter + word[place:],
        word[:place] + letter + word[place + 1 :],
        word[:place] + word[place : place + 2][::-1] + word[place + 2 :],
    }
    assert all(is_near(word, slip) for slip in slips - {word})
