"""Texts that try to drive a terminal or to forge a line, and what must not reach one."""

from __future__ import annotations

import re
import unicodedata

FORGED = "error: forged by data"

CONTROL = "\x1b[31m\x1b]0;title\x07\x08\r\x7f\x9b2J\x85"
HIDDEN = "\u2028\u2029\u202e\u2066\u200e\u200f\u061c\u200b\u2060\ufeff\U000e0041\uffff"
MARKUP = "[red]:smile:[link=http://x.example]x[/link][/nothing]"
HOSTILE = f'a" customer=b{CONTROL}{HIDDEN}{MARKUP}\n{FORGED}'
"""For a terminal; as an argument too, because it is UTF-8 and holds neither NUL nor a slash of a path."""

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_DRIVING = frozenset({"Cc", "Cf", "Cn", "Cs", "Zl", "Zp"})
_OURS = "\n"
_JOINERS = "\u200c\u200d"
"""Scripts and emoji need them."""


def forbidden(shown: str) -> set[str]:
    """Return the characters of an output that must not be in it; our own colours and line ends may be."""
    return {
        f"U+{ord(one):04X}"
        for one in _COLOURS.sub("", shown)
        if unicodedata.category(one) in _DRIVING and one not in _OURS + _JOINERS
    }


def forged_lines(shown: str) -> list[str]:
    """Return the lines of an output that data has begun."""
    return [line for line in _COLOURS.sub("", shown).split("\n") if line.startswith(FORGED)]
