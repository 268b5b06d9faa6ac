"""The proxy that the environment names for an address."""

from __future__ import annotations

import ipaddress
import urllib.request
from urllib.parse import urlsplit


def choose_proxy(url: str) -> str | None:
    """Return the proxy for ``url``, or None; this machine needs none to reach itself.

    HTTP libraries that read the environment themselves also take passwords from ``~/.netrc`` along, which
    must not meet our own Authorization header.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if _is_this_machine(host) or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
