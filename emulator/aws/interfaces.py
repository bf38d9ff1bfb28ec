"""Network interfaces, as EC2 keeps them: their security groups, and how long they are there.

Moto shows an interface with its own groups and those that its instance was launched with. In EC2 an
interface has its groups only (ModifyNetworkInterfaceAttribute replaces them, and so does
ModifyInstanceAttribute for the first interface), and those of an instance are its first interface's.
With moto's way no group of the launch could ever be taken away.

Moto gives an interface any groups. EC2 refuses those that its VPC does not have, among them those that
were deleted (`InvalidGroup.NotFound`), and more than the account's quota
(`SecurityGroupsPerInterfaceLimitExceeded`, "Error codes for the Amazon EC2 API").

Moto keeps the interface of an instance that is terminated. EC2 deletes the one that it made at the
launch, unless the launch says otherwise (`DeleteOnTermination`), and its groups are free.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any


def keep_own_groups() -> None:
    """Let the interfaces of this process's moto have their own groups only.

    It holds for the instances that are created from now on.
    """
    from moto.ec2.models import elastic_network_interfaces, instances

    interface_type: Any = elastic_network_interfaces.NetworkInterface
    instance_type: Any = instances.Instance
    interface_type.group_set = property(lambda interface: list(interface._group_set))
    instance_type.security_groups = property(_of_first, _replace)


def refuse_groups_that_it_may_not_have() -> None:
    """Let this process's moto give interfaces the groups that EC2 gives, from now on."""
    from moto.ec2.exceptions import EC2ClientError
    from moto.ec2.models.elastic_network_interfaces import NetworkInterfaceBackend
    from moto.ec2.models.instances import InstanceBackend

    def require(backend: Any, vpc_id: str, group_ids: Collection[str]) -> None:
        if len(group_ids) > _quota(backend):
            raise EC2ClientError(
                "SecurityGroupsPerInterfaceLimitExceeded",
                "The maximum number of security groups per interface has been reached.",
            )
        for one in group_ids:
            group = backend.get_security_group_from_id(one)
            if group is None or group.vpc_id != vpc_id:
                raise EC2ClientError(
                    "InvalidGroup.NotFound",
                    f"The security group '{one}' does not exist in VPC '{vpc_id}'",
                )

    interface_type: Any = NetworkInterfaceBackend
    instance_type: Any = InstanceBackend
    modify = interface_type.modify_network_interface_attribute
    replace = instance_type.modify_instance_security_groups

    def modify_network_interface_attribute(
        backend: Any, eni_id: str, group_ids: list[str], *others: Any
    ) -> Any:
        vpc_id = backend.get_network_interface(eni_id).subnet.vpc_id
        require(backend, vpc_id, group_ids)
        return modify(backend, eni_id, group_ids, *others)

    def modify_instance_security_groups(
        backend: Any, instance_id: str, new_group_id_list: list[str]
    ) -> Any:
        require(backend, backend.get_instance(instance_id).vpc_id, new_group_id_list)
        return replace(backend, instance_id, new_group_id_list)

    interface_type.modify_network_interface_attribute = modify_network_interface_attribute
    instance_type.modify_instance_security_groups = modify_instance_security_groups


def end_with_their_instances() -> None:
    """Let the first interface of an instance of this process's moto end with it, from now on."""
    from moto.ec2.models import instances

    instance_type: Any = instances.Instance
    terminate = instance_type.terminate

    def terminate_with_interface(instance: Any) -> Any:
        first = _first(instance)
        if first is not None:
            first.delete_on_termination = first.id in instance.ec2_backend.enis
        return terminate(instance)

    instance_type.terminate = terminate_with_interface
    instance_type.network_interfaces = property(_there)


def _quota(backend: Any) -> int:
    """How many groups an interface may have, as Service Quotas says."""
    from moto.servicequotas.models import servicequotas_backends

    quotas = servicequotas_backends[backend.account_id][backend.region_name]
    return int(quotas.get_service_quota("vpc", "L-2AFB9258")["Value"])


def _there(instance: Any) -> list[Any]:
    """The interfaces that EC2 shows of an instance."""
    return [] if instance._state.name == "terminated" else list(instance.nics.values())


def _first(instance: Any) -> Any:
    """The first interface; None while the instance is being made."""
    return getattr(instance, "nics", {}).get(0)


def _of_first(instance: Any) -> list[Any]:
    first = _first(instance)
    groups: list[Any] = instance._launched_with if first is None else first._group_set
    return groups


def _replace(instance: Any, groups: list[Any]) -> None:
    first = _first(instance)
    if first is None:
        instance._launched_with = list(groups)
    else:
        first._group_set = list(groups)
