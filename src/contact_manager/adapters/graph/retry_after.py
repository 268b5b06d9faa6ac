"""How long a server wants us to wait before the next request."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_LONGEST_S = 7 * 24 * 3600.0


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of ``Retry-After``, 0 or more, or None when there is none that makes sense.

    Both forms of RFC 9110, section 10.2.3 count: seconds, which some servers give with a fraction, and an
    HTTP date, which is compared with the answer's own ``Date`` so that this machine's clock does not matter.

    Args:
        headers: Of the answer; names without regard to case.
    """
    text = headers.get("Retry-After", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        moment = _parse_date(text)
        if moment is None:
            return None
        now = _parse_date(headers.get("Date", "")) or datetime.now(UTC)
        seconds = max((moment - now).total_seconds(), 0.0)
    return seconds if math.isfinite(seconds) and 0 <= seconds <= _LONGEST_S else None


def _parse_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
