"""The IAM roles of machines, with which they read the secret for their mobility agents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from site_recovery.aws.client import AWS_FAILURES, aws_problem, connect, error_code
from site_recovery.problems import Problem

PERMISSIONS = ("iam:GetInstanceProfile",)


def profile_roles(
    profile_arns: Iterable[str], region: str
) -> tuple[dict[str, dict[str, str]], list[Problem]]:
    """The roles of instance profiles (GetInstanceProfile).

    Args:
        profile_arns: ARNs of instance profiles.
        region: any one. IAM has no regions, but a client needs one with a custom endpoint.

    Returns:
        By ARN of a profile, its roles: by ARN, their unique ids. A profile that was deleted has
        none. If AWS did not answer, nothing and one problem that says so.
    """
    wanted = sorted(set(profile_arns))
    if not wanted:
        return {}, []
    try:
        iam = connect("iam", region)
        return {arn: _roles(iam, arn.rsplit("/", 1)[-1]) for arn in wanted}, []
    except AWS_FAILURES as error:
        return {}, [aws_problem(error, "IAM", "this account", PERMISSIONS)]


def roleless_reason(profile_arn: str, roles: Mapping[str, str]) -> str | None:
    """Why a machine has no role to act with although it has an instance profile, with the way out.

    EC2 goes on naming a profile that was deleted: the association with the instance stays.

    Returns:
        None if it has a role.
    """
    if roles:
        return None
    return (
        f"its instance profile {profile_arn} was deleted or has no role, so nothing on it may call "
        "AWS. Attach another one, whose role has AmazonSSMManagedInstanceCore (aws ec2 "
        "replace-iam-instance-profile-association)"
    )


def _roles(iam: Any, name: str) -> dict[str, str]:
    try:
        found = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    except ClientError as error:
        if error_code(error) == "NoSuchEntity":
            return {}
        raise
    return {role["Arn"]: role["RoleId"] for role in found["Roles"]}
