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

_NEVER_SUMMER = {"EST": "America/New_York", "MST": "America/Denver"}
_ABBREVIATIONS = {
    "EDT": "America/New_York",
    "ET": "America/New_York",
    "CST": "America/Chicago",
    "CDT": "America/Chicago",
    "CT": "America/Chicago",
    "MDT": "America/Denver",
    "MT": "America/Denver",
    "PST": "America/Los_Angeles",
    "PDT": "America/Los_Angeles",
    "PT": "America/Los_Angeles",
    "BST": "Europe/London",
    "CEST": "Europe/Berlin",
    "EEST": "Europe/Helsinki",
    "IST": "Asia/Kolkata",
    "JST": "Asia/Tokyo",
    "AEST": "Australia/Sydney",
    "AEDT": "Australia/Sydney",
}
"""What people write and neither IANA nor Windows knows, each with the place that is mostly meant."""


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


def summer_reading(zone: str) -> str:
    """Return the zone that people mean in summer when they write ``zone``, or ``""`` where there is none.

    ``EST`` and ``MST`` are zones without summer time (tz database, "northamerica": links to America/Panama
    and America/Phoenix), and are often written for the whole year where the clocks do change.
    """
    return _NEVER_SUMMER.get(zone, "")


def _suggestion(wanted: str) -> str:
    if place := _ABBREVIATIONS.get(wanted.upper()):
        return f": it is an abbreviation, which says no place; for the clocks there write {place!r}"
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
