"""Evaluate the permissions of a role from its IAM policies. Moto does not check permissions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from emulator.aws import policies
from emulator.aws.policies import Request

ClientFactory = Callable[[str], Any]
"""Gives the boto3 client of a service by its name, such as `boto3.session.Session().client`."""

Policy = str | Mapping[str, Any]


@dataclass(frozen=True)
class Role:
    """A role at one moment.

    Attributes:
        arn: its ARN.
        policies: those that are attached, and those that are inline.
        boundary: the policy that is its boundary, if any.
    """

    arn: str
    policies: list[Mapping[str, Any]]
    boundary: Mapping[str, Any] | None

    def allows(self, action: str, resource_arn: str, resource_policy: Policy | None = None) -> bool:
        """See `Permissions.allows`."""
        request = Request(self.arn, action, resource_arn)
        verdicts = [policies.of_identity(self.policies, request)]
        if resource_policy:
            verdicts.append(policies.of_resource(resource_policy, request))
        if self.boundary and policies.of_identity([self.boundary], request) != "allow":
            return False
        return "deny" not in verdicts and "allow" in verdicts


class Permissions:
    """Evaluates the permissions of roles over IAM's public API.

    Args:
        client: gives the client of a service by its name.
    """

    def __init__(self, client: ClientFactory) -> None:
        self._iam = client("iam")
        self._versions: dict[tuple[str, str], Mapping[str, Any]] = {}

    def role_of(self, profile: str) -> str | None:
        """The name of the role in an instance profile, given by its name or ARN; None if it has
        none."""
        name = profile.rsplit("/", 1)[-1]
        try:
            found = self._iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
        except ClientError as error:
            if _is_missing(error):
                return None
            raise
        return str(found["Roles"][0]["RoleName"]) if found["Roles"] else None

    def allows(
        self,
        role_name: str,
        action: str,
        resource_arn: str,
        resource_policy: Policy | None = None,
    ) -> bool:
        """Whether a role may do something to a resource of its own account.

        It may if the role's attached or inline policies, or the resource's own policy, allow it,
        and none of them and not the role's boundary denies it. A role that does not exist may do
        nothing.

        Args:
            role_name: the role's name.
            action: such as `secretsmanager:GetSecretValue`.
            resource_arn: the resource; "*" for actions without a resource.
            resource_policy: the resource's policy, as JSON text or parsed, or None.

        Raises:
            ValueError: a policy is not a JSON object.
        """
        role = self.role(role_name)
        return role is not None and role.allows(action, resource_arn, resource_policy)

    def role(self, name: str) -> Role | None:
        """A role with its policies as they are now; None if there is no such role."""
        try:
            role = self._iam.get_role(RoleName=name)["Role"]
            own = [*self._attached(name), *self._inline(name)]
        except ClientError as error:
            if _is_missing(error):
                return None
            raise
        boundary = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        return Role(role["Arn"], own, self._managed(boundary) if boundary else None)

    def _attached(self, role_name: str) -> list[Mapping[str, Any]]:
        pages = self._iam.get_paginator("list_attached_role_policies").paginate(RoleName=role_name)
        return [
            self._managed(entry["PolicyArn"])
            for page in pages
            for entry in page["AttachedPolicies"]
        ]

    def _inline(self, role_name: str) -> list[Mapping[str, Any]]:
        pages = self._iam.get_paginator("list_role_policies").paginate(RoleName=role_name)
        return [
            self._iam.get_role_policy(RoleName=role_name, PolicyName=name)["PolicyDocument"]
            for page in pages
            for name in page["PolicyNames"]
        ]

    def _managed(self, arn: str) -> Mapping[str, Any]:
        version = self._iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        if (arn, version) not in self._versions:  # a version never changes
            found = self._iam.get_policy_version(PolicyArn=arn, VersionId=version)
            self._versions[arn, version] = found["PolicyVersion"]["Document"]
        return self._versions[arn, version]


def _is_missing(error: ClientError) -> bool:
    return error.response.get("Error", {}).get("Code") == "NoSuchEntity"
