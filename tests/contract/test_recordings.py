"""Recorded traffic of the service, made again: the emulator answers in the same shapes and words."""

from __future__ import annotations

import re

import pytest

from tests.contract import replay, stages
from tests.contract.providers import PROVIDERS
from tests.contract.replay import Replay
from tests.emulator.recovery_services.site_recovery_support import VAULT, Site

pytestmark = pytest.mark.skipif(
    not replay.recordings().is_dir(), reason=f"there are no recordings in {replay.recordings()}"
)

NEWER = "the recording is of an older api-version; the published classes have it"
DIFFERENT = {
    r"^Vaults_CreateOrUpdate: adds \.properties\.(backupStorageVersion|\w+Settings):": NEWER,
    r"^Vaults_CreateOrUpdate: location is not recorded": "the published example has it",
    r"^Vaults_Get: adds \.properties\.redundancySettings:": NEWER,
    r"^Vaults_Get: lacks .*\.immutabilitySettings:": "recorded as null: it was never set",
    r"^ReplicationFabrics_Get: adds .*\.agentDetails:": (
        "the recorded appliance had no agents yet; here agents report before they are protected"
    ),
    r"^ReplicationFabrics_Get: lacks .*\.accessibleDatastores:": "VMware's; no physical machine's",
    r"^ReplicationProtectedItems_Get: lacks .*\.datastores:": "VMware's; no physical machine's",
    r"^ReplicationProtectedItems_Get: lacks .*\.agentUpgradeBlockingErrorDetails:": (
        "the recorded agent had just been refused an upgrade"
    ),
    r"^ReplicationProtectedItems_Get: lacks .*\.irDetails:": "of another minute of the copying",
    r"^ReplicationProtectedItems_Get: lacks .*\.targetBlobUri:": (
        "an upload address of the recorded storage account"
    ),
    r"^ReplicationProtectedItems_Get: adds .*\.providerSpecificDetails\.": NEWER,
}
"""Where an answer differs from the recorded one, with the reason."""


@pytest.fixture(scope="module")
def vault() -> set[str]:
    """Differences from the recording of an empty vault, its policy, jobs and settings."""
    # 046-059 is a policy of failback, which a physical machine has not.
    return set(Replay("vault", Site(server=None), f"{VAULT}-2").differences(("046-059",)))


@pytest.fixture(scope="module")
def modernized() -> set[str]:
    """Differences from the recording of a whole run of the modernized experience."""
    # 132-206 is reprotection and failback of a VMware machine; a physical one has neither.
    site = stages.registered(PROVIDERS["InMageRcm"])
    return set(Replay("rcm", site, VAULT).differences(("132-206",)))


def test_a_vault_is_answered_as_recorded(vault: set[str]) -> None:
    assert sorted(found for found in vault if not explained(found)) == []


def test_a_modernized_run_is_answered_as_recorded(modernized: set[str]) -> None:
    assert sorted(found for found in modernized if not explained(found)) == []


def test_what_explains_a_difference_still_explains_one(
    vault: set[str], modernized: set[str]
) -> None:
    for known in DIFFERENT:
        assert any(re.search(known, found) for found in vault | modernized), known


def explained(difference: str) -> bool:
    """Whether the table has the difference."""
    return any(re.search(known, difference) for known in DIFFERENT)
