"""Behaviour of the modernized experience only: appliances, sites and `InMageRcm`."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from emulator.estate.machines import Disk, Instance
from emulator.estate.security_groups import SecurityGroup
from emulator.off_azure import operations as off_azure
from emulator.recovery_services.experiences.modernized import support as matrix
from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_support import (
    APPLIANCE,
    GROUP,
    MODERNIZED,
    NO_CONTROL,
    NO_DATA,
    PUSH,
    SERVER_GROUP,
    STORAGE,
    TEST_NETWORK,
    VAULT,
    Site,
)

WEB, DB = support.windows(1), support.linux(1)
VERSION = "2020-01-01"


@pytest.fixture
def site() -> Site:
    return modern(WEB)


def modern(*machines: Instance, **options: Any) -> Site:
    return Site(machines, experience=MODERNIZED, **options).prepare()


def custom_details(site: Site, *, full: bool = True) -> Any:
    if full:
        return site.get(site.fabric)["properties"]["customDetails"]
    return site.get(f"{VAULT}/replicationFabrics")["value"][0]["properties"]["customDetails"]


def details(site: Site, machine: Instance = WEB) -> Any:
    return site.properties(machine)["providerSpecificDetails"]


# -- registration -------------------------------------------------------------------------------


def test_an_appliance_makes_a_fabric_a_container_a_provider_and_two_sites(site: Site) -> None:
    fabric = site.get(site.fabric)
    assert fabric["name"] == "rsv-migration-vmwarefabric"
    found = fabric["properties"]["customDetails"]
    assert found["instanceType"] == "InMageRcm"
    assert "/Microsoft.OffAzure/ServerSites/" in found["physicalSiteId"]
    assert "/Microsoft.OffAzure/VMwareSites/" in found["vmwareSiteId"]
    assert site.container.endswith("replicationcontainer")
    container = site.get(site.container)["properties"]
    assert (container["fabricType"], container["role"]) == ("InMageRcm", "Primary")
    (provider,) = site.get(f"{VAULT}/replicationRecoveryServicesProviders")["value"]
    assert provider["name"].endswith("dra")
    assert provider["properties"]["draIdentifier"] == site.host
    assert provider["properties"]["connectionStatus"] == "Connected"
    for kind in ("physicalSiteId", "vmwareSiteId"):
        document = site.call("GET", found[kind], version=VERSION).body
        assert document["properties"]["applianceName"] == "appliance"


def test_only_the_get_of_a_fabric_has_its_components(site: Site) -> None:
    lists = (
        *("processServers", "rcmProxies", "pushInstallers", "replicationAgents"),
        *("reprotectAgents", "marsAgents", "dras"),
    )
    site.protectable(WEB)
    listed, got = custom_details(site, full=False), custom_details(site)
    for name in (*lists, "agentDetails"):
        assert listed[name] == []
        assert len(got[name]) == 1
    assert {got[name][0]["id"] for name in lists} == {site.host}
    assert listed["physicalSiteId"] == got["physicalSiteId"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"disks": (Disk("/dev/sda1", 80), Disk("xvdf", 600))}, "620"),
        ({"disks": (Disk("/dev/sda1", 50), Disk("xvdf", 620))}, "80"),
        ({"disks": (Disk("/dev/sda1", 80),)}, "620"),
        ({"os": "windows-server-2016"}, "Windows Server 2022"),
    ],
)
def test_an_appliance_without_its_disks_or_system_is_refused(
    changes: dict[str, Any], reason: str
) -> None:
    site = Site(server=replace(APPLIANCE, **changes), experience=MODERNIZED)
    site.pass_time(hours=1)
    assert site.get(f"{VAULT}/replicationFabrics")["value"] == []
    (known,) = site.call("GET", "/_emulator/guests?").body["replicationAppliances"]
    assert reason in known["reason"]


def test_a_second_appliance_joins_the_fabric_of_the_vault(site: Site) -> None:
    second = replace(APPLIANCE, id="i-0second", name="second", private_ip="10.10.2.11")
    site.estate.machines.append(second)
    site.pass_time(minutes=26)
    assert len(site.get(f"{VAULT}/replicationFabrics")["value"]) == 1
    assert [one["name"] for one in custom_details(site)["processServers"]] == [
        *("appliance", "second"),
    ]
    (listed,) = site.get(f"{VAULT}/replicationAppliances")["value"]
    appliances = listed["properties"]["providerSpecificDetails"]["appliances"]
    assert [one["name"] for one in appliances] == ["appliance", "second"]
    site.become(0, state="stopped")
    assert site.get(site.fabric)["properties"]["health"] == "Normal", "the other one runs"
    health = [one["health"] for one in custom_details(site)["processServers"]]
    assert health == ["Critical", "Normal"]


def test_appliances_are_found_by_their_provider(site: Site) -> None:
    path = f"{VAULT}/replicationAppliances?api-version=2025-08-01&$filter=providerType eq"
    assert len(site.get(f"{path} 'InMageRcm'")["value"]) == 1
    assert site.get(f"{path} 'VMwareCbt'")["value"] == []


def test_with_its_fabric_the_sites_and_their_machines_go(site: Site) -> None:
    site.protectable(WEB)
    physical = custom_details(site)["physicalSiteId"]
    mapping = f"{site.container}/replicationProtectionContainerMappings/mapping"
    site.finished(site.accepted("POST", f"{mapping}/remove", {"properties": {}}))
    site.finished(site.accepted("POST", f"{site.fabric}/remove"))
    for path in (physical, f"{physical}/machines"):
        assert site.call("GET", path, version=VERSION).status == 404


# -- discovery ----------------------------------------------------------------------------------


def test_a_machine_is_known_within_fifteen_minutes_by_address_and_bios(site: Site) -> None:
    begun = site.world.clock.now()
    while not site.machines():
        site.pass_time(seconds=30)
    assert site.world.clock.now() - begun < timedelta(minutes=15)
    (machine,) = site.machines()
    properties = machine["properties"]
    assert properties["displayName"] == "web-01"
    assert properties["networkAdapters"][0]["ipAddressList"] == [WEB.private_ip]
    assert properties["biosGuid"].startswith("EC2")
    assert properties["operatingSystemDetails"]["osType"] == "windowsguest"
    assert [disk["maxSizeInBytes"] for disk in properties["disks"]] == [30 * 1024**3]
    agent = custom_details(site)["agentDetails"][0]
    assert (agent["machineId"], agent["biosId"]) == (machine["name"], properties["biosGuid"])
    assert site.call("GET", machine["id"], version=VERSION).body == machine


@pytest.mark.parametrize(
    ("changes", "group"),
    [
        ({"tags": {}}, SERVER_GROUP),
        ({"tags": {"site-recovery:vault": f"{VAULT}-other"}}, SERVER_GROUP),
        ({"vpc_id": "vpc-other"}, SERVER_GROUP),
        ({"state": "stopped"}, SERVER_GROUP),
        ({}, NO_DATA),
        ({}, NO_CONTROL),
    ],
    ids=["untagged", "another vault", "another network", "stopped", "9443 shut", "443 shut"],
)
def test_a_machine_that_cannot_report_is_not_known(
    changes: dict[str, Any], group: SecurityGroup
) -> None:
    site = Site([WEB], experience=MODERNIZED, groups=(PUSH, group))
    site.become(1, **changes)
    site.prepare()
    site.pass_time(hours=1)
    assert site.machines() == []
    assert site.estate.groups is not None
    site.estate.groups["sg-server"] = SERVER_GROUP
    site.estate.machines[1] = MODERNIZED.equipped(WEB)
    site.pass_time(minutes=15)
    assert len(site.machines()) == 1, "once it can"


def test_a_machine_that_stops_before_it_reports_is_known_once_it_runs_again(site: Site) -> None:
    site.pass_time(minutes=1)
    site.become(1, state="stopped")
    site.pass_time(hours=1)
    assert site.machines() == []
    site.become(1, state="running")
    site.pass_time(minutes=15)
    assert len(site.machines()) == 1


def test_machines_page_with_a_continuation_token(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2, 6):
        site.add(support.windows(number))
    site.pass_time(minutes=15)
    monkeypatch.setattr(off_azure, "PAGE_SIZE", 2)
    path = f"{custom_details(site)['physicalSiteId']}/machines?api-version={VERSION}"
    names, link = [], path
    while link:
        body = site.get(link)
        assert len(body["value"]) <= 2
        names += [one["properties"]["displayName"] for one in body["value"]]
        link = body["nextLink"]
        assert not link or "totalRecordCount=5" in link
    assert sorted(names) == [f"web-0{number}" for number in range(1, 6)]
    assert site.refused("GET", f"{path}&continuationToken=x")[0] == 400


def test_the_sites_answer_their_own_api_versions_and_know_what_is_not_there(site: Site) -> None:
    physical = custom_details(site)["physicalSiteId"]
    assert site.call("GET", physical, version="2025-08-01").body["error"]["code"] == (
        "NoRegisteredProviderFound"
    )
    for path in (f"{physical}x", f"{physical}x/machines", f"{physical}/machines/none"):
        response = site.call("GET", path, version=VERSION)
        assert (response.status, response.body["error"]["code"]) == (404, "ResourceNotFound")
    vmware = custom_details(site)["vmwareSiteId"]
    assert site.call("GET", f"{vmware}/machines", version=VERSION).body["value"] == []
    accounts = site.call("GET", f"{physical}/runAsAccounts", version=VERSION).body["value"]
    assert [one["properties"]["credentialType"] for one in accounts] == ["CredentialLessAccount"]
    (account,) = accounts
    assert site.call("GET", account["id"], version=VERSION).body == account


def test_nobody_adds_machines_to_an_appliance(site: Site) -> None:
    path = f"{site.container}/discoverProtectableItem"
    assert site.refused("POST", path, support.discover_body(WEB))[1] == "DiscoveryNotSupported"
    assert site.get(f"{site.container}/replicationProtectableItems")["value"] == []


def test_a_linux_machine_is_told_by_its_distribution() -> None:
    site = modern(replace(DB, os="sles-12-sp5"))
    site.protectable(DB)
    system = site.machines()[0]["properties"]["operatingSystemDetails"]
    assert (system["osType"], system["osName"]) == (
        *("linuxguest", "SUSE Linux Enterprise 12 SP5 (64-bit)"),
    )


def test_a_machine_that_ec2_has_no_more_is_marked_as_deleted(site: Site) -> None:
    site.protectable(WEB)
    assert site.machines()[0]["properties"]["isDeleted"] is False
    site.become(1, state="terminated")
    assert site.machines()[0]["properties"]["isDeleted"] is True


# -- enabling -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("machine", "word"),
    [
        (replace(DB, os="amazon-linux-2"), "amazon-linux-2"),
        (replace(DB, os="amazon-linux-2", architecture="arm64"), "arm64"),
        (replace(DB, virtualization="paravirtual"), "HVM"),
        (replace(WEB, os="windows-server-2003"), "windows-server-2003"),
    ],
)
def test_a_system_that_is_not_supported_is_listed_and_its_enabling_fails(
    machine: Instance, word: str
) -> None:
    site = modern(machine)
    job = site.enable(machine)
    assert job["state"] == "Failed"
    provider = job["errors"][0]["providerErrorDetails"]
    assert provider["errorCode"] == 95410
    assert word in provider["errorMessage"]
    assert custom_details(site)["agentDetails"] == []
    assert site.properties(machine)["allowedOperations"] == ["DisableProtection"]


@pytest.mark.parametrize(
    ("system", "supported"),
    [
        ("rhel-5.1", False),
        ("rhel-5.2", True),
        ("rhel-6.7", True),
        ("rhel-6.10", True),
        ("rhel-8.9", False),
        ("rhel-9.1", True),
        ("centos-7.9", True),
        ("oracle-6.3", False),
        ("oracle-8.7", True),
        ("ubuntu-22.04", True),
        ("ubuntu-24.04", False),
        ("debian-11", True),
        ("debian-12", False),
        ("sles-11-sp4", True),
        ("sles-12", False),
        ("sles-15", True),
        ("sles-15-sp5", False),
        ("amazon-linux-2", False),
        ("unknown", False),
    ],
)
def test_the_support_matrix_of_linux(system: str, supported: bool) -> None:
    assert (matrix.problem(replace(DB, os=system)) is None) == supported


def test_a_port_that_was_shut_after_discovery_fails_the_enabling(site: Site) -> None:
    site.protectable(WEB)
    assert site.estate.groups is not None
    site.estate.groups["sg-server"] = NO_DATA
    provider = site.enable(WEB)["errors"][0]["providerErrorDetails"]
    assert provider["errorCode"] == 95117
    assert "9443" in provider["errorMessage"]


@pytest.mark.parametrize(("number", "code"), [(0, "25022"), (1, "70094")])
def test_an_appliance_or_a_machine_that_is_off_fails_the_enabling(
    site: Site, number: int, code: str
) -> None:
    site.protectable(WEB)
    site.become(number, state="stopped")
    assert site.enable(WEB)["errors"][0]["serviceErrorDetails"]["code"] == code


def test_each_disk_may_be_of_its_own_type() -> None:
    site = modern(DB)
    found = site.call("GET", site.protectable(DB), version=VERSION).body["properties"]["disks"]
    first, second = (disk["id"] for disk in found)
    include = {"diskId": first, "diskType": "Premium_LRS", "logStorageAccountId": STORAGE}
    refusal = site.refused(
        "PUT", site.item(DB), site.enable_body(DB, disksToInclude=[include], disksDefault=None)
    )
    assert second in refusal[2], "a disk of a physical machine cannot be left out"
    site.protect(DB, disksToInclude=[include])
    types = [disk["diskType"] for disk in details(site, DB)["protectedDisks"]]
    assert types == ["Premium_LRS", "Standard_LRS"]
    site.finished(site.fail_over(DB))
    storage = site.virtual_machines()["db-01"]["properties"]["storageProfile"]
    assert [
        disk["managedDisk"]["storageAccountType"]
        for disk in (storage["osDisk"], *storage["dataDisks"])
    ] == types
    made = [disk["targetManagedDiskId"] for disk in details(site, DB)["protectedDisks"]]
    assert made[0] == storage["osDisk"]["managedDisk"]["id"]


def test_the_account_of_the_site_may_be_named(site: Site) -> None:
    physical = custom_details(site)["physicalSiteId"]
    (account,) = site.call("GET", f"{physical}/runAsAccounts", version=VERSION).body["value"]
    site.protect(WEB, runAsAccountId=account["id"])
    assert details(site)["runAsAccountId"] == account["id"]


def test_a_machine_of_another_vaults_site_is_not_found(site: Site) -> None:
    body = site.enable_body(WEB)
    part = body["properties"]["providerSpecificDetails"]
    part["fabricDiscoveryMachineId"] = part["fabricDiscoveryMachineId"].replace(
        "physicalsite", "othersite"
    )
    assert "not found" in site.refused("PUT", site.item(WEB), body)[2]


# -- replication, as recorded -------------------------------------------------------------------


def test_states_and_times_are_those_that_were_recorded(site: Site) -> None:
    accepted = site.accepted("PUT", site.item(WEB), site.enable_body(WEB))
    begun = site.world.clock.now()
    site.finished(accepted)
    enabled = site.world.clock.now()
    assert timedelta(minutes=25) < enabled - begun < timedelta(minutes=31)
    seen: list[tuple[str, tuple[str, ...]]] = []
    progress: list[int | None] = []
    while site.state(WEB) != "Protected":
        properties = site.properties(WEB)
        if properties["currentScenario"]["scenarioName"] == "None":
            seen.append((properties["protectionState"], tuple(properties["allowedOperations"])))
        progress.append(details(site)["initialReplicationProgressPercentage"])
        assert "lastRpoInSeconds" not in details(site)
        site.pass_time(minutes=1)
    took = site.world.clock.now() - enabled
    assert timedelta(minutes=45) < took < timedelta(minutes=58)
    assert list(dict.fromkeys(seen)) == [
        ("InitialReplicationInProgress", ("DisableProtection",)),
        ("InitialReplicationRecoveryCompletionPending", ("DisableProtection",)),
    ]
    assert len(set(progress)) == 2, "it stands still after its first quarter of an hour"
    assert progress[-1] not in (None, 100)
    after = details(site)
    assert after["initialReplicationProgressPercentage"] is None
    assert after["lastRpoInSeconds"] > 0
    assert site.properties(WEB)["allowedOperations"] == [
        *("UnplannedFailover", "DisableProtection", "TestFailover"),
    ]


def test_a_failover_takes_eight_minutes(site: Site) -> None:
    site.protect(WEB)
    begun = site.world.clock.now()
    site.finished(site.fail_over(WEB))
    took = site.world.clock.now() - begun
    assert timedelta(minutes=7) < took < timedelta(minutes=9)
    assert "SwitchProtection" in site.properties(WEB)["allowedOperations"]


def test_booleans_are_strings_and_what_is_not_set_is_empty(site: Site) -> None:
    site.protect(WEB)
    found = details(site)
    assert found["resyncRequired"] == "false"
    assert found["mobilityAgentDetails"]["isUpgradeable"] == "false"
    assert found["protectedDisks"][0]["isOSDisk"] == "true"
    assert found["protectedDisks"][0]["isInitialReplicationComplete"] == "true"
    assert "irDetails" not in found["protectedDisks"][0]
    assert (found["targetAvailabilityZone"], found["testNetworkId"]) == ("", "")
    assert found["targetVmTags"] == [{"tagName": "machine", "tagValue": "web-01"}]
    assert found["discoveredVmDetails"]["ipAddresses"] == [WEB.private_ip]


def test_a_policy_is_read_with_more_than_is_published(site: Site) -> None:
    found = site.get(site.policy)["properties"]["providerSpecificDetails"]
    assert found["enableMultiVmSync"] == "true"
    assert (found["status"], found["dataSourceType"]) == (False, "VM")
    changed = {"instanceType": "InMageRcm", "recoveryPointHistoryInMinutes": 2880}
    body = {"properties": {"replicationProviderSettings": changed}}
    site.finished(site.accepted("PATCH", site.policy, body))
    found = site.get(site.policy)["properties"]["providerSpecificDetails"]
    assert found["recoveryPointHistoryInMinutes"] == 2880


def test_a_mapping_keeps_whether_agents_upgrade_themselves(site: Site) -> None:
    mapping = f"{site.container}/replicationProtectionContainerMappings/mapping"
    part = {"instanceType": "InMageRcm", "enableAgentAutoUpgrade": "true"}
    assert site.get(mapping)["properties"]["providerSpecificDetails"] == part
    wrong = {"properties": {"providerSpecificInput": {**part, "enableAgentAutoUpgrade": True}}}
    assert site.refused("PATCH", mapping, wrong)[0] == 400
    off = {"properties": {"providerSpecificInput": {**part, "enableAgentAutoUpgrade": "false"}}}
    assert site.finished(site.accepted("PATCH", mapping, off))["state"] == "Succeeded"
    found = site.get(mapping)["properties"]["providerSpecificDetails"]
    assert found["enableAgentAutoUpgrade"] == "false"


def test_a_classic_mapping_keeps_nothing_and_is_not_updated() -> None:
    site = Site().prepare()
    mapping = f"{site.container}/replicationProtectionContainerMappings/mapping"
    body = {"properties": {"providerSpecificInput": {"instanceType": "InMageAzureV2"}}}
    assert site.refused("PATCH", mapping, body)[:2] == (400, "OperationNotSupported")


def test_points_are_told_under_a_container_that_is_listed_nowhere(site: Site) -> None:
    site.protect(WEB)
    site.pass_time(minutes=20)
    told = details(site)["lastRecoveryPointId"]
    assert "/replicationProtectionContainers/cloud_" in told
    newest = site.get(f"{site.item(WEB)}/recoveryPoints")["value"][0]
    assert newest["id"].startswith(site.item(WEB))
    assert told.rpartition("/")[2] == newest["name"]
    assert site.finished(site.fail_over(WEB, told))["state"] == "Succeeded", "either id is good"


# -- failovers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, True, "yes"])
def test_a_failover_wants_to_know_whether_to_shut_down(site: Site, value: object) -> None:
    site.protect(WEB)
    properties = MODERNIZED.failover()
    properties["providerSpecificDetails"]["performShutdown"] = value
    if value is None:
        del properties["providerSpecificDetails"]["performShutdown"]
    response = site.call("POST", f"{site.item(WEB)}/unplannedFailover", {"properties": properties})
    assert response.status == 400
    (detail,) = response.body["error"]["details"]
    assert detail["target"] == "properties.providerSpecificDetails.performShutdown"


def test_a_physical_machine_is_not_shut_down_and_the_job_says_so(site: Site) -> None:
    site.protect(WEB)
    properties = MODERNIZED.failover()
    properties["providerSpecificDetails"]["performShutdown"] = "true"
    accepted = site.post(WEB, "unplannedFailover", properties)
    job = site.finished(accepted)
    assert (job["state"], job["stateDescription"]) == ("Succeeded", "CompletedWithInformation")
    status = site.call("GET", accepted.headers["Azure-AsyncOperation"]).body
    assert "was not shut down" in status["error"]["message"]
    (guest,) = [
        one
        for one in site.call("GET", "/_emulator/guests?").body["machines"]
        if one["name"] == "web-01"
    ]
    assert guest["writing"]


def test_a_test_failover_goes_into_the_network_of_the_providers_part(site: Site) -> None:
    site.protect(WEB)
    properties = MODERNIZED.test_failover()
    del properties["networkId"]
    path = f"{site.item(WEB)}/testFailover"
    assert site.refused("POST", path, {"properties": properties})[0] == 400
    properties["providerSpecificDetails"]["networkId"] = TEST_NETWORK
    job = site.finished(site.accepted("POST", path, {"properties": properties}))
    assert job["customDetails"]["networkName"] == "vnet-test"


def test_the_test_network_of_the_item_is_taken_where_none_is_named(site: Site) -> None:
    site.protect(WEB, testNetworkId=TEST_NETWORK)
    properties = MODERNIZED.test_failover()
    del properties["networkId"]
    job = site.finished(site.post(WEB, "testFailover", properties))
    assert job["customDetails"]["networkName"] == "vnet-test"


def test_an_update_reaches_interface_networks_zone_and_licence(site: Site) -> None:
    site.protect(WEB)
    nic = details(site)["vmNics"][0]["nicId"]
    part = {
        "instanceType": "InMageRcm",
        "testNetworkId": TEST_NETWORK,
        "targetAvailabilityZone": "3",
        "licenseType": "WindowsServer",
        "targetResourceGroupId": GROUP,
        "vmNics": [
            {"nicId": nic, "isPrimaryNic": "true", "testSubnetName": "servers"},
        ],
    }
    body = {"properties": {"providerSpecificDetails": part}}
    assert site.finished(site.accepted("PATCH", site.item(WEB), body))["state"] == "Succeeded"
    found = details(site)
    assert found["testNetworkId"] == TEST_NETWORK
    assert found["vmNics"][0]["testSubnetName"] == "servers"
    assert found["vmNics"][0]["targetSubnetName"] == "servers", "what is not named stays"
    site.finished(site.fail_over(WEB))
    machine = site.virtual_machines()["web-01"]
    assert machine["zones"] == ["3"]
    assert machine["properties"]["licenseType"] == "Windows_Server"


def test_an_update_by_the_classic_properties_changes_nothing(site: Site) -> None:
    site.protect(WEB)
    body = support.CLASSIC.update("web-one", "Standard_D8s_v3", {})
    body["properties"]["providerSpecificDetails"] = {"instanceType": "InMageRcm"}
    site.finished(site.accepted("PATCH", site.item(WEB), body))
    assert details(site)["targetVmName"] == "web-01"


def test_the_agent_stays_when_replication_is_disabled(site: Site) -> None:
    site.protect(WEB)
    site.finished(site.remove(WEB))
    assert len(custom_details(site)["agentDetails"]) == 1
