"""What a preview knows of a wave: its inputs as far as they are known, and the services."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from dynamic_providers.adapter import is_unknown, unknown
from dynamic_providers.remembered import of_same_instances
from dynamic_providers.wave.inputs import WaveInputs
from dynamic_providers.wave.vault import WaveVault, observe_known
from site_recovery.azure.connection import Connect
from site_recovery.fleet import UNKNOWN_LANDING_ZONE
from site_recovery.snapshot import Snapshot

_ASSUMED: dict[str, Any] = {
    "vault_id": "",
    "container_id": "",
    "policy_id": "",
    "process_server_id": "",
    "master_target_id": "",
    "run_as_accounts": {},
    "machines_site_id": "",
    "urn": "",
    "source": None,
    "landing_zone": asdict(UNKNOWN_LANDING_ZONE),
}
"""Values for inputs that are unknown until the landing zone and the vault exist."""


@dataclass(frozen=True)
class ObservedWave:
    """A wave in a preview.

    Attributes:
        inputs: its inputs; those that are not known yet have values that stand for them.
        snapshot: the services.
        vault: its vault, if all of its inputs are known.
    """

    inputs: WaveInputs
    snapshot: Snapshot
    vault: WaveVault | None = None


async def observed(
    connect: Connect, olds: dict[str, Any], news: dict[str, Any], *, offline: bool
) -> ObservedWave:
    """Read the services for a wave, as far as its inputs say where they are.

    Args:
        connect: connects to Azure.
        olds: the inputs of the wave's last run; empty for a new wave.
        news: the inputs now; some may be unknown.
        offline: whether nothing is read.

    Raises:
        MigrationError: Azure did not answer, or refused.
    """
    # A machine that is on hold fails alone, in the run, and does not block the others. Holds that
    # the run will find are not known yet.
    news = {**news, "holds": {}}
    if unknown(news.get("bios_ids")):
        news["bios_ids"] = _remembered(olds, news)
    if not unknown(news):
        inputs = WaveInputs.model_validate(news)
        vault = WaveVault(connect, inputs)
        return ObservedWave(inputs, Snapshot() if offline else await vault.observe(), vault)
    snapshot = Snapshot()
    if not offline:
        # A new vault or server is empty, but the resource group may have machines that were
        # migrated earlier.
        group_id = _known(_known(news.get("landing_zone"), {}).get("resource_group_id"))
        snapshot = await observe_known(
            connect,
            _known(news.get("vault_id")),
            group_id,
            news.get("experience", "classic"),
        )
    news = {**news, **{key: _ASSUMED[key] for key in _ASSUMED if unknown(news.get(key))}}
    if unknown(news.get("source")):
        # A server that is replaced has no address yet. A review asks nothing of the source.
        news["source"] = None
    return ObservedWave(WaveInputs.model_validate(news), snapshot)


def _remembered(olds: dict[str, Any], news: dict[str, Any]) -> dict[str, str]:
    """The BIOS ids of the last run, of machines that are still the same instances."""
    return of_same_instances(
        olds.get("bios_ids") or {},
        _instances(olds.get("machines") or {}),
        _instances(news["machines"]),
    )


def _instances(machines: dict[str, Any]) -> dict[str, str]:
    return {name: machine["instance_id"] for name, machine in machines.items()}


def _known(value: Any, otherwise: Any = None) -> Any:
    return otherwise if value is None or is_unknown(value) else value
