"""Our own text inside a body that others write to as well."""

from __future__ import annotations

import pytest

from contact_manager.adapters.graph.body import as_own_block, splice

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


def test_a_malformed_body_is_replaced_only_when_no_join_link_is_lost() -> None:
    assert splice(page(TEAMS, "<![x"), "new", JOIN) is None
    assert splice(page("<![ odd"), "new", "") == as_own_block("new")
