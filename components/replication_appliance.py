"""The replication appliance in the machines' VPC, and its registration with the vault."""

from __future__ import annotations

from typing import TypeAlias

import pulumi

from components.migration_server import MigrationServer, ServerArgs
from settings import ReplicationAppliance as ServerSettings

ReplicationApplianceArgs: TypeAlias = ServerArgs[ServerSettings]
"""The inputs of the replication appliance."""


class ReplicationAppliance(MigrationServer):
    """A Windows instance that installs the appliance. A person signs the appliance in, once.

    For an appliance that is already registered no instance is made, and it stays registered when
    the stack is destroyed. The agents' secret is made in both cases: the person who signed the
    appliance in puts the agents' `config.json` into it.
    """

    def __init__(
        self, name: str, args: ReplicationApplianceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        settings = args.settings
        registered = settings.registered
        super().__init__(
            "ReplicationAppliance", name, registered.name if registered else settings.name, opts
        )
        self.clear(args, "modernized", keep=registered is not None)
        requires: list[pulumi.Resource] = []
        if registered or settings.subnet_id is None:
            self.make_agent_secret(args.prefix, "replication-appliance", args.agent_readers)
        else:
            instance = args.instance("replication-appliance", settings.subnet_id, [args.cache_gib])
            requires.append(self.launch(instance))
        if registered:
            self.private_ip = pulumi.Output.from_input(registered.private_ip)
        self.register(args, "modernized", requires, keep=registered is not None)
