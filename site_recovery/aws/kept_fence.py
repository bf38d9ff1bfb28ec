"""The security group that fenced machines, when its stack does not need it any more.

EC2 does not delete a group while an interface has it, of a stopped instance either. The source of a
migrated machine has no other group, and gets none: if somebody started it, it would serve beside its
virtual machine. So a fence that is in use stays.
"""

from __future__ import annotations

from site_recovery.aws.client import AWS_FAILURES, aws_problem, connect, error_code
from site_recovery.errors import MigrationError

PERMISSIONS = (
    "ec2:CreateTags",
    "ec2:DeleteSecurityGroup",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
)

KEPT = "-kept"
"""The end of the tag `Name` of a fence that outlives its stack."""
_GONE = frozenset({"InvalidGroup.NotFound", "InvalidGroupId.Malformed"})


def exists(group_id: str, region: str) -> bool:
    """Whether a security group is there (DescribeSecurityGroups).

    Raises:
        MigrationError: AWS did not answer, or refused.
    """
    try:
        connect("ec2", region).describe_security_groups(GroupIds=[group_id])
    except AWS_FAILURES as error:
        if error_code(error) in _GONE:
            return False
        raise _failure(error, region) from error
    return True


def remove(group_id: str, name: str, region: str) -> list[str]:
    """Delete a fence that nothing has; mark one that machines still have as kept.

    Args:
        group_id: the security group.
        name: its tag `Name`.
        region: its AWS region.

    Returns:
        The instances that have it, or interfaces without one; empty if it is deleted.

    Raises:
        MigrationError: AWS did not answer, or refused.
    """
    try:
        ec2 = connect("ec2", region)
        pages = ec2.get_paginator("describe_network_interfaces").paginate(
            Filters=[{"Name": "group-id", "Values": [group_id]}]
        )
        held = {
            one.get("Attachment", {}).get("InstanceId") or one["NetworkInterfaceId"]
            for page in pages
            for one in page["NetworkInterfaces"]
        }
        if held:
            kept = [{"Key": "Name", "Value": f"{name}{KEPT}"}]
            ec2.create_tags(Resources=[group_id], Tags=kept)  # type: ignore[arg-type]
        else:
            ec2.delete_security_group(GroupId=group_id)
    except AWS_FAILURES as error:
        if error_code(error) in _GONE:
            return []
        raise _failure(error, region) from error
    return sorted(held)


def _failure(error: Exception, region: str) -> MigrationError:
    return MigrationError(str(aws_problem(error, "EC2", region, PERMISSIONS)))
