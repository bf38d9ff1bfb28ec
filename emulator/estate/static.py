"""An estate that is given as data, without an AWS."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal

from emulator.estate.machines import AccessRefused, Assignment, Change, Instance, ReportStatus
from emulator.estate.network import LOCAL, AclEntry, Interface, Network, Route
from emulator.estate.security_groups import ANYWHERE, INTERNET, Rule, SecurityGroup

_OPEN_ACL = tuple(AclEntry(egress, allow=True, cidr=ANYWHERE) for egress in (False, True))
_WAY_OUT = Route(ANYWHERE, "igw-static")
_OPEN = SecurityGroup("open", ingress=(Rule(protocol="-1", cidrs=(ANYWHERE,)),))


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
        further: the addresses of further interfaces, by instance id, in the order of their devices.
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
        self.further: dict[str, tuple[str, ...]] = {}
        self.unmanaged: set[str] = set()
        self.reports: list[tuple[str, str, ReportStatus, str]] = []
        self._silent: frozenset[str] = frozenset()
        self._drawn: tuple[tuple[Any, ...], Network] | None = None

    def look(self) -> None:
        """Do nothing: the data is always current."""

    def expire(self) -> None:
        """Do nothing: the data is always current."""

    def changed(self, change: Change) -> None:
        """Do nothing: the data is always current."""

    def end_stop(self, instance_id: str, state: Literal["running", "stopped"]) -> None:
        """Change the state in `machines`."""
        self.machines = [
            replace(one, state=state) if one.id == instance_id else one for one in self.machines
        ]

    def silence(self, instance_ids: frozenset[str]) -> None:
        """Remember them."""
        self._silent = instance_ids

    def instances(self) -> list[Instance]:
        """A copy of `machines`."""
        return list(self.machines)

    def network(self) -> Network:
        """One of its machines and groups; without groups everything is open."""
        groups = dict(self.groups) if self.groups is not None else None
        given = (list(self.machines), groups, dict(self.further))
        if self._drawn is None or self._drawn[0] != given:
            known = {_OPEN.group_id: _OPEN} if groups is None else groups
            drawn = _network(self.machines, known, self.further, open_=groups is None)
            self._drawn = (given, drawn)
        return self._drawn[1]

    def allows(self, source: Instance, target: Instance, port: int) -> bool:
        """Whether both run and the groups permit it."""
        if self.groups is None:
            return source.state == target.state == "running"
        network = _network([source, target], self.groups)
        return network.reaches(source.id, target.id, port)

    def allows_out(self, source: Instance, port: int) -> bool:
        """Whether it runs and its groups let it out."""
        if self.groups is None:
            return source.state == "running"
        return _network([source], self.groups).connects(source.id, INTERNET, port)

    def connects(self, source: Instance, host: str, port: int) -> bool:
        """Whether it runs and its groups let it there."""
        if self.groups is None:
            return source.state == "running"
        others = (one for one in self.machines if one.id != source.id)
        return _network([source, *others], self.groups).connects(source.id, host, port)

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
        """Whether it is not in `unmanaged`, and its agent answers."""
        return instance_id not in self.unmanaged | self._silent

    def assignments(self, instance_id: str) -> list[Assignment]:
        """The assignments in `associations`."""
        return list(self.associations.get(instance_id, ()))

    def report(
        self, instance_id: str, association_id: str, status: ReportStatus, detail: str
    ) -> None:
        """Append to `reports`."""
        self.reports.append((instance_id, association_id, status, detail))

    def _require(self, instance_id: str, action: str, resource: str) -> None:
        if self.grants is None or (action, resource) in self.grants.get(instance_id, ()):
            return
        operation = action.partition(":")[2]
        raise AccessRefused(
            f"An error occurred (AccessDeniedException) when calling the {operation} operation: "
            f"the role of {instance_id} is not authorized to perform: {action} on resource: "
            f"{resource}"
        )


def _network(
    instances: Collection[Instance],
    groups: Mapping[str, SecurityGroup],
    further: Mapping[str, Sequence[str]] = MappingProxyType({}),
    open_: bool = False,
) -> Network:
    routes = [_WAY_OUT, *(Route(cidr, LOCAL) for cidr in sorted({*map(_around, instances)}))]
    return Network(
        interfaces=[
            Interface(
                instance=one.id,
                running=one.state in ("running", "stopping"),
                platform=one.platform,
                address=address,
                public=True,
                subnet=one.subnet_id,
                vpc=one.vpc_id,
                groups=(_OPEN.group_id,) if open_ else one.security_groups,
                mac=_mac(address),
            )
            for one in instances
            if one.state != "terminated"
            for address in (one.private_ip, *further.get(one.id, ()))
        ],
        groups=groups,
        acls={one.subnet_id: _OPEN_ACL for one in instances},
        routes={one.subnet_id: routes for one in instances},
    )


def _mac(address: str) -> str:
    """The hardware address of the interface with a private address."""
    return ":".join(
        ["06", "00", *(f"{part:02x}" for part in ipaddress.IPv4Address(address).packed)]
    )


def _around(instance: Instance) -> str:
    """The range of an instance's VPC, which is not given: a /16 is the largest that there is."""
    return str(ipaddress.ip_network(f"{instance.private_ip}/16", strict=False))
