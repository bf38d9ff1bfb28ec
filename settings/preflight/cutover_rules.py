"""Checks the cutover that the config declares against the instance that it is for."""

from __future__ import annotations

from collections.abc import Iterator

from settings.draft import Draft
from site_recovery.aws.ec2 import MachineFacts
from site_recovery.config_paths import path
from site_recovery.problems import Problem


def problems(name: str, facts: MachineFacts, draft: Draft) -> Iterator[Problem]:
    """An instance that cannot be stopped, or has no recovery points of the declared kind."""
    cutover = draft.cutover_of(name)
    if cutover is None or not cutover.fences:
        return
    if facts.market is not None and not facts.cut_over:
        yield Problem(
            path("machines", name, "instanceId"),
            f"instance {facts.instance_id} is of the kind {facts.market}, which AWS may refuse "
            "to stop, and its cutover stops it",
            "Start an instance of its own kind from its image, or let its cutover have the "
            "mode latest",
        )
    if cutover.consistency == "application" and facts.platform == "linux":
        yield Problem(
            path("machines", name, "cutover", "consistency"),
            f"instance {facts.instance_id} runs linux, and only Windows machines have "
            "application-consistent recovery points",
            "Set consistency: crash for this machine, and stop its application with quiesce",
        )
