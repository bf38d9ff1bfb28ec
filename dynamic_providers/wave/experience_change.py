"""Refuses a change of experience while machines replicate in the present one."""

from __future__ import annotations

from typing import Any

from dynamic_providers.adapter import unknown
from dynamic_providers.wave.inputs import WaveInputs, recorded
from dynamic_providers.wave.vault import WaveVault
from site_recovery.arm_ids import VaultId, same
from site_recovery.azure.connection import Connect
from site_recovery.observation import observe
from site_recovery.planning import satisfies


async def refusals(connect: Connect, olds: dict[str, Any], news: dict[str, Any]) -> list[str]:
    """Refuse a change of experience while machines replicate in the present one.

    Their replication is not touched: an item cannot move from one experience to the other.
    """
    before = WaveInputs.model_validate(olds)
    if before.experience == news.get("experience", before.experience):
        return []
    snapshot = await WaveVault(connect, before).observe(leaving=True)
    found = [
        f"{name}: it is {observed.stage} under the {before.experience} experience in vault "
        f"{VaultId.parse(before.vault_id).vault}, and is left alone. Set experience: "
        f"{before.experience} and complete its migration, or take it out of its wave and run "
        f"pulumi up; or declare the {news['experience']} machines in a stack of their own."
        for name, machine in recorded(olds).items()
        if not satisfies(None, observed := observe(machine.machine(name), snapshot))
    ]
    vault_id = news.get("vault_id")
    if not found and not unknown(vault_id) and same(vault_id, before.vault_id):
        found = [
            f"target.vault: vault {VaultId.parse(before.vault_id).vault} served the "
            f"{before.experience} experience, and the {news['experience']} one needs a vault of "
            "its own. Set target.vault to another name."
        ]
    return found
