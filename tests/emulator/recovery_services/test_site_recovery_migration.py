"""A whole migration through the real SDK: synchronous, asynchronous and over HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_support import (
    GROUP_NAME,
    VAULT_NAME,
    Classic,
    Site,
)

WEB = support.windows(1)
DB = support.linux(1)


@contextlib.contextmanager
def in_process(site: Site) -> Iterator[Any]:
    yield site.client


@pytest.mark.parametrize("connect", [in_process, Site.over_http], ids=["in process", "http"])
def test_a_machine_migrates_by_the_real_sdk(experience: Classic, connect: Any) -> None:
    site = Site([WEB], experience=experience)
    site.register()
    at = (GROUP_NAME, VAULT_NAME)
    with connect(site) as client:
        (fabric,) = client.replication_fabrics.list(*at)
        (container,) = client.replication_protection_containers.list(*at)
        inside = (*at, fabric.name, container.name)
        policy = client.replication_policies.begin_create(
            *at, "policy", experience.policy()
        ).result()
        client.replication_protection_container_mappings.begin_create(
            *inside, "mapping", experience.mapping(policy.id)
        ).result()
        experience.discover(site, client, inside, WEB)
        site.policy = policy.id
        items = client.replication_protected_items
        named = (*inside, WEB.name)
        item = items.begin_create(*named, site.enable_body(WEB)).result()
        assert item.properties.protection_state == experience.replicating
        while item.properties.protection_state != "Protected":
            site.pass_time(minutes=5)
            item = items.get(*named)
        body = {"properties": experience.test_failover()}
        item = items.begin_test_failover(*named, body).result()
        assert item.properties.allowed_operations == ["TestFailoverCleanup"]
        assert set(site.virtual_machines()) == {"web-01-test"}
        item = items.begin_test_failover_cleanup(*named, {"properties": {"comments": ""}}).result()
        assert item.properties.last_successful_test_failover_time is not None
        assert site.virtual_machines() == {}
        body = {"properties": experience.failover()}
        item = items.begin_unplanned_failover(*named, body).result()
        assert "CompleteMigration" in item.properties.allowed_operations
        body = {"properties": {"disableProtectionReason": "MigrationComplete"}}
        assert items.begin_delete(*named, body).result() is None
        assert list(items.list(*at)) == []
    (machine,) = site.virtual_machines().values()
    assert machine["name"] == "web-01"
    assert machine["tags"] == {"machine": "web-01"}


async def test_machines_migrate_by_the_asynchronous_sdk(experience: Classic) -> None:
    site = Site([WEB, DB], experience=experience).prepare()
    for machine in (WEB, DB):
        site.protect(machine)
    at = (GROUP_NAME, VAULT_NAME)
    async with site.async_client() as client:
        found = [item async for item in client.replication_protected_items.list(*at)]
        assert sorted(item.name for item in found) == ["db-01", "web-01"]
        inside = (*at, *site.container.split("/")[10:13:2])
        for machine in (WEB, DB):
            named = (*inside, machine.name)
            body = {"properties": experience.failover()}
            poller = await client.replication_protected_items.begin_unplanned_failover(*named, body)
            item = await poller.result()
            assert item.properties.active_location == "Recovery"
            body = {"properties": {"disableProtectionReason": "MigrationComplete"}}
            poller = await client.replication_protected_items.begin_delete(*named, body)
            assert await poller.result() is None
    assert set(site.virtual_machines()) == {"web-01", "db-01"}


def test_a_committed_failover_can_still_be_completed(experience: Classic) -> None:
    site = Site([WEB], experience=experience).prepare()
    site.protect(WEB)
    site.finished(site.fail_over(WEB))
    assert site.properties(WEB)["allowedOperations"] == list(experience.after_failover)
    site.finished(site.post(WEB, "failoverCommit", None))
    properties = site.properties(WEB)
    assert properties["protectionState"] == "UnplannedFailoverCommitted"
    assert "ChangePit" not in properties["allowedOperations"]
    site.finished(site.remove(WEB, "MigrationComplete"))
    assert site.call("GET", site.item(WEB)).status == 404
    assert set(site.virtual_machines()) == {"web-01"}


def test_a_machine_is_protected_again_after_it_was_disabled(experience: Classic) -> None:
    site = Site([WEB], experience=experience).prepare()
    site.protect(WEB)
    site.finished(site.remove(WEB))
    assert site.call("GET", site.item(WEB)).status == 404
    site.protect(WEB)


def test_disabling_protection_frees_a_discovered_machine_of_its_agent() -> None:
    site = Site([WEB]).prepare()
    site.protect(WEB)
    path = site.protectable(WEB)
    assert site.get(path)["properties"]["replicationProtectedItemId"] == site.item(WEB)
    site.finished(site.remove(WEB))
    assert site.get(path)["properties"]["protectionStatus"] == "Unprotected"
    (guest,) = [g for g in guests(site)["machines"] if g["name"] == WEB.name]
    assert guest["agent"] is None


def test_the_failed_over_machine_has_its_disks_interface_size_and_zone(experience: Classic) -> None:
    site = Site([DB], experience=experience).prepare()
    chosen = experience.named(size="standard_d4S_v3", disk_type="Premium_LRS")
    site.protect(DB, targetAvailabilityZone="2", **chosen)
    site.finished(site.fail_over(DB))
    machine = site.virtual_machines()["db-01"]
    properties = machine["properties"]
    assert properties["hardwareProfile"]["vmSize"] == "Standard_D4s_v3"
    assert machine["zones"] == ["2"]
    storage = properties["storageProfile"]
    assert storage["osDisk"]["osType"] == "Linux"
    assert [disk["diskSizeGB"] for disk in storage["dataDisks"]] == [100]
    disk = site.get(f"{storage['osDisk']['managedDisk']['id']}?api-version=2024-03-02")
    assert disk["sku"]["name"] == "Premium_LRS"
    assert disk["managedBy"] == machine["id"]
    (interface,) = properties["networkProfile"]["networkInterfaces"]
    nic = site.get(f"{interface['id']}?api-version=2024-05-01")
    (configuration,) = nic["properties"]["ipConfigurations"]
    assert configuration["properties"]["privateIPAddress"] == "10.20.1.4"
    assert configuration["properties"]["subnet"]["id"] == f"{support.NETWORK}/subnets/servers"


def test_an_update_changes_what_a_failover_makes(experience: Classic) -> None:
    site = Site([WEB], experience=experience).prepare()
    site.protect(WEB)
    body = experience.update("web-one", "Standard_D8s_v3", {"renamed": "yes"})
    site.finished(site.accepted("PATCH", site.item(WEB), body))
    details = site.properties(WEB)["providerSpecificDetails"]
    assert experience.vm_name(details) == "web-one"
    site.finished(site.fail_over(WEB))
    (machine,) = site.virtual_machines().values()
    assert machine["name"] == "web-one"
    assert machine["tags"] == {"renamed": "yes"}
    assert machine["properties"]["hardwareProfile"]["vmSize"] == "Standard_D8s_v3"


def test_a_failover_holds_the_record_of_its_recovery_point_and_the_source_writes_on(
    experience: Classic,
) -> None:
    site = Site([WEB], experience=experience).prepare()
    site.protect(WEB)
    site.pass_time(minutes=31)
    points = site.get(f"{site.item(WEB)}/recoveryPoints")["value"]
    assert len(points) == 7
    times = [point["properties"]["recoveryPointTime"] for point in points]
    assert times == sorted(times, reverse=True)
    oldest, second = points[-1], points[-2]
    site.finished(site.fail_over(WEB, oldest["id"]))
    assert site.properties(WEB)["failoverRecoveryPointId"].endswith(f"/{oldest['name']}")
    (before,) = guests(site)["azure"]
    assert before["recoveryPoint"] == oldest["name"]
    site.finished(site.post(WEB, "applyRecoveryPoint", experience.other_point(second["id"])))
    (after,) = guests(site)["azure"]
    assert after["record"] - before["record"] == 300
    lacking = after["lacking"]
    site.pass_time(seconds=100)
    assert guests(site)["azure"][0]["lacking"] == lacking + 100


def test_one_point_an_hour_is_app_consistent_on_windows_and_old_points_go(
    experience: Classic,
) -> None:
    site = Site([WEB, DB], experience=experience).prepare()
    for machine in (WEB, DB):
        site.protect(machine)
    site.pass_time(hours=30)
    kinds = {}
    for machine in (WEB, DB):
        points = site.get(f"{site.item(machine)}/recoveryPoints")["value"]
        link = site.get(f"{site.item(machine)}/recoveryPoints")["nextLink"]
        while link:
            body = site.get(link)
            points, link = points + body["value"], body["nextLink"]
        assert len(points) == 24 * 12
        kinds[machine.name] = [p["properties"]["recoveryPointType"] for p in points]
    assert kinds["web-01"].count("ApplicationConsistent") == 24
    assert set(kinds["db-01"]) == {"CrashConsistent"}


def test_the_latest_point_loses_only_what_was_on_its_way(experience: Classic) -> None:
    site = Site([WEB], experience=experience).prepare()
    site.protect(WEB)
    (machine,) = [g for g in guests(site)["machines"] if g["name"] == WEB.name]
    accepted = site.fail_over(WEB)
    site.finished(accepted)
    (arrived,) = guests(site)["azure"]
    assert arrived["record"] == machine["records"] - 20 - 30  # in memory
    kept = site.get(f"{site.item(WEB)}/recoveryPoints/{arrived['recoveryPoint']}")
    assert kept["properties"]["recoveryPointType"] == "CrashConsistent"


def test_initial_replication_takes_the_time_of_its_disks_and_tells_how_far_it_is(
    experience: Classic,
) -> None:
    site = Site([WEB, DB], experience=experience).prepare()
    begun = {}
    for machine in (WEB, DB):
        assert site.enable(machine)["state"] == "Succeeded"
        begun[machine.name] = site.world.clock.now()
    took: dict[str, timedelta] = {}
    seen: dict[str, list[int]] = {WEB.name: [], DB.name: []}
    while len(took) < 2:
        site.pass_time(seconds=60)
        for machine in (WEB, DB):
            properties = site.properties(machine)
            if properties["protectionState"] == "Protected":
                took.setdefault(machine.name, site.world.clock.now() - begun[machine.name])
            else:
                details = properties["providerSpecificDetails"]
                seen[machine.name].append(experience.progress(details))
    shortest, longest = experience.replicates
    assert shortest < took[WEB.name] < longest
    assert took[DB.name] > took[WEB.name] + timedelta(minutes=10)
    for percentages in seen.values():
        assert percentages == sorted(percentages)
        assert percentages[-1] in experience.last_progress


def guests(site: Site) -> Any:
    return site.call("GET", "/_emulator/guests?").body
