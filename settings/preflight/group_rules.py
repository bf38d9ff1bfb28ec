"""Checks that each machine can have the stack's security group beside its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from site_recovery.aws.ec2 import MachineFacts
from site_recovery.aws.quotas import USUAL_GROUPS
from site_recovery.config_paths import path
from site_recovery.problems import Problem


def problems(
    facts: Mapping[str, MachineFacts],
    prefix: str,
    quota: Callable[[], tuple[int, list[Problem]]],
) -> list[Problem]:
    """Machines whose interface has no room for one more group.

    Args:
        facts: what AWS knows of each machine.
        prefix: the prefix of the names of the stack's groups. Without it nothing is checked.
        quota: how many groups an interface may have. It is asked only if one has the usual number.
    """
    if not prefix:
        return []
    full = {
        name: found
        for name, found in facts.items()
        if len(found.security_group_names) >= USUAL_GROUPS
        and not any(group.startswith(f"{prefix}-") for group in found.security_group_names)
    }
    if not full:
        return []
    most, unread = quota()
    return unread or [
        Problem(
            path("machines", name),
            f"its network interface {found.network_interface_id} has "
            f"{len(found.security_group_names)} security groups "
            f"({', '.join(found.security_group_names)}), and one more is needed to reach the server",
            f"Merge two of them, or ask AWS for a larger quota: an interface has at most {most}",
        )
        for name, found in full.items()
        if len(found.security_group_names) >= most
    ]
