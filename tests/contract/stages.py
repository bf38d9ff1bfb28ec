"""Emulated sites at each stage of a migration, and their names and ids for published examples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from emulator.arm.subscriptions import SUBSCRIPTION
from tests.contract.providers import FIRST, PROVIDERS, Provider
from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_experiences import MODERNIZED
from tests.emulator.recovery_services.site_recovery_support import (
    GROUP,
    GROUP_NAME,
    NETWORK,
    STORAGE,
    VAULT,
    VAULT_NAME,
    Site,
)

MACHINE, OTHER = support.windows(1), support.windows(2)
PLAN = f"{VAULT}/replicationRecoveryPlans/plan"


def empty() -> Site:
    """A vault with all its settings, and nothing in it."""
    site = Site(server=None)
    assert site.call("PUT", VAULT, _full_vault()).status == 200
    body = {"properties": {"integrityKey": "a2V5"}}
    info = site.call("PUT", f"{VAULT}/extendedInformation/vaultExtendedInfo", body)
    assert info.status == 200
    return site


def _full_vault() -> dict[str, Any]:
    identity = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/keys"
    return {
        "location": "westeurope",
        "sku": {"name": "Standard"},
        "tags": {"wave": "pilot"},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}},
        "properties": {
            "encryption": {
                "keyVaultProperties": {"keyUri": "https://keys.vault.azure.net/keys/key/1"},
                "kekIdentity": {"userAssignedIdentity": identity},
                "infrastructureEncryption": "Enabled",
            }
        },
    }


def registered(provider: Provider) -> Site:
    """A registered server, and nothing else."""
    site = provider.site([MACHINE, OTHER])
    site.register()
    return site


def alerted(provider: Provider) -> Site:
    """A vault with recipients for its alerts."""
    site = registered(provider)
    told = {"sendToOwners": "Send", "customEmailAddresses": ["a@b.example"], "locale": "en_US"}
    path = f"{VAULT}/replicationAlertSettings/defaultAlertSetting"
    assert site.call("PUT", path, {"properties": told}).status == 200
    return site


def mapped(provider: Provider) -> Site:
    """A policy that is mapped, and one that is not."""
    site = registered(provider)
    site.policy = f"{VAULT}/replicationPolicies/policy"
    settings = {"properties": {"providerSpecificInput": provider.policy}}
    for policy in (site.policy, f"{VAULT}/replicationPolicies/spare"):
        done(site, "PUT", policy, settings)
    target = {"policyId": site.policy, "targetProtectionContainerId": "Microsoft Azure"}
    path = f"{site.container}/replicationProtectionContainerMappings/mapping"
    done(site, "PUT", path, {"properties": target})
    return site


def discovered(provider: Provider) -> Site:
    """Machines that were discovered."""
    site = mapped(provider)
    for machine in (MACHINE, OTHER):
        site.protectable(machine)
    return site


def protected(provider: Provider) -> Site:
    """Machines that replicate, with recovery points."""
    site = discovered(provider)
    for machine in (MACHINE, OTHER):
        done(site, "PUT", site.item(machine), site.enable_body(machine))
    site.pass_time(hours=2)
    assert site.state(MACHINE) == site.state(OTHER) == "Protected"
    return site


def failed(provider: Provider) -> Site:
    """A machine whose protection failed once."""
    site = discovered(provider)
    site.fault(operation="EnableDr", job={"errorCode": "95107", "errorMessage": "no"})
    body = site.enable_body(MACHINE)
    accepted = site.accepted("PUT", site.item(MACHINE), body)
    assert site.finished(accepted)["state"] == "Failed"
    return site


def tested(provider: Provider) -> Site:
    """A machine with a test environment that is not cleaned up."""
    site = protected(provider)
    part = provider.part("ReplicationProtectedItems_TestFailover")
    body = {"properties": support.test_failover_properties(providerSpecificDetails=part)}
    done(site, "POST", f"{site.item(MACHINE)}/testFailover", body)
    return site


def rehearsed(provider: Provider) -> Site:
    """A replicating machine whose test failover was cleaned up."""
    site = tested(provider)
    body = {"properties": {"comments": ""}}
    done(site, "POST", f"{site.item(MACHINE)}/testFailoverCleanup", body)
    return site


def failed_over(provider: Provider) -> Site:
    """A machine that is failed over and not committed."""
    site = rehearsed(provider)
    part = provider.part("ReplicationProtectedItems_UnplannedFailover")
    body = {"properties": support.failover_properties() | {"providerSpecificDetails": part}}
    done(site, "POST", f"{site.item(MACHINE)}/unplannedFailover", body)
    return site


def unwell(provider: Provider) -> Site:
    """Machines, one of which has stopped."""
    site = protected(provider)
    site.estate.machines[:] = [
        replace(one, state="stopped") if one.id == OTHER.id else one for one in site.estate.machines
    ]
    site.pass_time(hours=2)
    return site


def planned(provider: Provider, *, waits: bool = False) -> Site:
    """A recovery plan with two groups; with `waits`, the second one waits for a person."""
    site = protected(provider)
    action = {
        "actionName": "Look",
        "failoverTypes": ["TestFailover"],
        "failoverDirections": ["PrimaryToRecovery"],
        "customDetails": {"instanceType": "ManualActionDetails", "description": "Look."},
    }
    groups = [
        {
            "groupType": "Boot",
            "replicationProtectedItems": [{"id": site.item(machine)}],
            "startGroupActions": actions,
            "endGroupActions": [],
        }
        for machine, actions in ((MACHINE, []), (OTHER, [action] if waits else []))
    ]
    fabrics = {"primaryFabricId": site.fabric, "recoveryFabricId": "Microsoft Azure"}
    done(site, "PUT", PLAN, {"properties": {**fabrics, "groups": groups}})
    return site


def waiting(provider: Provider) -> Site:
    """A plan whose test failover waits for a person."""
    site = planned(provider, waits=True)
    part = [provider.part("ReplicationRecoveryPlans_TestFailover")]
    body = {"properties": support.test_failover_properties(providerSpecificDetails=part)}
    site.accepted("POST", f"{PLAN}/testFailover", body)
    site.pass_time(hours=1)
    return site


def plan_tested(provider: Provider) -> Site:
    """A plan whose test environment is not cleaned up."""
    site = waiting(provider)
    job = _first(site, _jobs("Suspended"))
    done(site, "POST", f"{VAULT}/replicationJobs/{job}/resume", {"properties": {"comments": ""}})
    site.pass_time(hours=1)
    return site


def plan_rehearsed(provider: Provider) -> Site:
    """A plan whose test failover was cleaned up."""
    site = plan_tested(provider)
    done(site, "POST", f"{PLAN}/testFailoverCleanup", {"properties": {"comments": ""}})
    return site


def plan_failed_over(provider: Provider) -> Site:
    """A plan that is failed over and not committed."""
    site = plan_rehearsed(provider)
    part = [provider.part("ReplicationRecoveryPlans_UnplannedFailover")]
    body = {"properties": support.failover_properties() | {"providerSpecificDetails": part}}
    done(site, "POST", f"{PLAN}/unplannedFailover", body)
    return site


def done(site: Site, method: str, path: str, body: object = None) -> None:
    """Run an operation and assert that it succeeds."""
    job = site.finished(site.accepted(method, path, body))
    assert job["state"] == "Succeeded", job


_INSTEAD = {
    "10.150.2.3": MACHINE.private_ip,  # discoverProtectableItem: a machine that is there
    "Basic_A0": "Standard_D2s_v3",  # an item's update: a size that Azure retired since
}

_VAULT_ONLY = (
    *("Vaults", "VaultCertificates", "VaultExtendedInfo", "Usages", "ReplicationUsages"),
    *("GetOperationStatus", "GetOperationResult", "RecoveryServices"),
)
_STAGES: dict[str, Callable[[Provider], Site]] = {
    "ReplicationAlertSettings": alerted,
    "SupportedOperatingSystems": registered,
    "ReplicationLogicalNetworks": registered,
    "ReplicationMigrationItems": registered,
    "ReplicationNetworkMappings": registered,
    "ReplicationNetworks": registered,
    "ReplicationProtectionClusters": registered,
    "ReplicationProtectionIntents": registered,
    "ReplicationStorageClassificationMappings": registered,
    "ReplicationStorageClassifications": registered,
    "ReplicationvCenters": registered,
    "ReplicationAppliances": registered,
    "ReplicationFabrics": registered,
    "ReplicationRecoveryServicesProviders": registered,
    "ReplicationProtectionContainers": registered,
    "ReplicationProtectableItems": discovered,
    "ReplicationPolicies": mapped,
    "ReplicationProtectionContainerMappings": mapped,
    "ReplicationProtectedItems": protected,
    "ReplicationProtectedItems_Create": discovered,
    "ReplicationProtectedItems_TestFailoverCleanup": tested,
    "ReplicationProtectedItems_UnplannedFailover": rehearsed,
    "ReplicationProtectedItems_ApplyRecoveryPoint": failed_over,
    "ReplicationProtectedItems_FailoverCommit": failed_over,
    "RecoveryPoints": protected,
    "TargetComputeSizes": protected,
    "ReplicationJobs": failed,
    "ReplicationJobs_Resume": waiting,
    "ReplicationEvents": protected,
    "ReplicationVaultHealth": unwell,
    "ReplicationRecoveryPlans": planned,
    "ReplicationRecoveryPlans_TestFailoverCleanup": plan_tested,
    "ReplicationRecoveryPlans_UnplannedFailover": plan_rehearsed,
    "ReplicationRecoveryPlans_FailoverCommit": plan_failed_over,
}


def providers_of(operation: str) -> tuple[str, ...]:
    """The providers to test an operation with: all, or only one if it concerns the vault itself."""
    return (FIRST.instance_type,) if _group_of(operation) in _VAULT_ONLY else tuple(PROVIDERS)


def at(operation: str, provider: Provider) -> Site:
    """A site at a stage where an operation can run.

    Raises:
        KeyError: no stage is listed for the operation.
    """
    if _group_of(operation) in _VAULT_ONLY:
        return empty()
    stage = _STAGES.get(operation) or _STAGES[_group_of(operation)]
    return stage(provider)


def names(site: Site, operation: str) -> dict[str, str]:
    """The values for the path parameters of an example."""
    known = {
        "subscriptionId": SUBSCRIPTION,
        "resourceGroupName": GROUP_NAME,
        "location": "westeurope",
        "resourceName": VAULT_NAME,
        "vaultName": VAULT_NAME,
        "policyName": "spare",
        "mappingName": "mapping",
        "certificateName": "credentials",
        "recoveryPlanName": "plan",
        "alertSettingName": "defaultAlertSetting",
        "replicatedProtectedItemName": MACHINE.name,
    }
    if operation == "Vaults_CreateOrUpdate":
        known["vaultName"] = f"{VAULT_NAME}-2"
    if operation.startswith("GetOperation"):
        known["vaultName"] = f"{VAULT_NAME}-2"
        created = site.call("PUT", f"{VAULT}-2", _full_vault())
        known["operationId"] = _last(created.headers["Azure-AsyncOperation"].partition("?")[0])
        site.pass_time(minutes=1)
    if hasattr(site, "fabric"):
        known["fabricName"] = _last(site.fabric)
        known["protectionContainerName"] = _last(site.container)
        path = f"{site.fabric}/replicationRecoveryServicesProviders"
        known["providerName"] = _first(site, path)
        known["protectableItemName"] = _first(site, f"{site.container}/replicationProtectableItems")
        known["eventName"] = _first(site, f"{VAULT}/replicationEvents")
        state = "Suspended" if operation.endswith("Resume") else "Failed"
        known["jobName"] = _first(site, _jobs(state))
    return {name: value for name, value in known.items() if value}


def _jobs(state: str) -> str:
    terms = f"$filter=jobStatus%20eq%20'{state}'"
    return f"{VAULT}/replicationJobs?api-version=2025-08-01&{terms}"


def _group_of(operation: str) -> str:
    return operation.partition("_")[0]


def body(site: Site, shown: Any, operation: str, provider: Provider | None) -> Any:
    """The body of an example with the ids of a site.

    Args:
        site: the site that receives it.
        shown: the body of the example.
        operation: the operation id.
        provider: replaces the parts of the example's provider; None keeps them.
    """
    if isinstance(shown, dict):
        if provider is not None and "instanceType" in shown:
            return _part(site, operation, provider)
        return {
            name: _interface(site) if name == "nicId" else body(site, part, operation, provider)
            for name, part in shown.items()
        }
    if isinstance(shown, list):
        return [body(site, part, operation, provider) for part in shown]
    return _standing_for(site, shown)


def _part(site: Site, operation: str, provider: Provider) -> dict[str, Any]:
    if operation == "ReplicationProtectedItems_Create":
        part: dict[str, Any] = site.enable_body(MACHINE)["properties"]["providerSpecificDetails"]
        return part
    return provider.part(operation)


def _interface(site: Site) -> str:
    item = site.get(site.item(MACHINE))
    return str(item["properties"]["providerSpecificDetails"]["vmNics"][0]["nicId"])


def _standing_for(site: Site, shown: Any) -> Any:
    if not isinstance(shown, str):
        return shown
    kind = shown.rpartition("/")[0].rpartition("/")[2].lower()
    if kind == "replicationpolicies":
        return site.policy
    if kind == "replicationfabrics":
        return site.fabric
    if kind == "replicationprotectableitems" and site.experience is MODERNIZED:
        return None  # machines of this provider have no protectable items
    if kind == "replicationprotectableitems":
        return site.protectable(MACHINE)
    if kind == "replicationprotecteditems":
        return site.item(
            MACHINE if shown.endswith("/f8491e4f-817a-40dd-a90c-af773978c75b") else OTHER
        )
    if kind == "virtualnetworks":
        return NETWORK
    if kind == "storageaccounts":
        return STORAGE
    return _INSTEAD.get(shown, shown)


def _first(site: Site, path: str) -> str:
    return next((str(entry["name"]) for entry in site.get(path)["value"]), "")


def _last(path: str) -> str:
    return path.rpartition("/")[2]
