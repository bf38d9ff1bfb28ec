"""Sites at the stages of a migration, with the names that stand for those of an example."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.arm.subscriptions import SUBSCRIPTION
from tests.emulator import site_recovery_support as support
from tests.emulator.site_recovery_support import (
    GROUP,
    GROUP_NAME,
    INSTANCE_TYPE,
    NETWORK,
    STORAGE,
    VAULT,
    VAULT_NAME,
    Site,
)

MACHINE = support.windows(1)


def empty() -> Site:
    """A vault with all that can be set of it, and nothing in it."""
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


def registered() -> Site:
    """A registered server, and nothing else."""
    site = Site([MACHINE])
    site.register()
    return site


def mapped() -> Site:
    """A policy that is mapped, and one that is not."""
    site = Site([MACHINE]).prepare()
    site.create_policy("spare")
    return site


def discovered() -> Site:
    """A machine that was discovered."""
    site = mapped()
    site.protectable(MACHINE)
    return site


def protected() -> Site:
    """A machine that replicates, with recovery points."""
    site = mapped()
    site.protect(MACHINE)
    site.pass_time(minutes=11)
    return site


def failed() -> Site:
    """A machine whose protection failed once."""
    site = discovered()
    site.fault(operation="EnableDr", job={"errorCode": "95107", "errorMessage": "no"})
    assert site.enable(MACHINE)["state"] == "Failed"
    return site


def tested() -> Site:
    """A machine with a test environment that waits."""
    site = protected()
    site.finished(site.test_failover(MACHINE))
    return site


def rehearsed() -> Site:
    """A machine that replicates, and whose test failover was cleaned up."""
    site = tested()
    site.finished(site.clean_up(MACHINE))
    return site


def failed_over() -> Site:
    """A machine that was failed over, not committed."""
    site = rehearsed()
    site.finished(site.fail_over(MACHINE))
    return site


_INSTEAD = {
    "10.150.2.3": MACHINE.private_ip,  # discoverProtectableItem: a machine that is there
    "Basic_A0": "Standard_D2s_v3",  # an item's update: a size that Azure retired since
}

_STAGES: dict[str, Callable[[], Site]] = {
    "Vaults": empty,
    "VaultCertificates": empty,
    "VaultExtendedInfo": empty,
    "Usages": empty,
    "ReplicationUsages": empty,
    "GetOperationStatus": empty,
    "GetOperationResult": empty,
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
    "ReplicationEvents": protected,
    "ReplicationVaultHealth": protected,
}


def at(operation: str) -> Site:
    """A site at which an operation applies.

    Raises:
        KeyError: nobody has said at which stage it does.
    """
    stage = _STAGES.get(operation) or _STAGES[operation.partition("_")[0]]
    return stage()


def names(site: Site, operation: str) -> dict[str, str]:
    """What stands for the path parameters of an example."""
    known = {
        "subscriptionId": SUBSCRIPTION,
        "resourceGroupName": GROUP_NAME,
        "resourceName": VAULT_NAME,
        "vaultName": VAULT_NAME,
        "policyName": "spare",
        "mappingName": "mapping",
        "certificateName": "credentials",
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
        terms = "$filter=jobStatus%20eq%20'Failed'"
        known["jobName"] = _first(site, f"{VAULT}/replicationJobs?api-version=2025-08-01&{terms}")
    return {name: value for name, value in known.items() if value}


def body(site: Site, operation: str, shown: Any, *, ours: bool) -> Any:
    """An example's body with ids of what is there.

    Args:
        site: where it is sent.
        operation: the operation's id.
        shown: the example's body.
        ours: whether parts of a replication provider become those of this site's.
    """
    if isinstance(shown, dict):
        if ours and "instanceType" in shown:
            return _part(site, operation)
        return {name: body(site, operation, part, ours=ours) for name, part in shown.items()}
    if isinstance(shown, list):
        return [body(site, operation, part, ours=ours) for part in shown]
    return _standing_for(site, shown)


def _part(site: Site, operation: str) -> dict[str, Any]:
    if operation == "ReplicationProtectedItems_Create":
        part: dict[str, Any] = site.enable_body(MACHINE)["properties"]["providerSpecificDetails"]
        return part
    if operation.startswith("ReplicationPolicies"):
        settings: dict[str, Any] = support.policy_body()["properties"]["providerSpecificInput"]
        return settings
    return {"instanceType": INSTANCE_TYPE}


def _standing_for(site: Site, shown: Any) -> Any:
    if not isinstance(shown, str):
        return shown
    kind = shown.rpartition("/")[0].rpartition("/")[2].lower()
    if kind == "replicationpolicies":
        return site.policy
    if kind == "replicationprotectableitems":
        return site.protectable(MACHINE)
    if kind == "virtualnetworks":
        return NETWORK
    if kind == "storageaccounts":
        return STORAGE
    return _INSTEAD.get(shown, shown)


def _first(site: Site, path: str) -> str:
    return next((str(entry["name"]) for entry in site.get(path)["value"]), "")


def _last(path: str) -> str:
    return path.rpartition("/")[2]
