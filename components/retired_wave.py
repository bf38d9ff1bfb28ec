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
    """What is left in Azure of a stack whose source side is retired."""
    target = settings.target
    return (
        "The source side is retired: server, agents' set-up, security groups and registration are "
        f"removed. Left are, in Azure, the virtual machines and their group, vault {target.vault} "
        "(empty), the cache storage account, both networks, and this stack's record. `pulumi "
        "destroy` removes vault, cache and test network too. In AWS the instances are left, with the "
        "agent in those that run."
    )
