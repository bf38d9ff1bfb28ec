"""The actions of recovery plans: how long scripts and runbooks take, and how they fail.

No script runs here. An action ends well after about a minute, unless a fault for `ScriptAction`
or `AutomationRunbook` (matched by the action's name, its path or runbook id, or the plan's id)
delays or fails it, or it takes longer than its timeout.
"""

from __future__ import annotations

import re
from datetime import timedelta

from emulator import faults
from emulator.kernel.store import Document
from emulator.kernel.world import World

FAULTS = {
    "ScriptActionDetails": "ScriptAction",
    "AutomationRunbookActionDetails": "AutomationRunbook",
}

_TAKES = 60.0
_SCRIPT_TIMEOUT = timedelta(seconds=600)
"""Documented of scripts ("Add a VMM script to a recovery plan")."""
_RUNBOOK_TIMEOUT = timedelta(hours=3)
"""A cloud job of Azure Automation is unloaded after three hours (its fair share)."""
_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?", re.IGNORECASE)


def is_manual(action: Document) -> bool:
    """Whether it is a manual action."""
    return str(action["customDetails"]["instanceType"]) == "ManualActionDetails"


def begin(world: World, action: Document, plan_id: str) -> tuple[timedelta, Document | None]:
    """The duration of a script or runbook, and the error that it ends with, if any."""
    details = action["customDetails"]
    match = [action["actionName"], details.get("path", details.get("runbookId", "")), plan_id]
    fault = faults.take(world, operation=FAULTS[details["instanceType"]], match=match) or {}
    spread = world.random("action", plan_id, action["actionName"], world.sequence())
    takes = timedelta(
        seconds=_TAKES * spread.uniform(0.9, 1.1) + float(fault.get("delaySeconds", 0))
    )
    limit = timeout(details)
    if takes > limit:
        message = (
            f"The action '{action['actionName']}' did not return within "
            f"{int(limit.total_seconds())} seconds."
        )
        return limit, {
            "errorCode": "28120",
            "errorMessage": message,
            "possibleCauses": "The script or runbook takes longer than its timeout.",
            "recommendedAction": "Raise the timeout of the action, or let it do less.",
        }
    return takes, fault.get("job")


def timeout(details: Document) -> timedelta:
    """An action's timeout: seconds or an ISO 8601 duration; its kind's own where none is given."""
    text = str(details.get("timeout") or "")
    match = _DURATION.fullmatch(text)
    if text.isdigit():
        return timedelta(seconds=int(text))
    if match is not None and any(match.groups()):
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return timedelta(hours=hours, minutes=minutes, seconds=seconds)
    script = details["instanceType"] == "ScriptActionDetails"
    return _SCRIPT_TIMEOUT if script else _RUNBOOK_TIMEOUT
