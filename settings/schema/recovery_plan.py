"""A wave's recovery plan: groups of machines in the order in which they fail over."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from site_recovery import recovery_plan
from site_recovery.declared.durations import Duration, between
from site_recovery.declared.model import Model, broken, rule

_RUNBOOK = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Automation"
    r"/automationAccounts/[^/]+/runbooks/[^/]+",
    re.IGNORECASE,
)

_RunbookId = Annotated[
    str,
    rule(
        lambda value: _RUNBOOK.fullmatch(value) is not None,
        "{value} is not the id of an Automation runbook",
        "Use its resource id: /subscriptions/.../automationAccounts/<account>/runbooks/<name>",
    ),
    Field(title="resource id"),
]


class Runbook(Model):
    """An Azure Automation runbook, and how long it may take."""

    id: _RunbookId = Field(description="Azure Automation runbook to run at this point.")
    timeout: Annotated[
        Duration, between(timedelta(minutes=1), timedelta(hours=24)), Field(title="1m to 24h")
    ] = Field(default=timedelta(minutes=15), description="How long the runbook may take.")


class Action(Model):
    """What happens between groups: either a person does something, or a runbook runs."""

    manual: Annotated[str, Field(min_length=1, max_length=1000)] | None = Field(
        default=None,
        description="Instruction for a person. The plan stops here until somebody resumes its job "
        "in the vault. An action is either `manual` or `runbook`.",
    )
    runbook: Runbook | None = None

    def action(self) -> recovery_plan.Action:
        """The action in the domain's terms."""
        if self.runbook is not None:
            timeout = int(self.runbook.timeout.total_seconds())
            return recovery_plan.RunbookAction(self.runbook.id, timeout)
        return recovery_plan.ManualAction(self.manual or "")

    @model_validator(mode="after")
    def _one_kind(self) -> Action:
        if self.model_fields_set and self.manual is None and self.runbook is None:
            return self  # A key without a value is reported at its own place.
        if (self.manual is None) == (self.runbook is None):
            raise broken(
                "an action is either manual or a runbook",
                "Write {manual: what a person should do} or {runbook: {id: ..., timeout: 30m}}",
            )
        return self


def _machines_alone(value: Any) -> Any:
    return {"machines": value} if isinstance(value, list) else value


class GroupSettings(Model):
    """Machines that fail over together. A plain list of machines is a group without actions."""

    machines: Annotated[list[str], Field(min_length=1)] = Field(
        description="Machines that start together. Every machine of the wave is in exactly one "
        "group. A group without actions may be written as the list alone. At most 100 machines a "
        "plan."
    )
    pre: list[Action] = Field(
        default_factory=list, description="Actions before the machines of the group start."
    )
    post: list[Action] = Field(
        default_factory=list, description="Actions after the machines of the group have started."
    )

    def group(self) -> recovery_plan.Group:
        """The group in the domain's terms."""
        return recovery_plan.Group(
            tuple(self.machines),
            pre=tuple(action.action() for action in self.pre),
            post=tuple(action.action() for action in self.post),
        )


class RecoveryPlanSettings(Model):
    """The groups in the order in which they start."""

    groups: Annotated[
        list[Annotated[GroupSettings, BeforeValidator(_machines_alone)]], Field(min_length=1)
    ] = Field(
        description="Groups in the order in which they start, at most 7. A group starts when the "
        "one before it is up."
    )

    def plan(self, name: str) -> recovery_plan.Plan:
        """The plan in the domain's terms; `name` is its name in the vault."""
        return recovery_plan.Plan(name, tuple(group.group() for group in self.groups))
