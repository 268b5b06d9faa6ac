"""Zone names as Exchange takes and gives them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from tzlocal.windows_tz import tz_win, win_tz

_LISTED = frozenset(
    """
    Etc/GMT+12 Etc/GMT+11 Pacific/Honolulu America/Anchorage America/Los_Angeles America/Phoenix
    America/Denver America/Guatemala America/Chicago America/Mexico_City America/Regina America/Bogota
    America/New_York America/Caracas America/Halifax America/La_Paz America/Santiago America/St_Johns
    America/Sao_Paulo America/Cayenne America/Montevideo America/Bahia Etc/GMT+2 Atlantic/Azores
    Atlantic/Cape_Verde Africa/Casablanca Etc/GMT Europe/London Atlantic/Reykjavik Europe/Berlin
    Europe/Budapest Europe/Paris Europe/Warsaw Africa/Lagos Africa/Windhoek Europe/Bucharest Asia/Beirut
    Africa/Cairo Asia/Damascus Africa/Johannesburg Europe/Istanbul Asia/Jerusalem Asia/Amman Asia/Baghdad
    Europe/Kaliningrad Asia/Riyadh Africa/Nairobi Asia/Tehran Asia/Dubai Asia/Baku Europe/Moscow
    Indian/Mauritius Asia/Tbilisi Asia/Yerevan Asia/Kabul Asia/Karachi Asia/Tashkent Asia/Kolkata
    Asia/Colombo Asia/Kathmandu Asia/Dhaka Asia/Yekaterinburg Asia/Bangkok Asia/Novosibirsk Asia/Shanghai
    Asia/Krasnoyarsk Asia/Singapore Australia/Perth Asia/Taipei Asia/Ulaanbaatar Asia/Irkutsk Asia/Tokyo
    Asia/Seoul Australia/Adelaide Australia/Darwin Australia/Brisbane Australia/Sydney
    Pacific/Port_Moresby Australia/Hobart Asia/Yakutsk Pacific/Guadalcanal Asia/Vladivostok
    Pacific/Auckland Etc/GMT-12 Pacific/Fiji Asia/Magadan Pacific/Tongatapu Pacific/Apia
    """.split()
)
"""IANA names that the calendar API documents (Microsoft Learn, ``dateTimeTimeZone``), as far as they are
spelled alike in today's IANA data."""

_TOO_NEW = frozenset({"Alberta Standard Time", "British Columbia Standard Time", "Manitoba Standard Time"})
"""Windows names of 2026; that Exchange knows them is not documented."""


def as_graph_time(moment: datetime, zone: str) -> dict[str, str]:
    """Return ``dateTimeTimeZone``: wall time without an offset, and a zone name that Exchange documents.

    Other IANA names go by their Windows name (CLDR). A zone with neither is sent as UTC, and so is the second
    pass of an hour that a clock change repeats: wall time cannot tell it from the first.
    """
    name = zone if zone in _LISTED else tz_win.get(zone)
    if name in _TOO_NEW:
        name = None
    local = moment.astimezone(ZoneInfo(zone) if name else UTC)
    if local.fold:
        local, name = moment.astimezone(UTC), "UTC"
    return {"dateTime": local.replace(tzinfo=None).isoformat(timespec="seconds"), "timeZone": name or "UTC"}


def from_graph_time(value: dict[str, Any]) -> datetime:
    """Return the aware moment of a ``dateTimeTimeZone``; Graph sends seven decimals.

    Raises:
        ValueError: The time or the zone cannot be understood.
    """
    text, _, fraction = str(value["dateTime"]).rstrip("Z").partition(".")
    name = str(value.get("timeZone") or "UTC")
    moment = datetime.fromisoformat(f"{text}.{fraction[:6].ljust(6, '0')}")
    return moment.replace(tzinfo=UTC if name == "UTC" else ZoneInfo(win_tz.get(name, name)))
