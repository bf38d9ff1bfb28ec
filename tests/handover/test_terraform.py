"""What is written for Terraform, against the schema of its provider azurerm."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml

from handover import names
from handover.parts import ADDRESS, DISK, INTERFACE, MACHINE, RULES, Part
from handover.terraform import declared, hcl
from handover.terraform.files import files
from handover.terraform.ids import canonical
from tests.handover.azurerm_table import TABLE

GROUP = "/subscriptions/1/resourceGroups/rg/providers"
NETWORK, COMPUTE = f"{GROUP}/Microsoft.Network", f"{GROUP}/Microsoft.Compute"
# As Azure and Site Recovery spell them.
ODD_COMPUTE = "/subscriptions/1/resourcegroups/rg/providers/MICROSOFT.COMPUTE"
NSG = f"{NETWORK}/networkSecurityGroups/web"
SUBNET = f"{NETWORK}/virtualNetworks/vnet/subnets/servers"
PLACE = {"resourceGroupName": "rg", "location": "westeurope"}

PARTS = (
    Part("web", RULES, NSG),
    Part("web-01-address-0-0", ADDRESS, f"{NETWORK}/publicIPAddresses/web-01", "web-01"),
    Part("web-01-interface-0", INTERFACE, f"{NETWORK}/networkInterfaces/one", "web-01"),
    Part("web-01-interface-1", INTERFACE, f"{NETWORK}/networkInterfaces/two", "web-01"),
    Part("web-01-os-disk", DISK, f"{ODD_COMPUTE}/DISKS/web-01-os", "web-01"),
    Part("web-01-data-disk-0", DISK, f"{COMPUTE}/disks/web-01-0", "web-01", place=0),
    Part("web-01-data-disk-3", DISK, f"{COMPUTE}/disks/web-01-3", "web-01", place=3),
    Part("web-01", MACHINE, f"{COMPUTE}/virtualMachines/web-01", "web-01", system="Linux"),
)


def disk(name: str, kind: str = "Premium_LRS", **more: Any) -> dict[str, Any]:
    made = {"createOption": "Restore"}
    return {**PLACE, "diskName": name, "sku": {"name": kind}, "creationData": made, **more}


def interface(name: str, configuration: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    begin = {"name": "ipconfig", "primary": True, "subnet": {"id": SUBNET}}
    configurations = [{**begin, "privateIPAddressVersion": "IPv4", **configuration}]
    return {**PLACE, "networkInterfaceName": name, "ipConfigurations": configurations, **more}


def usual() -> dict[str, dict[str, Any]]:
    """The inputs of the parts, as azure-native reads them of a machine that a failover made."""
    return {
        "web": {
            **PLACE,
            "networkSecurityGroupName": "web",
            "securityRules": [
                {
                    "id": f"{NSG}/securityRules/https",
                    "name": "https",
                    "priority": 100.0,
                    "access": "Allow",
                    "direction": "Inbound",
                    "protocol": "TCP",
                    "sourceAddressPrefix": "*",
                    "sourcePortRange": "*",
                    "destinationAddressPrefix": "*",
                    "destinationPortRange": "443",
                }
            ],
        },
        "web-01-address-0-0": {
            **PLACE,
            "publicIpAddressName": "web-01",
            "publicIPAllocationMethod": "Static",
            "publicIPAddressVersion": "IPv4",
            "sku": {"name": "Standard", "tier": "Regional"},
            "idleTimeoutInMinutes": 4.0,
            "ipAddress": "20.1.2.3",
        },
        "web-01-interface-0": interface(
            "one",
            {
                "privateIPAllocationMethod": "Static",
                "privateIPAddress": "10.20.1.4",
                "publicIPAddress": {"id": f"{NETWORK}/publicIPAddresses/web-01"},
            },
            networkSecurityGroup={"id": NSG.upper()},
            enableAcceleratedNetworking=True,
            nicType="Standard",
            auxiliaryMode="None",
        ),
        "web-01-interface-1": interface(
            "two", {"privateIPAllocationMethod": "Dynamic", "privateIPAddress": "10.20.2.4"}
        ),
        "web-01-os-disk": disk(
            "web-01-os",
            osType="Linux",
            hyperVGeneration="V1",
            zones=["1"],
            networkAccessPolicy="AllowAll",
            publicNetworkAccess="Enabled",
            diskSizeGB=30.0,
        ),
        "web-01-data-disk-0": disk("web-01-0"),
        "web-01-data-disk-3": disk("web-01-3"),
        "web-01": {
            **PLACE,
            "vmName": "web-01",
            "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
            "licenseType": "None",
            "zones": ["1"],
            "tags": {"migrated-from-instance": "i-1", "of": "${team} 100%{x}"},
            "networkProfile": {
                "networkInterfaces": [
                    {"id": f"{NETWORK}/networkInterfaces/one", "primary": True},
                    {"id": f"{NETWORK}/networkInterfaces/two", "deleteOption": "Detach"},
                ]
            },
            "storageProfile": {
                "osDisk": {
                    "name": "web-01-os",
                    "osType": "Linux",
                    "createOption": "Attach",
                    "caching": "ReadWrite",
                    "managedDisk": {
                        "id": f"{ODD_COMPUTE}/DISKS/web-01-os",
                        "storageAccountType": "Premium_LRS",
                    },
                },
                "dataDisks": [
                    {
                        "lun": lun,
                        "name": f"Web-01-{lun:.0f}",
                        "createOption": "attach",
                        "caching": "None",
                        "managedDisk": {"id": f"{COMPUTE}/disks/web-01-{lun:.0f}"},
                    }
                    for lun in (0.0, 3.0)
                ],
            },
        },
    }


def everything() -> dict[str, dict[str, Any]]:
    """The same with everything else that azurerm has an argument for."""
    made = usual()
    one = {"id": f"{COMPUTE}/one"}
    made["web"]["securityRules"].append(
        {
            "name": "groups",
            "description": "between the tiers",
            "priority": 200.0,
            "access": "Deny",
            "direction": "Outbound",
            "protocol": "*",
            "sourcePortRanges": ["1-2"],
            "destinationPortRanges": ["3", "4"],
            "sourceAddressPrefixes": ["10.0.0.0/8"],
            "destinationAddressPrefixes": ["10.1.0.0/16"],
            "sourceApplicationSecurityGroups": [one],
            "destinationApplicationSecurityGroups": [one],
        }
    )
    made["web-01-address-0-0"] |= {
        "ddosSettings": {"protectionMode": "enabled", "ddosProtectionPlan": one},
        "dnsSettings": {
            "domainNameLabel": "web",
            "domainNameLabelScope": "TenantReuse",
            "reverseFqdn": "web.example.com.",
            "fqdn": "web.example.com",
        },
        "extendedLocation": {"name": "edge"},
        "ipTags": [{"ipTagType": "RoutingPreference", "tag": "Internet"}],
        "publicIPPrefix": one,
        "zones": ["1", "2"],
        "tags": {"a": "b"},
    }
    made["web-01-interface-0"] |= {
        "auxiliaryMode": "Floating",
        "auxiliarySku": "A1",
        "dnsSettings": {"dnsServers": ["10.0.0.1"], "internalDnsNameLabel": "web"},
        "enableIPForwarding": True,
        "extendedLocation": {"name": "edge"},
    }
    made["web-01-interface-0"]["ipConfigurations"][0]["gatewayLoadBalancer"] = one
    made["web-01-data-disk-0"] |= {
        "sku": {"name": "UltraSSD_LRS"},
        "burstingEnabled": True,
        "creationData": {
            "createOption": "Copy",
            "imageReference": one,
            "galleryImageReference": one,
            "logicalSectorSize": 512.0,
            "performancePlus": True,
            "sourceResourceId": f"{COMPUTE}/snapshots/one",
            "sourceUri": "https://example.com/one.vhd",
            "storageAccountId": f"{GROUP}/Microsoft.Storage/storageAccounts/one",
            "uploadSizeBytes": 512.0,
        },
        "diskAccessId": one["id"],
        "diskIOPSReadOnly": 100.0,
        "diskIOPSReadWrite": 100.0,
        "diskMBpsReadOnly": 10.0,
        "diskMBpsReadWrite": 10.0,
        "encryption": {"type": "x", "diskEncryptionSetId": one["id"]},
        "extendedLocation": {"name": "edge"},
        "maxShares": 2.0,
        "optimizedForFrequentAttach": True,
        "securityProfile": {"securityType": "TrustedLaunch"},
    }
    made["web-01-data-disk-3"]["securityProfile"] = {
        "securityType": "ConfidentialVM_DiskEncryptedWithCustomerKey",
        "secureVMDiskEncryptionSetId": one["id"],
    }
    made["web-01-os-disk"]["encryption"] = {"diskEncryptionSetId": one["id"]}
    machine = made["web-01"]
    machine["storageProfile"]["diskControllerType"] = "scsi"
    machine["storageProfile"]["osDisk"]["writeAcceleratorEnabled"] = True
    machine["storageProfile"]["dataDisks"][0]["writeAcceleratorEnabled"] = True
    made["web-01"] |= {
        "additionalCapabilities": {"ultraSSDEnabled": True, "hibernationEnabled": True},
        "availabilitySet": one,
        "billingProfile": {"maxPrice": 0.5},
        "capacityReservation": {"capacityReservationGroup": one},
        "diagnosticsProfile": {"bootDiagnostics": {"enabled": True, "storageUri": "https://x"}},
        "evictionPolicy": "Deallocate",
        "extendedLocation": {"name": "edge"},
        "extensionsTimeBudget": "PT1H",
        "host": one,
        "hostGroup": one,
        "identity": {
            "type": "SystemAssigned,UserAssigned",
            "userAssignedIdentities": [f"{GROUP}/Microsoft.ManagedIdentity/identities/one"],
        },
        "licenseType": "rhel_byos",
        "plan": {"name": "n", "product": "p", "publisher": "q"},
        "platformFaultDomain": 1.0,
        "priority": "Spot",
        "proximityPlacementGroup": one,
        "securityProfile": {
            "encryptionAtHost": True,
            "securityType": "TrustedLaunch",
            "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True},
        },
        "userData": "eA==",
        "virtualMachineScaleSet": one,
    }
    return made


def written(
    inputs: Mapping[str, Mapping[str, Any]], parts: tuple[Part, ...] = PARTS, cloud: str = "public"
) -> dict[str, str]:
    modules = names.modules(part.machine for part in parts)
    return files(declared.of(parts, by_id(inputs, parts)), modules, "1", cloud)


def by_id(
    inputs: Mapping[str, Mapping[str, Any]], parts: tuple[Part, ...] = PARTS
) -> dict[str, Mapping[str, Any]]:
    """Inputs by the ids of parts; given by their names."""
    return {part.id: inputs[part.name] for part in parts}


def plain(value: Any) -> Any:
    """What the parser reads, without the marks that it has for texts, expressions and blocks."""
    if isinstance(value, dict):
        return {plain(k): plain(v) for k, v in value.items() if not k.startswith("__")}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return (
        value.strip('"').removeprefix("${").removesuffix("}") if isinstance(value, str) else value
    )


def read(made: Mapping[str, str]) -> dict[str, list[Any]]:
    """The blocks of a configuration by their types."""
    found: dict[str, list[Any]] = {}
    for path, text in made.items():
        if not path.endswith(".tf"):
            continue
        for type_, blocks in plain(hcl2.loads(text)).items():
            found.setdefault(type_, []).extend(blocks)
    return found


def resources(made: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The resources by their addresses."""
    return {
        f"{kind}.{name}": arguments
        for block in read(made)["resource"]
        for kind, named in block.items()
        for name, arguments in named.items()
    }


# -- against the schema ------------------------------------------------------------------------

SCHEMA: dict[str, Any] = yaml.safe_load(TABLE.read_text("utf-8"))["resources"]


def wrong(at: str, arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    """What the provider would refuse of the arguments of a resource or a block."""
    known = {*schema["required"], *schema["optional"]}
    given = {name for name in arguments if name != "lifecycle"}
    yield from (f"{at}.{name} is unknown" for name in given - known)
    yield from (f"{at}.{name} is missing" for name in set(schema["required"]) - given)
    for name, inner in schema.get("blocks", {}).items():
        if name in given:
            blocks = arguments[name]
            assert isinstance(blocks, list), f"{at}.{name} is a block"
            if len(blocks) > 1 and not inner.get("many"):
                yield f"{at}.{name} is there {len(blocks)} times"
            for block in blocks:
                yield from wrong(f"{at}.{name}", block, inner)


SYSTEMS = ["Linux", "Windows"]


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("inputs", [usual, everything])
def test_the_provider_knows_every_argument_and_misses_none(inputs: Any, system: str) -> None:
    given = inputs()
    if system == "Windows":
        given["web-01"]["licenseType"] = "windows_server"
    machine = Part("web-01", MACHINE, PARTS[-1].id, "web-01", system=system)
    found = resources(written(given, (*PARTS[:-1], machine)))
    assert len(found) == len(PARTS) + 3, "two attachments of disks and one of a security group"
    problems = [
        problem
        for address, arguments in found.items()
        for problem in wrong(address, arguments, SCHEMA[address.partition(".")[0]])
    ]
    assert problems == []


@pytest.mark.parametrize("kind", [kind for kind in SCHEMA if "virtual_machine" not in kind])
def test_everything_that_azure_native_reads_and_the_provider_takes_is_declared(kind: str) -> None:
    """What is missed would be a change in the first plan, and often a replacement."""
    given = {
        name
        for inputs in (usual(), everything())
        for address, arguments in resources(written(inputs)).items()
        if address.startswith(f"{kind}.")
        for name in arguments
    }
    # Azure chooses `tier` where nobody does, and the plugin reads no settings of disk encryption.
    known = {*SCHEMA[kind]["required"], *SCHEMA[kind]["optional"]}
    assert known - given - {"tier", "encryption_settings"} <= {"tags"}


WITH_ATTACHED_DISK = {
    *("admin_username", "admin_password", "computer_name", "custom_data", "provision_vm_agent"),
    *("patch_mode", "patch_assessment_mode", "reboot_setting", "source_image_id"),
    *("source_image_reference", "automatic_updates_enabled", "hotpatching_enabled", "timezone"),
    *("bypass_platform_safety_checks_on_user_schedule_enabled", "admin_ssh_key", "secret"),
}
"""What conflicts with `os_managed_disk_id`, or makes an OS profile (schema of azurerm 5.2.0)."""


def test_a_machine_attaches_its_disk_and_says_nothing_of_an_os_profile() -> None:
    machine = resources(written(everything()))["azurerm_linux_virtual_machine.web_01"]
    assert machine["os_managed_disk_id"] == "azurerm_managed_disk.web_01_os_disk.id"
    assert WITH_ATTACHED_DISK.isdisjoint(machine)
    [disk] = machine["os_disk"]
    assert {"name", "storage_account_type", "diff_disk_settings"}.isdisjoint(disk)
    assert machine["license_type"] == "RHEL_BYOS"
    assert "license_type" not in resources(written(usual()))["azurerm_linux_virtual_machine.web_01"]


def test_interfaces_keep_their_order_and_disks_their_luns() -> None:
    found = resources(written(usual()))
    assert found["azurerm_linux_virtual_machine.web_01"]["network_interface_ids"] == [
        "azurerm_network_interface.web_01_interface_0.id",
        "azurerm_network_interface.web_01_interface_1.id",
    ]
    kind = "azurerm_virtual_machine_data_disk_attachment"
    for lun in (0, 3):
        attached = found[f"{kind}.web_01_data_disk_{lun}"]
        assert attached["lun"] == lun
        assert attached["create_option"] == "Attach"
        assert attached["managed_disk_id"] == f"azurerm_managed_disk.web_01_data_disk_{lun}.id"
        assert attached["virtual_machine_id"] == "azurerm_linux_virtual_machine.web_01.id"


def test_a_fixed_address_is_declared_and_one_that_azure_chose_is_not() -> None:
    found = resources(written(usual()))
    addresses = [
        found[f"azurerm_network_interface.web_01_interface_{n}"]["ip_configuration"][0].get(
            "private_ip_address"
        )
        for n in (0, 1)
    ]
    assert addresses == ["10.20.1.4", None]


def test_nothing_can_be_deleted_or_replaced_by_mistake() -> None:
    for address, arguments in resources(written(usual())).items():
        assert arguments["lifecycle"] == [{"prevent_destroy": True}], address


# -- imports -----------------------------------------------------------------------------------


def test_each_resource_is_imported_by_the_id_that_the_provider_reads() -> None:
    made = written(usual())
    ids = {block["to"]: block["id"] for block in read(made)["import"]}
    assert set(ids) == set(resources(made))
    machine = f"{COMPUTE}/virtualMachines/web-01"
    assert ids["azurerm_linux_virtual_machine.web_01"] == machine
    assert ids["azurerm_managed_disk.web_01_os_disk"] == f"{COMPUTE}/disks/web-01-os"
    kind = "azurerm_virtual_machine_data_disk_attachment"
    # The name in the machine, in its case: azurerm looks for it there.
    assert ids[f"{kind}.web_01_data_disk_3"] == f"{machine}/dataDisks/Web-01-3"
    kind = "azurerm_network_interface_security_group_association"
    both = f"{NETWORK}/networkInterfaces/one|{NSG}"
    assert {to: id_ for to, id_ in ids.items() if kind in to} == {
        f"{kind}.web_01_interface_0": both
    }


@pytest.mark.parametrize("change", [str.upper, str.lower])
def test_the_words_of_an_id_are_spelled_as_the_provider_does_and_names_as_they_are(
    change: Any,
) -> None:
    begin, *rest = f"{COMPUTE}/virtualMachines/Disks".split("/")
    names_ = {2, 4, 8}
    odd = [part if place in names_ else change(part) for place, part in enumerate([begin, *rest])]
    assert canonical("/".join(odd)) == f"{COMPUTE}/virtualMachines/Disks"
    assert canonical("westeurope") == "westeurope"


def test_names_in_terraform_are_different_where_those_of_machines_are_alike() -> None:
    parts = (
        *PARTS,
        Part("web.01", MACHINE, f"{COMPUTE}/virtualMachines/web.01", "web.01", system="Linux"),
    )
    given = usual()
    bare = {**given["web-01"], "storageProfile": {"osDisk": {}}, "networkProfile": {}}
    made = written({**given, "web.01": bare}, parts)
    assert {"terraform/web_01.tf", "terraform/web_01_.tf", "terraform/shared.tf"} <= set(made)
    assert "azurerm_linux_virtual_machine.web_01_" in resources(made)


def test_a_security_group_called_like_a_machine_takes_nothing_of_it() -> None:
    group = Part("web-01", RULES, f"{NETWORK}/networkSecurityGroups/web-01")
    given = by_id(usual()) | {group.id: {**PLACE, "networkSecurityGroupName": "web-01"}}
    made = declared.of((group, *PARTS), given)
    found = {each.address: each.arguments for each in made.resources}
    assert "size" not in found["azurerm_network_security_group.web_01"]
    assert found["azurerm_linux_virtual_machine.web_01"]["size"] == "Standard_D2s_v5"


@pytest.mark.parametrize("name", ["imports", "providers"])
def test_machines_may_be_called_as_files_are(name: str) -> None:
    def owner(part: Part) -> str:
        return f"{name}_" if part.type == DISK else part.machine and name

    parts = tuple(Part(**{**vars(part), "machine": owner(part)}) for part in PARTS)
    made = written(usual(), parts)
    assert len(resources(made)) == len(PARTS) + 1, "its disks are another one's"
    assert len(made) == 6


# -- what it does not know ---------------------------------------------------------------------


def test_what_the_provider_has_no_argument_for_is_named() -> None:
    given = usual()
    given["web-01"]["storageProfile"]["osDisk"]["deleteOption"] = "Delete"
    given["web-01"]["osProfile"] = {"adminUsername": "root"}
    pools = [{"id": "one"}, {"id": "two"}]
    configuration = given["web-01-interface-0"]["ipConfigurations"][0]
    configuration["loadBalancerBackendAddressPools"] = pools
    text = written(given)["terraform/web_01.tf"]
    notes = [line for line in text.splitlines() if line.startswith("#")]
    begin = "# azurerm has no argument here for what Azure shows: "
    assert notes == [
        f"{begin}ipConfigurations.loadBalancerBackendAddressPools.id.",
        f"{begin}storageProfile.osDisk.deleteOption, osProfile.adminUsername.",
    ]
    assert "#" not in written(usual())["terraform/web_01.tf"]


def test_what_the_provider_cannot_have_is_left_out_and_told() -> None:
    given = usual()
    given["web-01-data-disk-3"]["creationData"]["createOption"] = "CopyStart"
    given["web-01"]["storageProfile"]["dataDisks"][0]["createOption"] = "FromImage"
    made = declared.of(PARTS, by_id(given))
    first, second = made.problems
    assert first.startswith(
        "web-01: Terraform cannot have web-01-data-disk-3: createOption is CopyStart, and azurerm "
        "takes Copy, Empty, "
    )
    assert "web-01-data-disk-0: its createOption in the machine is FromImage" in second
    found = resources(written(given))
    assert "azurerm_managed_disk.web_01_data_disk_3" not in found
    kind = "azurerm_virtual_machine_data_disk_attachment"
    assert f"{kind}.web_01_data_disk_0" not in found
    # What needs it names it by its id.
    assert found[f"{kind}.web_01_data_disk_3"]["managed_disk_id"] == f"{COMPUTE}/disks/web-01-3"


# -- the language ------------------------------------------------------------------------------


def test_a_text_is_no_template() -> None:
    block = hcl.Block("a", arguments={"b": 'x ${y} %{z} "q" \n ü'})
    assert '"x $${y} %%{z} \\"q\\" \\n ü"' in hcl.rendered(block)


@pytest.mark.parametrize("cloud", ["public", "usgovernment", "china"])
def test_the_provider_is_of_the_stacks_cloud(cloud: str) -> None:
    found = read(written(usual(), cloud=cloud))
    [provider] = found["provider"]
    assert provider["azurerm"]["subscription_id"] == "1"
    assert provider["azurerm"].get("environment", "public") == cloud


@pytest.mark.skipif(shutil.which("terraform") is None, reason="there is no terraform")
def test_it_is_laid_out_as_terraform_does(tmp_path: Path) -> None:
    for path, text in written(everything()).items():
        (tmp_path / Path(path).name).write_text(text, "utf-8")
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-diff"],
        cwd=tmp_path,
        # It would ask for a newer version of itself.
        env={**os.environ, "CHECKPOINT_DISABLE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
