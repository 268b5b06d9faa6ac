"""Any other JSON object in which customers, a title and a start can be found under known names.

They may stand at the top level or in the objects of the other dialects; the top level wins.
"""

from __future__ import annotations

from contact_manager.formats.change_json.layout import Layout, Moment
from contact_manager.formats.change_json.reader import Places

_CHANGE = ("", "metadata.")
_SCHEDULE = ("", "schedule.", "metadata.", "metadata.schedule.")
_TICKETS = ("tickets.", "metadata.tickets.")
_INVITE = ("meetingInvite.", "meeting.")


def _places(objects: Places, *names: str) -> Places:
    return tuple(f"{prefix}{name}" for prefix in objects for name in names)


def _moments(objects: Places, names: Places, pairs: tuple[tuple[str, str], ...]) -> tuple[Moment, ...]:
    whole = [Moment(time=_places((prefix,), *names)) for prefix in objects]
    halves = [
        Moment(time=(f"{prefix}{time}",), date=(f"{prefix}{date}",))
        for prefix in objects
        for time, date in pairs
    ]
    return (*whole, *halves)


def _meeting_moment(prefix: str, name: str) -> Moment:
    times = ("startTime", "time", "start") if not name else (f"{name}StartTime", f"{name}Time")
    return Moment(time=_places((prefix,), *times), date=(f"{prefix}{name}Date",))


LAYOUT = Layout(
    change_id=_places(_CHANGE, "changeId"),
    title=_places(_CHANGE, "changeTitle", "title"),
    customers="$.customers",
    customer_holders=("changeMetadata", "metadata"),
    time_zone=_places(_SCHEDULE, "timezone", "meetingTimezone"),
    start_expected="$.implementationStart",
    starts=_moments(
        _SCHEDULE,
        ("implementationStart", "startTime", "start"),
        (("implementationBeginTime", "implementationBeginDate"), ("beginTime", "beginDate")),
    ),
    ends=_moments(
        _SCHEDULE,
        ("implementationEnd", "endTime", "end"),
        (("implementationEndTime", "implementationEndDate"), ("endTime", "endDate")),
    ),
    meeting_time_zone=_places(("", "metadata."), "meetingTimezone") + _places(_INVITE, "timezone"),
    meeting_starts=(
        *(_meeting_moment(prefix, "meeting") for prefix in _CHANGE),
        *(_meeting_moment(prefix, "") for prefix in _INVITE),
    ),
    meeting_title=_places(_CHANGE, "meetingTitle") + _places(_INVITE, "title"),
    meeting_duration=_places(_CHANGE, "meetingDuration") + _places(_INVITE, "duration", "durationMinutes"),
    meeting_location=_places(_CHANGE, "meetingLocation") + _places(_INVITE, "location"),
    wanted=tuple(_places((prefix,), "include_meeting", "meetingRequired") for prefix in _CHANGE),
    attendees=tuple(_places((prefix,), "attendees") for prefix in (*_CHANGE, *_INVITE)),
    optional=tuple(_places((prefix,), "optional") for prefix in (*_CHANGE, *_INVITE)),
    reason=_places(_CHANGE, "changeReason"),
    implementation_plan=_places(_CHANGE, "implementationPlan"),
    test_plan=_places(_CHANGE, "testPlan"),
    customer_impact=_places(_CHANGE, "customerImpact", "expectedCustomerImpact"),
    rollback_plan=_places(_CHANGE, "rollbackPlan"),
    service_now_ticket=_places(_CHANGE, "snowTicket") + _places(_TICKETS, "serviceNow", "snow"),
    jira_ticket=_places(_CHANGE, "jiraTicket") + _places(_TICKETS, "jira"),
    status=_places(_CHANGE, "status"),
    version=_places(_CHANGE, "version"),
    change_type=_places(_CHANGE, "changeType"),
)
