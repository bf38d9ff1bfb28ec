"""The modernized experience (`InMageRcm`): its request validation and its replication effects."""

from __future__ import annotations

from datetime import timedelta

from emulator.guests import machine, replication_appliance
from emulator.guests.replication_appliance import ROLE
from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError
from emulator.kernel.world import World
from emulator.off_azure import sites
from emulator.recovery_services.experiences.modernized import details as item_details
from emulator.recovery_services.experiences.modernized import (
    discovery,
    fabric,
    registration,
    support,
)
from emulator.recovery_services.experiences.modernized.bodies import (
    EnableInput,
    MappingInput,
    NicInput,
    PolicyInput,
    Tag,
    UpdateInput,
)
from emulator.recovery_services.experiences.modernized.disks import chosen_disks
from emulator.recovery_services.experiences.modernized.states import TABLE
from emulator.recovery_services.replication import (
    azure_machines,
    failures,
    interfaces,
    references,
    target_sizes,
)
from emulator.recovery_services.wire.bodies import (
    ChosenPointInput,
    EnableProperties,
    FailoverInput,
    ProviderPart,
    RecoveryPointInput,
    TestFailoverInput,
    UpdateProperties,
    extras,
    read,
)
from emulator.recovery_services.wire.paths import FABRICS, fabric_of, name_of

_NAME_TAKEN = "310024"
_SYNC_FACTOR = 1.7
_FIRST_POINT_SECONDS = 1700
_SPREAD = 0.08
"""For a 40 GB disk: about 24 minutes of copying, then 28 until the first point (recorded)."""


class Modernized:
    """Machines that report to a replication appliance."""

    instance_type = registration.INSTANCE_TYPE
    fabric_provider = "InMageRcmFabric"
    server = ROLE.title
    table = TABLE
    test_failover_input: type[RecoveryPointInput] = TestFailoverInput
    failover_input: type[RecoveryPointInput] = FailoverInput
    change_point_input: type[RecoveryPointInput] = ChosenPointInput
    looked_at_after = timedelta(hours=12)  # [inferred]: within a day.
    tells_missing_points = True
    tells_failed_failover = False
    lists_recovery_point = True

    def register(self, world: World) -> None:
        """Register the event handlers of replication appliances and agents."""
        registration.register(world)

    def fabric(self, world: World, document: Document, *, full: bool) -> Document:
        """The fabric; only a get returns its components."""
        return fabric.shown(world, document, full=full)

    def connected(self, world: World, fabric_id: str) -> bool:
        """Whether any appliance runs."""
        return bool(ROLE.of_fabric(world, fabric_id))

    def forget(self, world: World, fabric_id: str) -> None:
        """Remove the appliances, agents and sites of a fabric that was removed from its vault."""
        vault = fabric_id[: fabric_id.lower().index("/replicationfabrics/")]
        sites.remove(world, registration.site_ids(world, vault))
        replication_appliance.forget(world, fabric_id)

    def policy_details(self, part: ProviderPart, at: str) -> Document:
        """A policy's details as GET returns them, including unpublished properties (recorded)."""
        asked = read(PolicyInput, extras(part), at)
        return {
            "instanceType": self.instance_type,
            "recoveryPointHistoryInMinutes": asked.recovery_point_history_in_minutes,
            "appConsistentFrequencyInMinutes": asked.app_consistent_frequency_in_minutes,
            "crashConsistentFrequencyInMinutes": asked.crash_consistent_frequency_in_minutes,
            "enableMultiVmSync": asked.enable_multi_vm_sync,
            "status": False,
            "associatedItemsCount": 0,
            "dataSourceType": "VM",
        }

    def mapping_details(self, part: ProviderPart | None, at: str) -> Document | None:
        """The mapping's details: whether agents upgrade automatically; on by default [inferred]."""
        content = {"instanceType": self.instance_type} if part is None else extras(part)
        asked = read(MappingInput, content, at)
        return {
            "instanceType": self.instance_type,
            "enableAgentAutoUpgrade": asked.enable_agent_auto_upgrade,
        }

    def provider_name(self, container: Document) -> str:
        """The first appliance's id: not the provider's name, which ends in `dra` (recorded)."""
        return str(container[PRIVATE]["provider"])

    def admit(self, world: World, container: Document, asked: EnableProperties) -> Document:
        """Validate the references of a new item and return the item's private part."""
        given = read(EnableInput, extras(asked.provider_specific_details), references.INPUT)
        behind = world.store.get(FABRICS.kind, fabric_of(container["id"]))
        assert behind is not None
        found = _machine(world, behind, given.fabric_discovery_machine_id)
        appliances = {one["id"]: one["name"] for one in behind[PRIVATE]["appliances"]}
        process_server = references.known(
            given.process_server_id, "processServerId", appliances, f"the {self.server}"
        )
        if given.run_as_account_id:
            site = behind["properties"]["customDetails"]["physicalSiteId"]
            accounts = [account["id"].lower() for account in sites.accounts(world, site)]
            references.known(
                given.run_as_account_id.lower(), "runAsAccountId", accounts, "the site"
            )
        group = references.existing(world, given.target_resource_group_id, "targetResourceGroupId")
        network = references.existing_if_given(world, given.target_network_id, "targetNetworkId")
        test_network = references.existing_if_given(world, given.test_network_id, "testNetworkId")
        properties = found["properties"]
        name = references.machine_name(
            given.target_vm_name or properties["displayName"], "targetVmName"
        )
        size = given.target_vm_size and references.size(given.target_vm_size, "targetVmSize")
        disks = chosen_disks(world, properties["disks"], given)
        note = None
        if azure_machines.taken(world, group, name):
            note = {
                "code": _NAME_TAKEN,
                "message": f"The name provided for the virtual machine '{name}' is unavailable.",
            }
        return {
            "protectable": None,
            "vmId": world.guid("replicated-machine", found["id"].lower()),
            # Points of an item are told under a container that is listed nowhere (recorded).
            "pointsUnderContainer": f"{container['id'].rsplit('/', 1)[0]}/"
            f"cloud_{behind['properties']['internalIdentifier']}",
            "machine": {
                "instance": found[PRIVATE]["instance"],
                "name": properties["displayName"],
                "ip": properties["networkAdapters"][0]["ipAddressList"][0],
                "interfaces": [
                    {"mac": adapter["macAddress"], "address": adapter["ipAddressList"][0]}
                    for adapter in properties["networkAdapters"]
                ],
                "osType": "Windows"
                if properties["operatingSystemDetails"]["osType"] == "windowsguest"
                else "Linux",
                "os": None,
                "firmware": properties["firmware"],
                "vcpus": properties["numberOfProcessorCore"],
                "memoryMib": properties["allocatedMemoryInMb"],
                "disks": disks,
            },
            "target": {
                "resourceGroupId": group,
                "networkId": network,
                "subnet": given.target_subnet_name or "",
                "testNetworkId": test_network,
                "testSubnet": given.test_subnet_name,
                "vmName": name,
                "vmSize": size or None,
                "diskType": disks[0]["type"],
                "zone": given.target_availability_zone or None,
                "availabilitySetId": given.target_availability_set_id,
                "proximityGroupId": given.target_proximity_placement_group_id,
                "capacityGroupId": given.target_capacity_reservation_group_id,
                "bootDiagnosticsId": given.target_boot_diagnostics_storage_account_id,
                "licenseType": given.license_type or "NotSpecified",
                "sqlLicenseType": given.sql_server_license_type or "NotSpecified",
                "linuxLicenseType": given.linux_license_type or "NotSpecified",
                "logStorageAccountId": disks[0]["logStorage"],
                "vmTags": references.tags(_tags(given.target_vm_tags), "targetVmTags"),
                "diskTags": references.tags(
                    _tags(given.target_managed_disk_tags), "targetManagedDiskTags"
                ),
                "nicTags": references.tags(_tags(given.target_nic_tags), "targetNicTags"),
                "seedDiskTags": references.tags(
                    _tags(given.seed_managed_disk_tags), "seedManagedDiskTags"
                ),
            },
            "provider": {
                "machineId": found["id"],
                "processServerId": process_server,
                "processServerName": appliances[process_server],
                "runAsAccountId": given.run_as_account_id,
                "multiVmGroupName": given.multi_vm_group_name,
            },
            "note": note,
        }

    def claim(self, world: World, item: Document) -> None:
        """Mark the discovered machine as protected by this item."""
        discovery.mark(world, item[PRIVATE]["provider"]["machineId"], item=item["id"])

    def rest(self, world: World, item: Document, state: str) -> timedelta:
        """The copying takes as long as the disks need; the first point then takes a fixed time."""
        private = item[PRIVATE]
        if state == "completing":
            spread = world.random("first-point", private["cycle"]).uniform(-_SPREAD, _SPREAD)
            return timedelta(seconds=_FIRST_POINT_SECONDS * (1 + spread))
        total = sum(disk["sizeGib"] for disk in private["machine"]["disks"])
        return machine.sync_time(world, private["cycle"], total) * _SYNC_FACTOR

    def enable(self, world: World, item: Document) -> None:
        """Check that the agent runs, and then that it reaches the appliance."""
        private = item[PRIVATE]
        source = private["machine"]
        behind = world.store.get(FABRICS.kind, fabric_of(item["id"]))
        wanted = private["provider"]["processServerId"]
        instances = [
            one["instance"]
            for one in (behind[PRIVATE]["appliances"] if behind else ())
            if one["id"] == wanted
        ]
        running = ROLE.of_fabric(world, fabric_of(item["id"]))
        appliance = next((one for one in running if one.id in instances), None)
        if appliance is None:
            raise failures.silent(self.server)
        instance = machine.instance_of(world, source["instance"])
        if instance is None or instance.state != "running":
            raise failures.enabling(
                failures.UNREACHABLE,
                f"The mobility service on '{source['name']}' ({source['ip']}) does not report.",
                "The machine is stopped or was terminated.",
                "Start the machine, then enable replication again.",
            )
        problem = support.problem(instance)
        if problem is not None:
            raise failures.enabling(
                failures.UNSUPPORTED_OS,
                f"The mobility service does not run on '{source['name']}': {problem}.",
                "The operating system, its architecture or its virtualization is not supported.",
                "Protect 64-bit machines of the support matrix only: Windows Server 2008 R2 SP1 "
                "to 2022, RHEL, CentOS, Oracle Linux, Ubuntu, Debian and SLES.",
            )
        port = replication_appliance.closed_port(world, instance, appliance)
        if port is not None:
            ports = " and ".join(map(str, replication_appliance.PORTS))
            raise failures.enabling(
                failures.UNREACHABLE,
                f"The mobility service on '{source['name']}' could not reach the {self.server} "
                f"'{appliance.name}' on TCP port {port}.",
                "A firewall or security group between them refuses the connection.",
                f"Let the machine reach the appliance on TCP {ports}, then enable replication "
                "again.",
            )
        machine.observe(world, instance)
        machine.replicate(world, instance.id, appliance)
        source["os"] = instance.os
        if private["target"]["vmSize"] is None:
            private["target"]["vmSize"] = target_sizes.picked(source, private["target"]["diskType"])

    def release(self, world: World, item: Document, *, clean: bool) -> None:
        """Mark the discovered machine as unprotected; its agent keeps reporting [inferred]."""
        machine.replicate(world, item[PRIVATE]["machine"]["instance"], None)
        discovery.mark(world, item[PRIVATE]["provider"]["machineId"], item=None)

    def change(self, world: World, item: Document, asked: UpdateProperties) -> Document:
        """The target after an update; only the provider-specific part of the body is used."""
        target = dict(item[PRIVATE]["target"])
        part = asked.provider_specific_details
        if part is None:
            return target
        given = read(UpdateInput, extras(part), references.INPUT)
        if given.target_vm_name is not None:
            target["vmName"] = references.machine_name(given.target_vm_name, "targetVmName")
        if given.target_vm_size is not None:
            target["vmSize"] = references.size(given.target_vm_size, "targetVmSize")
        looked_up = {
            "resourceGroupId": ("targetResourceGroupId", given.target_resource_group_id),
            "networkId": ("targetNetworkId", given.target_network_id),
            "testNetworkId": ("testNetworkId", given.test_network_id),
        }
        for key, (name, value) in looked_up.items():
            target[key] = references.existing_if_given(world, value, name) or target[key]
        for interface in given.vm_nics or ():
            _place(item, target, interface)
        changes = {
            "zone": given.target_availability_zone,
            "availabilitySetId": given.target_availability_set_id,
            "proximityGroupId": given.target_proximity_placement_group_id,
            "capacityGroupId": given.target_capacity_reservation_group_id,
            "bootDiagnosticsId": given.target_boot_diagnostics_storage_account_id,
            "licenseType": given.license_type,
            "sqlLicenseType": given.sql_server_license_type,
            "linuxLicenseType": given.linux_license_type,
            "vmTags": references.tags(_tags(given.target_vm_tags), "targetVmTags"),
            "diskTags": references.tags(
                _tags(given.target_managed_disk_tags), "targetManagedDiskTags"
            ),
            "nicTags": references.tags(_tags(given.target_nic_tags), "targetNicTags"),
        }
        return target | {name: value for name, value in changes.items() if value is not None}

    def protected_item_details(
        self, item: Document, vm_name: str, subnet: str, *, tests: bool
    ) -> Document | None:
        """The details of a test VM, without its network (recorded); None for a failover."""
        if not tests:
            return None
        return {
            "friendlyName": item[PRIVATE]["machine"]["name"],
            "testVmName": vm_name,
            "testVmFriendlyName": vm_name,
            "networkConnectionStatus": "Disconnected",
            "networkFriendlyName": "",
            "subnet": None,
        }

    def details(self, world: World, item: Document, *, full: bool) -> Document:
        """InMageRcmReplicationDetails."""
        return item_details.of(world, item, full=full)


def _place(item: Document, target: Document, asked: NicInput) -> None:
    """Change in a target what an update says of an interface.

    Raises:
        ArmError: 400.
    """
    at = f"{references.INPUT}.vmNics"
    chosen = asked.is_selected_for_failover
    given = {
        "selected": None if chosen is None else chosen == "true",
        "subnet": asked.target_subnet_name,
        "testSubnet": asked.test_subnet_name,
        "address": interfaces.address(asked.target_static_ip_address, "targetStaticIPAddress", at),
        "testAddress": interfaces.address(asked.test_static_ip_address, "testStaticIPAddress", at),
    }
    interfaces.change(item, target, asked.nic_id, given, at)


def _machine(world: World, behind: Document, identifier: str | None) -> Document:
    if not identifier:
        raise references.missing("fabricDiscoveryMachineId")
    site = behind["properties"]["customDetails"]["physicalSiteId"]
    found = sites.machine(world, identifier)
    if found is None or not identifier.lower().startswith(f"{site}/machines/".lower()):
        raise references.invalid(
            "fabricDiscoveryMachineId",
            f"The machine '{identifier}' was not found in the site '{name_of(site)}'.",
        )
    if found[PRIVATE]["item"] is not None:
        raise ArmError(
            409,
            "MachineAlreadyProtected",
            f"The machine '{found['properties']['displayName']}' is protected already, by "
            f"'{found[PRIVATE]['item']}'.",
        )
    return found


def _tags(tags: list[Tag] | None) -> list[tuple[str, str]] | None:
    return None if tags is None else [(tag.tag_name, tag.tag_value) for tag in tags]
