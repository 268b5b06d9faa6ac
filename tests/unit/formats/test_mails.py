"""What people read in their mail, and what no text of a change can do to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contact_manager.domain.change import Change, ChangeKind, MeetingRequest
from contact_manager.domain.notification import NotificationKind
from contact_manager.formats.rendering.fragment import check_fragment
from contact_manager.formats.rendering.mails import (
    UNSUBSCRIBE_PLACEHOLDER,
    MailContext,
    MailText,
    render_mail,
)
from tests.fakes.worlds import START, change
from tests.unit.formats.change_files import EXAMPLES, read

KINDS = list(NotificationKind)
CONTEXT = MailContext("Fabrikam Rail")
BARE = change(change_id=None, implementation_start=None, implementation_end=None)
NEWS = change(
    kind=ChangeKind.FINOPS, title="Savings plans", summary="One hour.", content="New ones.\nOld ones."
)
TEXT_FIELDS = (
    "reason implementation_plan test_plan customer_impact rollback_plan summary content".split()
    + "service_now_ticket jira_ticket change_id".split()
)


def everywhere(text: str, kind: ChangeKind = ChangeKind.CHANGE) -> Change:
    """A change that says the same in each of its texts."""
    return change(kind=kind, title=text, **dict.fromkeys(TEXT_FIELDS, text))


def examples() -> list[Change]:
    return [read(path.read_bytes()) for path in sorted(EXAMPLES.glob("*.json"))]


def mails(of: Change, context: MailContext = CONTEXT) -> Iterator[MailText]:
    return (render_mail(kind, of, context) for kind in KINDS)


class Reader(HTMLParser):
    """Gathers the tags and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_every_mail_has_its_three_templates_and_no_folder_is_left_over() -> None:
    folder = files("contact_manager.formats.rendering") / "templates" / "mail"
    found = {one.name: {file.name for file in one.iterdir()} for one in folder.iterdir() if one.is_dir()}
    assert found == {kind.value: {"subject.txt.j2", "body.txt.j2", "body.html.j2"} for kind in KINDS}


@pytest.mark.parametrize("of", [*examples(), BARE, NEWS, replace(NEWS, change_id=None)])
def test_texts_have_no_odd_lines(of: Change) -> None:
    for context in (CONTEXT, MailContext("Fabrikam Rail", has_unsubscribe_link=False)):
        for mail in mails(of, context):
            assert "\n\n\n" not in mail.text
            assert "\n\n" not in mail.html
            assert mail.text == f"{mail.text.strip()}\n"
            for line in (mail.subject, *mail.text.splitlines(), *mail.html.splitlines()):
                assert line == line.strip()
                assert "  " not in line
                assert "None" not in line
            assert "<p>\n</p>" not in mail.html


@pytest.mark.parametrize("of", [*examples(), BARE, NEWS])
def test_the_html_is_whole_and_says_what_the_text_says(of: Change) -> None:
    for mail in mails(of, MailContext("Fabrikam Rail", has_unsubscribe_link=False)):
        check_fragment(mail.html)
        words = [word.strip(":") for word in Reader(mail.html).text.split()]
        assert words == [word.strip(":") for word in mail.text.split()]


@pytest.mark.parametrize(
    ("kind", "subject", "sentence"),
    [
        (
            NotificationKind.APPROVAL_REQUEST,
            "Approval requested: Database upgrade (Fabrikam Rail)",
            "This change is waiting for your approval. It affects Fabrikam Rail.",
        ),
        (
            NotificationKind.ANNOUNCEMENT,
            "Approved: Database upgrade (Fabrikam Rail)",
            "This change was approved and will be carried out. It affects Fabrikam Rail.",
        ),
        (
            NotificationKind.COMPLETION,
            "Completed: Database upgrade (Fabrikam Rail)",
            "This change is completed. It affected Fabrikam Rail.",
        ),
        (
            NotificationKind.CANCELLATION,
            "Cancelled: Database upgrade (Fabrikam Rail)",
            "This change was cancelled and will not be carried out. It would have affected Fabrikam Rail.",
        ),
    ],
)
def test_a_mail_about_a_change_says_what_became_of_it(
    kind: NotificationKind, subject: str, sentence: str
) -> None:
    mail = render_mail(kind, change(), CONTEXT)
    assert mail.subject == subject
    assert sentence in mail.text
    assert sentence in mail.html


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        (NotificationKind.APPROVAL_REQUEST, "Approval requested: Savings plans (Fabrikam Rail)"),
        (NotificationKind.ANNOUNCEMENT, "Announcement: Savings plans (Fabrikam Rail)"),
        (NotificationKind.COMPLETION, "Completed: Savings plans (Fabrikam Rail)"),
        (NotificationKind.CANCELLATION, "Cancelled: Savings plans (Fabrikam Rail)"),
    ],
)
def test_a_mail_about_an_announcement_never_calls_it_a_change(kind: NotificationKind, subject: str) -> None:
    mail = render_mail(kind, replace(NEWS, change_id="FIN-7"), CONTEXT)
    assert mail.subject == subject
    for body in (mail.text, mail.html):
        assert "This announcement" in body
        assert "change" not in body.lower()
        assert "carried out" not in body
    assert "Announcement: FIN-7\n" in mail.text


def test_an_approved_change_tells_everything_there_is_to_know() -> None:
    of = change(
        reason="Support ends.",
        implementation_plan="1. Stop.\n2. Start.",
        customer_impact="None.",
        test_plan="Look.",
        rollback_plan="Back.",
        service_now_ticket="CHG7",
        jira_ticket="NET-7",
        meeting=MeetingRequest(start=START - timedelta(minutes=15)),
    )
    assert render_mail(NotificationKind.ANNOUNCEMENT, of, CONTEXT).text == (
        "Database upgrade\n\n"
        "This change was approved and will be carried out. It affects Fabrikam Rail.\n\n"
        "Change: CHG-1\n"
        "When: Tue 14 Jan 2031, 18:00 to 20:00 EST (America/New_York)\n"
        "Meeting: Tue 14 Jan 2031, 17:45 EST (America/New_York)\n"
        "Tickets: CHG7, NET-7\n\n"
        "Why:\nSupport ends.\n\n"
        "What will be done:\n1. Stop.\n2. Start.\n\n"
        "Impact on you:\nNone.\n\n"
        "How it will be tested:\nLook.\n\n"
        "How it can be rolled back:\nBack.\n\n"
        "You receive this mail because you are subscribed to these notifications.\n"
        "Unsubscribe: {{amazonSESUnsubscribeUrl}}\n"
    )


def test_a_window_over_midnight_or_a_clock_change_is_told_in_full() -> None:
    zone = ZoneInfo("America/New_York")
    nights = change(implementation_end=START + timedelta(hours=8))
    assert "When: Tue 14 Jan 2031, 18:00 EST to Wed 15 Jan 2031, 02:00 EST (America/New_York)" in (
        render_mail(NotificationKind.COMPLETION, nights, CONTEXT).text
    )
    start = START.replace(month=11, day=2, hour=0, tzinfo=zone)
    autumn = change(implementation_start=start, implementation_end=start.replace(hour=3))
    assert "00:00 EDT to Sun 02 Nov 2031, 03:00 EST" in (
        render_mail(NotificationKind.COMPLETION, autumn, CONTEXT).text
    )


def test_a_window_without_an_end_tells_its_start() -> None:
    text = render_mail(NotificationKind.COMPLETION, change(implementation_end=None), CONTEXT).text
    assert "When: Tue 14 Jan 2031, 18:00 EST (America/New_York)\n" in text


@pytest.mark.parametrize("kind", [NotificationKind.COMPLETION, NotificationKind.CANCELLATION])
def test_the_last_mails_invite_nobody(kind: NotificationKind) -> None:
    of = change(meeting=MeetingRequest(start=START))
    assert "Meeting" not in render_mail(kind, of, CONTEXT).text


def test_a_meeting_that_is_not_wanted_is_not_told() -> None:
    of = change(meeting=MeetingRequest(wanted=False, start=START))
    assert "Meeting" not in render_mail(NotificationKind.ANNOUNCEMENT, of, CONTEXT).text


@pytest.mark.parametrize("kind", KINDS)
def test_html_in_a_change_stays_text(kind: NotificationKind) -> None:
    nasty = (
        """<script>alert("1")</script><img src=x onerror='y'> & </p></div><a href="https://example.org">"""
    )
    mail = render_mail(kind, everywhere(nasty), MailContext(nasty))
    page = Reader(mail.html)
    check_fragment(mail.html)
    assert page.tags <= {"h2", "h3", "p", "b", "br", "small", "a"}
    assert mail.html.count("href=") - page.text.count("href=") == 1
    assert nasty in page.text
    assert nasty in mail.text
    assert nasty in mail.subject


@pytest.mark.parametrize(
    "break_", ["\r\n", "\n", "\r", "\x0b", "\u2028", "\u2029", "\x85", "\r\nBcc: x@example.com"]
)
def test_a_line_break_never_breaks_the_subject(break_: str) -> None:
    for mail in mails(change(title=f"One{break_}two"), MailContext(f"Fabrikam{break_}Rail")):
        assert len(mail.subject.splitlines()) == 1


@pytest.mark.parametrize(
    "text", ["שדרוג מסד הנתונים", "ترقية قاعدة البيانات", "Upgrade 🚀 👩‍💻", "Größe “quoted” — 数据库"]
)
def test_letters_of_every_script_are_kept(text: str) -> None:
    for mail in mails(everywhere(text), MailContext(text)):
        assert mail.subject.count(text) == 2
        assert text in mail.text
        assert text in mail.html


def test_plain_text_is_not_escaped() -> None:
    for mail in mails(everywhere('R&D\'s "plan" <b>')):
        assert 'R&D\'s "plan" <b>' in mail.text
        assert "&amp;" not in mail.text + mail.subject


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "text",
    [
        "Database upgrade",
        UNSUBSCRIBE_PLACEHOLDER,
        "{{ amazonSESUnsubscribeUrl }}",
        "{{{amazonSESUnsubscribeUrl}}}",
        "{{AmazonSesUnsubscribeUrl}}",
        "{{amazonSES{{amazonSESUnsubscribeUrl}}UnsubscribeUrl}}",
        "{{amazonSES\x00UnsubscribeUrl}}",
        "unsubscribe-link-to-come.invalid",
        "{{ unsubscribe_url }} {{ 7 * 7 }} {% raw %} {# x #}",
    ],
)
def test_the_way_out_stands_once_in_each_body_and_only_for_subscribers(
    kind: NotificationKind, text: str
) -> None:
    for of in (everywhere(text), everywhere(text, ChangeKind.CIC)):
        mail = render_mail(kind, of, MailContext(text))
        assert mail.text.count(UNSUBSCRIBE_PLACEHOLDER) == 1
        assert mail.html.count(f'<a href="{UNSUBSCRIBE_PLACEHOLDER}">') == 1
        assert mail.html.count(UNSUBSCRIBE_PLACEHOLDER) == 1
        bare = render_mail(kind, of, MailContext(text, has_unsubscribe_link=False))
        assert "nsubscribe:" not in bare.text
        for told in (mail.subject, bare.subject, bare.text, bare.html):
            assert UNSUBSCRIBE_PLACEHOLDER not in told


@given(
    st.lists(st.sampled_from(["{", "{{", "}}", " ", "\n", "amazonSES", "UnsubscribeUrl", "x"]), max_size=12)
)
def test_no_text_makes_a_second_way_out(pieces: list[str]) -> None:
    mail = render_mail(NotificationKind.ANNOUNCEMENT, everywhere(f"a{''.join(pieces)}"), CONTEXT)
    assert mail.text.count(UNSUBSCRIBE_PLACEHOLDER) == mail.html.count(UNSUBSCRIBE_PLACEHOLDER) == 1


def test_other_braces_are_left_as_they_are() -> None:
    text = "helm --set image={{ .Values.image }} and {{name}}"
    for mail in mails(everywhere(text)):
        assert text in mail.subject
        assert text in mail.text
        assert text in mail.html


def test_a_rehearsal_is_marked_in_its_subject() -> None:
    for mail in mails(change(), MailContext("Fabrikam Rail", is_test=True, has_unsubscribe_link=False)):
        assert mail.subject.startswith("[TEST] ")
    assert not any("[TEST]" in mail.subject for mail in mails(change()))


def test_the_same_mail_twice_is_the_same() -> None:
    assert list(mails(everywhere("Database upgrade"))) == list(mails(everywhere("Database upgrade")))


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_gives_a_mail_that_can_be_sent(text: str, name: str) -> None:
    mail = render_mail(NotificationKind.APPROVAL_REQUEST, everywhere(text), MailContext(name))
    assert len(mail.subject.splitlines()) == 1
    check_fragment(mail.html)
    assert "\x00" not in mail.text + mail.html + mail.subject
