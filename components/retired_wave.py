"""A wave of a stack whose source side is retired: the record of its machines."""

from __future__ import annotations

import pulumi

from components.migration_wave import WaveRecord
from dynamic_providers.migration_wave import MigrationWave as Reconciler
from settings import Settings

_NOT_THERE = ""
"""For what is not there any more. The wave's record keeps the values that it had."""


class RetiredWave(WaveRecord):
    """A wave that drives nothing, because all its machines are migrated.

    Its resources are those of the `MigrationWave` that it was.
    """

    def __init__(self, name: str, settings: Settings, vault_id: pulumi.Input[str]) -> None:
        wave = settings.waves[name]
        super().__init__(name, wave)
        self.reconciler = Reconciler(
            name,
            retired=True,
            experience=settings.experience,
            vault_id=vault_id,
            container_id=_NOT_THERE,
            machines_site_id=_NOT_THERE,
            policy_id=_NOT_THERE,
            process_server_id=_NOT_THERE,
            master_target_id=_NOT_THERE,
            run_as_accounts={},
            landing_zone={},
            phase=str(wave.phase),
            machines={
                machine: {"instance_id": settings.machines[machine].instance_id}
                for machine in wave.machines
            },
            convergence={},
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.record()


def left(settings: Settings) -> str:
    """What is left of a stack whose source side is retired, and what of it a destroy removes."""
    target, removed, stays = settings.target, _OWN_SERVER, ""
    if (appliance := settings.registered_appliance) is not None:
        removed = "agents' set-up and security groups"
        stays = f", the appliance {appliance.name}, which stays registered"
    vault = f"vault {target.vault}" + ("" if target.adopts("vault") else " (empty)")
    own = [words for part, words in _OF_THE_STACK.items() if not target.adopts(part)]
    destroyed = " and ".join(filter(None, [", ".join(own[:-1]), *own[-1:]]))
    return (
        f"The source side is retired: {removed} are removed. Left are, in Azure, the virtual machines "
        f"and their group, {vault}, the cache storage account, both networks{stays}, and this "
        "stack's record. "
        + (f"`pulumi destroy` removes {destroyed} too. " if destroyed else "")
        + "In AWS the instances are left, with the agent in those that run, and the fence of those that "
        "a cutover stopped."
    )


_OWN_SERVER = "server, agents' set-up, security groups and registration"
_OF_THE_STACK = {
    "vault": "the vault",
    "cacheStorageAccount": "the cache storage account",
    "testNetwork": "the test network",
}
"""What a destroy removes of the rest, unless it was there before, by its key in `target.adopt`."""
