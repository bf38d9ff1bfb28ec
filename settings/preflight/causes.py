"""One cause that makes every machine wrong is one problem, at the key that is to be corrected."""

from __future__ import annotations

from collections.abc import Mapping

from settings.draft import Draft
from site_recovery.aws.ec2 import MachineFacts
from site_recovery.problems import Problem

_FEW = 2
"""From so many machines on, the region or the VPC is more likely wrong than each of them."""


def other_region(
    draft: Draft, facts: Mapping[str, MachineFacts], problems: Mapping[str, Problem]
) -> Problem | None:
    """The problem if no machine at all is in the region, and there are several."""
    if facts or len(problems) < _FEW:
        return None
    return Problem(
        "aws:region",
        f"none of the {len(problems)} machines is in {draft.region} (or this account)",
        "Correct aws:region, or use credentials of the account that the machines are in",
    )


def other_vpc(draft: Draft, facts: Mapping[str, MachineFacts]) -> tuple[str, Problem] | None:
    """The VPC that all machines are in and the problem, if that is not the declared one."""
    running = [found.vpc_id for found in facts.values() if found.state == "running"]
    vpcs = {vpc for vpc in running if vpc}
    if draft.vpc_id is None or len(running) < _FEW or len(vpcs) != 1 or draft.vpc_id in vpcs:
        return None
    [vpc] = vpcs
    return vpc, Problem(
        "source.vpcId",
        f"none of the machines is in {draft.vpc_id}: all {len(running)} are in {vpc}",
        f"Write {vpc}; the server has to be in the machines' VPC too",
    )
