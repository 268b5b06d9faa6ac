from __future__ import annotations

import pytest

from contact_manager.adapters.proxies import choose_proxy


@pytest.fixture(autouse=True)
def proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")


def test_the_environment_s_proxy_is_used() -> None:
    assert choose_proxy("https://email.eu-west-1.amazonaws.com") == "http://proxy.example:3128"


def test_what_needs_no_proxy_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", ".amazonaws.com")
    assert choose_proxy("https://email.eu-west-1.amazonaws.com") is None


@pytest.mark.parametrize("host", ["127.0.0.1:4566", "localhost:4566", "[::1]:4566"])
def test_this_machine_is_reached_without_one(host: str) -> None:
    assert choose_proxy(f"https://{host}") is None
