"""``meeting reconcile``: bring upcoming meetings up to date, on a schedule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

from contact_manager.bootstrap import SystemClock
from contact_manager.entrypoints.cli.actions.apply_batch import run_batch
from contact_manager.entrypoints.cli.options import ReconcileOptions
from contact_manager.services.schedule_batch import reason_not_to_reconcile
from contact_manager.services.schedule_meeting import ScheduleRequest


def reconcile_meetings(names: Sequence[str], options: ReconcileOptions) -> NoReturn:
    """Bring the meetings of upcoming changes up to date, and report what a person changed by hand."""
    now = SystemClock().now()

    def adapt(request: ScheduleRequest) -> ScheduleRequest:
        return replace(request, respect_hand=not options.overwrite)

    run_batch(
        names,
        options,
        adapt,
        lambda change: reason_not_to_reconcile(change, now),
        is_dry_run=options.dry_run,
    )
