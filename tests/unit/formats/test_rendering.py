"""The texts of a meeting, built-in and by the operator's templates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from contact_manager.domain.change import ChangeKind, MeetingRequest
from contact_manager.formats.rendering import Templates, check_templates
from tests.fakes.worlds import change
from tests.unit.formats.change_files import EXAMPLES, read
from tests.unit.formats.template_files import FILES, problems_of, templates

FLAT = read((EXAMPLES / "flat.json").read_bytes())
FINOPS = read((EXAMPLES / "announcement-finops.json").read_bytes())


class TestBuiltIn:
    def test_the_subject_is_the_change_s_own(self) -> None:
        assert Templates().subject(FLAT) == FLAT.subject

    def test_the_body_tells_the_change_with_every_value_escaped(self) -> None:
        body = Templates().body(replace(FLAT, title="<script>alert(1)</script>", reason="one\ntwo & three"))
        assert "<h2>&lt;script&gt;alert(1)&lt;/script&gt;</h2>" in body
        assert "one<br>\ntwo &amp; three" in body
        assert "Tickets:</b> CHG0042042, NET-4242" in body

    def test_an_announcement_has_its_own_text(self) -> None:
        body = Templates().body(FINOPS)
        assert "savings plans" in body
        assert "Announcement FIN-2031-007" in body

    def test_a_cancellation_is_one_line_of_plain_text(self) -> None:
        told = Templates().cancellation(replace(FLAT, change_id="R&D <b>1</b>"))
        assert told == "The change R&D < b>1< /b> has been cancelled. This meeting will not take place."

    def test_the_same_change_always_gives_the_same_text(self) -> None:
        assert Templates().body(FLAT) == Templates().body(read((EXAMPLES / "nested.json").read_bytes()))


class TestLookup:
    FOLDERS = ("network", "change", "announcement_finops", "announcement")

    @pytest.mark.parametrize(
        ("kind", "change_type", "there", "used"),
        [
            (ChangeKind.CHANGE, "network", FOLDERS, "network"),
            (ChangeKind.CHANGE, "database", FOLDERS, "change"),
            (ChangeKind.CHANGE, "", FOLDERS, "change"),
            (ChangeKind.CHANGE, "network", ("change",), "change"),
            (ChangeKind.CHANGE, "network", ("announcement",), None),
            (ChangeKind.FINOPS, "", FOLDERS, "announcement_finops"),
            (ChangeKind.CIC, "", FOLDERS, "announcement"),
            (ChangeKind.FINOPS, "network", ("network", "change"), None),
        ],
    )
    def test_the_nearest_folder_counts_then_the_general_one_then_the_built_in(
        self, kind: ChangeKind, change_type: str, there: tuple[str, ...], used: str | None
    ) -> None:
        ours = templates({f"{folder}/body.html.j2": f"<p>{folder}</p>" for folder in there})
        text = ours.body(change(kind=kind, change_type=change_type))
        assert text == f"<p>{used}</p>" if used else text.startswith("<h2>Database upgrade</h2>")

    def test_each_file_is_looked_up_on_its_own(self) -> None:
        ours = templates(
            {"network/subject.txt.j2": "Network: {{ subject }}", "change/cancellation.txt.j2": "Off."}
        )
        network = change(change_type="network")
        assert ours.subject(network) == "Network: Change Implementation: Database upgrade"
        assert ours.cancellation(network) == "Off."
        assert ours.body(network) == Templates().body(network)
        assert ours.subject(change()) == "Change Implementation: Database upgrade"

    def test_the_names_in_use_are_those_of_texts_and_not_of_partials(self) -> None:
        ours = templates({"_row.html.j2": "", "change/_x.j2": "", "_more/y": "", "change/body.html.j2": "b"})
        assert ours.names == ("change/body.html.j2",)


class TestContext:
    @pytest.mark.parametrize(
        ("template", "text"),
        [
            ("{{ change.change_id }} {{ change.kind }}", "CHG-1 change"),
            ("{{ change.customers | join(', ') }}", "hts, acme"),
            ("{{ change.implementation_start.strftime('%d %b %Y, %H:%M %Z') }}", "14 Jan 2031, 18:00 EST"),
            ("{{ change.meeting_start.isoformat() }}", "2031-01-14T18:00:00-05:00"),
            ("{{ change.record.team | default('nobody') }}", "nobody"),
            ("{{ change.record.owner.name }}", "Ann &amp; Bo"),
            ("{{ subject }}", "Change Implementation: Database upgrade"),
            ("{{ 'a\n<b>' | lines }}", "a<br>\n&lt;b&gt;"),
            ("{{ 5 | lines }}", "5"),
            ("{% if false %}\n{% endif %}\n  <p>x</p>\n", "<p>x</p>"),
        ],
    )
    def test_a_template_sees_the_change_and_its_subject(self, template: str, text: str) -> None:
        seen = change("hts", "acme", record={"owner": {"name": "Ann & Bo"}})
        assert templates(change=template).body(seen) == text

    def test_partials_are_included_and_imported_by_their_names_from_the_top(self) -> None:
        ours = templates(
            {
                "_macros.j2": "{% macro bold(text) %}<b>{{ text }}</b>{% endmacro %}",
                "_shared/footer.html.j2": "<hr>{{ change.title }}",
            },
            change="{% from '_macros.j2' import bold %}{{ bold(change.title) }}"
            "{% include '_shared/footer.html.j2' %}",
        )
        assert ours.body(change(title="A & B")) == "<b>A &amp; B</b><hr>A &amp; B"

    def test_what_is_escaped_depends_on_the_text_that_is_made_and_not_on_the_partial(self) -> None:
        ours = templates(
            {
                "_title.txt.j2": "{{ change.title }}",
                "_macros.txt.j2": "{% macro title() %}{{ change.title }}{% endmacro %}",
                "change/subject.txt.j2": "{% include '_title.txt.j2' %}",
            },
            change="{% include '_title.txt.j2' %}{% import '_macros.txt.j2' as m with context %}"
            "{{ m.title() }}",
        )
        hostile = change(title="<b>&")
        assert ours.subject(hostile) == "<b>&"
        assert ours.body(hostile) == "&lt;b&gt;&amp;" * 2


class TestSubject:
    def test_it_is_folded_to_one_line_without_control_characters(self) -> None:
        ours = templates({"change/subject.txt.j2": "\n a\t{{ change.record.x }}\r\n\u2028 b \n"})
        assert ours.subject(change(record={"x": "c\x00\x1b[31m\x9bd"})) == "a c[31md b"

    def test_lines_are_for_html_and_do_nothing_here(self) -> None:
        assert templates({"change/subject.txt.j2": "{{ 'a\n&b' | lines }}"}).subject(change()) == "a &b"

    def test_255_utf_16_units_fit_and_no_more(self) -> None:
        ours = templates({"change/subject.txt.j2": "{{ change.title }}"})
        assert ours.subject(change(title="😀" * 127 + "x")) == "😀" * 127 + "x"
        problems = problems_of(ours.subject, change(title="😀" * 128))
        assert "256 characters; 255 fit" in problems["change/subject.txt.j2"]

    @pytest.mark.parametrize("text", ["", " \n", "{% if false %}x{% endif %}", "{{ '\x00' }}"])
    def test_an_empty_one_is_refused(self, text: str) -> None:
        problems = problems_of(templates({"change/subject.txt.j2": text}).subject, change())
        assert problems == {"change/subject.txt.j2": "the text is empty"}

    def test_half_a_character_is_refused(self) -> None:
        ours = templates({"change/subject.txt.j2": r"{{ '\ud83d' }}"})
        assert "surrogate" in problems_of(ours.subject, change())["change/subject.txt.j2"]


class TestBody:
    @pytest.mark.parametrize(
        "html",
        [
            "plain text",
            "<p>a<br>b<br/></p><hr><img src='x'>",
            "<!-- <div> --><table><tr><td>x</td></tr></table>",
            "<P>case</p>",
            "a < b & c > d &lt;div&gt;",
        ],
    )
    def test_a_fragment_of_html_is_fine(self, html: str) -> None:
        assert templates(change=html).body(change()) == html

    @pytest.mark.parametrize(
        ("html", "part"),
        [
            ("<div>", "<div> is not closed"),
            ("<table><tr><td>x</div>", "<td> is not closed"),
            ("</div>", "closes nothing"),
            ("</div><div>", "closes nothing"),
            ("<p>a</b></p>", "<p> is not closed before it"),
            ("</b>", "nothing is open there"),
            ("<div/>", "<div> is not closed"),
            ("<!-- x", "is not closed"),
            ("<a href='x>text</a>", "is not balanced"),
            ("<style>p {", "is not closed"),
            ("<![foo bar", "HTML"),
            ("<html><body>x</body></html>", "leave out <html>"),
            (" \n", "empty"),
        ],
    )
    def test_what_could_reach_out_of_our_part_of_the_entry_is_refused(self, html: str, part: str) -> None:
        assert part in problems_of(templates(change=html).body, change())["change/body.html.j2"]


class TestTroubles:
    @pytest.mark.parametrize(
        ("template", "line", "part"),
        [
            ("\n{{ chnage.title }}", 2, "'chnage' is undefined"),
            ("{{ change.titel }}", 1, "titel"),
            ("a\nb\n{{ change.meeting.start.year }}", 3, "None"),
            ("{{ change.record.owner }}", 1, "owner"),
            ("\n\n{{ 1 / 0 }}", 3, "division by zero"),
            ("{{ change.title + 1 }}", 1, "str"),
            ("{{ change.customers[5] }}", 1, "5"),
            ("\n{% include 'gone.j2' %}", 2, "there is no template 'gone.j2'"),
            ("{% include ['a', 'b'] %}", 1, "there is no template 'a' or 'b'"),
            ("\n{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", 2, "recursion"),
        ],
    )
    def test_an_error_while_rendering_is_told_with_its_line(
        self, template: str, line: int, part: str
    ) -> None:
        problems = problems_of(templates(change=template).body, change())
        assert list(problems) == [f"change/body.html.j2:{line}"]
        assert part in problems[f"change/body.html.j2:{line}"]

    def test_an_error_in_a_partial_is_told_where_it_is(self) -> None:
        ours = templates({"_x.j2": "\n\n{{ nobody }}"}, change="{% include '_x.j2' %}")
        assert problems_of(ours.body, change()) == {"_x.j2:3": "'nobody' is undefined"}

    def test_a_message_is_one_short_line(self) -> None:
        ours = templates(change="{{ change.record[change.title] }}")
        [message] = problems_of(ours.body, change(title="\x1b[31m\n" + "x" * 1000)).values()
        assert len(message) < 310
        assert message.isprintable()


class TestChecking:
    def test_good_templates_pass_in_every_folder(self) -> None:
        good = "{{ change.title }} {{ change.record.team | default('') }} {{ change.meeting_start.year }}"
        folders = ("network", "change", "announcement", "announcement_cic")
        files = {f"{folder}/{file}": good for folder in folders for file in FILES}
        check_templates(templates(files | {"_x.j2": "{{ nobody }}"}))

    def test_every_unknown_name_is_told_at_once_with_the_sample(self) -> None:
        ours = templates(
            {
                "change/subject.txt.j2": "{{ titel }}",
                "network/cancellation.txt.j2": "\n{{ change.record.team }}",
                "announcement/body.html.j2": "{{ change.implementation_start.year }}",
            },
            change="{{ change.implementation_start.year }}",
        )
        problems = problems_of(check_templates, ours)
        everything, least = "(tried with a change that says everything)", "says only what it must)"
        assert problems["change/subject.txt.j2:1"] == f"'titel' is undefined {everything}"
        assert problems["change/body.html.j2:1"].endswith(least)
        assert problems["announcement/body.html.j2:1"].endswith(everything)
        assert "team" in problems["network/cancellation.txt.j2:2"]
        assert len(problems) == 4

    def test_the_type_of_the_sample_is_the_folder_s(self) -> None:
        check_templates(templates(network="{{ {'network': 1, '': 1}[change.change_type] }}"))
        check_templates(templates(announcement="{{ change.kind }}{{ change.content }}", announcement_cic="x"))


def test_a_meeting_title_is_the_subject_a_template_starts_from() -> None:
    titled: dict[str, Any] = {"meeting": MeetingRequest(title="Bridge call")}
    ours = templates({"change/subject.txt.j2": "[{{ change.change_id }}] {{ subject }}"})
    assert ours.subject(change(**titled)) == "[CHG-1] Bridge call"
