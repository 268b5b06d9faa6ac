"""The nested dialect: the change in ``changeMetadata``, the meeting in ``meetingInvite``."""

from __future__ import annotations

from contact_manager.formats.change_json import names
from contact_manager.formats.change_json.layout import Layout, Moment
from contact_manager.formats.change_json.reader import Reader

_SCHEDULE = "changeMetadata.schedule"
_TICKETS = "changeMetadata.tickets"
_CHANGE = ("changeMetadata.", "")

LAYOUT = Layout(
    change_id=("changeId", "changeMetadata.changeId"),
    title=("changeMetadata.changeTitle", "changeMetadata.title"),
    customers="$.changeMetadata.customerCodes",
    customer_holders=("changeMetadata",),
    objects=(_SCHEDULE, _TICKETS, "meetingInvite"),
    time_zone=(f"{_SCHEDULE}.timezone", "changeMetadata.timezone", "timezone", "meetingInvite.timezone"),
    starts=names.start_moments((f"{_SCHEDULE}.", *_CHANGE)),
    ends=names.end_moments((f"{_SCHEDULE}.", *_CHANGE)),
    meeting_time_zone=("meetingInvite.timezone",),
    meeting_starts=(
        Moment(
            time=("meetingInvite.startTime", "meetingInvite.time", "meetingInvite.start"),
            date=("meetingInvite.date", "meetingInvite.startDate"),
        ),
    ),
    meeting_title=("meetingInvite.title",),
    meeting_duration=("meetingInvite.duration", "meetingInvite.durationMinutes"),
    meeting_location=("meetingInvite.location",),
    wanted=names.answers(("", "changeMetadata.", "metadata.")),
    attendees=(("meetingInvite.attendees", "attendees"),),
    optional=(("meetingInvite.optional", "optional"),),
    reason=("changeMetadata.changeReason",),
    implementation_plan=("changeMetadata.implementationPlan",),
    test_plan=("changeMetadata.testPlan",),
    customer_impact=("changeMetadata.expectedCustomerImpact", "changeMetadata.customerImpact"),
    rollback_plan=("changeMetadata.rollbackPlan",),
    service_now_ticket=(f"{_TICKETS}.serviceNow", f"{_TICKETS}.snow", "changeMetadata.snowTicket"),
    jira_ticket=(f"{_TICKETS}.jira", "changeMetadata.jiraTicket"),
    status=("status", "changeMetadata.status"),
    version=("version", "changeMetadata.version"),
    change_type=("changeMetadata.changeType", "changeType"),
    other_ids=names.places(_CHANGE, *names.IDS),
    other_titles=names.places(("changeMetadata.",), *names.TITLES),
    other_reasons=names.places(_CHANGE, *names.REASONS),
)


def recognises(reader: Reader) -> bool:
    """Return whether the change itself stands in ``changeMetadata``, and not only its customers."""
    if reader.find((*LAYOUT.title, _SCHEDULE)) is not None:
        return True
    found = reader.find(("changeMetadata",))
    is_object = found is not None and isinstance(found.value, dict)
    return is_object and reader.find(("changeTitle", "title")) is None
