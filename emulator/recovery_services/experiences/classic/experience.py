"""The classic experience (`InMageAzureV2`): its request validation and its replication effects."""

from __future__ import annotations

from datetime import timedelta

from emulator.guests import configuration_server, machine
from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError
from emulator.kernel.world import World
from emulator.recovery_services.experiences.classic import details as item_details
from emulator.recovery_services.experiences.classic import (
    discovery,
    fabric,
    push_install,
    registration,
)
from emulator.recovery_services.experiences.classic.bodies import (
    EnableInput,
    PolicyInput,
    UpdateInput,
)
from emulator.recovery_services.experiences.classic.states import TABLE
from emulator.recovery_services.replication import (
    azure_machines,
    failures,
    interfaces,
    references,
    target_sizes,
)
from emulator.recovery_services.wire.bodies import (
    EnableProperties,
    InterfaceInput,
    ProviderPart,
    RecoveryPointInput,
    UpdateProperties,
    extras,
    read,
)
from emulator.recovery_services.wire.paths import (
    FABRICS,
    PROTECTABLE_ITEMS,
    fabric_of,
    name_of,
    put,
)

_COMPLETION = timedelta(minutes=1)
"""From completion on the primary to completion on the recovery side; 22 minutes were recorded."""


class Classic:
    """Machines behind a configuration server."""

    instance_type = "InMageAzureV2"
    fabric_provider = "InMageFabric"
    server = configuration_server.ROLE.title
    table = TABLE
    test_failover_input = RecoveryPointInput
    failover_input = RecoveryPointInput
    change_point_input = RecoveryPointInput
    looked_at_after = timedelta()
    tells_missing_points = False
    tells_failed_failover = True
    lists_recovery_point = False

    def register(self, world: World) -> None:
        """Register the event handlers of configuration servers."""
        registration.register(world)

    def fabric(self, world: World, document: Document, *, full: bool) -> Document:
        """The fabric with its current servers and accounts, in a get and in a list (recorded)."""
        return fabric.shown(world, document)

    def connected(self, world: World, fabric_id: str) -> bool:
        """Whether the configuration server runs."""
        return bool(configuration_server.ROLE.of_fabric(world, fabric_id))

    def forget(self, world: World, fabric_id: str) -> None:
        """Unregister the server of a fabric that was removed from its vault."""
        configuration_server.ROLE.unregistered(world, fabric_id)

    def policy_details(self, part: ProviderPart, at: str) -> Document:
        """A policy's details as GET returns them: `Enable` is returned as `Enabled`."""
        asked = read(PolicyInput, extras(part), at)
        return {
            "instanceType": self.instance_type,
            "crashConsistentFrequencyInMinutes": asked.crash_consistent_frequency_in_minutes,
            "recoveryPointThresholdInMinutes": asked.recovery_point_threshold_in_minutes,
            "recoveryPointHistory": asked.recovery_point_history,
            "appConsistentFrequencyInMinutes": asked.app_consistent_frequency_in_minutes,
            "multiVmSyncStatus": f"{asked.multi_vm_sync_status}d",
        }

    def mapping_details(self, part: ProviderPart | None, at: str) -> Document | None:
        """None: a classic mapping has no `providerSpecificDetails`."""
        return None

    def provider_name(self, container: Document) -> str:
        """The provider's name, which is the internal identifier of its fabric."""
        return str(container["name"]).removeprefix("cloud_")

    def admit(self, world: World, container: Document, asked: EnableProperties) -> Document:
        """Validate the references of a new item and return the item's private part."""
        given = read(EnableInput, extras(asked.provider_specific_details), references.INPUT)
        protectable = _protectable(world, container, asked.protectable_item_id)
        behind = world.store.get(FABRICS.kind, container["id"].rsplit("/", 2)[0])
        assert behind is not None
        host = behind[PRIVATE]["hostId"]
        server = f"the {self.server}"
        references.known(given.process_server_id, "processServerId", {host}, server)
        references.known(given.master_target_id, "masterTargetId", {host}, server)
        accounts = configuration_server.ACCOUNTS
        own_agent = machine.registered_with(world, protectable[PRIVATE]["instance"])
        if given.run_as_account_id or own_agent != behind[PRIVATE]["instance"]:
            references.known(given.run_as_account_id, "runAsAccountId", accounts, server)
        group = references.existing(
            world, given.target_azure_v2_resource_group_id, "targetAzureV2ResourceGroupId"
        )
        references.existing(world, given.target_azure_network_id, "targetAzureNetworkId")
        log_account = given.log_storage_account_id or given.storage_account_id
        references.existing(world, log_account, "logStorageAccountId")
        if not given.target_azure_subnet_id:
            raise references.missing("targetAzureSubnetId")
        friendly = protectable["properties"]["friendlyName"]
        name = references.machine_name(given.target_azure_vm_name or friendly, "targetAzureVmName")
        size = given.target_vm_size and references.size(given.target_vm_size, "targetVmSize")
        note = None
        if azure_machines.taken(world, group, name):
            note = {
                "code": azure_machines.NAME_TAKEN,
                "message": f"The virtual machine name '{name}' is unavailable.",
            }
        custom = protectable["properties"]["customDetails"]
        chosen = _chosen_disks(custom["diskDetails"], given)
        vm_id = protectable["name"]
        return {
            "protectable": protectable["id"],
            "vmId": vm_id,
            "machine": {
                "instance": protectable[PRIVATE]["instance"],
                "name": friendly,
                "ip": custom["ipAddress"],
                "interfaces": interfaces.found(world, protectable[PRIVATE]["instance"]),
                "osType": custom["osType"],
                "os": None,
                # The agent reports it, once it is installed.
                "firmware": "BIOS",
                "vcpus": 0,
                "memoryMib": 0,
                "disks": [],
            },
            "target": {
                "resourceGroupId": group,
                "networkId": given.target_azure_network_id,
                "subnet": given.target_azure_subnet_id,
                "testNetworkId": None,
                "vmName": name,
                "vmSize": size or None,
                "diskType": given.disk_type or "Standard_LRS",
                "zone": given.target_availability_zone,
                "availabilitySetId": given.target_availability_set_id,
                "proximityGroupId": given.target_proximity_placement_group_id,
                "diskEncryptionSetId": given.disk_encryption_set_id,
                "disks": chosen,
                "licenseType": given.license_type or "NotSpecified",
                "sqlLicenseType": given.sql_server_license_type or "NotSpecified",
                "rdp": given.enable_rdp_on_target_option or "Never",
                "logStorageAccountId": log_account,
                "vmTags": references.tags(given.target_vm_tags, "targetVmTags") or {},
                "diskTags": references.tags(
                    given.target_managed_disk_tags, "targetManagedDiskTags"
                ),
                "nicTags": references.tags(given.target_nic_tags, "targetNicTags") or {},
                "seedDiskTags": given.seed_managed_disk_tags,
            },
            "provider": {
                "processServerId": given.process_server_id,
                "masterTargetId": given.master_target_id,
                "processServerName": behind["properties"]["friendlyName"],
                "runAsAccountId": given.run_as_account_id,
                "multiVmGroupId": given.multi_vm_group_id or world.guid("group", vm_id),
                "multiVmGroupName": given.multi_vm_group_name or world.guid("group", vm_id),
            },
            "note": note,
        }

    def claim(self, world: World, item: Document) -> None:
        """Mark the discovered machine as protected by this item."""
        protectable = world.store.get(PROTECTABLE_ITEMS.kind, item[PRIVATE]["protectable"])
        if protectable is not None:
            protectable["properties"] |= {
                "protectionStatus": "Protected",
                "replicationProtectedItemId": item["id"],
            }
            put(world, PROTECTABLE_ITEMS, protectable)

    def rest(self, world: World, item: Document, state: str) -> timedelta:
        """The time of the initial replication depends on the disks; completion takes a minute."""
        if state == "completing":
            return _COMPLETION
        total = sum(disk["sizeGib"] for disk in item[PRIVATE]["machine"]["disks"])
        return machine.sync_time(world, item[PRIVATE]["cycle"], total)

    def enable(self, world: World, item: Document) -> None:
        """Push the agent to the machine if it has none, and record its disks and hardware."""
        private = item[PRIVATE]
        source = private["machine"]
        servers = configuration_server.ROLE.of_fabric(world, fabric_of(item["id"]))
        instance = machine.instance_of(world, source["instance"])
        if not servers:
            raise failures.silent(self.server)
        if instance is None or instance.state != "running":
            raise push_install.unreachable(source["name"], source["ip"])
        if discovery.has_agent(world, servers[0], instance):
            push_install.check_system(instance, source["osType"])
            push_install.check_way(world, servers[0], instance)
        else:
            account = private["provider"]["runAsAccountId"]
            push_install.install(
                world, servers[0], instance, os_type=source["osType"], account=account
            )
        machine.install_agent(world, machine.observe(world, instance), item["id"])
        machine.replicate(world, instance.id, servers[0])
        chosen = private["target"]["disks"]
        disks = [
            {**disk, **chosen.get(disk["id"].lower(), {})}
            for disk in machine.disks(world, instance)
        ]
        source |= {
            "os": instance.os,
            "firmware": instance.firmware,
            "vcpus": instance.vcpus,
            "memoryMib": instance.memory_mib,
            "disks": disks,
        }
        if private["target"]["vmSize"] is None:
            private["target"]["vmSize"] = target_sizes.picked(source, private["target"]["diskType"])
        protectable = world.store.get(PROTECTABLE_ITEMS.kind, private["protectable"])
        if protectable is not None:
            protectable["properties"]["customDetails"] |= discovery.agent_details(
                world, instance, private["vmId"]
            )
            put(world, PROTECTABLE_ITEMS, protectable)

    def release(self, world: World, item: Document, *, clean: bool) -> None:
        """Mark the discovered machine as unprotected; `clean` also unregisters its agent."""
        protectable = world.store.get(PROTECTABLE_ITEMS.kind, item[PRIVATE]["protectable"])
        if protectable is not None:
            protectable["properties"] |= {
                "protectionStatus": "Unprotected",
                "replicationProtectedItemId": None,
            }
            put(world, PROTECTABLE_ITEMS, protectable)
        machine.replicate(world, item[PRIVATE]["machine"]["instance"], None)
        if clean:
            machine.remove_agent(world, item[PRIVATE]["machine"]["instance"])

    def change(self, world: World, item: Document, asked: UpdateProperties) -> Document:
        """The target after an update."""
        target = dict(item[PRIVATE]["target"])
        part = asked.provider_specific_details
        given = read(UpdateInput, extras(part), references.INPUT) if part is not None else None
        if asked.recovery_azure_vm_name is not None:
            target["vmName"] = references.machine_name(
                asked.recovery_azure_vm_name, "recoveryAzureVMName", at="properties"
            )
        if asked.recovery_azure_vm_size is not None:
            target["vmSize"] = references.size(
                asked.recovery_azure_vm_size, "recoveryAzureVMSize", at="properties"
            )
        if asked.selected_recovery_azure_network_id is not None:
            network = asked.selected_recovery_azure_network_id
            name = "selectedRecoveryAzureNetworkId"
            target["networkId"] = references.existing(world, network, name)
        if asked.selected_tfo_azure_network_id is not None:
            network = asked.selected_tfo_azure_network_id
            name = "selectedTfoAzureNetworkId"
            target["testNetworkId"] = references.existing(world, network, name)
        for interface in asked.vm_nics or ():
            _place(item, target, interface)
        if asked.recovery_availability_set_id:
            target |= {"availabilitySetId": asked.recovery_availability_set_id, "zone": None}
        elif given is not None and given.target_availability_zone:
            target["availabilitySetId"] = None
        target["licenseType"] = asked.license_type or target["licenseType"]
        target["rdp"] = asked.enable_rdp_on_target_option or target["rdp"]
        if given is not None:
            changes = {
                "resourceGroupId": given.recovery_azure_v2_resource_group_id,
                "zone": given.target_availability_zone,
                "proximityGroupId": given.target_proximity_placement_group_id,
                "vmTags": references.tags(given.target_vm_tags, "targetVmTags"),
                "diskTags": references.tags(
                    given.target_managed_disk_tags, "targetManagedDiskTags"
                ),
                "nicTags": references.tags(given.target_nic_tags, "targetNicTags"),
                "sqlLicenseType": given.sql_server_license_type,
            }
            target |= {name: value for name, value in changes.items() if value is not None}
        return target

    def protected_item_details(
        self, item: Document, vm_name: str, subnet: str, *, tests: bool
    ) -> Document | None:
        """The details of the Azure VM: its network always, its name for a test failover only."""
        return {
            "friendlyName": item[PRIVATE]["machine"]["name"] if tests else None,
            "testVmName": vm_name if tests else None,
            "testVmFriendlyName": vm_name if tests else None,
            "networkConnectionStatus": "Completed" if tests else None,
            "networkFriendlyName": name_of(subnet.rsplit("/", 2)[0]),
            "subnet": name_of(subnet),
        }

    def details(self, world: World, item: Document, *, full: bool) -> Document:
        """InMageAzureV2ReplicationDetails."""
        return item_details.of(world, item, full=full)


def _chosen_disks(known: list[Document], given: EnableInput) -> Document:
    """What a request says of single disks, by their ids in lower case.

    That a request which names some disks has to name all of them is [inferred] from the modernized
    experience: disks of physical machines cannot be excluded (azure-docs).

    Raises:
        ArmError: 400.
    """
    named = {(disk.disk_id or "").lower(): disk for disk in given.disks_to_include or ()}
    if not named:
        return {}
    ids = {disk["diskId"].lower(): disk["diskId"] for disk in known}
    if unknown := sorted(named.keys() - ids.keys()):
        raise references.invalid("disksToInclude", f"The machine has no disk '{unknown[0]}'.")
    if left := sorted(ids.keys() - named.keys()):
        raise references.invalid(
            "disksToInclude",
            f"The disk '{ids[left[0]]}' is left out; excluding disks of physical machines is not "
            "supported.",
        )
    return {
        name: {"type": disk.disk_type, "encryptionSet": disk.disk_encryption_set_id}
        for name, disk in named.items()
    }


def _place(item: Document, target: Document, asked: InterfaceInput) -> None:
    """Change in a target what an update says of an interface.

    Raises:
        ArmError: 400.
    """
    at = "properties.vmNics"
    chosen = asked.selection_type and asked.selection_type != interfaces.NOT_SELECTED
    interfaces.change(item, target, asked.nic_id, {"selected": chosen}, at)
    for one in asked.ip_configs or ():
        given = {
            "subnet": one.recovery_subnet_name,
            "testSubnet": one.tfo_subnet_name,
            "address": interfaces.address(
                one.recovery_static_ip_address, "recoveryStaticIPAddress", at
            ),
            "testAddress": interfaces.address(one.tfo_static_ip_address, "tfoStaticIPAddress", at),
        }
        interfaces.change(item, target, asked.nic_id, given, at)


def _protectable(world: World, container: Document, identifier: str | None) -> Document:
    if identifier is None:
        raise references.missing("protectableItemId", at="properties")
    found = world.store.get(PROTECTABLE_ITEMS.kind, identifier)
    if found is None or not identifier.lower().startswith(container["id"].lower() + "/"):
        raise references.invalid(
            "protectableItemId",
            f"The protectable item '{identifier}' was not found in this container.",
            at="properties",
        )
    if found["properties"]["protectionStatus"] != "Unprotected":
        raise ArmError(
            409,
            "MachineAlreadyProtected",
            f"The machine '{found['properties']['friendlyName']}' is protected already, by "
            f"'{found['properties']['replicationProtectedItemId']}'.",
        )
    return found
