"""Security groups that EC2 does not delete.

Moto deletes any group. EC2 refuses with `DependencyViolation` while the group is one of a network
interface's, of a stopped instance's too, or a rule of another group names it, and with `CannotDelete`
if it is the default group of its VPC (DeleteSecurityGroup; "Error codes for the Amazon EC2 API").
"""

from __future__ import annotations

from typing import Any


def refuse_to_delete_what_is_used() -> None:
    """Let this process's moto refuse so, from now on."""
    from moto.ec2.exceptions import DependencyViolationError, EC2ClientError
    from moto.ec2.models import security_groups

    backend_type: Any = security_groups.SecurityGroupBackend
    delete = backend_type.delete_security_group

    def delete_security_group(
        backend: Any, name: str | None = None, group_id: str | None = None
    ) -> None:
        group = backend.get_security_group_by_name_or_id(group_id or name)
        if group is not None and group.is_default:
            raise EC2ClientError(
                "CannotDelete",
                f'the specified group: "{group.id}" name: "{group.name}" cannot be deleted by a user',
            )
        if group is not None and _is_used(backend, group.id):
            raise DependencyViolationError(f"resource {group.id} has a dependent object")
        delete(backend, name, group_id)

    backend_type.delete_security_group = delete_security_group


def _is_used(backend: Any, group_id: str) -> bool:
    """Whether an interface has a group, or a rule of another group names it."""
    held = any(
        group.id == group_id
        for interface in list(backend.enis.values())
        for group in interface.group_set
    )
    others = [
        group
        for groups in list(backend.groups.values())
        for group in list(groups.values())
        if group.id != group_id
    ]
    return held or any(
        rule.source_group.get("GroupId") == group_id
        for group in others
        for rule in (*group.ingress_rules, *group.egress_rules)
    )
