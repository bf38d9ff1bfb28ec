"""A whole migration of each experience, call by call: every operation is met on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from emulator.guests.estate import Instance
from emulator.kernel.wire import Response
from tests.emulator import site_recovery_support as support
from tests.emulator.site_recovery_support import GROUP, INSTANCE_TYPE, VAULT, Site

_RUNNING = ("NotStarted", "InProgress")
_POLLS = 200


def run(site: Site, method: str, path: str, body: object = None) -> str:
    """Begin an operation and poll it at both of its URLs, verbatim, until it has ended.

    Returns:
        The status with which it ended.
    """
    accepted = site.accepted(method, path, body)
    for _ in range(_POLLS):
        status = site.call("GET", accepted.headers["Azure-AsyncOperation"])
        result = site.call("GET", accepted.headers["Location"])
        if status.body["status"] not in _RUNNING:
            assert (result.status in (200, 204)) == (status.body["status"] == "Succeeded")
            return str(status.body["status"])
        assert result.status == 202
        site.pass_time(seconds=30)
    raise AssertionError(f"{method} {path} does not end")


def succeed(site: Site, method: str, path: str, body: object = None) -> None:
    """Run an operation to its success."""
    assert run(site, method, path, body) == "Succeeded"


def answered(site: Site, method: str, path: str, body: object = None) -> Any:
    """The body of an operation that answers at once."""
    response = site.call(method, path, body)
    assert response.status == 200, response.body
    return response.body


def vault() -> None:
    """A vault from its creation to its deletion, with nothing in it."""
    site = Site(server=None)
    other = f"{VAULT}-2"
    location = {"location": "westeurope", "sku": {"name": "Standard"}, "properties": {}}
    created = site.call("PUT", other, location)
    assert created.status == 201
    _poll_vault(site, created)
    answered(site, "PUT", other, location)
    answered(site, "PATCH", other, {"tags": {"wave": "pilot"}})
    assert answered(site, "GET", other)["tags"] == {"wave": "pilot"}
    vaults = "/providers/Microsoft.RecoveryServices/vaults"
    assert len(answered(site, "GET", f"{GROUP}{vaults}")["value"]) == 2
    assert len(answered(site, "GET", GROUP.split("/resourceGroups")[0] + vaults)["value"]) == 2
    info = f"{other}/extendedInformation/vaultExtendedInfo"
    properties = {"integrityKey": "a2V5", "algorithm": "None"}
    answered(site, "PUT", info, {"properties": properties})
    answered(site, "PATCH", info, {"properties": {"integrityKey": "bmV3"}})
    assert answered(site, "GET", info)["properties"]["integrityKey"] == "bmV3"
    for usages in ("usages", "replicationUsages"):
        assert answered(site, "GET", f"{other}/{usages}")["value"]
    deleted = site.call("DELETE", other)
    assert deleted.status == 202
    _poll_vault(site, deleted)
    assert site.call("DELETE", other).status == 204


def _poll_vault(site: Site, begun: Response) -> None:
    for _ in range(_POLLS):
        result = site.call("GET", begun.headers["Location"])
        status = site.call("GET", begun.headers["Azure-AsyncOperation"])
        if status.body["status"] != "InProgress":
            assert site.call("GET", begun.headers["Location"]).status in (200, 204)
            return
        assert result.status == 202
        site.pass_time(seconds=5)
    raise AssertionError("the operation does not end")


def classic() -> None:
    """Machines by way of a configuration server: `InMageAzureV2`."""
    web, db, app = support.windows(1), support.linux(1), support.windows(2)
    site = Site([web, db, app])
    site.register()
    _look_at_servers(site)
    site.policy = _policies(site, site.container, CLASSIC_POLICY)
    _discover(site, [web, db, app])
    _enable(site, [web, db, app])
    _look_at_items(site, web)
    _rehearse(site, web)
    _migrate(site, web)
    succeed(site, "POST", f"{site.item(db)}/remove", {"properties": {}})
    succeed(site, "DELETE", site.item(app))
    assert site.call("DELETE", site.item(app)).status == 204
    _look_around(site)
    _leave(site)
    _unregister("DELETE", "{fabric}", seed=8)
    _unregister("POST", "{provider}/remove", seed=9)
    _unregister("DELETE", "{provider}", seed=10)


CLASSIC_POLICY: dict[str, Any] = support.policy_body()["properties"]["providerSpecificInput"]


def _look_at_servers(site: Site) -> None:
    for kind in ("replicationRecoveryServicesProviders", "replicationProtectionContainers"):
        (found,) = answered(site, "GET", f"{VAULT}/{kind}")["value"]
        assert answered(site, "GET", f"{site.fabric}/{kind}")["value"] == [found]
        assert answered(site, "GET", found["id"])["name"] == found["name"]
    answered(site, "GET", site.fabric)
    succeed(site, "POST", f"{site.fabric}/checkConsistency")
    succeed(site, "POST", f"{provider(site)}/refreshProvider")


def provider(site: Site) -> str:
    """The id of the fabric's only provider."""
    path = f"{site.fabric}/replicationRecoveryServicesProviders"
    (found,) = answered(site, "GET", path)["value"]
    return str(found["id"])


def _policies(site: Site, container: str, settings: Mapping[str, Any]) -> str:
    """Two policies, of which one is changed, mapped, mapped anew and kept; its id."""
    kept, other = (f"{VAULT}/replicationPolicies/{name}" for name in ("policy", "other"))
    for identifier in (kept, other):
        succeed(site, "PUT", identifier, {"properties": {"providerSpecificInput": settings}})
    succeed(site, "PATCH", kept, {"properties": {"replicationProviderSettings": settings}})
    answered(site, "GET", kept)
    assert len(answered(site, "GET", f"{VAULT}/replicationPolicies")["value"]) == 2
    mappings = f"{container}/replicationProtectionContainerMappings"
    body = support.mapping_body(kept, settings["instanceType"])
    provider_input = {
        "properties": {"providerSpecificInput": body["properties"].pop("providerSpecificInput")}
    }
    succeed(site, "PUT", f"{mappings}/mapping", body)
    succeed(site, "POST", f"{mappings}/mapping/remove", provider_input)
    succeed(site, "PUT", f"{mappings}/mapping", body)
    succeed(site, "DELETE", f"{mappings}/mapping")
    succeed(site, "PUT", f"{mappings}/mapping", body)
    assert site.call("PATCH", f"{mappings}/mapping", provider_input).status == 400
    answered(site, "GET", f"{mappings}/mapping")
    for path in (mappings, f"{VAULT}/replicationProtectionContainerMappings"):
        assert len(answered(site, "GET", path)["value"]) == 1
    succeed(site, "DELETE", other)
    assert site.call("DELETE", other).status == 204
    return kept


def _discover(site: Site, machines: list[Instance]) -> None:
    path = f"{site.container}/discoverProtectableItem"
    for machine in machines:
        succeed(site, "POST", path, support.discover_body(machine))
        answered(site, "GET", site.protectable(machine))
    found = answered(site, "GET", f"{site.container}/replicationProtectableItems")
    assert len(found["value"]) == len(machines)


def _enable(site: Site, machines: list[Instance]) -> None:
    """Protection of every machine; the first job fails and does so again when restarted."""
    site.fault(operation="EnableDr", times=2, job={"errorCode": "95107", "errorMessage": "no"})
    first, *_ = machines
    assert run(site, "PUT", site.item(first), site.enable_body(first)) == "Failed"
    (failed,) = _jobs(site, "jobStatus eq 'Failed'")
    answered(site, "GET", failed)
    resumed = site.call("POST", f"{failed}/resume", {"properties": {"comments": "go on"}})
    assert resumed.status == 400
    succeed(site, "POST", f"{failed}/restart")
    site.pass_time(minutes=20)
    succeed(site, "DELETE", site.item(first))
    for machine in machines:
        succeed(site, "PUT", site.item(machine), site.enable_body(machine))
        answered(site, "GET", site.item(machine))
    for machine in machines:
        for _ in range(_POLLS):
            if site.state(machine) == "Protected":
                break
            site.pass_time(minutes=2)
        assert site.state(machine) == "Protected"
    site.pass_time(minutes=11)


def _jobs(site: Site, terms: str) -> list[str]:
    path = f"{VAULT}/replicationJobs?api-version=2025-08-01&$filter={terms.replace(' ', '%20')}"
    return [str(job["id"]) for job in answered(site, "GET", path)["value"]]


def _look_at_items(site: Site, machine: Instance) -> None:
    item = site.item(machine)
    for path in (
        f"{VAULT}/replicationProtectedItems",
        f"{site.container}/replicationProtectedItems",
    ):
        assert len(answered(site, "GET", path)["value"]) == 3
    points = answered(site, "GET", f"{item}/recoveryPoints")["value"]
    answered(site, "GET", points[0]["id"])
    assert answered(site, "GET", f"{item}/targetComputeSizes")["value"]
    settings = {"instanceType": INSTANCE_TYPE, "targetVmTags": {"wave": "pilot"}}
    properties = {"recoveryAzureVMName": "web-one", "providerSpecificDetails": settings}
    succeed(site, "PATCH", item, {"properties": properties})


def _rehearse(site: Site, machine: Instance) -> None:
    """A test failover that is cancelled, and one that is seen to its end."""
    item, body = site.item(machine), {"properties": support.test_failover_properties()}
    site.accepted("POST", f"{item}/testFailover", body)
    (running,) = _jobs(site, "jobStatus eq 'InProgress'")
    succeed(site, "POST", f"{running}/cancel")
    site.pass_time(minutes=5)
    succeed(site, "POST", f"{item}/testFailover", body)
    answered(site, "GET", item)
    succeed(site, "POST", f"{item}/testFailoverCleanup", {"properties": {"comments": "tested"}})
    answered(site, "GET", item)


def _migrate(site: Site, machine: Instance) -> None:
    item = site.item(machine)
    points = answered(site, "GET", f"{item}/recoveryPoints")["value"]
    body = {"properties": support.failover_properties(points[0]["id"])}
    succeed(site, "POST", f"{item}/unplannedFailover", body)
    answered(site, "GET", item)
    change = {
        "recoveryPointId": points[1]["id"],
        "providerSpecificDetails": {"instanceType": INSTANCE_TYPE},
    }
    succeed(site, "POST", f"{item}/applyRecoveryPoint", {"properties": change})
    succeed(site, "POST", f"{item}/failoverCommit")
    answered(site, "GET", item)
    done = {"properties": {"disableProtectionReason": "MigrationComplete"}}
    succeed(site, "POST", f"{item}/remove", done)
    assert site.call("GET", item).status == 404


def _look_around(site: Site) -> None:
    succeed(site, "POST", f"{VAULT}/replicationVaultHealth/default/refresh")
    answered(site, "GET", f"{VAULT}/replicationVaultHealth")
    assert answered(site, "GET", f"{VAULT}/replicationJobs")["value"]
    events = answered(site, "GET", f"{VAULT}/replicationEvents")["value"]
    answered(site, "GET", events[0]["id"])


def _leave(site: Site) -> None:
    succeed(site, "DELETE", f"{site.container}/replicationProtectionContainerMappings/mapping")
    succeed(site, "DELETE", site.policy)
    succeed(site, "POST", f"{site.fabric}/remove")


def _unregister(verb: str, path: str, seed: int) -> None:
    """Another server that leaves in another way; the seed keeps its operations' names apart."""
    site = Site(seed=seed)
    site.register()
    succeed(site, verb, path.format(fabric=site.fabric, provider=provider(site)))
    assert answered(site, "GET", f"{VAULT}/replicationFabrics")["value"] == []


WALKS: dict[str, Callable[[], None]] = {INSTANCE_TYPE: classic}
"""The walk of each experience by its `instanceType`."""
