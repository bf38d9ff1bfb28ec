"""Managed instances: those whose agent reaches Systems Manager and has the permissions."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from emulator.aws.network import Region, describe
from emulator.aws.permissions import ClientFactory, Permissions
from emulator.aws.refusals import Refusal
from emulator.aws.systems_manager.pages import page
from emulator.estate import installed_programs, operating_systems

_HTTPS = 443
_PAGE = 10
# What the agent calls to register, and to get its work over one of its two channels
# ("Reference: ec2messages, ssmmessages, and other API operations").
_REGISTERS = "ssm:UpdateInstanceInformation"
_LISTENS = ("ssmmessages:OpenControlChannel", "ec2messages:GetMessages")
# (name, version) as the agent reports them.
_SYSTEMS = {
    "windows-server-2008-r2-sp1": ("Microsoft Windows Server 2008 R2 Datacenter", "6.1.7601"),
    "windows-server-2012": ("Microsoft Windows Server 2012 Standard", "6.2.9200"),
    "windows-server-2012-r2": ("Microsoft Windows Server 2012 R2 Standard", "6.3.9600"),
    "windows-server-2016": ("Microsoft Windows Server 2016 Datacenter", "10.0.14393"),
    "windows-server-2019": ("Microsoft Windows Server 2019 Datacenter", "10.0.17763"),
    "windows-server-2022": ("Microsoft Windows Server 2022 Datacenter", "10.0.20348"),
    "rhel": ("Red Hat Enterprise Linux Server", ""),
    "centos": ("CentOS Linux", ""),
    "oracle": ("Oracle Linux Server", ""),
    "ubuntu": ("Ubuntu", ""),
    "sles": ("SLES", ""),
    "debian": ("Debian GNU/Linux", ""),
    "amazon-linux": ("Amazon Linux", ""),
}


@dataclass(frozen=True)
class Managed:
    """One managed instance.

    Attributes:
        id: the instance id.
        online: whether its agent answers. It registered at some time in any case.
        platform: "Windows" or "Linux".
        role: the name of its profile's role.
        system: its operating system, as `operating_systems` names it.
        described: what EC2 says of it.
        registered: when it registered, in seconds of the epoch.
    """

    id: str
    online: bool
    platform: Literal["Windows", "Linux"]
    role: str
    system: str
    described: Mapping[str, Any]
    registered: float

    @property
    def tags(self) -> dict[str, str]:
        """The instance's tags."""
        return {tag["Key"]: tag["Value"] for tag in self.described.get("Tags", [])}


class Machines:
    """The managed instances of one region.

    They are determined again whenever EC2 or IAM may have changed. An instance that has registered
    stays listed until it is terminated, with a lost connection if its agent does not answer any
    more.

    Args:
        client: gives the client of a service in the region.
        changes: how many requests may have changed EC2 or IAM so far.
        offline: gives the ids of the instances whose agents do not answer.
        clock: gives the seconds of the epoch.
    """

    def __init__(
        self,
        client: ClientFactory,
        changes: Callable[[], int],
        offline: Callable[[], frozenset[str]] = frozenset,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._changes = changes
        self._clock = clock
        self._offline = offline
        self._judged_at: tuple[int, frozenset[str]] = (-1, frozenset())
        self._found: dict[str, Managed] = {}
        self._permissions = Permissions(client)
        self._images: dict[str, str] = {}
        self._registered: dict[str, float] = {}

    def all(self) -> dict[str, Managed]:
        """Every managed instance by its id."""
        judged = (self._changes(), self._offline())
        if judged != self._judged_at:
            self._found = self._judge(self.region())
            self._judged_at = judged
        return self._found

    def region(self) -> Region:
        """The region's instances and network as they are now."""
        return describe(self._client("ec2"))

    def describe(
        self,
        request: Mapping[str, Any],
        overviews: Callable[[str], Mapping[str, Any] | None] = lambda name: None,
    ) -> dict[str, Any]:
        """DescribeInstanceInformation.

        Args:
            request: its `Filters` (or the older `InstanceInformationFilterList`) and paging.
            overviews: what State Manager says of an instance's associations, by its id.

        Raises:
            Refusal: an unknown filter, both kinds of filters, or a bad token.
        """
        if request.get("Filters") and request.get("InstanceInformationFilterList"):
            raise Refusal(
                "ValidationException",
                "Filters and InstanceInformationFilterList cannot be used together.",
            )
        filters = {one["Key"]: set(one["Values"]) for one in request.get("Filters") or []}
        for one in request.get("InstanceInformationFilterList") or []:
            filters[one["key"]] = set(one["valueSet"])
        machines = [
            machine
            for machine in self.all().values()
            if all(_fits(machine, key, values) for key, values in filters.items())
        ]
        entries = [
            {**self.information(machine), **(overviews(machine.id) or {})} for machine in machines
        ]
        return page("InstanceInformationList", entries, request, _PAGE)

    def information(self, machine: Managed) -> dict[str, Any]:
        """An instance as the service shows it, without its associations."""
        name, version = _system(machine.system)
        address = machine.described.get("PrivateIpAddress", "")
        return {
            "InstanceId": machine.id,
            "PingStatus": "Online" if machine.online else "ConnectionLost",
            "LastPingDateTime": self._clock() if machine.online else machine.registered,
            "AgentVersion": installed_programs.AGENT_VERSION,
            "IsLatestVersion": False,
            "PlatformType": machine.platform,
            "PlatformName": name,
            "PlatformVersion": version,
            "ResourceType": "EC2Instance",
            "IPAddress": address,
            "ComputerName": machine.described.get("PrivateDnsName", "")
            if machine.platform == "Linux"
            else f"EC2AMAZ-{machine.id[-7:].upper()}",
            "SourceId": machine.id,
            "SourceType": "AWS::EC2::Instance",
        }

    def _judge(self, region: Region) -> dict[str, Managed]:
        roles: dict[str, str | None] = {}
        self._learn_images({instance["ImageId"] for instance in region.instances})
        found = {}
        for instance in region.instances:
            name = instance["InstanceId"]
            state = instance["State"]["Name"]
            profile = instance.get("IamInstanceProfile", {}).get("Arn")
            if profile is None or state == "terminated":
                self._registered.pop(name, None)
                continue
            if profile not in roles:
                roles[profile] = self._manageable_role(profile)
            role = roles[profile]
            # It registers with the one, and waits for commands at one of the others.
            reaches = role is not None and all(
                any(region.network.connects(name, service, _HTTPS) for service in services)
                for services in (("ssm",), ("ssmmessages", "ec2messages"))
            )
            online = reaches and name not in self._offline()
            # A stopped instance has run before, and is assumed to have registered then.
            if online or (role is not None and state != "running"):
                self._registered.setdefault(name, self._clock())
            if name in self._registered:
                found[name] = Managed(
                    name,
                    online,
                    "Windows" if instance.get("Platform") else "Linux",
                    role or "",
                    operating_systems.of_image(self._images[instance["ImageId"]]),
                    instance,
                    self._registered[name],
                )
        return found

    def _manageable_role(self, profile: str) -> str | None:
        name = self._permissions.role_of(profile)
        role = None if name is None else self._permissions.role(name)
        if role is None or not role.allows(_REGISTERS, "*"):
            return None
        return name if any(role.allows(action, "*") for action in _LISTENS) else None

    def _learn_images(self, image_ids: set[str]) -> None:
        # A request by ids fails if one image is gone; a filter does not. No name ever changes.
        unknown = sorted(image_ids - self._images.keys())
        if unknown:
            filters = [{"Name": "image-id", "Values": unknown}]
            found = self._client("ec2").describe_images(Filters=filters)["Images"]
            self._images |= dict.fromkeys(unknown, "")
            self._images |= {image["ImageId"]: image.get("Name", "") for image in found}


def _system(identifier: str) -> tuple[str, str]:
    for prefix, (name, version) in _SYSTEMS.items():
        if identifier == prefix:
            return name, version
        if not version and identifier.startswith(f"{prefix}-"):
            return name, identifier.removeprefix(f"{prefix}-")
    return "", ""


def _fits(machine: Managed, key: str, values: set[str]) -> bool:
    """Whether an instance passes a filter.

    Raises:
        Refusal: `InvalidFilterKey`.
    """
    known = {
        "InstanceIds": machine.id,
        "PingStatus": "Online" if machine.online else "ConnectionLost",
        "PlatformTypes": machine.platform,
        "ResourceType": "EC2Instance",
    }
    if key.startswith("tag:"):
        return machine.tags.get(key.removeprefix("tag:")) in values
    if key == "tag-key":
        return not values.isdisjoint(machine.tags)
    if key not in known:
        raise Refusal("InvalidFilterKey", f"The filter key {key} is not valid.")
    return known[key] in values
