"""An estate that is given as data, without an AWS."""

from __future__ import annotations

from collections.abc import Iterable

from emulator.estate.machines import AccessRefused, Assignment, Instance, ReportStatus
from emulator.estate.network import LOCAL, AclEntry, Interface, Network, Route
from emulator.estate.security_groups import ANYWHERE, INTERNET, SecurityGroup

_OPEN_ACL = tuple(AclEntry(egress, allow=True, cidr=ANYWHERE) for egress in (False, True))
_WAY_OUT = Route(ANYWHERE, "igw-static")


class StaticEstate:
    """An estate that is given as data, and a record of what its guests did there.

    All its subnets have a public route and network ACLs that let everything through.

    Args:
        instances: the machines; the list may be changed at any time through `machines`.
        groups: security groups; None lets every running machine reach every other.

    Attributes:
        scripts: user data by instance id.
        secrets: the text of secrets by ARN; None where one has no value yet.
        grants: what roles may do, by instance id: pairs of an action, such as
            `secretsmanager:GetSecretValue`, and a secret's ARN or a parameter's name. None lets
            all of them do everything.
        parameters: all values that each parameter was given, the newest last.
        associations: assignments by instance id.
        unmanaged: ids of instances that Systems Manager does not manage.
        reports: (instance id, association id, status, detail), the newest last.
    """

    def __init__(
        self, instances: Iterable[Instance] = (), groups: Iterable[SecurityGroup] | None = None
    ) -> None:
        self.machines = list(instances)
        self.groups = None if groups is None else {group.group_id: group for group in groups}
        self.scripts: dict[str, str] = {}
        self.secrets: dict[str, str | None] = {}
        self.grants: dict[str, set[tuple[str, str]]] | None = None
        self.parameters: dict[str, list[str]] = {}
        self.associations: dict[str, list[Assignment]] = {}
        self.unmanaged: set[str] = set()
        self.reports: list[tuple[str, str, ReportStatus, str]] = []

    def look(self) -> None:
        """Do nothing: the data is always current."""

    def expire(self) -> None:
        """Do nothing: the data is always current."""

    def instances(self) -> list[Instance]:
        """A copy of `machines`."""
        return list(self.machines)

    def allows(self, source: Instance, target: Instance, port: int) -> bool:
        """Whether both run and the groups permit it."""
        if self.groups is None:
            return source.state == target.state == "running"
        return self._network(source, target).reaches(source.id, target.id, port)

    def allows_out(self, source: Instance, port: int) -> bool:
        """Whether it runs and its groups let it out."""
        if self.groups is None:
            return source.state == "running"
        return self._network(source).connects(source.id, INTERNET, port)

    def user_data(self, instance_id: str) -> str | None:
        """The text in `scripts`."""
        return self.scripts.get(instance_id)

    def secret(self, instance_id: str, secret_id: str) -> str:
        """The text in `secrets`, if `grants` allow it."""
        self._require(instance_id, "secretsmanager:GetSecretValue", secret_id)
        value = self.secrets.get(secret_id)
        if value is None:
            raise AccessRefused(
                "An error occurred (ResourceNotFoundException) when calling the GetSecretValue "
                "operation: Secrets Manager can't find the specified secret value."
            )
        return value

    def put_secret(self, instance_id: str | None, secret_id: str, value: str) -> None:
        """Write to `secrets`, if `grants` allow it and the secret exists."""
        if instance_id is not None:
            self._require(instance_id, "secretsmanager:PutSecretValue", secret_id)
        if secret_id not in self.secrets:
            raise AccessRefused(
                "An error occurred (ResourceNotFoundException) when calling the PutSecretValue "
                "operation: Secrets Manager can't find the specified secret."
            )
        self.secrets[secret_id] = value

    def signal(self, instance_id: str, parameter: str, value: str) -> None:
        """Append to `parameters`, if `grants` allow it."""
        self._require(instance_id, "ssm:PutParameter", parameter)
        self.parameters.setdefault(parameter, []).append(value)

    def managed(self, instance_id: str) -> bool:
        """Whether it is not in `unmanaged`."""
        return instance_id not in self.unmanaged

    def assignments(self, instance_id: str) -> list[Assignment]:
        """The assignments in `associations`."""
        return list(self.associations.get(instance_id, ()))

    def report(
        self, instance_id: str, association_id: str, status: ReportStatus, detail: str
    ) -> None:
        """Append to `reports`."""
        self.reports.append((instance_id, association_id, status, detail))

    def _network(self, *instances: Instance) -> Network:
        return Network(
            interfaces=[
                Interface(
                    instance=one.id,
                    running=one.state == "running",
                    platform=one.platform,
                    address=one.private_ip,
                    public=True,
                    subnet=one.subnet_id,
                    vpc=one.vpc_id,
                    groups=one.security_groups,
                )
                for one in instances
            ],
            groups=self.groups or {},
            acls={one.subnet_id: _OPEN_ACL for one in instances},
            routes={
                one.subnet_id: [_WAY_OUT, *(Route(each.private_ip, LOCAL) for each in instances)]
                for one in instances
            },
        )

    def _require(self, instance_id: str, action: str, resource: str) -> None:
        if self.grants is None or (action, resource) in self.grants.get(instance_id, ()):
            return
        operation = action.partition(":")[2]
        raise AccessRefused(
            f"An error occurred (AccessDeniedException) when calling the {operation} operation: "
            f"the role of {instance_id} is not authorized to perform: {action} on resource: "
            f"{resource}"
        )
