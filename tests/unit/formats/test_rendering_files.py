"""Which template files are taken, and what is said about the others."""

from __future__ import annotations

import pytest

from contact_manager.formats.rendering import MAX_TEMPLATE_BYTES, parse_templates
from tests.fakes.worlds import change
from tests.unit.formats.template_files import FILES, FOLDER, problems_of, templates


@pytest.mark.parametrize(
    "name",
    [
        "change/subject.txt.j2",
        "change/body.html.j2",
        "change/cancellation.txt.j2",
        "announcement/body.html.j2",
        "announcement_finops/body.html.j2",
        "network-change/body.html.j2",
        "_macros.j2",
        "_shared/deep/footer.anything",
        "change/_table.html",
    ],
)
def test_a_known_name_is_taken(name: str) -> None:
    assert templates({name: "x"}).files == {name}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("change/boddy.html.j2", "did you mean 'change/body.html.j2'?"),
        ("change/body.html", "did you mean 'change/body.html.j2'?"),
        ("change/subject.html.j2", "did you mean 'change/subject.txt.j2'?"),
        ("network/cancelation.txt.j2", "did you mean 'network/cancellation.txt.j2'?"),
        ("body.html.j2", "did you mean 'change/body.html.j2'?"),
        ("Change/body.html.j2", "did you mean 'change/body.html.j2'?"),
        ("Network Change/body.html.j2", "did you mean 'network-change/body.html.j2'?"),
        ("announcement_finopps/body.html.j2", "did you mean 'announcement_finops/body.html.j2'?"),
        ("announcment_cic/body.html.j2", "did you mean 'announcement_cic/body.html.j2'?"),
        ("change/deep/body.html.j2", "did you mean 'change/body.html.j2'?"),
        (
            "README.md",
            f"known are {', '.join(FILES)}, in a folder such as change",
        ),
    ],
)
def test_any_other_name_is_refused_with_the_near_one(name: str, hint: str) -> None:
    assert problems_of(templates, {name: "x"}) == {name: f"unknown template name; {hint}"}


def test_the_problems_of_all_files_are_told_at_once() -> None:
    files = {
        "change/body.html.j2": b"<p>\n{{ change.title }",
        "change/subject.txt.j2": b"\n\n{% if %}",
        "change/cancellation.txt.j2": b"{{ change.title | shout }}",
        "_macros.j2": b"{% endmacro %}",
        "_latin.j2": b"gr\xf6\xdfe",
        "_large.j2": b"x" * (MAX_TEMPLATE_BYTES + 1),
        "change/footer.html.j2": b"{{",
        "announcement/body.html.j2": b"fine",
    }
    problems = problems_of(parse_templates, files, folder=FOLDER)
    assert problems.keys() == {
        "change/body.html.j2:2",
        "change/subject.txt.j2:3",
        "change/cancellation.txt.j2:1",
        "_macros.j2:1",
        "_latin.j2",
        "_large.j2",
        "change/footer.html.j2",
    }
    assert "No filter named 'shout'" in problems["change/cancellation.txt.j2:1"]
    assert problems["_latin.j2"] == "the file is not UTF-8 text (byte 3)"
    assert problems["_large.j2"] == "the file is larger than 256 KiB"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{{ " + "(" * 50_000 + " }}", id="deep parentheses"),
        pytest.param("{{ " + "9" * 5000 + " }}", id="an endless number"),
        pytest.param("{% for a in b %}" * 30 + "{% endfor %}" * 30, id="deep loops"),
        pytest.param("{% if a %}" * 500 + "{% endif %}" * 500, id="deep conditions"),
    ],
)
def test_what_is_too_deep_to_compile_is_a_problem_and_no_crash(text: str) -> None:
    assert list(problems_of(templates, change=text)) == ["change/body.html.j2"]


def test_the_largest_file_and_a_byte_order_mark_are_fine() -> None:
    data = b"\xef\xbb\xbf" + b"x" * (MAX_TEMPLATE_BYTES - 3)
    ours = parse_templates({"change/body.html.j2": data}, folder=FOLDER)
    assert ours.body(change()).startswith("xxx")
