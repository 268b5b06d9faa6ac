"""The flat dialect, which the change portal writes: everything at the top level.

Older files keep what concerns the meeting in a ``metadata`` map as well; the top level wins.
"""

from __future__ import annotations

from contact_manager.formats.change_json import names
from contact_manager.formats.change_json.layout import Layout, Moment
from contact_manager.formats.change_json.reader import Reader

_OWN = (
    "implementationStart",
    "implementationBeginDate",
    "meetingStartTime",
    "meetingDate",
    "metadata.meetingStartTime",
    "metadata.meetingDate",
)
_FOREIGN = ("schedule", "metadata.schedule", "meetingInvite", "meeting", "fields")
_MEETING = ("", "metadata.")
_TOP = ("",)

LAYOUT = Layout(
    change_id=("changeId",),
    title=("changeTitle",),
    customers="$.customers",
    customer_holders=("changeMetadata",),
    objects=("metadata", "tickets", "changeMetadata"),
    time_zone=("timezone", "metadata.timezone", "meetingTimezone", "metadata.meetingTimezone"),
    starts=names.start_moments(_TOP),
    ends=names.end_moments(_TOP),
    meeting_time_zone=("meetingTimezone", "metadata.meetingTimezone"),
    meeting_starts=(
        Moment(time=("meetingStartTime", "meetingStart", "meetingTime"), date=("meetingDate",)),
        Moment(
            time=("metadata.meetingStartTime", "metadata.meetingStart", "metadata.meetingTime"),
            date=("metadata.meetingDate",),
        ),
    ),
    meeting_title=("meetingTitle", "metadata.meetingTitle"),
    meeting_duration=names.places(_MEETING, "meetingDuration", "meetingDurationMinutes"),
    meeting_location=("meetingLocation", "metadata.meetingLocation"),
    wanted=names.answers((*_MEETING, "changeMetadata.")),
    attendees=(("attendees",), ("metadata.attendees",)),
    optional=(("optional",), ("metadata.optional",)),
    reason=("changeReason",),
    implementation_plan=("implementationPlan",),
    test_plan=("testPlan",),
    customer_impact=("customerImpact", "expectedCustomerImpact"),
    rollback_plan=("rollbackPlan",),
    service_now_ticket=("snowTicket", "tickets.serviceNow", "tickets.snow"),
    jira_ticket=("jiraTicket", "tickets.jira"),
    status=("status",),
    version=("version",),
    change_type=("changeType", "metadata.changeType"),
    other_ids=names.IDS,
    other_reasons=names.REASONS,
)


def recognises(reader: Reader) -> bool:
    """Return whether title and times stand where the portal puts them, and nothing of another dialect."""
    is_portal_title = "changeTitle" in reader.document
    return is_portal_title and reader.find(_OWN) is not None and reader.find(_FOREIGN) is None
