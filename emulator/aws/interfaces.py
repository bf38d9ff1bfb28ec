"""Network interfaces, as EC2 keeps them: their security groups, and how long they are there.

Moto shows an interface with its own groups and those that its instance was launched with. In EC2 an
interface has its groups only (ModifyNetworkInterfaceAttribute replaces them, and so does
ModifyInstanceAttribute for the first interface), and those of an instance are its first interface's.
With moto's way no group of the launch could ever be taken away.

Moto keeps the interface of an instance that is terminated. EC2 deletes the one that it made at the
launch, unless the launch says otherwise (`DeleteOnTermination`), and its groups are free.
"""

from __future__ import annotations

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


def end_with_their_instances() -> None:
    """Let the first interface of an instance of this process's moto end with it, from now on."""
    from moto.ec2.models import instances

    instance_type: Any = instances.Instance
    terminate = instance_type.terminate
    if getattr(terminate, "ends_interfaces", False):
        return

    def terminate_with_interface(instance: Any) -> Any:
        first = _first(instance)
        if first is not None:
            first.delete_on_termination = first.id in instance.ec2_backend.enis
        return terminate(instance)

    terminate_with_interface.ends_interfaces = True  # type: ignore[attr-defined]
    instance_type.terminate = terminate_with_interface
    instance_type.network_interfaces = property(_there)


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
