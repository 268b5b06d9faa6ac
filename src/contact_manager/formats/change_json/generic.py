"""Any other JSON object in which customers and a title can be found under known names.

They may stand at the top level or in the objects of the other dialects; the top level wins.
"""

from __future__ import annotations

from contact_manager.formats.change_json import names
from contact_manager.formats.change_json.layout import Layout, Moment
from contact_manager.formats.change_json.names import places

_CHANGE = ("", "metadata.", "fields.")
_SCHEDULE = ("", "schedule.", "metadata.", "metadata.schedule.", "fields.")
_TICKETS = ("tickets.", "metadata.tickets.")
_INVITE = ("meetingInvite.", "meeting.")


def _meeting_moment(prefix: str, name: str) -> Moment:
    times = (f"{name}StartTime", f"{name}Start", f"{name}Time") if name else ("startTime", "time", "start")
    dates = (f"{name}Date",) if name else ("date", "startDate")
    return Moment(time=places((prefix,), *times), date=places((prefix,), *dates))


LAYOUT = Layout(
    change_id=places(_CHANGE, "changeId"),
    title=places(_CHANGE, "changeTitle", "title"),
    customers="$.customers",
    customer_holders=("changeMetadata", "metadata", "fields"),
    time_zone=places(_SCHEDULE, "timezone", "meetingTimezone"),
    starts=names.start_moments(_SCHEDULE),
    ends=names.end_moments(_SCHEDULE),
    meeting_time_zone=places(_CHANGE, "meetingTimezone") + places(_INVITE, "timezone"),
    meeting_starts=(
        *(_meeting_moment(prefix, "meeting") for prefix in _CHANGE),
        *(_meeting_moment(prefix, "") for prefix in _INVITE),
    ),
    meeting_title=places(_CHANGE, "meetingTitle") + places(_INVITE, "title"),
    meeting_duration=places(_CHANGE, "meetingDuration", "meetingDurationMinutes")
    + places(_INVITE, "duration", "durationMinutes")
    + places(_CHANGE, "duration", "durationMinutes"),
    meeting_location=places(_CHANGE, "meetingLocation") + places(_INVITE, "location"),
    wanted=names.answers((*_CHANGE, "changeMetadata.")),
    attendees=tuple(places((prefix,), "attendees") for prefix in (*_CHANGE, *_INVITE)),
    optional=tuple(places((prefix,), "optional") for prefix in (*_CHANGE, *_INVITE)),
    reason=places(_CHANGE, "changeReason"),
    implementation_plan=places(_CHANGE, "implementationPlan"),
    test_plan=places(_CHANGE, "testPlan"),
    customer_impact=places(_CHANGE, "customerImpact", "expectedCustomerImpact"),
    rollback_plan=places(_CHANGE, "rollbackPlan"),
    service_now_ticket=places(_CHANGE, "snowTicket") + places(_TICKETS, "serviceNow", "snow"),
    jira_ticket=places(_CHANGE, "jiraTicket") + places(_TICKETS, "jira"),
    status=places(_CHANGE, "status"),
    version=places(_CHANGE, "version"),
    change_type=places(_CHANGE, "changeType"),
    other_ids=places(_CHANGE, *names.IDS),
    other_titles=places(_CHANGE, *names.TITLES),
    other_reasons=places(_CHANGE, *names.REASONS),
)
