"""The IAM roles of machines, with which they read the secret for their mobility agents."""

from __future__ import annotations

from collections.abc import Iterable

from site_recovery.aws.client import AWS_FAILURES, aws_problem, connect
from site_recovery.problems import Problem

PERMISSIONS = ("iam:GetInstanceProfile",)


def role_arns(profile_arns: Iterable[str], region: str) -> tuple[tuple[str, ...], list[Problem]]:
    """The roles of instance profiles (GetInstanceProfile), sorted and without duplicates.

    Args:
        profile_arns: ARNs of instance profiles.
        region: any one. IAM has no regions, but a client needs one with a custom endpoint.

    Returns:
        The ARNs of the roles; if AWS did not answer, none and one problem that says so.
    """
    names = sorted({arn.rsplit("/", 1)[-1] for arn in profile_arns})
    if not names:
        return (), []
    try:
        iam = connect("iam", region)
        roles = {
            role["Arn"]
            for name in names
            for role in iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"][
                "Roles"
            ]
        }
    except AWS_FAILURES as error:
        return (), [aws_problem(error, "IAM", "this account", PERMISSIONS)]
    return tuple(sorted(roles)), []
