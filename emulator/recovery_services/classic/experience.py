"""What the classic experience asks of a machine, and does to it."""

from __future__ import annotations

from emulator.guests import configuration_server, machine
from emulator.kernel import resources
from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError
from emulator.kernel.world import World
from emulator.recovery_services import azure_machines, target_sizes
from emulator.recovery_services.bodies import (
    EnableProperties,
    ProviderPart,
    UpdateProperties,
    extras,
    read,
)
from emulator.recovery_services.classic import details as item_details
from emulator.recovery_services.classic import fabric, push_install, registration
from emulator.recovery_services.classic.bodies import EnableInput, PolicyInput, UpdateInput
from emulator.recovery_services.classic.fabric import AGENT_VERSION
from emulator.recovery_services.classic.states import TABLE
from emulator.recovery_services.jobs import JobError
from emulator.recovery_services.paths import FABRICS, PROTECTABLE_ITEMS, put

_INPUT = "properties.providerSpecificDetails"


class Classic:
    """Machines behind a configuration server."""

    instance_type = "InMageAzureV2"
    fabric_provider = "InMageFabric"
    table = TABLE

    def register(self, world: World) -> None:
        """Let configuration servers appear in their vaults."""
        registration.register(world)

    def fabric(self, world: World, document: Document) -> Document:
        """The fabric with its servers and accounts of this moment."""
        return fabric.shown(world, document)

    def connected(self, world: World, fabric_id: str) -> bool:
        """Whether the configuration server runs."""
        return configuration_server.of_fabric(world, fabric_id) is not None

    def forget(self, world: World, fabric_id: str) -> None:
        """The fabric left its vault: the server is registered no more."""
        configuration_server.unregistered(world, fabric_id)

    def policy_details(self, part: ProviderPart, at: str) -> Document:
        """A policy as it is read: `Enable` comes back as `Enabled`."""
        asked = read(PolicyInput, extras(part), at)
        return {
            "instanceType": self.instance_type,
            "crashConsistentFrequencyInMinutes": asked.crash_consistent_frequency_in_minutes,
            "recoveryPointThresholdInMinutes": asked.recovery_point_threshold_in_minutes,
            "recoveryPointHistory": asked.recovery_point_history,
            "appConsistentFrequencyInMinutes": asked.app_consistent_frequency_in_minutes,
            "multiVmSyncStatus": f"{asked.multi_vm_sync_status}d",
        }

    def admit(self, world: World, container: Document, asked: EnableProperties) -> Document:
        """Check what a new item refers to and note it."""
        given = read(EnableInput, extras(asked.provider_specific_details), _INPUT)
        protectable = _protectable(world, container, asked.protectable_item_id)
        behind = world.store.get(FABRICS.kind, container["id"].rsplit("/", 2)[0])
        assert behind is not None
        host = behind[PRIVATE]["hostId"]
        _require(given.process_server_id, "processServerId", {host})
        _require(given.master_target_id, "masterTargetId", {host})
        _require(given.run_as_account_id, "runAsAccountId", set(configuration_server.ACCOUNTS))
        group = _reference(
            world, given.target_azure_v2_resource_group_id, "targetAzureV2ResourceGroupId"
        )
        _reference(world, given.target_azure_network_id, "targetAzureNetworkId")
        log_account = given.log_storage_account_id or given.storage_account_id
        _reference(world, log_account, "logStorageAccountId")
        if not given.target_azure_subnet_id:
            raise _missing("targetAzureSubnetId")
        friendly = protectable["properties"]["friendlyName"]
        name = given.target_azure_vm_name or friendly
        problem = azure_machines.name_problem(name)
        if problem:
            raise _invalid("targetAzureVmName", problem)
        size = target_sizes.named(given.target_vm_size) if given.target_vm_size else None
        if given.target_vm_size and size is None:
            raise _invalid("targetVmSize", f"The size '{given.target_vm_size}' is not offered.")
        note = None
        if azure_machines.taken(world, group, name):
            note = {
                "code": azure_machines.NAME_TAKEN,
                "message": f"The virtual machine name '{name}' is unavailable.",
            }
        custom = protectable["properties"]["customDetails"]
        vm_id = protectable["name"]
        return {
            "protectable": protectable["id"],
            "vmId": vm_id,
            "machine": {
                "instance": protectable[PRIVATE]["instance"],
                "name": friendly,
                "ip": custom["ipAddress"],
                "osType": custom["osType"],
                "os": None,
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
                "vmSize": size.name if size else None,
                "diskType": given.disk_type or "Standard_LRS",
                "zone": given.target_availability_zone,
                "availabilitySetId": given.target_availability_set_id,
                "licenseType": given.license_type or "NotSpecified",
                "sqlLicenseType": given.sql_server_license_type or "NotSpecified",
                "rdp": given.enable_rdp_on_target_option or "Never",
                "logStorageAccountId": log_account,
                "vmTags": given.target_vm_tags or {},
                "diskTags": given.target_managed_disk_tags,
                "nicTags": given.target_nic_tags or {},
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

    def enable(self, world: World, item: Document) -> None:
        """Push the agent onto the machine; then its disks and its hardware are known."""
        private = item[PRIVATE]
        source = private["machine"]
        server = configuration_server.of_fabric(world, "/".join(item["id"].split("/")[:11]))
        instance = machine.instance_of(world, source["instance"])
        if server is None:
            raise JobError(
                "25022",
                "The configuration server does not answer.",
                "The server is stopped or cannot reach Azure on port 443.",
                "Start the server and try again.",
                task=0,
            )
        if instance is None or instance.state != "running":
            raise push_install.unreachable(source["name"], source["ip"])
        account = private["provider"]["runAsAccountId"]
        push_install.install(world, server, instance, os_type=source["osType"], account=account)
        machine.install_agent(world, machine.observe(world, instance), item["id"])
        disks = [
            {
                "id": "{" + str(world.random("disk", instance.id, index).getrandbits(31)) + "}",
                "name": f"\\\\.\\PHYSICALDRIVE{index}"
                if source["osType"] == "Windows"
                else disk.device,
                "sizeGib": disk.size_gib,
            }
            for index, disk in enumerate(instance.disks)
        ]
        source |= {
            "os": instance.os,
            "vcpus": instance.vcpus,
            "memoryMib": instance.memory_mib,
            "disks": disks,
        }
        if private["target"]["vmSize"] is None:
            size = target_sizes.fitting(instance.vcpus, instance.memory_mib / 1024, len(disks) - 1)
            private["target"]["vmSize"] = size.name
        protectable = world.store.get(PROTECTABLE_ITEMS.kind, private["protectable"])
        if protectable is not None:
            protectable["properties"]["customDetails"] |= {
                "agentInstalled": "Installed",
                "agentVersion": AGENT_VERSION,
                "agentGeneratedId": private["vmId"],
                "diskDetails": [_disk_detail(disk) for disk in disks],
            }
            put(world, PROTECTABLE_ITEMS, protectable)

    def release(self, world: World, item: Document, *, clean: bool) -> None:
        """Free the discovered machine; a clean end takes the agent's registration back too."""
        protectable = world.store.get(PROTECTABLE_ITEMS.kind, item[PRIVATE]["protectable"])
        if protectable is not None:
            protectable["properties"] |= {
                "protectionStatus": "Unprotected",
                "replicationProtectedItemId": None,
            }
            put(world, PROTECTABLE_ITEMS, protectable)
        if clean:
            machine.remove_agent(world, item[PRIVATE]["machine"]["instance"])

    def change(self, world: World, item: Document, asked: UpdateProperties) -> Document:
        """The target after an update."""
        target = dict(item[PRIVATE]["target"])
        part = asked.provider_specific_details
        given = read(UpdateInput, extras(part), _INPUT) if part is not None else None
        if asked.recovery_azure_vm_name is not None:
            problem = azure_machines.name_problem(asked.recovery_azure_vm_name)
            if problem:
                raise _invalid("recoveryAzureVMName", problem, at="properties")
            target["vmName"] = asked.recovery_azure_vm_name
        if asked.recovery_azure_vm_size is not None:
            size = target_sizes.named(asked.recovery_azure_vm_size)
            if size is None:
                problem = f"The size '{asked.recovery_azure_vm_size}' is not offered."
                raise _invalid("recoveryAzureVMSize", problem, at="properties")
            target["vmSize"] = size.name
        if asked.selected_recovery_azure_network_id is not None:
            network = asked.selected_recovery_azure_network_id
            target["networkId"] = _reference(world, network, "selectedRecoveryAzureNetworkId")
        if asked.selected_tfo_azure_network_id is not None:
            network = asked.selected_tfo_azure_network_id
            target["testNetworkId"] = _reference(world, network, "selectedTfoAzureNetworkId")
        target["licenseType"] = asked.license_type or target["licenseType"]
        target["rdp"] = asked.enable_rdp_on_target_option or target["rdp"]
        if given is not None:
            changes = {
                "resourceGroupId": given.recovery_azure_v2_resource_group_id,
                "zone": given.target_availability_zone,
                "vmTags": given.target_vm_tags,
                "diskTags": given.target_managed_disk_tags,
                "nicTags": given.target_nic_tags,
                "sqlLicenseType": given.sql_server_license_type,
            }
            target |= {name: value for name, value in changes.items() if value is not None}
        return target

    def details(self, world: World, item: Document, *, full: bool) -> Document:
        """InMageAzureV2ReplicationDetails."""
        return item_details.of(world, item, full=full)


def _protectable(world: World, container: Document, identifier: str | None) -> Document:
    if identifier is None:
        raise _missing("protectableItemId", at="properties")
    found = world.store.get(PROTECTABLE_ITEMS.kind, identifier)
    if found is None or not identifier.lower().startswith(container["id"].lower() + "/"):
        raise _invalid(
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


def _require(value: str | None, name: str, known: set[str]) -> None:
    if not value:
        raise _missing(name)
    if value not in known:
        raise _invalid(name, f"'{value}' is not known to the configuration server.")


def _reference(world: World, identifier: str | None, name: str) -> str:
    if not identifier:
        raise _missing(name)
    if resources.find(world, identifier) is None:
        raise _invalid(name, f"The resource '{identifier}' was not found.")
    return identifier


def _missing(name: str, at: str = _INPUT) -> ArmError:
    return _invalid(name, f"The property '{name}' is required.", at=at)


def _invalid(name: str, message: str, at: str = _INPUT) -> ArmError:
    target = f"{at}.{name}"
    detail = {"code": "InvalidParameter", "target": target, "message": message}
    return ArmError(400, "InvalidParameter", f"{target}: {message}", details=[detail])


def _disk_detail(disk: Document) -> Document:
    return {
        "diskId": disk["id"],
        "diskName": disk["name"],
        "diskSizeInMB": str(disk["sizeGib"] * 1024),
        "diskType": "Basic",
        "diskConfiguration": None,
        "volumeList": [],
    }
