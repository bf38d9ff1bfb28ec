"""Security groups of network interfaces, as EC2 keeps them.

Moto shows an interface with its own groups and those that its instance was launched with. In EC2 an
interface has its groups only (ModifyNetworkInterfaceAttribute replaces them, and so does
ModifyInstanceAttribute for the first interface). With moto's way no group of the launch could ever
be taken away.
"""

from __future__ import annotations

from typing import Any


def keep_own_groups() -> None:
    """Let the interfaces of this process's moto have their own groups only."""
    from moto.ec2.models import elastic_network_interfaces, instances

    interface_type: Any = elastic_network_interfaces.NetworkInterface
    backend_type: Any = instances.InstanceBackend
    if getattr(interface_type, "keeps_own_groups", False):
        return
    of_moto = backend_type.modify_instance_security_groups

    def modify_instance_security_groups(
        self: Any, instance_id: str, new_group_id_list: list[str]
    ) -> Any:
        instance = of_moto(self, instance_id, new_group_id_list)
        for index, interface in instance.nics.items():
            if int(index) == 0:
                interface._group_set = list(instance.security_groups)
        return instance

    interface_type.group_set = property(lambda interface: list(interface._group_set))
    interface_type.keeps_own_groups = True
    backend_type.modify_instance_security_groups = modify_instance_security_groups
