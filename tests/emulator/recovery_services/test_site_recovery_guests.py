"""The guests: registration, discovery, and the conditions of the agent's installation."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from emulator.estate.machines import Instance
from emulator.estate.security_groups import Rule, SecurityGroup
from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_support import (
    NO_CONTROL,
    NO_DATA,
    PUSH,
    SERVER_GROUP,
    VAULT,
    Classic,
    Site,
)

WEB, DB = support.windows(1), support.linux(1)


def guests(site: Site) -> Any:
    return site.call("GET", "/_emulator/guests?").body


def server(site: Site) -> Any:
    (known,) = guests(site)[site.experience.servers]
    return known


def machines_open(*ports: int) -> SecurityGroup:
    rules = tuple(Rule(from_port=p, to_port=p, cidrs=("10.10.2.0/24",)) for p in ports)
    return SecurityGroup("sg-machines", ingress=rules)


# -- registration -------------------------------------------------------------------------------


def test_a_server_is_registered_after_a_while(experience: Classic) -> None:
    site = Site(experience=experience)
    started = site.world.clock.now() - timedelta(seconds=60)
    while not site.get(f"{VAULT}/replicationFabrics")["value"]:
        site.pass_time(seconds=30)
    took = site.world.clock.now() - started
    shortest, longest = experience.takes
    assert shortest <= took <= longest


def test_a_registered_fabric_has_what_the_program_needs() -> None:
    site = Site()
    site.register()
    fabric = site.get(site.fabric)
    details = fabric["properties"]["customDetails"]
    assert len(fabric["name"]) == 64
    assert fabric["properties"]["friendlyName"] == "config-server"
    assert site.container.endswith(f"/cloud_{fabric['properties']['internalIdentifier']}")
    assert details["masterTargetServers"][0]["id"] == site.host
    assert details["runAsAccounts"] == [
        {"accountId": "1", "accountName": "WindowsAccount"},
        {"accountId": "2", "accountName": "LinuxAccount"},
    ]
    (provider,) = site.get(f"{VAULT}/replicationRecoveryServicesProviders")["value"]
    assert provider["name"] == fabric["properties"]["internalIdentifier"]
    assert provider["properties"]["connectionStatus"] == "Connected"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"vcpus": 4}, "8 vCPUs"),
        ({"memory_mib": 8192}, "16384 MiB"),
        ({"os": "windows-server-2008-r2-sp1"}, "not supported"),
        ({"vault": f"{VAULT}-none"}, "no vault"),
        ({"vault": "text/vaults/"}, "no vault"),
    ],
)
def test_a_server_that_the_installer_would_refuse_is_not_registered(
    experience: Classic, changes: dict[str, Any], reason: str
) -> None:
    wrong = dict(changes)
    if "vault" in wrong:
        wrong["tags"] = {**experience.server.tags, "site-recovery:vault": wrong.pop("vault")}
    site = Site(server=replace(experience.server, **wrong), experience=experience)
    site.pass_time(hours=1)
    assert site.get(f"{VAULT}/replicationFabrics")["value"] == []
    known = server(site)
    assert known["stage"] == "refused"
    assert reason in known["reason"]


def test_a_server_without_a_way_out_is_registered_once_it_has_one(experience: Classic) -> None:
    shut = replace(SERVER_GROUP, egress=())
    site = Site(groups=(PUSH, shut), experience=experience)
    site.pass_time(hours=1)
    assert "443" in server(site)["reason"]
    assert site.estate.groups is not None
    site.estate.groups[shut.group_id] = SERVER_GROUP
    site.register()
    assert server(site)["stage"] == "registered"


def test_an_instance_without_the_tags_or_not_running_is_no_server(experience: Classic) -> None:
    for name, value in (("tags", {}), ("state", "stopped")):
        changes: dict[str, Any] = {name: value}
        site = Site(server=replace(experience.server, **changes), experience=experience)
        site.pass_time(hours=1)
        assert guests(site)[experience.servers] == []


def test_a_server_that_stops_is_critical_and_well_again_when_it_starts(experience: Classic) -> None:
    site = Site(experience=experience)
    site.register()
    site.become(0, state="stopped")
    properties = site.get(site.fabric)["properties"]
    assert properties["health"] == "Critical"
    assert properties["customDetails"]["processServers"][0]["health"] == "Critical"
    refresh = site.accepted("POST", f"{site.fabric}/checkConsistency")
    assert site.finished(refresh)["state"] == "Failed"
    site.become(0, state="running")
    refresh = site.accepted("POST", f"{site.fabric}/checkConsistency")
    assert site.finished(refresh)["state"] == "Succeeded"
    assert site.get(site.fabric)["properties"]["health"] == "Normal"


# -- discovery ----------------------------------------------------------------------------------


def test_a_machine_is_discovered_by_its_private_address() -> None:
    site = Site([WEB]).prepare()
    assert site.discover(WEB)["state"] == "Succeeded"
    properties = site.get(site.protectable(WEB))["properties"]
    details = properties["customDetails"]
    assert details["instanceType"] == "VMwareVirtualMachine"
    assert details["discoveryType"] == "Physical"
    assert details["agentInstalled"] == "NotInstalled"
    assert details["diskDetails"] == []
    assert properties["protectionStatus"] == "Unprotected"
    assert properties["supportedReplicationProviders"] == ["InMage", "InMageAzureV2"]


def test_a_machine_that_is_discovered_twice_is_one_machine() -> None:
    site = Site([WEB]).prepare()
    assert [site.discover(WEB)["state"] for _ in range(2)] == ["Succeeded", "Succeeded"]
    assert len(site.get(f"{site.container}/replicationProtectableItems")["value"]) == 1


@pytest.mark.parametrize(
    ("machine", "groups"),
    [
        (replace(WEB, private_ip="10.10.1.99"), (PUSH, SERVER_GROUP)),
        (replace(WEB, state="stopped"), (PUSH, SERVER_GROUP)),
        (replace(WEB, vpc_id="vpc-other"), (PUSH, SERVER_GROUP)),
        (WEB, (machines_open(22), SERVER_GROUP)),
        (DB, (machines_open(135, 445), SERVER_GROUP)),
    ],
    ids=["another address", "stopped", "another network", "windows ports shut", "ssh shut"],
)
def test_a_machine_that_does_not_answer_is_not_discovered(
    machine: Instance, groups: tuple[SecurityGroup, ...]
) -> None:
    site = Site([machine], groups=groups).prepare()
    asked = WEB if machine.platform == "windows" else DB
    job = site.discover(asked)
    assert job["state"] == "Failed"
    error = job["errors"][0]["serviceErrorDetails"]
    assert error["code"] == "95117"
    assert asked.private_ip in error["message"]
    assert "security group" in error["recommendedAction"]
    assert site.get(f"{site.container}/replicationProtectableItems")["value"] == []


def test_nothing_is_discovered_while_the_server_is_off() -> None:
    site = Site([WEB]).prepare()
    site.become(0, state="stopped")
    assert site.discover(WEB)["errors"][0]["serviceErrorDetails"]["code"] == "25022"


# -- push installation --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("machine", "groups", "account", "code", "word"),
    [
        (WEB, (machines_open(445), SERVER_GROUP), "1", 95103, "135"),
        (WEB, (machines_open(135), SERVER_GROUP), "1", 95105, "445"),
        (WEB, (PUSH, SERVER_GROUP), "2", 95107, "account"),
        (DB, (PUSH, SERVER_GROUP), "1", 95108, "root"),
        (WEB, (PUSH, NO_DATA), "1", 95117, "9443"),
        (WEB, (PUSH, NO_CONTROL), "1", 95117, "443"),
        (replace(WEB, drivers="redhat-pv"), (PUSH, SERVER_GROUP), "1", 95410, "redhat-pv"),
        (replace(WEB, os="windows-server-2003"), (PUSH, SERVER_GROUP), "1", 95410, "2003"),
        (replace(WEB, architecture="i386"), (PUSH, SERVER_GROUP), "1", 95410, "i386"),
        (replace(DB, os="amazon-linux-2"), (PUSH, SERVER_GROUP), "2", 95410, "amazon-linux-2"),
        (replace(DB, virtualization="paravirtual"), (PUSH, SERVER_GROUP), "2", 95410, "HVM"),
    ],
)
def test_what_is_in_the_way_of_the_agent_fails_the_enabling_with_its_id(
    machine: Instance, groups: tuple[SecurityGroup, ...], account: str, code: int, word: str
) -> None:
    site = Site([machine], groups=groups).prepare()
    job = site.enable(machine, runAsAccountId=account)
    assert job["state"] == "Failed"
    (error,) = job["errors"]
    assert error["serviceErrorDetails"]["code"] == "70094"
    provider = error["providerErrorDetails"]
    assert provider["errorCode"] == code
    assert word in f"{provider['errorMessage']} {provider['recommendedAction']}"
    assert provider["possibleCauses"]
    states = {task["taskId"]: task["stateDescription"] for task in job["tasks"]}
    assert states["CreateProtectionTargetTask"] == "Failed"
    assert states["EnableProtectionTask"] == "Skipped"
    properties = site.properties(machine)
    assert properties["protectionState"] == "EnablingFailed"
    assert properties["allowedOperations"] == ["DisableProtection"]
    assert properties["replicationHealth"] == "Critical"
    assert [e["errorCode"] for e in properties["healthErrors"]] == ["310056"]


@pytest.mark.parametrize(
    "machine",
    [
        replace(WEB, os="windows-server-2008-r2-sp1", drivers="citrix-pv"),
        replace(WEB, os="windows-server-2008-r2-sp1", drivers="aws-pv"),
        replace(WEB, os="windows-server-2012"),
        replace(WEB, os="windows-server-2016"),
        DB,
    ],
    ids=lambda machine: f"{machine.os} {machine.drivers}",
)
def test_what_the_procedure_supports_is_protected(machine: Instance) -> None:
    site = Site([machine]).prepare()
    site.protect(machine)


def test_a_machine_that_could_not_be_enabled_is_removed_and_enabled_once_it_can() -> None:
    site = Site([WEB], groups=(machines_open(445), SERVER_GROUP)).prepare()
    assert site.enable(WEB)["state"] == "Failed"
    assert site.finished(site.remove(WEB))["state"] == "Succeeded"
    assert site.estate.groups is not None
    site.estate.groups["sg-machines"] = PUSH
    site.protect(WEB)


def test_enabling_learns_the_disks_of_a_discovered_machine() -> None:
    site = Site([DB]).prepare()
    site.protect(DB)
    details = site.get(site.protectable(DB))["properties"]["customDetails"]
    assert details["agentInstalled"] == "Installed"
    assert [disk["diskSizeInMB"] for disk in details["diskDetails"]] == ["30720", "102400"]


def test_a_size_that_holds_the_machine_is_picked_where_none_is_asked_for(
    experience: Classic,
) -> None:
    site = Site([DB], experience=experience).prepare()
    site.protect(DB)
    size = experience.vm_size(site.properties(DB)["providerSpecificDetails"])
    sizes = site.get(f"{site.item(DB)}/targetComputeSizes")["value"]
    (picked,) = [s["properties"] for s in sizes if s["name"] == size]
    assert picked["cpuCoresCount"] >= DB.vcpus
    assert picked["memoryInGB"] * 1024 >= DB.memory_mib
    assert picked["errors"] == []


# -- machines that stop -------------------------------------------------------------------------


def test_a_machine_that_stops_writes_no_more_and_its_health_says_so(experience: Classic) -> None:
    site = Site([WEB], experience=experience).prepare()
    site.protect(WEB)
    site.finished(site.test_failover(WEB))
    site.finished(site.clean_up(WEB))
    before = site.properties(WEB)
    assert before["replicationHealth"] == "Normal"
    site.become(1, state="stopped")
    site.pass_time(minutes=1)
    first = [g for g in guests(site)["machines"] if g["name"] == "web-01"]
    assert site.properties(WEB)["healthErrors"][0]["errorCode"] == "78145"
    site.pass_time(hours=1)
    assert [g for g in guests(site)["machines"] if g["name"] == "web-01"] == first
    assert not first[0]["writing"]
    properties = site.properties(WEB)
    assert properties["replicationHealth"] == "Critical"
    assert properties["healthErrors"][0]["errorCode"] == experience.silent_for_an_hour
    assert experience.lag(properties["providerSpecificDetails"]) >= 3600
    points = site.get(f"{site.item(WEB)}/recoveryPoints")["value"]
    site.pass_time(hours=1)
    assert site.get(f"{site.item(WEB)}/recoveryPoints")["value"][0] == points[0]


def test_a_machine_that_starts_again_goes_on_with_its_records(experience: Classic) -> None:
    site = Site([WEB], experience=experience)
    (first,) = [g for g in guests(site)["machines"] if g["name"] == "web-01"]
    site.become(1, state="stopped")
    guests(site)
    site.pass_time(hours=1)
    site.become(1, state="running")
    guests(site)
    site.pass_time(seconds=10)
    (after,) = [g for g in guests(site)["machines"] if g["name"] == "web-01"]
    assert after["records"] == first["records"] + 10
    assert after["writing"]


def test_a_terminated_machine_can_still_fail_over_to_what_it_last_wrote(
    experience: Classic,
) -> None:
    site = Site([WEB], experience=experience).prepare()
    site.protect(WEB)
    del site.estate.machines[1]
    (machine,) = [g for g in guests(site)["machines"] if g["name"] == "web-01"]
    site.pass_time(minutes=30)
    assert site.finished(site.fail_over(WEB))["state"] == "Succeeded"
    (arrived,) = guests(site)["azure"]
    assert arrived["record"] == machine["records"]
    assert arrived["lacking"] == 0


def test_initial_replication_waits_for_a_machine_that_is_off(experience: Classic) -> None:
    site = Site([WEB], experience=experience).prepare()
    assert site.enable(WEB)["state"] == "Succeeded"
    site.become(1, state="stopped")
    site.pass_time(hours=2)
    assert site.state(WEB) == experience.replicating
    site.become(1, state="running")
    site.pass_time(minutes=75)
    assert site.state(WEB) == "Protected"


def test_a_machine_that_stops_is_noticed_within_a_minute_by_nobody_looking(
    experience: Classic,
) -> None:
    site = Site([WEB], experience=experience).prepare()
    site.protect(WEB)
    assert site.properties(WEB)["replicationHealth"] == "Normal"
    site.become(1, state="terminated")
    site.pass_time(minutes=1)
    assert site.properties(WEB)["replicationHealth"] == "Critical"
