"""Rules about how machines replicate, and how long a run waits for them."""

from __future__ import annotations

from collections.abc import Iterator

from settings.draft import Draft
from settings.schema.replication import RETENTION_HOURS_MAX
from site_recovery.config_paths import path
from site_recovery.problems import Problem


def _agent(draft: Draft) -> Iterator[Problem]:
    if (
        draft.experience == "modernized"
        and draft.replication
        and draft.replication.agent.installation == "push"
    ):
        yield Problem(
            "replication.agent.installation",
            "only the configuration server installs agents by push, and experience is modernized",
            "Use ssm, or manual",
        )


def _single_disks(draft: Draft) -> Iterator[Problem]:
    replication = draft.replication
    if replication is None or replication.agent.installation != "push":
        return
    for name, machine in draft.machines.items():
        if machine.settings is not None and machine.settings.target.disks:
            yield Problem(
                path("machines", name, "target", "disks"),
                "replication.agent.installation is push: the server installs the agent when "
                "replication begins, and only the agent tells Site Recovery of the disks",
                "Use ssm or manual, or the same diskType for all disks",
            )


def _retention(draft: Draft) -> Iterator[Problem]:
    kind, policy = draft.experience, draft.replication
    if kind and policy and policy.recovery_point_retention_hours > RETENTION_HOURS_MAX[kind]:
        yield Problem(
            "replication.recoveryPointRetentionHours",
            f"{policy.recovery_point_retention_hours} is out of bounds for experience {kind}",
            f"Use at most {RETENTION_HOURS_MAX[kind]}",
        )


def _frequencies(draft: Draft) -> Iterator[Problem]:
    policy = draft.replication
    if policy is None:
        return
    minutes = policy.recovery_point_retention_hours * 60
    if policy.app_consistent_frequency_minutes > minutes:
        yield Problem(
            "replication.appConsistentFrequencyMinutes",
            f"{policy.app_consistent_frequency_minutes} is longer than recovery points are kept "
            f"({policy.recovery_point_retention_hours} h)",
            f"Use at most {minutes}, or 0 for none, or keep recovery points longer",
        )


RULES = (
    _agent,
    _single_disks,
    _retention,
    _frequencies,
)
