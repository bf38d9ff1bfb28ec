"""The server of the stack's experience."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from components.configuration_server import ConfigurationServer, ConfigurationServerArgs
from components.replication_appliance import ReplicationAppliance, ReplicationApplianceArgs
from components.security_groups import SecurityGroups
from components.vault import Vault
from settings import Preflight, Settings
from settings.server_plan import ServerPlan


def server(
    prefix: str, settings: Settings, preflight: Preflight, vault: Vault, groups: SecurityGroups
) -> ConfigurationServer | ReplicationAppliance:
    """Declare the configuration server or the replication appliance.

    Args:
        prefix: what names begin with that are unique in the AWS account.
        settings: the stack's settings.
        preflight: what the server is made from, and whose agents it serves.
        vault: the vault that it registers with.
        groups: the groups that let it and the machines talk.
    """
    plan = preflight.server or ServerPlan("", "", 0)
    rules: Sequence[pulumi.Resource] = groups.rules
    source, convergence = settings.source, settings.convergence
    if settings.experience == "classic":
        assert source.configuration_server is not None
        return ConfigurationServer(
            "configuration-server",
            ConfigurationServerArgs(
                prefix=prefix,
                region=settings.aws_region,
                settings=source.configuration_server,
                ami_id=plan.ami_id,
                instance_type=plan.instance_type,
                cache_gib=plan.cache_gib,
                vault_id=vault.vault_id,
                security_group_id=groups.server_group_id,
                network_rules=rules,
                registration_timeout=settings.registration_timeout,
                poll=convergence.poll,
                agent_reader_role_arns=preflight.agent_roles,
            ),
        )
    assert source.replication_appliance is not None
    return ReplicationAppliance(
        "replication-appliance",
        ReplicationApplianceArgs(
            prefix=prefix,
            region=settings.aws_region,
            settings=source.replication_appliance,
            ami_id=plan.ami_id,
            instance_type=plan.instance_type,
            cache_gib=plan.cache_gib,
            vault_id=vault.vault_id,
            security_group_id=groups.server_group_id,
            network_rules=rules,
            registration_timeout=settings.registration_timeout,
            poll=convergence.poll,
            agent_reader_role_arns=preflight.agent_roles,
        ),
    )
