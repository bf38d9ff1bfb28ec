"""The program: reads the stack's config and declares one resource for each machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime.config import CONFIG, is_config_secret

import components
import settings
from site_recovery.declared import own_names
from site_recovery.ownership import STACK_TAG, mark


def declare() -> None:
    """Declare the stack's resources, or nothing at all if something is wrong.

    Raises:
        pulumi.RunError: the config is wrong or a machine cannot be migrated; the message lists
            every problem.
    """
    project, config = pulumi.get_project(), CONFIG.get()
    reading = settings.read(settings.stack_config(project, config))
    prefix = own_names.prefix(project, pulumi.get_stack())
    preflight = settings.examine(reading, prefix)
    sealed = settings.secrets(project, config, is_config_secret)
    elsewhere = settings.provider_problems(config)
    problems = (*elsewhere, *sealed, *reading.problems, *preflight.problems)
    if reading.settings is None or problems:
        raise pulumi.RunError(str(settings.SettingsError(problems)))
    stack = reading.settings
    target, replication, poll = stack.target, stack.replication, stack.convergence.poll
    made_by = mark(pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack())
    tags = {**target.tags, STACK_TAG: made_by}

    landing_zone = components.LandingZone(
        "landing-zone",
        components.LandingZoneArgs(stack.azure_subscription_id, stack.azure_location, target, tags),
    )
    vault = components.Vault(
        "vault",
        components.VaultArgs(
            target.vault,
            landing_zone.resource_group_name,
            stack.azure_location,
            tags,
            stack.adopted_vault_id,
        ),
    )
    security_groups = components.SecurityGroups(
        "security-groups",
        components.SecurityGroupsArgs(
            stack.source.vpc_id,
            prefix,
            replication.agent.installation == "push",
            stack.server_group_id,
            components.attachments(preflight.facts),
            stack.fences,
        ),
    )
    server = components.server(prefix, stack, preflight, vault, security_groups)
    replication_settings = components.ReplicationSettings(
        "replication-settings",
        components.ReplicationSettingsArgs(
            experience=stack.experience,
            policy_name=prefix,
            resource_group_name=landing_zone.resource_group_name,
            vault_name=vault.vault_name,
            container_id=server.registration.container_id,
            replication=replication,
            poll=poll,
        ),
    )
    waves = {
        wave: components.MigrationWave(
            wave,
            components.MigrationWaveArgs(
                wave=wave,
                settings=stack,
                preflight=preflight,
                prefix=prefix,
                vault_id=vault.vault_id,
                policy_id=replication_settings.policy_id,
                server=server,
                server_group_id=security_groups.server_group_id,
                fence_id=security_groups.fence_id,
                landing_zone=landing_zone,
                requires=[replication_settings.mapping, *security_groups.between(its.machines)],
            ),
        )
        for wave, its in stack.waves.items()
    }

    outputs: dict[str, dict[str, Any]] = {
        "machines": {m: row for wave in waves.values() for m, row in wave.table()},
        "waves": {name: wave.summary() for name, wave in waves.items()},
        "vault": vault.summary(),
        "server": server.summary(),
    }
    for name, value in outputs.items():
        pulumi.export(name, value)
    page = Path("Pulumi.README.md").read_text(encoding="utf-8")
    pulumi.export("readme", components.stack_page(page, **outputs))


declare()
