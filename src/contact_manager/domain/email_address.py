"""One spelling for one mailbox."""

from __future__ import annotations

import re
from functools import lru_cache

import idna

MAX_ADDRESS_LENGTH = 254
"""RFC 5321 §4.5.3.1.3: a path has 256 octets, two of them the angle brackets."""

_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_MAILBOX = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_LABEL}")


def fold_address(raw: str) -> str | None:
    """Return the one spelling under which a mailbox is known here, or None if ``raw`` is not an address.

    Surrounding white space goes, letters become lower case, an international domain becomes its A-label
    form (IDNA 2008 with UTS 46 mapping). The local part must be ASCII: Amazon SES does not deliver to
    others (botocore service model sesv2, ``Destination``).
    """
    folded = raw.strip().lower()
    if not folded.isascii():
        local, _, domain = folded.rpartition("@")
        folded = f"{local}@{_ascii_domain(domain)}"
    if len(folded) > MAX_ADDRESS_LENGTH or _MAILBOX.fullmatch(folded) is None:
        return None
    return raw if folded == raw else folded


@lru_cache(maxsize=1024)
def _ascii_domain(domain: str) -> str:
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return ""
