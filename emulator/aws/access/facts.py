"""Facts about existing resources, for resources and conditions of policies: ARNs, tags, networks,
roles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from emulator import partitions

ANY = "*"
"""The resource of actions that are about none, or about all."""

Context = Mapping[str, str]


@dataclass(frozen=True)
class Need:
    """One permission that a call needs.

    Attributes:
        action: such as `ec2:RunInstances`.
        resource: an ARN; `ANY` for actions without a resource.
        context: condition keys, in lower case, and their values.
    """

    action: str
    resource: str
    context: Context = field(default_factory=dict)


class Facts:
    """Looks up facts in one region. A resource that does not exist has none, so conditions on them
    fail.

    Args:
        client: gives the boto3 client of a service by its name.
        region: the region.
        account: the account's number.
    """

    def __init__(self, client: Callable[[str], Any], region: str, account: str) -> None:
        self._client = client
        self._region = region
        self._account = account

    def arn(self, service: str, resource: str, owner: str | None = None) -> str:
        """The ARN of a resource of this region; `owner` if it belongs to another account, "" if to
        none. IAM's resources have no region.
        """
        account = self._account if owner is None else owner
        make = partitions.global_arn if service == "iam" else partitions.arn
        return make(service, self._region, account, resource)

    @property
    def ec2(self) -> str:
        """The name of EC2 in the region's policies. China has one of its own ("IAM in China")."""
        return f"ec2.amazonaws.com{'.cn' if self._region.startswith('cn-') else ''}"

    def security_group(self, group: str) -> Context:
        """Tags and VPC of a security group."""
        found = self._one("describe_security_groups", "SecurityGroups", GroupIds=[group])
        return {**_tags(found), **self._vpc(found)}

    def interface(self, interface: str) -> Context:
        """Tags and VPC of a network interface."""
        found = self._one(
            "describe_network_interfaces", "NetworkInterfaces", NetworkInterfaceIds=[interface]
        )
        return {**_tags(found, "TagSet"), **self._vpc(found)}

    def subnet(self, subnet: str) -> Context:
        """Tags and VPC of a subnet."""
        found = self._one("describe_subnets", "Subnets", SubnetIds=[subnet])
        return {**_tags(found), **self._vpc(found)}

    def instance(self, instance: str) -> Context:
        """Tags and profile of an instance."""
        found = self._one("describe_instances", "Reservations", InstanceIds=[instance])
        instances = found.get("Instances") or [{}]
        profile = instances[0].get("IamInstanceProfile", {}).get("Arn")
        return {**_tags(instances[0]), **({"ec2:instanceprofile": profile} if profile else {})}

    def prefix_list_owner(self, prefix_list: str) -> str:
        """The account that owns a prefix list; `aws` for Amazon's."""
        found = self._one(
            "describe_managed_prefix_lists", "PrefixLists", PrefixListIds=[prefix_list]
        )
        return str(found.get("OwnerId") or self._account).lower()

    def role(self, name: str) -> str:
        """The ARN of a role, with its path."""
        found = self._ask("iam", "get_role", RoleName=name)
        return str(found.get("Role", {}).get("Arn") or self.arn("iam", f"role/{name}"))

    def profile(self, name: str) -> str:
        """The ARN of an instance profile, by its name or ARN."""
        found = self._ask("iam", "get_instance_profile", InstanceProfileName=name.split("/")[-1])
        made = self.arn("iam", f"instance-profile/{name.split('/')[-1]}")
        return str(found.get("InstanceProfile", {}).get("Arn") or made)

    def roles_in(self, profile: str) -> list[str]:
        """The ARNs of the roles in an instance profile, by its name or ARN."""
        name = profile.split("/")[-1]
        found = self._ask("iam", "get_instance_profile", InstanceProfileName=name)
        return [role["Arn"] for role in found.get("InstanceProfile", {}).get("Roles", ())]

    def secret(self, identifier: str) -> str:
        """The ARN of a secret, by its name or ARN."""
        if identifier.startswith("arn:"):
            return identifier
        found = self._ask("secretsmanager", "describe_secret", SecretId=identifier)
        return str(found.get("ARN") or self.arn("secretsmanager", f"secret:{identifier}"))

    def vpc(self, vpc: str) -> str:
        """The ARN of a VPC."""
        return self.arn("ec2", f"vpc/{vpc}")

    def _vpc(self, found: Mapping[str, Any]) -> Context:
        vpc = found.get("VpcId")
        return {"ec2:vpc": self.vpc(vpc)} if vpc else {}

    def _one(self, operation: str, plural: str, **arguments: Any) -> Mapping[str, Any]:
        found: list[Mapping[str, Any]] = self._ask("ec2", operation, **arguments).get(plural) or []
        return found[0] if found else {}

    def _ask(self, service: str, operation: str, **arguments: Any) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = getattr(self._client(service), operation)(**arguments)
        except ClientError:
            return {}
        return answer


def tags_of(pairs: Iterable[Mapping[str, str]], kind: str = "resource") -> Context:
    """Tags as condition keys: `aws:ResourceTag/...`, or `aws:RequestTag/...` for those of a
    request."""
    # IAM compares condition keys case-insensitively, and tag keys case-sensitively.
    return {f"aws:{kind}tag/{pair['Key'].lower()}": pair.get("Value", "") for pair in pairs}


def _tags(found: Mapping[str, Any], member: str = "Tags") -> Context:
    return tags_of(found.get(member) or ())
