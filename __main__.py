"""The program: reads the stack's config and declares one resource for each machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime.config import CONFIG, is_config_secret

import components
import settings
from site_recovery.aws import roles
from site_recovery.azure import clouds
from site_recovery.declared import own_names
from site_recovery.ownership import STACK_TAG, mark


def declare() -> None:
    """Declare the stack's resources, or nothing at all if something is wrong.

    Raises:
        pulumi.RunError: the config is wrong or a machine cannot be migrated; the message lists
            every problem.
    """
    components.debug_messages.keep()
    components.stack_traces.keep()
    components.versioned_types.leave_out()
    project, config = pulumi.get_project(), CONFIG.get()
    pulumi.log.info("reading the config, and asking AWS about the machines", ephemeral=True)
    folder = Path(pulumi.runtime.get_root_directory())
    reading = settings.read(settings.stack_config(project, config), folder=folder)
    prefix = own_names.prefix(project, pulumi.get_stack())
    clouds.use(config.get("azure-native:environment"))
    roles.use(config.get(roles.KEY))
    sealed = settings.secrets(project, config, is_config_secret)
    elsewhere = settings.provider_problems(config)
    own, plugins, preflight = components.plugin_accounts.ask(
        reading.draft,
        config.get("azure-native:subscriptionId", ""),
        lambda: settings.examine(reading, prefix),
    )
    # Whatever AWS says of the machines, it says of one of two accounts.
    found = settings.differences(own, plugins) or reading.merged.placed(preflight.problems)
    problems = (*elsewhere, *sealed, *reading.problems, *found)
    if reading.settings is None or problems:
        raise pulumi.RunError(str(settings.SettingsError(problems)))
    stack, preflight = reading.settings, replace(preflight, plugin_tenant=plugins.tenant)
    if pulumi.runtime.is_dry_run():
        pulumi.log.info(settings.headline(own, plugins, stack))
        for remark in preflight.remarks:
            pulumi.log.warn(remark)
    target = stack.target
    made_by = mark(pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack())
    tags = {**target.tags, STACK_TAG: made_by}

    occupied = components.Occupied.of(stack)
    landing_zone = components.LandingZone(
        "landing-zone",
        components.LandingZoneArgs(
            stack.azure_subscription_id, stack.azure_location, target, tags, occupied
        ),
    )
    vault = components.Vault(
        "vault",
        components.VaultArgs(
            target.vault,
            landing_zone.resource_group_name,
            stack.azure_location,
            tags,
            stack.adopted_vault_id,
            occupied,
        ),
    )
    waves, server = components.source_side(stack, preflight, prefix, landing_zone, vault)

    outputs: dict[str, dict[str, Any]] = {
        "machines": {m: row for wave in waves.values() for m, row in wave.table()},
        "waves": {name: wave.summary() for name, wave in waves.items()},
        "vault": vault.summary(),
        "server": server,
    }
    for name, value in outputs.items():
        pulumi.export(name, value)
    page = Path("Pulumi.README.md").read_text(encoding="utf-8")
    pulumi.export("readme", components.stack_page(page, **outputs))


declare()
