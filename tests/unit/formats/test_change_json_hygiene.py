"""Bytes that are no change file, and texts that try to be more than text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contact_manager.domain.notification import NotificationKind
from contact_manager.errors import InvalidChangeError
from contact_manager.formats.change_json import MAX_CHANGE_BYTES, parse_change
from contact_manager.formats.change_json.attendees import MAX_PEOPLE
from contact_manager.formats.change_json.customers import MAX_CUSTOMERS
from contact_manager.formats.json_document import MAX_DEPTH, MAX_PROBLEMS
from contact_manager.formats.plain_text import MAX_TEXT_BYTES
from contact_manager.formats.rendering import Templates
from contact_manager.formats.rendering.mails import MailContext, render_mail
from tests.unit.formats.change_files import FIXTURES, announcement, flat, nested, problems_of, read

HIDDEN = [
    *"\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff",
    *"\U000e0001\U000e0041\U000e007f",
]
ONE_LINE = [
    "changeTitle",
    "changeId",
    "meetingTitle",
    "meetingLocation",
    "snowTicket",
    "jiraTicket",
    "status",
    "version",
]
GOOD = json.dumps(flat()).encode()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "the file is empty", id="empty"),
        pytest.param(b" \n\t", "the file is empty", id="white space"),
        pytest.param(b"\xef\xbb\xbf", "the file is empty", id="only a byte order mark"),
        pytest.param(b'{"changeTitle": "caf\xe9"}', "not UTF-8 text (byte 21)", id="Latin-1"),
        pytest.param(b'{"changeTitle": "caf\xe9"}', "Latin-1, where this is 'é'; save it as UTF-8", id="é"),
        pytest.param(b'\xff\xfe{\x00"\x00\x00\xd8"\x00', "UTF-16 and is not (byte 7)", id="half of an emoji"),
        pytest.param("{".encode("utf-16"), "seems to be cut off", id="UTF-16, cut off"),
        pytest.param('{"a": "é"'.encode("utf-16")[:-1], "seems to be cut off", id="UTF-16, cut within é"),
        pytest.param(b"\xff\xfe", "the file is empty", id="only a mark of UTF-16"),
        pytest.param(b'{"a": 1, // note\n"b": 2}', "JSON has no comments", id="a comment"),
        pytest.param(b'# note\n{"a": 1}', "JSON has no comments", id="a comment at the top"),
        pytest.param("{“a”: 1}".encode(), "a typographic quotation mark", id="typographic quotes"),
        pytest.param(b'{"a": 1,}', "trailing comma", id="a trailing comma"),
        pytest.param(b"changeTitle: x\ncustomers: [hts]", "looks like YAML", id="YAML"),
        pytest.param(b'{"a": True}', "write true, false or null", id="Python"),
        pytest.param(
            GOOD[:-1], f"line 1, column {len(GOOD)}: the file seems to be cut off", id="no last brace"
        ),
        pytest.param(b'{"a": tru', "seems to be cut off", id="cut within a word"),
        pytest.param(
            '{"a": "é'.encode()[:-1], "line 1, column 8: the file seems to be cut off", id="cut within é"
        ),
        pytest.param(GOOD + b"}", "not valid JSON, at line 1", id="one brace too many"),
        pytest.param(b'{"a": 1,\n "b" 2}', "not valid JSON, at line 2, column 6", id="no colon"),
        pytest.param(b"{'a': 1}", "not valid JSON", id="single quotes"),
        pytest.param(b'{"a": NaN}', "not valid JSON", id="NaN"),
        pytest.param(b'{"a": Infinity}', "not valid JSON", id="Infinity"),
        pytest.param(b'{"a": 1e999}', "not valid JSON", id="a number beyond all numbers"),
        pytest.param(b'{"a": "\\ud83d"}', "not valid JSON", id="half an emoji"),
        pytest.param(b'{"a": "\x01"}', "not valid JSON", id="a raw control character"),
        pytest.param(b"[1]", "one JSON object, not a list", id="a list"),
        pytest.param(b'"text"', "one JSON object, not a text", id="a text"),
        pytest.param(b"null", "one JSON object, not nothing", id="null"),
        pytest.param(b"[" * 1_000_000, "not valid JSON", id="a million brackets"),
        pytest.param(b'{"a":' * 500 + b"1" + b"}" * 500, "nested more than", id="500 levels"),
    ],
)
def test_bytes_that_are_no_json_object_are_one_clear_problem(data: bytes, message: str) -> None:
    problems = problems_of(data)
    assert problems.keys() == {""}
    assert message in problems[""]


def test_a_truncated_file_is_said_to_be_cut_off_with_line_and_column() -> None:
    problems = problems_of((FIXTURES / "truncated.json").read_bytes())
    assert problems[""] == "the JSON ends too early, at line 3, column 26: the file seems to be cut off"


def test_a_byte_order_mark_is_accepted() -> None:
    assert read(b"\xef\xbb\xbf" + GOOD) == read(GOOD)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("mark", ["\ufeff", ""])
@pytest.mark.parametrize("title", ["Größe 🚀 עברית", "plain"])
def test_every_unicode_encoding_is_read_with_and_without_a_mark(encoding: str, mark: str, title: str) -> None:
    text = json.dumps(flat(changeTitle=title), ensure_ascii=False)
    assert read(f"{mark} \r\n{text}".encode(encoding)).title == title


def test_of_a_key_that_stands_twice_the_last_counts() -> None:
    assert read(GOOD[:-1] + b', "changeTitle": "Second"}').title == "Second"


def test_nesting_up_to_the_limit_is_accepted() -> None:
    value: Any = 1
    for _ in range(MAX_DEPTH - 1):
        value = [value]
    assert read(flat(deep=value)).title
    assert "nested" in problems_of(flat(deep=[value]))[""]


def test_a_file_of_the_largest_size_is_read() -> None:
    filler = "step by step\n" * 200_000
    data = json.dumps(flat(history=filler)).encode()
    data += b" " * (MAX_CHANGE_BYTES - len(data))
    assert read(data).record["history"] == filler


TEXTS = ["changeTitle", "changeReason", "implementationPlan", "testPlan", "customerImpact", "rollbackPlan"]


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize(
    "text", ["x" * (MAX_TEXT_BYTES + 1), "é" * (MAX_TEXT_BYTES // 2 + 1), "\n" * 1_900_000, " " * 1_900_000]
)
def test_a_text_above_the_limit_is_a_problem_of_its_place(name: str, text: str) -> None:
    problems = problems_of(flat(**{name: f"a{text}"}))
    assert problems == {f"$.{name}": "is too long: at most 65,536 bytes are read of one text"}


def test_the_texts_of_an_announcement_have_the_same_limit() -> None:
    long = "a\n" * MAX_TEXT_BYTES
    assert problems_of(announcement(summary=long, content=long)).keys() == {"$.summary", "$.content"}


def test_a_text_of_the_largest_size_is_read_and_each_of_its_lines_is_rendered() -> None:
    lines = "x\n" * (MAX_TEXT_BYTES // 2 - 1) + "x"
    change = read(flat(**dict.fromkeys(TEXTS[1:], lines)))
    assert change.implementation_plan == lines
    body = Templates().body(change)
    assert body.count("<br>") == lines.count("\n") * len(TEXTS[1:])
    mail = render_mail(NotificationKind.ANNOUNCEMENT, change, MailContext("HTS"))
    assert mail.html.count("x<br>\n") == body.count("<br>")
    assert mail.text.count("\nx") >= body.count("<br>")


def test_only_so_many_people_and_customers_are_read() -> None:
    people = [f"p{n}@b.example" for n in range(MAX_PEOPLE + 1)]
    problems = problems_of(flat(attendees=people, customers=[f"c{n}" for n in range(MAX_CUSTOMERS + 1)]))
    assert problems.keys() == {"$.attendees", "$.customers"}
    assert "5,001 people; at most 5,000" in problems["$.attendees"]
    assert len(read(flat(attendees=people[1:])).meeting.attendees) == MAX_PEOPLE


def test_a_file_of_five_megabytes_is_refused() -> None:
    data = json.dumps(flat(implementationPlan="x" * 5_000_000)).encode()
    assert "at most" in problems_of(data)[""]


def test_a_byte_more_is_refused_before_parsing() -> None:
    data = b"x" * (MAX_CHANGE_BYTES + 1)
    assert problems_of(data) == {"": "the file has 4,194,305 bytes; at most 4,194,304 are read"}


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(flat(attendees="<" * 4_000_000), id="angle brackets"),
        pytest.param(flat(attendees="a@b.example," * 100_000), id="many attendees"),
        pytest.param(flat(changeTitle="\n " * 1_000_000), id="white space"),
        pytest.param(flat(timezone="a/" * 2_000_000), id="an endless zone"),
        pytest.param(flat(meetingDuration="1h" * 2_000_000), id="an endless duration"),
        pytest.param(flat(**{f"k{n}": n for n in range(200_000)}), id="many keys"),
    ],
)
def test_hostile_text_is_read_to_its_end(document: dict[str, Any]) -> None:
    """A pattern that backtracks without end would never come here."""
    try:
        title = read(json.dumps(document).encode()).title
    except InvalidChangeError as error:
        title = str(error)
    assert title


def test_endless_problems_are_counted_and_not_listed() -> None:
    with pytest.raises(InvalidChangeError) as caught:
        parse_change(json.dumps(flat(customers=["?"] * 5_000)).encode(), source="", default_time_zone="UTC")
    assert len(caught.value.problems) == MAX_PROBLEMS + 1
    assert caught.value.problems[-1].message == "and 4,900 more problems"


class TestTexts:
    def test_html_quotes_emoji_and_right_to_left_text_stay_as_they_are(self) -> None:
        change = read((FIXTURES / "hostile-texts.json").read_bytes())
        assert change.title == 'Fix "quotes" & <b>tags</b> 🚀 עברית'
        assert change.implementation_plan == "<script>alert(1)</script>\r\n\t1. שלב ראשון 🧯"

    @pytest.mark.parametrize("breaks", ["\n", "\r\n", "\t", "\r", "\r\n\t\n"])
    def test_a_line_break_in_one_line_becomes_one_space(self, breaks: str) -> None:
        text = f" a{breaks}b{breaks}"
        change = read(
            flat(
                changeTitle=text,
                changeId=text,
                meetingTitle=text,
                meetingLocation=text,
                snowTicket=text,
                jiraTicket=text,
            )
        )
        single = {change.title, change.change_id, change.meeting.title, change.meeting.location}
        assert single | {change.service_now_ticket, change.jira_ticket} == {"a b"}

    @pytest.mark.parametrize("character", ["\x00", "\x07", "\x0b", "\x1b", "\x7f", "\x85", "\x9f"])
    @pytest.mark.parametrize(
        "name", ["changeTitle", "changeId", "meetingLocation", "implementationPlan", "changeReason"]
    )
    def test_any_other_control_character_is_a_problem_with_its_code(self, name: str, character: str) -> None:
        problems = problems_of(flat(**{name: f"a{character}b"}))
        assert f"U+{ord(character):04X}" in problems[f"$.{name}"]

    @pytest.mark.parametrize("character", HIDDEN)
    @pytest.mark.parametrize("name", ONE_LINE)
    def test_a_hidden_character_in_one_line_is_a_problem_with_its_code(
        self, name: str, character: str
    ) -> None:
        for text in (f"a{character}b", f"{character}b", f"b{character}"):
            problems = problems_of(flat(**{name: text}))
            assert problems.keys() == {f"$.{name}"}
            assert f"U+{ord(character):04X}" in problems[f"$.{name}"]
            assert problems[f"$.{name}"].isprintable()

    @pytest.mark.parametrize("character", [*HIDDEN, "\x00", "\x1b", "\x85", "\x9b"])
    def test_what_must_not_be_hidden_is_refused_wherever_a_word_is_expected(self, character: str) -> None:
        text = f"a{character}b@c.example"
        documents = [
            flat(customers=[f"hts{character}"]),
            flat(customers=f"{character}hts"),
            flat(timezone=f"UTC{character}"),
            flat(attendees=[f"a@b.example{character}"]),
            flat(attendees=[text]),
            flat(attendees=[f"A {character} B <a@b.example>"]),
            flat(optional=[{"address": text}]),
            flat(attendees=[{"address": "a@b.example", "role": text}]),
            flat(customers=[text]),
            flat(timezone=text),
            flat(include_meeting=text),
            flat(meetingDuration=text),
            flat(implementationStart=text),
            nested(meetingInvite={"title": text}),
            nested(meetingInvite={"location": text}),
            announcement(title=text),
            announcement(announcement_id=text),
            announcement(object_type=None, announcement_type=text),
            announcement(meeting_title=text),
            announcement(meeting_location=text),
            {"name": text, "customers": ["hts"]},
        ]
        for document in documents:
            assert all(message.isprintable() for message in problems_of(document).values())

    def test_text_of_many_lines_keeps_line_separators_and_directions(self) -> None:
        text = "first\u2028second \u202b\u05e2\u202c\ttabbed"
        assert read(flat(implementationPlan=text)).implementation_plan == text

    @pytest.mark.parametrize("text", ["\u200f\u05e2\u05d1\u200e", "\u0645\u06cc\u200c\u062e", "👩\u200d🚒"])
    def test_marks_that_people_need_are_no_problem(self, text: str) -> None:
        assert read(flat(changeTitle=text)).title == text

    def test_a_message_never_repeats_control_characters(self) -> None:
        problems = problems_of(flat(customers=["\x1b[31m\n\u202ehts"]))
        assert problems["$.customers[0]"].isprintable()


class TestSubject:
    def test_a_subject_of_255_characters_fits(self) -> None:
        assert len(read(flat(changeTitle="x" * 232)).subject) == 255

    def test_a_longer_one_is_a_problem_of_the_title(self) -> None:
        assert "256 characters; 255 fit" in problems_of(flat(changeTitle="x" * 233))["$.changeTitle"]

    def test_an_emoji_counts_twice_as_in_exchange(self) -> None:
        assert "256 characters" in problems_of(flat(changeTitle="🚀" + "x" * 231))["$.changeTitle"]

    def test_a_meeting_title_replaces_the_subject_and_its_length(self) -> None:
        assert read(flat(changeTitle="x" * 1000, meetingTitle="Short")).subject == "Short"
        problems = problems_of(nested(meetingInvite={"title": "x" * 256}))
        assert problems.keys() == {"$.meetingInvite.title"}
