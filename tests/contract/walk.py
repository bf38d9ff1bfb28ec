"""Runs whole migrations in each experience, and so calls every operation."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from emulator.estate.machines import Instance
from emulator.kernel.wire import Response
from tests.contract.providers import PROVIDERS, Provider
from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_support import GROUP, TEST_NETWORK, VAULT, Site

_RUNNING = ("NotStarted", "InProgress")
_POLLS = 200


def run(site: Site, method: str, path: str, body: object = None) -> str:
    """Start an operation and poll both of its URLs, verbatim, until it has ended.

    Returns:
        Its final status.
    """
    return poll(site, site.accepted(method, path, body))


def poll(site: Site, accepted: Response) -> str:
    """Poll both URLs of a 202 response until the operation has ended; returns its final status."""
    for _ in range(_POLLS):
        status = site.call("GET", accepted.headers["Azure-AsyncOperation"])
        result = site.call("GET", accepted.headers["Location"])
        if status.body["status"] not in _RUNNING:
            assert (result.status in (200, 204)) == (status.body["status"] == "Succeeded")
            return str(status.body["status"])
        assert result.status == 202
        site.pass_time(seconds=30)
    raise AssertionError("the operation does not end")


def succeed(site: Site, method: str, path: str, body: object = None) -> None:
    """Run an operation and assert that it succeeds."""
    assert run(site, method, path, body) == "Succeeded"


def answered(site: Site, method: str, path: str, body: object = None) -> Any:
    """Call an operation that is not long-running; returns the body of its response."""
    response = site.call(method, path, body)
    assert response.status == 200, response.body
    return response.body


def vault() -> None:
    """Create a vault, use its own operations, and delete it."""
    site = Site(server=None)
    other = f"{VAULT}-2"
    location = {"location": "westeurope", "sku": {"name": "Standard"}, "properties": {}}
    created = site.call("PUT", other, location)
    assert created.status == 201
    _poll_vault(site, created)
    answered(site, "PUT", other, location)
    answered(site, "PATCH", other, {"tags": {"wave": "pilot"}})
    assert answered(site, "GET", other)["tags"] == {"wave": "pilot"}
    names = f"{GROUP}/providers/Microsoft.RecoveryServices/locations/westeurope"
    named = {"name": other.rpartition("/")[2], "type": "Microsoft.RecoveryServices/Vaults"}
    assert not answered(site, "POST", f"{names}/checkNameAvailability", named)["nameAvailable"]
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
    certificate = {"authType": "AAD", "certificate": base64.b64encode(_certificate()).decode()}
    answered(site, "PUT", f"{other}/certificates/credentials", {"properties": certificate})
    deleted = site.call("DELETE", other)
    assert deleted.status == 202
    _poll_vault(site, deleted)
    assert site.call("DELETE", other).status == 204
    gone = f"{GROUP.split('/resourceGroups')[0]}/providers/Microsoft.RecoveryServices"
    (kept,) = answered(site, "GET", f"{gone}/locations/westeurope/deletedVaults")["value"]
    answered(site, "GET", kept["id"])


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


def _certificate() -> bytes:
    """A self-signed certificate, as the tools make one for vault credentials."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "migration")])
    begins = datetime(2026, 1, 5, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(begins).not_valid_after(begins + timedelta(days=5))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def migration(provider: Provider) -> None:
    """Migrate machines of one provider, from the registration of the server to its removal."""
    web, db, app = support.windows(1), support.linux(1), support.windows(2)
    site = provider.site([web, db, app])
    site.register()
    _look_at_servers(site)
    site.policy = _policies(site, provider)
    _discover(site, provider, [web, db, app])
    _enable(site, [web, db, app])
    _look_at_items(site, provider, web)
    _rehearse(site, provider, web)
    _migrate(site, provider, web)
    _run_a_plan(site, provider, [db, app])
    succeed(site, "POST", f"{site.item(db)}/remove", {"properties": {}})
    succeed(site, "DELETE", site.item(app))
    assert site.call("DELETE", site.item(app)).status == 204
    _look_around(site)
    _leave(site)
    _unregister(provider, "DELETE", "{fabric}", seed=8)
    _unregister(provider, "POST", "{server}/remove", seed=9)
    _unregister(provider, "DELETE", "{server}", seed=10)


def _look_at_servers(site: Site) -> None:
    for kind in ("replicationRecoveryServicesProviders", "replicationProtectionContainers"):
        (found,) = answered(site, "GET", f"{VAULT}/{kind}")["value"]
        assert answered(site, "GET", f"{site.fabric}/{kind}")["value"] == [found]
        assert answered(site, "GET", found["id"])["name"] == found["name"]
    answered(site, "GET", site.fabric)
    answered(site, "GET", f"{VAULT}/replicationAppliances")
    succeed(site, "POST", f"{site.fabric}/checkConsistency")
    succeed(site, "POST", f"{_server(site)}/refreshProvider")


def _server(site: Site) -> str:
    """The id of the only provider of the fabric. The contract calls a server a provider."""
    path = f"{site.fabric}/replicationRecoveryServicesProviders"
    (found,) = answered(site, "GET", path)["value"]
    return str(found["id"])


def _policies(site: Site, provider: Provider) -> str:
    """Make two policies. One is changed and mapped, and stays. Returns its id."""
    kept, other = (f"{VAULT}/replicationPolicies/{name}" for name in ("policy", "other"))
    for identifier in (kept, other):
        succeed(site, "PUT", identifier, {"properties": {"providerSpecificInput": provider.policy}})
    changed = {"properties": {"replicationProviderSettings": provider.policy}}
    succeed(site, "PATCH", kept, changed)
    answered(site, "GET", kept)
    assert len(answered(site, "GET", f"{VAULT}/replicationPolicies")["value"]) == 2
    mappings = f"{site.container}/replicationProtectionContainerMappings"
    mapping = f"{mappings}/mapping"
    # The contract has no class for a new mapping that is specific to this provider.
    target = {"policyId": kept, "targetProtectionContainerId": "Microsoft Azure"}
    own = {"instanceType": provider.instance_type}
    succeed(site, "PUT", mapping, {"properties": target})
    succeed(site, "POST", f"{mapping}/remove", {"properties": {"providerSpecificInput": own}})
    succeed(site, "PUT", mapping, {"properties": target})
    succeed(site, "DELETE", mapping)
    succeed(site, "PUT", mapping, {"properties": target})
    part = provider.part("ReplicationProtectionContainerMappings_Update")
    update = {"properties": {"providerSpecificInput": part}}
    if len(part) > 1:
        succeed(site, "PATCH", mapping, update)
    else:
        assert site.call("PATCH", mapping, update).status == 400
    answered(site, "GET", mapping)
    for path in (mappings, f"{VAULT}/replicationProtectionContainerMappings"):
        assert len(answered(site, "GET", path)["value"]) == 1
    succeed(site, "DELETE", other)
    assert site.call("DELETE", other).status == 204
    return kept


def _discover(site: Site, provider: Provider, machines: list[Instance]) -> None:
    if not provider.discovers:
        # The agents report their machines, so there is no discovery and no list of its results.
        for machine in machines:
            site.protectable(machine)
        return
    path = f"{site.container}/discoverProtectableItem"
    for machine in machines:
        succeed(site, "POST", path, support.discover_body(machine))
        answered(site, "GET", site.protectable(machine))
    found = answered(site, "GET", f"{site.container}/replicationProtectableItems")
    assert len(found["value"]) == len(machines)


def _enable(site: Site, machines: list[Instance]) -> None:
    """Protect all machines. The first job fails, and fails again when it is restarted."""
    site.fault(operation="EnableDr", times=2, job={"errorCode": "95107", "errorMessage": "no"})
    first, *_ = machines
    body = site.enable_body(first)
    assert run(site, "PUT", site.item(first), body) == "Failed"
    (failed,) = _jobs(site, "jobStatus eq 'Failed'")
    answered(site, "GET", failed)
    succeed(site, "POST", f"{failed}/restart")
    site.pass_time(minutes=40)
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


def _look_at_items(site: Site, provider: Provider, machine: Instance) -> None:
    item = site.item(machine)
    for path in (
        f"{VAULT}/replicationProtectedItems",
        f"{site.container}/replicationProtectedItems",
    ):
        assert len(answered(site, "GET", path)["value"]) == 3
    points = answered(site, "GET", f"{item}/recoveryPoints")["value"]
    answered(site, "GET", f"{item}/recoveryPoints/{points[0]['name']}")
    assert answered(site, "GET", f"{item}/targetComputeSizes")["value"]
    part = provider.part("ReplicationProtectedItems_Update")
    properties = {"recoveryAzureVMName": "web-one", "providerSpecificDetails": part}
    succeed(site, "PATCH", item, {"properties": properties})
    for refused, body in (
        ("plannedFailover", {"failoverDirection": "PrimaryToRecovery"}),
        ("reProtect", {"failoverDirection": "RecoveryToPrimary"}),
        ("failoverCancel", {}),
    ):
        assert site.call("POST", f"{item}/{refused}", {"properties": body}).status == 400


def _test_body(part: object) -> dict[str, Any]:
    return {
        "properties": {
            "failoverDirection": "PrimaryToRecovery",
            "networkType": "VmNetworkAsInput",
            "networkId": TEST_NETWORK,
            "providerSpecificDetails": part,
        }
    }


def _failover_body(part: object) -> dict[str, Any]:
    return {
        "properties": {
            "failoverDirection": "PrimaryToRecovery",
            "sourceSiteOperations": "NotRequired",
            "providerSpecificDetails": part,
        }
    }


def _rehearse(site: Site, provider: Provider, machine: Instance) -> None:
    """Run one test failover that is cancelled, and one that ends."""
    item = site.item(machine)
    body = _test_body(provider.part("ReplicationProtectedItems_TestFailover"))
    site.accepted("POST", f"{item}/testFailover", body)
    (running,) = _jobs(site, "jobStatus eq 'InProgress'")
    succeed(site, "POST", f"{running}/cancel")
    site.pass_time(minutes=5)
    succeed(site, "POST", f"{item}/testFailover", body)
    answered(site, "GET", item)
    succeed(site, "POST", f"{item}/testFailoverCleanup", {"properties": {"comments": "tested"}})
    answered(site, "GET", item)


def _migrate(site: Site, provider: Provider, machine: Instance) -> None:
    item = site.item(machine)
    points = answered(site, "GET", f"{item}/recoveryPoints")["value"]
    part = provider.part("ReplicationProtectedItems_UnplannedFailover", points[0]["id"])
    succeed(site, "POST", f"{item}/unplannedFailover", _failover_body(part))
    answered(site, "GET", item)
    part = provider.part("ReplicationProtectedItems_ApplyRecoveryPoint", points[1]["id"])
    change = {"recoveryPointId": points[1]["id"], "providerSpecificDetails": part}
    succeed(site, "POST", f"{item}/applyRecoveryPoint", {"properties": change})
    succeed(site, "POST", f"{item}/failoverCommit")
    answered(site, "GET", item)
    done = {"properties": {"disableProtectionReason": "MigrationComplete"}}
    succeed(site, "POST", f"{item}/remove", done)
    assert site.call("GET", item).status == 404


def _run_a_plan(site: Site, provider: Provider, machines: list[Instance]) -> None:
    """Run a recovery plan with a manual action, from its test failover to its commit."""
    plan = f"{VAULT}/replicationRecoveryPlans/plan"
    first, *others = machines
    action = {
        "actionName": "Look",
        "failoverTypes": ["UnplannedFailover"],
        "failoverDirections": ["PrimaryToRecovery"],
        "customDetails": {"instanceType": "ManualActionDetails", "description": "Look."},
    }
    groups = [_group(site, [first], [action]), _group(site, others, [])]
    properties = {"primaryFabricId": site.fabric, "recoveryFabricId": "Microsoft Azure"}
    succeed(site, "PUT", plan, {"properties": {**properties, "groups": groups[:1]}})
    succeed(site, "PATCH", plan, {"properties": {"groups": groups}})
    answered(site, "GET", plan)
    assert len(answered(site, "GET", f"{VAULT}/replicationRecoveryPlans")["value"]) == 1
    part = [provider.part("ReplicationRecoveryPlans")]
    for refused, body in (
        ("plannedFailover", {"failoverDirection": "PrimaryToRecovery"}),
        ("reProtect", None),
        ("failoverCancel", None),
    ):
        sent = None if body is None else {"properties": body}
        assert site.call("POST", f"{plan}/{refused}", sent).status == 400
    succeed(site, "POST", f"{plan}/testFailover", _test_body(part))
    answered(site, "GET", plan)
    clean = {"properties": {"comments": "tested"}}
    succeed(site, "POST", f"{plan}/testFailoverCleanup", clean)
    accepted = site.accepted("POST", f"{plan}/unplannedFailover", _failover_body(part))
    (waiting,) = _waiting(site)
    answered(site, "GET", waiting)
    succeed(site, "POST", f"{waiting}/resume", {"properties": {"comments": "go on"}})
    assert poll(site, accepted) == "Succeeded"
    answered(site, "GET", waiting)
    succeed(site, "POST", f"{plan}/failoverCommit")
    answered(site, "GET", plan)
    succeed(site, "DELETE", plan)
    assert site.call("DELETE", plan).status == 204


def _group(site: Site, machines: list[Instance], actions: list[Any]) -> dict[str, Any]:
    return {
        "groupType": "Boot",
        "replicationProtectedItems": [{"id": site.item(machine)} for machine in machines],
        "startGroupActions": actions,
        "endGroupActions": [],
    }


def _waiting(site: Site) -> list[str]:
    """The jobs that wait for a person, once there are any."""
    for _ in range(_POLLS):
        found = _jobs(site, "jobStatus eq 'Suspended'")
        if found:
            return found
        site.pass_time(seconds=30)
    raise AssertionError("no job waits for a person")


_NOTHING = (
    "{vault}/replicationMigrationItems",
    "{vault}/replicationNetworkMappings",
    "{vault}/replicationNetworks",
    "{vault}/replicationProtectionClusters",
    "{vault}/replicationProtectionIntents",
    "{vault}/replicationStorageClassificationMappings",
    "{vault}/replicationStorageClassifications",
    "{vault}/replicationvCenters",
    "{fabric}/replicationLogicalNetworks",
    "{fabric}/replicationNetworks",
    "{fabric}/replicationStorageClassifications",
    "{fabric}/replicationvCenters",
    "{container}/replicationMigrationItems",
    "{container}/replicationProtectionClusters",
)


def _look_around(site: Site) -> None:
    succeed(site, "POST", f"{VAULT}/replicationVaultHealth/default/refresh")
    answered(site, "GET", f"{VAULT}/replicationVaultHealth")
    assert answered(site, "GET", f"{VAULT}/replicationUsages")["value"]
    assert answered(site, "GET", f"{VAULT}/replicationJobs")["value"]
    events = answered(site, "GET", f"{VAULT}/replicationEvents")["value"]
    answered(site, "GET", events[0]["id"])
    alerts = f"{VAULT}/replicationAlertSettings"
    told = {"sendToOwners": "Send", "customEmailAddresses": ["a@b.example"], "locale": "en_US"}
    answered(site, "PUT", f"{alerts}/defaultAlertSetting", {"properties": told})
    assert answered(site, "GET", alerts)["value"] == [
        answered(site, "GET", f"{alerts}/defaultAlertSetting")
    ]
    succeed(site, "POST", f"{VAULT}/replicationJobs/export", {"jobStatus": "Succeeded"})
    answered(site, "GET", f"{VAULT}/replicationSupportedOperatingSystems")
    for path in _NOTHING:
        where = path.format(vault=VAULT, fabric=site.fabric, container=site.container)
        assert answered(site, "GET", where)["value"] == []


def _leave(site: Site) -> None:
    succeed(site, "DELETE", f"{site.container}/replicationProtectionContainerMappings/mapping")
    succeed(site, "DELETE", site.policy)
    succeed(site, "POST", f"{site.fabric}/remove")


def _unregister(provider: Provider, verb: str, path: str, seed: int) -> None:
    """Remove another server with another verb. The seed makes the names of its operations unique."""
    site = provider.site(seed=seed)
    site.register()
    succeed(site, verb, path.format(fabric=site.fabric, server=_server(site)))
    assert answered(site, "GET", f"{VAULT}/replicationFabrics")["value"] == []


WALKS: dict[str, Callable[[], None]] = {
    "vault": vault,
    **{name: partial(migration, provider) for name, provider in PROVIDERS.items()},
}
"""The walks by name: one for the vault itself, and one for each provider's `instanceType`."""
