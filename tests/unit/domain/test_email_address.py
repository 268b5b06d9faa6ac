"""One spelling for one mailbox."""

from __future__ import annotations

import pytest

from contact_manager.domain.email_address import fold_address


@pytest.mark.parametrize(
    ("raw", "folded"),
    [
        ("Ann.Lee+x@Example.COM", "ann.lee+x@example.com"),
        ("  ann@example.com\n", "ann@example.com"),
        ("ann@Straße.example", "ann@xn--strae-oqa.example"),
        ("ann@xn--strae-oqa.example", "ann@xn--strae-oqa.example"),
        ("o'hara@example.com", "o'hara@example.com"),
    ],
)
def test_the_same_mailbox_has_one_spelling(raw: str, folded: str) -> None:
    assert fold_address(raw) == folded


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "ann",
        "ann@",
        "@example.com",
        "ann@localhost",
        "ann@@example.com",
        "a nn@example.com",
        ".ann@example.com",
        "ann@exa_mple.com",
        "ann@-example.com",
        "änn@example.com",
        "ann@example.com, bob@example.com",
        "Ann <ann@example.com>",
        f"{'a' * 65}@example.com",
        f"ann@{'a.' * 130}com",
        "ann@\u202eexample.com",
        "ann@exam\x00ple.com",
    ],
)
def test_what_is_no_mailbox_is_not_folded(raw: str) -> None:
    assert fold_address(raw) is None
