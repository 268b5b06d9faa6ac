"""Retry-After in all the forms that servers give it."""

from __future__ import annotations

import pytest

from contact_manager.adapters.graph.retry_after import parse_retry_after

DATE = "Wed, 25 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("Wed, 25 Nov 2026 10:00:30 GMT", 30.0),
        ("Wednesday, 25-Nov-26 10:00:30 GMT", 30.0),
        ("Wed Nov 25 10:00:30 2026", 30.0),
        ("Wed, 25 Nov 2026 09:00:00 GMT", 0.0),
        ("Wed, 25 Nov 2026 10:00:30 -0000", 30.0),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("1e400", None),
        ("99999999999", None),
        ("Wed, 25 Nov 99999 10:00:00 GMT", None),
        ("soon", None),
        ("", None),
        ("5, 10", None),
    ],
)
def test_seconds_and_dates_count_and_nonsense_does_not(value: str, seconds: float | None) -> None:
    assert parse_retry_after({"Retry-After": value, "Date": DATE}) == seconds


def test_no_header_gives_no_time() -> None:
    assert parse_retry_after({"Date": DATE}) is None


@pytest.mark.parametrize("date", [{}, {"Date": "yesterday"}])
def test_a_date_counts_from_now_when_the_answer_has_none(date: dict[str, str]) -> None:
    assert parse_retry_after({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT", **date}) == 0.0
