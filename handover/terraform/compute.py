"""What azurerm calls the inputs of a resource of azure-native: virtual machines and disks.

Each function takes the inputs of one resource. It leaves there what azurerm has no argument for, so
that this can be named, and raises `NotTakenError` where azurerm does not take what Azure has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handover.terraform import words
from handover.terraform.hcl import Block
from handover.terraform.ids import canonical
from handover.terraform.reading import Said, block, drop, first, id_of, optional, place, said
from handover.terraform.taken import Taken
from handover.terraform.words import word


def virtual_machine(
    taken: Taken, system: str, os_disk: Mapping[str, Any]
) -> tuple[Said, list[Block]]:
    """`azurerm_linux_virtual_machine` or `azurerm_windows_virtual_machine`.

    Its OS disk is attached, so that nothing of an OS profile may be declared, nor the disk's name
    and type. Data disks are attached by resources of their own.

    Args:
        taken: its inputs.
        system: `Linux` or `Windows`.
        os_disk: the inputs of its OS disk. azurerm reads there with which key the disk is encrypted.
    """
    take = taken.take
    drop(
        taken,
        *("storageProfile.dataDisks", "storageProfile.osDisk.name"),
        *("storageProfile.osDisk.createOption", "storageProfile.osDisk.osType"),
        *("storageProfile.osDisk.diskSizeGB", "securityProfile.securityType"),
        "storageProfile.osDisk.managedDisk.storageAccountType",
    )
    taken.take_if("storageProfile.osDisk.deleteOption", "Detach")
    references = taken.each("networkProfile.networkInterfaces")
    interfaces = [canonical(each.take("id")) for each in references]
    for each in references:
        drop(each, "primary")
        each.take_if("deleteOption", "Detach")
    controller, license_ = take("storageProfile.diskControllerType"), take("licenseType")
    priority, eviction = take("priority"), take("evictionPolicy")
    arguments = {
        "name": take("vmName"),
        **place(taken),
        "size": take("hardwareProfile.vmSize"),
        "network_interface_ids": interfaces,
        "os_managed_disk_id": id_of(take("storageProfile.osDisk.managedDisk.id")),
        "availability_set_id": id_of(take("availabilitySet.id")),
        "capacity_reservation_group_id": id_of(
            take("capacityReservation.capacityReservationGroup.id")
        ),
        "dedicated_host_group_id": id_of(take("hostGroup.id")),
        "dedicated_host_id": id_of(take("host.id")),
        "disk_controller_type": optional(controller, words.CONTROLLER, "its disk controller"),
        "edge_zone": take("extendedLocation.name"),
        "encryption_at_host_enabled": take("securityProfile.encryptionAtHost"),
        "eviction_policy": optional(eviction, words.EVICTION, "its eviction policy"),
        "extensions_time_budget": take("extensionsTimeBudget"),
        "license_type": _license(license_, words.LICENSES[system]),
        "max_bid_price": take("billingProfile.maxPrice"),
        "platform_fault_domain": take("platformFaultDomain"),
        "priority": optional(priority, words.PRIORITY, "its priority"),
        "proximity_placement_group_id": id_of(take("proximityPlacementGroup.id")),
        "secure_boot_enabled": take("securityProfile.uefiSettings.secureBootEnabled"),
        "user_data": take("userData"),
        "virtual_machine_scale_set_id": id_of(take("virtualMachineScaleSet.id")),
        "vtpm_enabled": take("securityProfile.uefiSettings.vTpmEnabled"),
        "zone": first(take("zones")),
        "tags": take("tags"),
    }
    disk = "storageProfile.osDisk"
    key = take(f"{disk}.managedDisk.diskEncryptionSet.id")
    blocks = [
        block(
            "os_disk",
            caching=word(take(f"{disk}.caching") or "None", words.CACHING, "its disk's caching"),
            disk_encryption_set_id=id_of(
                (os_disk.get("encryption") or {}).get("diskEncryptionSetId") or key
            ),
            write_accelerator_enabled=take(f"{disk}.writeAcceleratorEnabled"),
        ),
        *_of_machine(taken),
    ]
    return said(arguments), blocks


def disk(taken: Taken) -> tuple[Said, list[Block]]:
    """`azurerm_managed_disk`."""
    take, made = taken.take, "creationData"
    # Azure chooses the tier by type and size, unless somebody chose another one.
    drop(taken, "completionPercent", "encryption.type", "tier")
    kind = word(take("sku.name"), words.STORAGE, "its type")
    throughput = kind in ("UltraSSD_LRS", "PremiumV2_LRS")
    limits = {
        "disk_iops_read_only": take("diskIOPSReadOnly"),
        "disk_iops_read_write": take("diskIOPSReadWrite"),
        "disk_mbps_read_only": take("diskMBpsReadOnly"),
        "disk_mbps_read_write": take("diskMBpsReadWrite"),
    }
    network, shares = take("networkAccessPolicy"), take("maxShares")
    system, generation = take("osType"), take("hyperVGeneration")
    access, security = take("publicNetworkAccess"), take("securityProfile.securityType")
    trusted = str(security or "").lower() == "trustedlaunch"
    arguments = {
        "name": take("diskName"),
        **place(taken),
        "storage_account_type": kind,
        "create_option": word(take(f"{made}.createOption"), words.DISK_MADE_BY, "createOption"),
        "disk_access_id": id_of(take("diskAccessId")),
        "disk_encryption_set_id": id_of(take("encryption.diskEncryptionSetId")),
        # Of other types Azure sets them by the size, and azurerm refuses them.
        **(limits if throughput else {}),
        "disk_size_gb": take("diskSizeGB"),
        "edge_zone": take("extendedLocation.name"),
        "gallery_image_reference_id": id_of(take(f"{made}.galleryImageReference.id")),
        "hyper_v_generation": optional(generation, words.GENERATION, "its generation"),
        "image_reference_id": id_of(take(f"{made}.imageReference.id")),
        "logical_sector_size": take(f"{made}.logicalSectorSize"),
        # One is what Azure shows of a disk that cannot be shared.
        "max_shares": shares if (shares or 0) > 1 else None,
        "network_access_policy": optional(network, words.DISK_NETWORK, "networkAccessPolicy"),
        "on_demand_bursting_enabled": take("burstingEnabled"),
        "optimized_frequent_attach_enabled": take("optimizedForFrequentAttach"),
        "os_type": optional(system, words.SYSTEM, "its system"),
        "performance_plus_enabled": take(f"{made}.performancePlus"),
        "public_network_access_enabled": None if access is None else access == "Enabled",
        "secure_vm_disk_encryption_set_id": id_of(
            take("securityProfile.secureVMDiskEncryptionSetId")
        ),
        "security_type": None
        if trusted
        else optional(security, words.CONFIDENTIAL, "its security type"),
        "source_resource_id": id_of(take(f"{made}.sourceResourceId")),
        "source_uri": take(f"{made}.sourceUri"),
        "storage_account_id": id_of(take(f"{made}.storageAccountId")),
        "trusted_launch_enabled": trusted or None,
        "upload_size_bytes": take(f"{made}.uploadSizeBytes"),
        "zone": first(take("zones")),
        "tags": take("tags"),
    }
    return said(arguments), []


def attachment(disk: Mapping[str, Any]) -> Said:
    """`azurerm_virtual_machine_data_disk_attachment`, but for the machine.

    Args:
        disk: a data disk in the storage profile of a virtual machine.
    """
    option = disk.get("createOption") or "Attach"
    arguments = {
        "managed_disk_id": canonical(disk["managedDisk"]["id"]),
        "lun": disk["lun"],
        "caching": word(disk.get("caching") or "None", words.CACHING, "its caching"),
        # Azure and azurerm import these only.
        "create_option": word(option, words.DISK_ATTACHED_BY, "its createOption in the machine"),
        "write_accelerator_enabled": disk.get("writeAcceleratorEnabled") or None,
    }
    return said(arguments)


def _of_machine(taken: Taken) -> list[Block]:
    """The further blocks of a virtual machine, as far as it has them."""
    take, blocks = taken.take, []
    wanted = {
        "ultra_ssd_enabled": take("additionalCapabilities.ultraSSDEnabled"),
        "hibernation_enabled": take("additionalCapabilities.hibernationEnabled"),
    }
    if any(wanted.values()):
        blocks.append(block("additional_capabilities", **wanted))
    uri = take("diagnosticsProfile.bootDiagnostics.storageUri")
    if take("diagnosticsProfile.bootDiagnostics.enabled"):
        blocks.append(block("boot_diagnostics", storage_account_uri=uri))
    if kind := take("identity.type"):
        ids = take("identity.userAssignedIdentities") or ()
        named = [canonical(each) for each in ids]
        # It is one text in Azure, with or without a blank.
        kinds = ", ".join(each.strip() for each in str(kind).split(","))
        blocks.append(block("identity", type=kinds, identity_ids=named or None))
    if name := take("plan.name"):
        rest = {"product": take("plan.product"), "publisher": take("plan.publisher")}
        blocks.append(block("plan", name=name, **rest))
    return blocks


def _license(license_: object, allowed: tuple[str, ...]) -> str | None:
    """A licence; a Linux machine has none where Azure says `None`."""
    if str(license_).lower() == "none" and "None" not in allowed:
        return None
    return optional(license_, allowed, "its licence")
