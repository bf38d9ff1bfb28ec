"""Everything that the migration needs besides Azure's landing zone and vault, and its waves."""

from __future__ import annotations

from typing import Any

import pulumi

from components.landing_zone import LandingZone
from components.migration_wave import MigrationWave, MigrationWaveArgs, WaveRecord, all_waves
from components.promotion import Promotion
from components.replication_settings import ReplicationSettings, ReplicationSettingsArgs
from components.retired_wave import RetiredWave, left
from components.security_groups import (
    SecurityGroups,
    SecurityGroupsArgs,
    attachments,
    open_way,
)
from components.server import server
from components.vault import Vault
from settings import Preflight, Settings
from site_recovery.declared import own_names
from site_recovery.phases import Phase

_RETIRED: dict[str, Any] = {"retired": True}


def source_side(
    stack: Settings, preflight: Preflight, prefix: str, landing_zone: LandingZone, vault: Vault
) -> tuple[dict[str, WaveRecord], dict[str, Any]]:
    """Declare the source side of a stack and its waves; of a retired one, the records only.

    Args:
        stack: the stack's settings.
        preflight: what AWS says of machines and server.
        prefix: the prefix of names that must be unique in the AWS account.
        landing_zone: where failed-over machines live.
        vault: the vault.

    Returns:
        The waves by their names, and the stack's output `server`.
    """
    if stack.retired:
        pulumi.log.info(left(stack))
        return {name: RetiredWave(name, stack, vault.vault_id) for name in stack.waves}, _RETIRED
    security_groups = SecurityGroups(
        "security-groups",
        SecurityGroupsArgs(
            stack.source.vpc_id,
            stack.aws_region,
            prefix,
            stack.replication.agent.installation == "push",
            stack.server_group_id,
            attachments(preflight.facts),
            stack.fences,
            any(found.cut_over for found in preflight.facts.values()),
            preflight.management,
            stack.source.proxy,
        ),
    )
    if pulumi.runtime.is_dry_run() and _fails_over(stack, preflight):
        limit = open_way(preflight.management, stack.source.vpc_id)
        if limit:
            pulumi.log.info(limit)
    declared = server(prefix, stack, preflight, vault, security_groups)
    replication_settings = ReplicationSettings(
        "replication-settings",
        ReplicationSettingsArgs(
            experience=stack.experience,
            policy_name=own_names.policy(prefix),
            resource_group_name=landing_zone.resource_group_name,
            vault_name=vault.vault_name,
            container_id=declared.registration.container_id,
            replication=stack.replication,
            poll=stack.convergence.poll,
        ),
    )
    promotion = Promotion(stack)
    every_wave = all_waves(stack, preflight, promotion)
    waves: dict[str, WaveRecord] = {
        wave: MigrationWave(
            wave,
            MigrationWaveArgs(
                wave=wave,
                all_waves=every_wave,
                settings=stack,
                preflight=preflight,
                prefix=prefix,
                vault_id=vault.vault_id,
                policy_id=replication_settings.policy_id,
                server=declared,
                server_group_id=security_groups.server_group_id,
                fence_id=security_groups.fence_id,
                machine_group_ids=security_groups.machine_group_ids,
                landing_zone=landing_zone,
                requires=[replication_settings.mapping, *security_groups.between(its.machines)],
                promotion=promotion,
            ),
        )
        for wave, its in stack.waves.items()
    }
    return waves, declared.summary()


def _fails_over(stack: Settings, preflight: Preflight) -> bool:
    """Whether a machine whose source runs is to be fenced now."""
    return any(
        stack.cutover_of(machine).fences
        for wave in stack.waves.values()
        for machine in wave.machines
        if wave.phase in (Phase.FAILED_OVER, Phase.MIGRATED)
        and machine in preflight.facts
        and preflight.facts[machine].state == "running"
    )
