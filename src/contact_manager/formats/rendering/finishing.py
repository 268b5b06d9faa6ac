"""From what a template gives to the text that is sent.

Each function raises ValueError with a sentence for the author of the template.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from contact_manager.domain.change import MAX_SUBJECT_LENGTH, subject_length
from contact_manager.formats.plain_text import quote, without_control
from contact_manager.formats.rendering.fragment import check_fragment
from contact_manager.formats.rendering.names import TemplateFile

_TAG = re.compile(r"<(?=[A-Za-z/!?])")


def _subject(text: str) -> str:
    line = _one_line(text)
    length = subject_length(line)
    if length > MAX_SUBJECT_LENGTH:
        raise ValueError(f"the subject {quote(line)} has {length} characters; {MAX_SUBJECT_LENGTH} fit")
    return line


def _body(text: str) -> str:
    body = without_control(text).strip()
    check_fragment(body)
    return body


def _comment(text: str) -> str:
    """Put a space after what could begin a tag: how Graph reads a comment is not documented.

    As plain text it reads the same, and as HTML it stays text.
    """
    return _TAG.sub("< ", _one_line(text))


def _one_line(text: str) -> str:
    return " ".join(without_control(text).split())


_FINISH: Mapping[TemplateFile, Callable[[str], str]] = {
    TemplateFile.SUBJECT: _subject,
    TemplateFile.BODY: _body,
    TemplateFile.CANCELLATION: _comment,
}


def finish(file: TemplateFile, text: str) -> str:
    """Return the text as it may be sent: never empty, subject and cancellation on one line.

    Raises:
        ValueError: It cannot be sent.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("the text holds half of a character (a lone surrogate)") from None
    finished = _FINISH[file](text)
    if not finished:
        raise ValueError("the text is empty")
    return finished
