"""What Compute refuses of a virtual machine that a failover would create.

Code 28031 is documented for a virtual machine that could not be created ("Troubleshoot errors when
failing over VMware VM or physical machine to Azure"); its use for these reasons is [inferred]. The
texts are Compute's.
"""

from __future__ import annotations

from emulator.arm import machine_sizes
from emulator.arm.machine_sizes import Size
from emulator.arm.regions import ZONES, without_zones
from emulator.kernel.store import Document
from emulator.recovery_services.jobs.outcomes import JobError

_CODE = "28031"
_LICENCES = (
    ("licenseType", "WindowsServer", "Windows"),
    ("linuxLicenseType", "LinuxServer", "Linux"),
)
"""Licences of one system ("Azure Hybrid Benefit for Windows Server", "... for Linux virtual
machines"); that Compute refuses them for the other one is published, its text is [inferred]."""
_NAME_MAX = 64
"""The longest name of a virtual machine ("Naming rules and restrictions for Azure resources")."""
_WAY_OUT = "Change it in the properties of the replicated item."


def refusal(
    size: Size, target: Document, source: Document, location: str, name: str
) -> JobError | None:
    """The error of a failover whose virtual machine Compute does not create; None if it does.

    Sources: "Support for generation 2 VMs on Azure" (sizes boot one generation or both), "Azure
    managed disk types" (premium disks need a size that takes them), "List of Azure regions"
    (regions with availability zones).

    Args:
        size: the size of the virtual machine.
        target: the target of the replicated item.
        source: the machine of the replicated item.
        location: the region.
        name: the name of the virtual machine.
    """
    os_type, generation = source["osType"], machine_sizes.generation_of(source["firmware"])
    if generation not in size.generations:
        generation = generation.removeprefix("V")
        return error(
            f"The selected VM size '{size.name}' cannot boot Hypervisor Generation '{generation}'.",
            f"The machine boots as generation {generation}, which the size does not take.",
        )
    kinds = {disk.get("type") or target["diskType"] for disk in source["disks"]}
    premium = sorted(str(kind) for kind in kinds if str(kind).startswith("Premium"))
    if premium and not size.premium:
        return error(
            "Requested operation cannot be performed because the VM size "
            f"{size.name} does not support the storage account type {premium[0]} of the disks. "
            "Consider updating the VM to a size that supports Premium storage.",
            "The size takes no premium disks.",
        )
    for key, licence, system in _LICENCES:
        if target.get(key) == licence and os_type != system:
            return error(
                f"The license type of '{licence}' is not allowed for a virtual machine of OS type "
                f"'{os_type}'.",
                f"The licence is one of {system}.",
            )
    if len(name) > _NAME_MAX:
        return error(
            f"The entity name '{name}' is invalid according to its validation rule: it has more "
            f"than {_NAME_MAX} characters.",
            "The name of the virtual machine is too long; a test failover adds -test to it.",
        )
    zone = target["zone"]
    if zone and target.get("availabilitySetId"):
        return error(
            "Virtual Machine cannot be created because both Availability Zone and Availability Set "
            "were specified. Deploying an Availability Set to an Availability Zone isn't supported.",
            "The item names a zone and a set.",
        )
    if zone and (without_zones(location) or zone not in ZONES):
        supported = "" if without_zones(location) else ",".join(ZONES)
        return error(
            f"The zone(s) '{zone}' for resource 'Microsoft.Compute/virtualMachines' is not "
            f"supported. The supported zones for location '{location}' are '{supported}'",
            "The region has no such availability zone.",
        )
    return None


def error(message: str, cause: str) -> JobError:
    """The error of a failover whose virtual machine Compute does not create."""
    return JobError(_CODE, message, cause, _WAY_OUT, task=0)
