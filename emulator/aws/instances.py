"""The states of instances that moto does not have: one that takes long to stop, or does not stop. And
what EC2 refuses: by an instance's state, which moto carries out; by an address, with a code of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from emulator.aws.estate import REGION

_STATES = {"stopping": 64, "stopped": 80}
_ENDED = ("shutting-down", "terminated")
_REFUSED = {
    "start_instances": ("started", ("stopping", *_ENDED)),
    "stop_instances": ("stopped", _ENDED),
    "reboot_instances": ("rebooted", ("stopping", "stopped", *_ENDED)),
}
"""By moto's method: what it does, and the states from which EC2 refuses it (`IncorrectInstanceState`)."""


def runs(instance_id: str) -> bool:
    """Whether an instance runs, or is stopping and still does."""
    found = _find(instance_id)
    return found is not None and found._state.name in ("running", "stopping")


def keep_stopping(instance_ids: Iterable[str]) -> None:
    """Let instances that moto has just stopped be stopping instead."""
    for instance_id in instance_ids:
        _become(instance_id, "stopping")


def refuse_by_state() -> None:
    """Let this process's moto refuse what EC2 refuses by an instance's state, from now on.

    An instance that is stopping and is stopped again goes on stopping.
    """
    from moto.ec2.models.instances import InstanceBackend

    for name, (done, states) in _REFUSED.items():
        carried_out = getattr(InstanceBackend, name)
        setattr(InstanceBackend, name, _refusing(carried_out, done, states))


def _refusing(carry_out: Any, done: str, states: tuple[str, ...]) -> Any:
    from moto.ec2.exceptions import EC2ClientError

    def refusing(backend: Any, instance_ids: list[str]) -> Any:
        found = backend.get_multi_instances_by_id(instance_ids)
        for instance in found:
            if instance._state.name in states:
                raise EC2ClientError(
                    "IncorrectInstanceState",
                    f"The instance '{instance.id}' is not in a state from which it can be {done}.",
                )
        stopping = [one.id for one in found if one._state.name == "stopping"]
        answer = carry_out(backend, instance_ids)
        keep_stopping(stopping)
        return answer

    return refusing


def refuse_addresses_in_use() -> None:
    """Let this process's moto refuse a private address in use as EC2 does (`InvalidIPAddress.InUse`).

    By itself it ends with an internal error, which clients try again.
    """
    from moto.ec2.exceptions import EC2ClientError
    from moto.ec2.models.subnets import Subnet

    kind: Any = Subnet
    take = kind.request_ip

    def request_ip(subnet: Any, ip: str, instance: Any) -> None:
        if ip in subnet._subnet_ips:
            raise EC2ClientError("InvalidIPAddress.InUse", f"Address {ip} is in use.")
        take(subnet, ip, instance)

    kind.request_ip = request_ip


def tell_boot_modes() -> None:
    """Let the instances of this process's moto tell what they boot from, as EC2 does.

    It is BIOS, unless the tag `firmware` says `uefi`: moto does not know the boot mode of images.
    """
    from moto.ec2.models import instances

    def mode(instance: Any) -> str:
        tags = {tag["key"]: tag["value"] for tag in instance.get_tags()}
        return "uefi" if tags.get("firmware") == "uefi" else "legacy-bios"

    kind: Any = instances.Instance
    kind.current_instance_boot_mode = property(mode)


def end_stop(instance_id: str, state: str) -> bool:
    """Let an instance that is stopping become `stopped`, or `running` again; False if it is not
    stopping."""
    found = _find(instance_id)
    if found is None or found._state.name != "stopping" or state not in ("running", "stopped"):
        return False
    if state == "running":
        found.start()
    else:
        _become(instance_id, state)
    return True


def _become(instance_id: str, state: str) -> None:
    found = _find(instance_id)
    if found is not None:
        found._state.name, found._state.code = state, _STATES[state]


def _find(instance_id: str) -> Any:
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.ec2.models import ec2_backends

    backend: Any = ec2_backends[DEFAULT_ACCOUNT_ID][REGION]
    return next((one for one in backend.all_instances() if one.id == instance_id), None)
