"""The established ``ses --action X`` form: its table of actions."""

from __future__ import annotations

import difflib
from dataclasses import asdict, dataclass

import typer

from contact_manager.entrypoints.cli.options import ApplyOptions, OutputFormat
from contact_manager.entrypoints.cli.terminal import write_message, write_result

HELP_ACTION = "help"


@dataclass(frozen=True, slots=True)
class SesAction:
    """An action's established name; ``instead`` names the one to use when it is deprecated."""

    name: str
    category: str
    summary: str
    instead: str | None = None


ACTIONS = (
    SesAction(
        "create-multi-customer-meeting-invite",
        "Email & notifications",
        "One Teams meeting with the subscribers of all customers (also: meeting apply)",
    ),
    SesAction(
        "create-meeting-invite",
        "Email & notifications",
        "Deprecated name of create-multi-customer-meeting-invite",
        instead="create-multi-customer-meeting-invite",
    ),
    SesAction(HELP_ACTION, "Help", "This list"),
)


def list_actions() -> str:
    """Return the actions in their categories, as text."""
    lines = ["Actions of ses --action:"]
    for category in dict.fromkeys(action.category for action in ACTIONS):
        lines += ["", f"{category}:"]
        for one in ACTIONS:
            if one.category == category:
                lines += [f"  {one.name}", f"      {one.summary}"]
    return "\n".join(lines)


def _show_actions(options: ApplyOptions) -> None:
    if options.output is OutputFormat.JSON:
        from contact_manager.entrypoints.cli.door import print_json

        print_json({"schema": "contact-manager/actions/v1", "actions": [asdict(one) for one in ACTIONS]})
    else:
        write_result(*list_actions().splitlines())


def run_ses_action(name: str, options: ApplyOptions) -> None:
    """Run the established action ``name``.

    Raises:
        typer.BadParameter: There is no such action.
    """
    action = next((one for one in ACTIONS if one.name == name), None)
    if action is None:
        near = difflib.get_close_matches(name, [one.name for one in ACTIONS], n=1)
        hint = f" Did you mean {near[0]}?" if near else " See ses --action help."
        raise typer.BadParameter(f"there is no action {name!r}.{hint}", param_hint="--action")
    if action.instead:
        write_message(f"warning: {action.name} is deprecated; use {action.instead}.")
    if action.name == HELP_ACTION:
        _show_actions(options)
        return
    from contact_manager.entrypoints.cli.actions.apply_meeting import apply_meeting

    apply_meeting(options, is_dry_run=options.dry_run)
