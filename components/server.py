"""The server of the stack's experience."""

from __future__ import annotations

from components.configuration_server import ConfigurationServer
from components.migration_server import MigrationServer, S, ServerArgs
from components.replication_appliance import ReplicationAppliance
from components.security_groups import SecurityGroups
from components.vault import Vault
from settings import Preflight, Settings
from settings.preflight.server_plan import ServerPlan


def server(
    prefix: str, settings: Settings, preflight: Preflight, vault: Vault, groups: SecurityGroups
) -> MigrationServer:
    """Declare the configuration server or the replication appliance.

    Args:
        prefix: the prefix of names that must be unique in the AWS account.
        settings: the stack's settings.
        preflight: the image and size of the server, and the roles of the machines it serves.
        vault: the vault that it registers with.
        groups: the security groups that let it and the machines connect.
    """
    plan = preflight.server or ServerPlan("", "", 0)

    def args(own: S | None) -> ServerArgs[S]:
        # Settings without the server of their experience were refused earlier.
        assert own is not None
        return ServerArgs(
            prefix=prefix,
            region=settings.aws_region,
            settings=own,
            ami_id=plan.ami_id,
            instance_type=plan.instance_type,
            cache_gib=plan.cache_gib,
            vault_id=vault.vault_id,
            security_group_id=groups.server_group_id,
            network_rules=groups.rules,
            registration_timeout=settings.registration_timeout,
            poll=settings.convergence.poll,
            agent_readers=preflight.agent_roles,
            vault_adopted=settings.adopted_vault_id is not None,
            proxy=settings.source.proxy,
            tags=settings.source.tags,
        )

    source = settings.source
    if settings.experience == "classic":
        return ConfigurationServer("configuration-server", args(source.configuration_server))
    return ReplicationAppliance("replication-appliance", args(source.replication_appliance))
