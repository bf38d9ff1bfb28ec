"""The attachment of a security group to a network interface."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from emulator.providers.aws.cloud import Cloud, code_of
from emulator.providers.aws.common import REGION
from emulator.providers.errors import ProviderError
from emulator.providers.resource import ResourceType
from emulator.providers.schema import Property


class InterfaceAttachment(ResourceType):
    """A security group on a network interface, in addition to its other groups. EC2 can only set
    all groups of an interface at once, so these calls are serialised.
    """

    token = (
        "aws:ec2/networkInterfaceSecurityGroupAttachment:NetworkInterfaceSecurityGroupAttachment"  # noqa: S105
    )
    inputs: Mapping[str, Property] = {
        "networkInterfaceId": Property(required=True, replace=True),
        "securityGroupId": Property(required=True, replace=True),
        "region": REGION,
    }

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def create(self, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Add the group to the interface's groups."""
        interface, group = inputs["networkInterfaceId"], inputs["securityGroupId"]
        with self._turns[interface]:
            groups = self._groups(interface, inputs)
            if groups is None:
                raise ProviderError(
                    f"the network interface {interface} does not exist, so the security group "
                    f"{group} cannot be attached to it"
                )
            if group in groups:
                raise ProviderError(
                    f"the security group {group} is already attached to the network interface "
                    f"{interface}; detach it or import it as {group}_{interface}"
                )
            self._set(interface, [*groups, group], inputs)
        return f"{group}_{interface}", self._state(inputs)

    def read(self, resource_id: str, state: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
        """Check that the group is still among the interface's groups."""
        group, _, interface = resource_id.partition("_")
        known = {
            "networkInterfaceId": state.get("networkInterfaceId", interface),
            "securityGroupId": state.get("securityGroupId", group),
            **({"region": state["region"]} if "region" in state else {}),
        }
        groups = self._groups(known["networkInterfaceId"], known)
        if groups is None or known["securityGroupId"] not in groups:
            return None
        return resource_id, self._state(known)

    def update(
        self, resource_id: str, state: Mapping[str, Any], inputs: dict[str, Any]
    ) -> dict[str, Any]:
        """Do nothing: every change needs replacement."""
        return self._state(inputs)

    def delete(self, resource_id: str, state: Mapping[str, Any]) -> None:
        """Remove this group from the interface's groups."""
        interface, group = state["networkInterfaceId"], state["securityGroupId"]
        with self._turns[interface]:
            groups = self._groups(interface, state)
            if groups is not None and group in groups:
                self._set(interface, [other for other in groups if other != group], state)

    def _state(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "networkInterfaceId": inputs["networkInterfaceId"],
            "securityGroupId": inputs["securityGroupId"],
            "region": inputs.get("region") or self._cloud.region,
        }

    def _groups(self, interface: str, known: Mapping[str, Any]) -> list[str] | None:
        ec2 = self._cloud.client("ec2", known.get("region"))
        try:
            found = ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])
        except ClientError as error:
            if code_of(error) == "InvalidNetworkInterfaceID.NotFound":
                return None
            raise
        return [group["GroupId"] for group in found["NetworkInterfaces"][0]["Groups"]]

    def _set(self, interface: str, groups: list[str], known: Mapping[str, Any]) -> None:
        ec2 = self._cloud.client("ec2", known.get("region"))
        ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=groups)
