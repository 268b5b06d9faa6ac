"""Which requests come from a program on this machine, and not from a web page that somebody looks at.

A browser lets every page send requests to loopback ports. It says so in ``Origin`` (RFC 6454) or in
``Sec-Fetch-Site`` (W3C, Fetch Metadata Request Headers). A page whose own name leads to 127.0.0.1 (DNS
rebinding) has that name in ``Host``.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

_NAMES = ("127.0.0.1", "localhost", "[::1]")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_OWN_SITES = frozenset({"same-origin", "none"})


def refusal_of_caller(header: Callable[[str], str | None], own_url: str) -> str | None:
    """Return why a request is not answered, or None.

    Args:
        header: Value of a header, None where there is none; several values joined.
        own_url: Of the server, such as ``http://127.0.0.1:4566``.
    """
    scheme, port = urlsplit(own_url).scheme, urlsplit(own_url).port
    hosts = {f"{name}:{port}" for name in _NAMES}
    if port == _DEFAULT_PORTS[scheme]:
        hosts |= set(_NAMES)
    if (header("Host") or "").lower() not in hosts:
        return f"The sandbox answers to {own_url} only; the Host header is another one."
    origin, site = header("Origin"), header("Sec-Fetch-Site")
    if origin is not None and origin.lower() not in {f"{scheme}://{host}" for host in hosts}:
        return "The sandbox answers no web pages; the Origin header is a foreign one."
    if site is not None and site.lower() not in _OWN_SITES:
        return "The sandbox answers no web pages; the Sec-Fetch-Site header is a foreign one."
    return None
