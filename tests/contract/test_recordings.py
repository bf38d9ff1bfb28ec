"""Replays recorded traffic of the service; the emulator answers with the same shapes and values."""

from __future__ import annotations

import re

import pytest

from tests.contract import histories, replay, stages
from tests.contract.providers import PROVIDERS
from tests.contract.replay import Replay
from tests.emulator.recovery_services.site_recovery_support import VAULT, Site

pytestmark = pytest.mark.skipif(
    not replay.recordings().is_dir(), reason=f"there are no recordings in {replay.recordings()}"
)

NEWER = "the recording is of an older api-version; the published classes have it"
NEWER_MEMBERS = "of a newer version: the recording of 2023, or the page of 2026, has them"
OF_2021 = "only in the recording of 2021, not in the one of 2023"
OF_2017 = "of 2017: the recordings of 2021 are otherwise"
_ITEMS = r"^ReplicationProtectedItems_(Get|ListByReplicationProtectionContainers)"
DIFFERENT = {
    r"^ReplicationFabrics_Get: lacks .*\.(forwardP|reverseP|p)rotectedItemCount:": OF_2021,
    r"^ReplicationPolicies_Get: adds .*\.(associatedItemsCount|dataSourceType|status):": (
        NEWER_MEMBERS
    ),
    rf"{_ITEMS}: adds .*\.properties\.switchProviderState": NEWER_MEMBERS,
    rf"{_ITEMS}: adds .*\.(agent|driver)VersionExpiryDate:": NEWER_MEMBERS,
    rf"{_ITEMS}: adds .*Details\.(linux|sqlServer)LicenseType:": NEWER_MEMBERS,
    rf"{_ITEMS}: adds .*Details\.(osName|supportedOSVersions|unprotectedDisks|\w+Tags):": (
        NEWER_MEMBERS
    ),
    rf"{_ITEMS}: lacks .*\.vCenterFQDN:": "written vCenterFqdn since, as in the published classes",
    rf"{_ITEMS}: adds .*\.vCenterFqdn:": "written vCenterFQDN in 2021",
    r"^ReplicationJobs_Get: (lacks|adds) \.(type|status|error|startTime|endTime):": OF_2017,
    r"^ReplicationJobs_Get: (lacks|adds) .*\.affectedObjectDetails\.": OF_2017,
    r"^ReplicationJobs_Get: lacks .*\.protectedItemDetails:": (
        "a failover that fails here leaves nothing behind, not in its job either"
    ),
    r"^ReplicationProtectedItems_Get: adds \.properties\."
    r"(eventCorrelationId|healthErrors|primaryFabricProvider|lastSuccessful\w+):": OF_2017,
    r"^ReplicationProtectedItems_Get: lacks \.properties\.\w+HealthErrors:": OF_2017,
    r"^ReplicationProtectedItems_Get: lacks .*\."
    r"(enableRDPOnTargetOption|sourceVmCPUCount|sourceVmRAMSizeInMB):": OF_2017,
    r"^ReplicationProtectedItems_Get: lacks .*\.vmNics\[\]\.\w+:": OF_2017,
    r"^ReplicationProtectedItems_Get: \.properties\.healthErrors: 0 are recorded": OF_2017,
    r"^ReplicationProtectableItems_Get: lacks .*\.volumeList:": (
        "the volumes of disks are not known here"
    ),
    r"^Vaults_CreateOrUpdate: adds \.properties\.(backupStorageVersion|\w+Settings):": NEWER,
    r"^Vaults_CreateOrUpdate: location is not recorded": "the published example has it",
    r"^Vaults_Get: adds \.properties\.redundancySettings:": NEWER,
    r"^Vaults_Get: lacks .*\.immutabilitySettings:": "recorded as null: it was never set",
    r"^ReplicationFabrics_Get: adds .*\.agentDetails:": (
        "the recorded appliance had no agents yet; here agents report before they are protected"
    ),
    r"^ReplicationFabrics_Get: lacks .*\.accessibleDatastores:": "VMware's; no physical machine's",
    rf"{_ITEMS}: lacks .*\.datastores:": "VMware's; no physical machine's",
    r"^ReplicationProtectedItems_Get: lacks .*\.irDetails:": "of another minute of the copying",
    r"^ReplicationProtectedItems_Get: adds .*\.providerSpecificDetails\.": NEWER,
}
"""Known differences from the recorded responses, with the reason."""


@pytest.fixture(scope="module")
def vault() -> set[str]:
    """Differences from the recording of an empty vault, its policy, jobs and settings."""
    # 046-059 is a failback policy, which physical machines do not have.
    return set(Replay("vault", Site(server=None), f"{VAULT}-2").differences(("046-059",)))


@pytest.fixture(scope="module")
def modernized() -> set[str]:
    """Differences from the recording of a whole run of the modernized experience."""
    # 132-206 is the reprotection and failback of a VMware machine. Physical machines have neither.
    site = stages.registered(PROVIDERS["InMageRcm"])
    return set(Replay("rcm", site, VAULT).differences(("132-206",)))


@pytest.fixture(scope="module")
def modernized_parts() -> set[str]:
    """Differences from the recorded calls of azure-powershell's tests (modernized)."""
    site, machines, before = histories.modernized()
    return set(
        Replay("rcm-powershell", site, VAULT, machines=machines, before=before).differences()
    )


@pytest.fixture(scope="module")
def classic() -> set[str]:
    """Differences from the recorded calls of azure-powershell's tests (classic)."""
    site, before = histories.classic()
    return set(Replay("v2a-powershell", site, VAULT, before=before).differences())


def test_modernized_machines_are_answered_as_recorded(modernized_parts: set[str]) -> None:
    assert sorted(found for found in modernized_parts if not explained(found)) == []


def test_classic_machines_are_answered_as_recorded(classic: set[str]) -> None:
    assert sorted(found for found in classic if not explained(found)) == []


def test_a_vault_is_answered_as_recorded(vault: set[str]) -> None:
    assert sorted(found for found in vault if not explained(found)) == []


def test_a_modernized_run_is_answered_as_recorded(modernized: set[str]) -> None:
    assert sorted(found for found in modernized if not explained(found)) == []


def test_every_known_difference_still_occurs(
    vault: set[str], modernized: set[str], modernized_parts: set[str], classic: set[str]
) -> None:
    every = vault | modernized | modernized_parts | classic
    for known in DIFFERENT:
        assert any(re.search(known, found) for found in every), known


def explained(difference: str) -> bool:
    """Whether a difference is a known one."""
    return any(re.search(known, difference) for known in DIFFERENT)
