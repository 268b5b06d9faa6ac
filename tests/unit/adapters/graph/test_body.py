"""Our own text inside a body that others write to as well."""

from __future__ import annotations

import pytest

from contact_manager.adapters.graph.body import MAX_BODY_LENGTH, as_own_block, splice

JOIN = "https://teams.example.com/l/meetup-join/19%3ameeting?a=1&b=2"
LINE = "_" * 80
TEAMS = (
    f'<div><span style="color:#5F5F5F">{LINE}</span></div>'
    f'<div class="me-email-text"><a href="{JOIN.replace("&", "&amp;")}">Join the meeting now</a></div>'
)


def page(*parts: str) -> str:
    return f"<html><head><meta charset='utf-8'></head><body>{''.join(parts)}</body></html>"


def test_only_our_own_block_is_replaced() -> None:
    live = page("<p>A note by hand</p>", as_own_block("<h2>Old</h2><div>inner<br></div>"), TEAMS)
    assert splice(live, "<h2>New</h2>", JOIN) == page(
        "<p>A note by hand</p>", as_own_block("<h2>New</h2>"), TEAMS
    )


def test_an_id_that_exchange_prefixed_is_found() -> None:
    live = page(as_own_block("old").replace('id="', 'id="x_'), TEAMS)
    assert splice(live, "new", JOIN) == page(as_own_block("new"), TEAMS)


def test_without_our_mark_everything_before_the_join_block_is_ours() -> None:
    live = page("<h2>Old</h2>", TEAMS)
    assert splice(live, "new", JOIN) == page(as_own_block("new"), TEAMS)


def test_a_join_link_that_cannot_be_told_from_our_text_is_kept() -> None:
    live = page(f'<p>Old <a href="{JOIN.replace("&", "&amp;")}">join</a></p>')
    assert splice(live, "new", JOIN) is None


def test_a_body_without_a_join_link_is_replaced_as_a_whole() -> None:
    assert splice(page("<p>whatever</p>"), "new", JOIN) == as_own_block("new")
    assert splice("", "new", "") == as_own_block("new")


@pytest.mark.parametrize(
    "text", ["<p>unclosed", "</div></div>", "a < b & c", "<!-- <div> -->", "\n\n<br/>\n"]
)
def test_odd_text_does_not_cost_the_join_block(text: str) -> None:
    first = splice(page(as_own_block("old"), TEAMS), text, JOIN)
    assert first is not None
    second = splice(first, "<p>new</p>", JOIN)
    assert second is not None
    assert TEAMS in second


def test_a_join_block_that_ended_up_inside_our_element_is_kept() -> None:
    live = page(as_own_block(f"<h2>Old</h2>{TEAMS}"))
    assert splice(live, "new", JOIN) is None


def test_a_new_text_that_mentions_the_link_does_not_stand_for_the_join_block() -> None:
    live = page(as_own_block(f"<h2>Old</h2>{TEAMS}"))
    assert splice(live, f"<p>{JOIN}</p>", JOIN) is None


def test_a_malformed_body_keeps_its_join_block() -> None:
    assert splice(page(TEAMS, "<![x"), "new", JOIN) == page(as_own_block("new"), TEAMS, "<![x")
    assert splice(page("<![ odd"), "new", "") == as_own_block("new")


SAFE_LINK = (
    "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fteams.microsoft.com%2F"
    "{path}&amp;data=05%7C02&amp;reserved=0"
)
LINKS = {
    "long": JOIN.replace("&", "&amp;"),
    "short": "https://teams.microsoft.com/meet/27812345678901?p=abcDEF",
    "personal": "https://teams.live.com/meet/9312345678901?p=abc",
    "government": "https://gov.teams.microsoft.us/l/meetup-join/19%3ameeting",
    "long, Safe Links": SAFE_LINK.format(path="l%2Fmeetup-join%2F19%253ameeting"),
    "short, Safe Links": SAFE_LINK.format(path="meet%2F27812345678901%3Fp%3DabcDEF"),
    "short, Safe Links twice": SAFE_LINK.format(path="meet%252F27812345678901"),
    "capitals": "HTTPS://TEAMS.MICROSOFT.COM/MEET/27812345678901",
}


def word_block(link: str, *, line: str = LINE) -> str:
    """Return the join block as a Word engine leaves it: paragraphs without ids or classes."""
    return (
        f'<p class="MsoNormal"><span>{line}</span></p>'
        '<p class="MsoNormal"><b>Microsoft Teams&nbsp;meeting</b></p>'
        f'<p class="MsoNormal"><a href="{link}">Join the meeting now</a></p>'
    )


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
def test_a_body_that_a_word_engine_rewrote_keeps_the_join_block(link: str) -> None:
    """Our id is gone, h2 became p, everything stands in one wrapper."""
    old = '<p class="MsoNormal"><b>Old &amp; gone</b></p>'
    live = page(f'<div class="WordSection1">{old}{word_block(link)}</div>')
    assert splice(live, "<h2>New</h2>", JOIN) == page(
        f'<div class="WordSection1">{as_own_block("<h2>New</h2>")}{word_block(link)}</div>'
    )


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
def test_a_join_block_that_cannot_be_told_from_our_text_is_never_written_over(link: str) -> None:
    """Neither our id nor the line is left."""
    live = page(f"<div><p>Old</p>{word_block(link, line='')}</div>")
    assert splice(live, "new", JOIN) is None
    assert splice(live, "new", "") is None


def test_an_entry_without_a_link_of_its_own_may_name_one_in_our_text() -> None:
    live = page(as_own_block(f"<p>Old</p><p>Join: {LINKS['short']}</p>"))
    assert splice(live, "new", "") == page(as_own_block("new"))


def test_a_line_without_a_join_block_behind_it_is_kept_as_well() -> None:
    live = page(f"<p>Old</p><p>{LINE}</p><p>Reunión de Microsoft Teams</p>")
    assert splice(live, "new", JOIN) == page(
        as_own_block("new"), f"<p>{LINE}</p><p>Reunión de Microsoft Teams</p>"
    )


def test_a_line_in_the_middle_of_a_text_parts_ours_from_the_block() -> None:
    live = page(f"<div>Old<br>{LINE}<br>Join: {LINKS['short']}</div>")
    assert splice(live, "new", JOIN) == page(
        f"<div>{as_own_block('new')}{LINE}<br>Join: {LINKS['short']}</div>"
    )


@pytest.mark.parametrize("quoting", ['id="{}"', "id='{}'", "id={}", 'ID="{}"', 'title="a > b" id="{}"'])
@pytest.mark.parametrize("prefix", ["", "x_", "x_x_"])
def test_our_element_is_found_however_its_id_is_spelled(quoting: str, prefix: str) -> None:
    ours = f"<div {quoting.format(prefix + 'contact-manager-text')}>old<div>inner</div></div>"
    assert splice(page(ours, TEAMS), "new", JOIN) == page(as_own_block("new"), TEAMS)


def test_a_mark_in_a_comment_or_in_a_style_is_no_element() -> None:
    style = '<style><!-- <div id="contact-manager-text"> --></style>'
    comment = '<!-- <div id="contact-manager-text"> -->'
    live = page(style, comment, "<p>Old</p>", TEAMS)
    after = splice(live, "new", JOIN)
    assert after is not None
    assert after.endswith(f"{TEAMS}</body></html>")


@pytest.mark.parametrize(
    "piece",
    [
        "<div>",
        "</div>",
        "</p>",
        "<!--",
        "<![",
        "<a '",
        '<a "',
        "<",
        "</",
        "<x y='",
        "<style>",
        "<div id=",
        "_" * 29,
    ],
)
def test_a_body_made_to_be_slow_is_looked_through_in_one_go(piece: str) -> None:
    """Each of these took time by the square of its length in one parser or another."""
    live = page(piece * (MAX_BODY_LENGTH // len(piece) // 2), TEAMS)
    after = splice(live, "new", JOIN)
    assert after is None or JOIN.replace("&", "&amp;") in after


def test_a_body_that_is_too_long_is_left_alone() -> None:
    assert splice(page(as_own_block("old"), TEAMS, "x" * MAX_BODY_LENGTH), "new", JOIN) is None
