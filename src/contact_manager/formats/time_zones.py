"""Names of time zones, as people and as Windows write them."""

from __future__ import annotations

import difflib
import zoneinfo
from functools import lru_cache

from tzlocal import windows_tz

from contact_manager.formats.plain_text import quote

_NOT_A_PLACE = frozenset({"Factory", "localtime", "posixrules"})
"""Files beside the zones: what they mean differs from machine to machine."""

_LONGEST_NAME = 100


def resolve_time_zone(name: str) -> str:
    """Return the IANA name of a time zone that is named the IANA or the Windows way.

    Upper and lower case do not matter. The Windows names are those of the Unicode CLDR
    (``windowsZones.xml``), which ``tzlocal`` carries.

    Raises:
        ValueError: No such zone; the message offers the nearest name.
    """
    wanted = name.strip()
    if wanted and wanted in windows_tz.tz_win:
        return wanted
    known = _known_names()
    if found := known.get(wanted.lower()):
        return found
    raise ValueError(f"unknown time zone {quote(wanted)}{_suggestion(wanted)}")


def _suggestion(wanted: str) -> str:
    known = _known_names()
    near = difflib.get_close_matches(wanted.lower()[:_LONGEST_NAME], known, n=1, cutoff=0.7)
    example = (
        "write an IANA name such as 'America/New_York' or a Windows name such as 'Eastern Standard Time'"
    )
    return f"; did you mean {_spelling(near[0])!r}?" if near else f"; {example}"


def _spelling(folded: str) -> str:
    return next((name for name in windows_tz.win_tz if name.lower() == folded), _known_names()[folded])


@lru_cache(maxsize=1)
def _known_names() -> dict[str, str]:
    windows = {name.lower(): zone for name, zone in windows_tz.win_tz.items()}
    iana = {name.lower(): name for name in sorted(zoneinfo.available_timezones() - _NOT_A_PLACE)}
    return windows | iana
