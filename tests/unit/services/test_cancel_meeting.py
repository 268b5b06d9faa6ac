"""Taking a meeting out of the calendar, on a fake."""

from __future__ import annotations

from contact_manager.domain.meeting import CalendarEvent
from contact_manager.domain.outcome import Action, RunReport
from contact_manager.errors import ConflictError, RemoteServiceError
from contact_manager.formats.rendering import Templates
from contact_manager.services.cancel_meeting import cancel_meeting
from tests.fakes.worlds import InMemoryCalendar, change, plan

ORGANIZER = "changes@example.com"


class Stumbling(InMemoryCalendar):
    """Loses the first answer, after or before the event is cancelled; or refuses every time."""

    lost = 0
    done_before_loss = True
    refused = False

    async def cancel_event(self, event: CalendarEvent, comment: str) -> None:
        if self.refused:
            raise RemoteServiceError("no", service="graph", operation="cancel", code="ErrorAccessDenied")
        if not self.lost:
            self.lost += 1
            if self.done_before_loss:
                await super().cancel_event(event, comment)
            raise ConflictError("no answer", service="graph", operation="cancel")
        await super().cancel_event(event, comment)


async def cancel(calendar: InMemoryCalendar) -> RunReport:
    await calendar.create_event(plan("ann@example.com", "bob@example.com"))
    return await cancel_meeting(change(), calendar, organizer=ORGANIZER, templates=Templates())


async def test_a_cancelled_meeting_is_gone_and_everybody_is_told_once() -> None:
    calendar = InMemoryCalendar()
    report = await cancel(calendar)
    assert (report.action, report.notifies.removed, calendar.events) == (Action.CANCELLED, 2, {})
    again = await cancel_meeting(change(), calendar, organizer=ORGANIZER, templates=Templates())
    assert (again.action, again.is_ok) == (Action.NONE, True)


async def test_a_lost_answer_is_looked_up() -> None:
    for done_before_loss in (True, False):
        calendar = Stumbling()
        calendar.done_before_loss = done_before_loss
        report = await cancel(calendar)
        assert (report.action, report.is_ok, calendar.events) == (Action.CANCELLED, True, {})
        assert [kind for kind, _ in calendar.notices].count("cancellation") == 2


async def test_a_refusal_is_told_and_nothing_is_called_cancelled() -> None:
    calendar = Stumbling()
    calendar.refused = True
    report = await cancel(calendar)
    assert (report.action, [one.type for one in report.errors]) == (Action.NONE, ["ErrorAccessDenied"])
