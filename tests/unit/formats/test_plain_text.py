"""What comes from data is shown, and does nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contact_manager.formats.plain_text import log_values, printable, printable_json
from tests.fakes.hostile import forbidden

ANY_TEXT = st.text(st.characters(), max_size=50)  # lone surrogates too


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("plain", "plain", id="plain"),
        pytest.param("a\nb\tc\rd", r"a\nb\tc\rd", id="line ends and tabs"),
        pytest.param("\x1b[31m\x07\x7f", r"\x1b[31m\x07\x7f", id="C0 and DEL"),
        pytest.param("\x85\x9b2J", r"\x85\x9b2J", id="C1"),
        pytest.param("\u2028\u2029", r"\u2028\u2029", id="separators"),
        pytest.param(
            "\u202e\u2066\u2069\u200e\u200f\u061c", r"\u202e\u2066\u2069\u200e\u200f\u061c", id="bidi"
        ),
        pytest.param("\u200b\u2060\ufeff\xad", r"\u200b\u2060\ufeff\xad", id="no width"),
        pytest.param("\U000e0041\U000e007f", r"\U000e0041\U000e007f", id="tags"),
        pytest.param("\ud800\uffff\ufdd0", r"\ud800\uffff\ufdd0", id="no characters"),
        pytest.param("שלום עולם - مرحبا", "שלום עולם - مرحبا", id="right to left"),
        pytest.param("👩‍👩‍👧‍👦 ❤️ 🫩", "👩‍👩‍👧‍👦 ❤️ 🫩", id="emoji, newer ones too"),
        pytest.param("می‌خواهم क्‍ष", "می‌خواهم क्‍ष", id="joiners of scripts"),
        pytest.param("10\xa0000 日本　語", "10\xa0000 日本　語", id="spaces"),
        pytest.param(r"C:\new [red] :smile:", r"C:\new [red] :smile:", id="what only looks like something"),
    ],
)
def test_a_text_is_shown_as_it_is_and_what_is_hidden_as_an_escape(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(ANY_TEXT)
def test_no_text_has_anything_in_it_that_a_terminal_obeys(text: str) -> None:
    shown = printable(text)
    assert forbidden(shown) <= newer_emoji(text)
    assert "\n" not in shown


def newer_emoji(text: str) -> set[str]:
    return {f"U+{ord(one):04X}" for one in text if 0x1F000 <= ord(one) < 0x1FB00}


@given(ANY_TEXT)
def test_escaped_json_has_the_same_value(text: str) -> None:
    shown = printable_json(json.dumps({text: [text]}, ensure_ascii=False, indent=1))
    assert json.loads(shown) == {text: [text]}
    assert printable(shown.replace("\n", "")) == shown.replace("\n", "")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("CHG-1", "CHG-1"),
        (7, "7"),
        (None, "None"),
        ("", '""'),
        ("a b", '"a b"'),
        ("a customer=b", '"a customer=b"'),
        ('a" customer="b', r'"a\" customer=\"b"'),
        ("a=b", '"a=b"'),
        ("a\nb", '"a\nb"'),
        ("a\u2003b", '"a\u2003b"'),
        ("\\", r'"\\"'),
        (ValueError("no such thing"), '"no such thing"'),
    ],
)
def test_a_value_of_a_log_line_stays_one_value(value: object, shown: str) -> None:
    values = log_values((value,))
    assert isinstance(values, tuple)
    assert [str(one) for one in values] == [shown]


def test_named_values_of_a_log_line_are_left_to_their_own() -> None:
    values: Mapping[str, object] = {"x": "a b"}
    assert log_values(values) is values
    assert log_values(None) is None
