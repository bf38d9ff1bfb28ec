"""Discovery of machines, whose agents report to the appliance.

A machine on which the agent does not run is listed too, and enabling it fails [inferred].
"""

from __future__ import annotations

from emulator.estate.machines import Instance
from emulator.guests import machine, replication_appliance
from emulator.kernel import resources
from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.world import World
from emulator.off_azure import sites
from emulator.recovery_services.experiences.modernized import support
from emulator.recovery_services.replication import interfaces
from emulator.recovery_services.wire.paths import FABRICS

AGENT_VERSION = "9.62.7172.1"
_GIB = 1024**3
_NAMES = {
    "windows-server-2008-r2-sp1": "Microsoft Windows Server 2008 R2 (64-bit)",
    "windows-server-2012": "Microsoft Windows Server 2012 (64-bit)",
    "windows-server-2012-r2": "Microsoft Windows Server 2012 R2 (64-bit)",
    "windows-server-2016": "Microsoft Windows Server 2016 (64-bit)",
    "windows-server-2019": "Microsoft Windows Server 2019 (64-bit)",
    "windows-server-2022": "Microsoft Windows Server 2022 (64-bit)",
}
_LINUX = {
    "rhel": "Red Hat Enterprise Linux",
    "centos": "CentOS",
    "oracle": "Oracle Linux",
    "ubuntu": "Ubuntu Linux",
    "debian": "Debian GNU/Linux",
    "sles": "SUSE Linux Enterprise",
}


def on_report(world: World, payload: Document) -> None:
    """Add the machine of an agent that reports for the first time to the site."""
    fabric = world.store.get(FABRICS.kind, payload["fabric"])
    instance = replication_appliance.reporting(world, payload)
    if fabric is None or instance is None:
        return
    site = fabric["properties"]["customDetails"]["physicalSiteId"]
    appliance = next(
        one for one in fabric[PRIVATE]["appliances"] if one["instance"] == payload["server"]
    )
    name = world.guid("discovered", site.lower(), instance.id)
    sites.add_machine(
        world, site, name, _properties(world, site, instance, appliance["name"]), instance.id
    )
    if support.problem(instance) is None:
        machine.install_agent(world, machine.observe(world, instance), appliance["id"])
        mark(world, f"{site}/machines/{name}", agent=True)


def mark(world: World, identifier: str, **changes: object) -> None:
    """Set the private values of a discovered machine: `agent` and `item`."""
    found = sites.machine(world, identifier)
    if found is not None:
        found[PRIVATE] |= changes
        resources.put(world, found)


def agents(world: World, fabric: Document) -> list[Document]:
    """AgentDetails of every machine whose agent reports."""
    site = fabric["properties"]["customDetails"]["physicalSiteId"]
    return [
        {
            "agentId": world.guid("agent", found["name"]),
            "machineId": found["name"],
            "biosId": found["properties"]["biosGuid"],
            "fqdn": found["properties"]["fqdn"],
            "disks": [
                {
                    "diskId": disk["id"],
                    "diskName": disk["name"],
                    "isOSDisk": "true" if disk["lun"] == 0 else "false",
                    "capacityInBytes": disk["maxSizeInBytes"],
                    "lunId": disk["lun"],
                }
                for disk in found["properties"]["disks"]
            ],
        }
        for found in sites.machines(world, site)
        if found[PRIVATE]["agent"]
    ]


def bios_id(world: World, instance_id: str) -> str:
    """A machine's BIOS id: EC2's begin with `EC2`."""
    return "EC2" + world.guid("bios", instance_id).upper()[3:]


def os_name(system: str) -> str:
    """An operating system in the spelling of discovered machines."""
    family, _, version = system.partition("-")
    if family in _LINUX:
        return f"{_LINUX[family]} {version.replace('-sp', ' SP')} (64-bit)"
    return _NAMES.get(system, system)


def _properties(world: World, site: str, instance: Instance, appliance: str) -> Document:
    (account, *_) = sites.accounts(world, site)
    system = {
        "osType": f"{instance.platform}guest",
        "osName": os_name(instance.os),
        "osVersion": None,
        "osArchitecture": "x64" if instance.architecture == "x86_64" else instance.architecture,
    }
    return {
        "displayName": instance.name,
        "tags": {},
        "fqdn": instance.name,
        "hydratedFqdn": instance.name,
        "networkAdapters": [
            {
                "nicId": f"nic-{one['mac'].replace(':', '').lower()}",
                "macAddress": one["mac"],
                "ipAddressList": [one["address"]],
                "networkName": instance.subnet_id,
                "ipAddressType": "Dynamic",
            }
            for one in interfaces.found(world, instance.id)
        ],
        "disks": [
            {
                "id": disk["id"],
                "generatedId": world.guid("generated-disk", instance.id, index),
                "maxSizeInBytes": disk["sizeGib"] * _GIB,
                "name": disk["name"],
                "diskType": "Basic",
                "lun": index,
                "path": disk["name"],
            }
            for index, disk in enumerate(machine.disks(world, instance))
        ],
        "validationRequired": "false",
        "firmware": instance.firmware,
        "guestOsDetails": system,
        "operatingSystemDetails": system,
        "numberOfApplications": 0,
        "runAsAccountId": account["id"],
        "applianceNames": [appliance],
        "errors": [],
        "numberOfProcessorCore": instance.vcpus,
        "allocatedMemoryInMb": instance.memory_mib,
        "biosSerialNumber": bios_id(world, instance.id).lower(),
        "biosGuid": bios_id(world, instance.id),
        "isDeleted": False,
    }
