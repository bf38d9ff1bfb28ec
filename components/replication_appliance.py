"""The replication appliance beside the machines, and its registration with the vault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import pulumi

from components.migration_server import MigrationServer, ServerInstance
from dynamic_providers.fabric_registration import FabricRegistration
from settings import ReplicationAppliance as ServerSettings


@dataclass(frozen=True)
class ReplicationApplianceArgs:
    """What the appliance is made from.

    Attributes:
        prefix: what names begin with that are unique in the AWS account.
        region: the AWS region.
        settings: its place, name and installer, or the appliance that is registered already.
        ami_id: its image; not needed for a registered one, nor are the next two.
        instance_type: its size.
        cache_gib: its data volume.
        vault_id: the vault that it serves; also a tag, by which whoever installs it knows.
        security_group_id: the server's group.
        network_rules: the rules that it needs from its first boot on.
        agent_reader_role_arns: roles of the machines, whose agents read `agent_secret_arn`.
        registration_timeout: how long it may take to show up in the vault.
        poll: between two looks at the vault.
    """

    prefix: str
    region: str
    settings: ServerSettings
    vault_id: pulumi.Input[str]
    security_group_id: pulumi.Input[str]
    network_rules: Sequence[pulumi.Resource]
    registration_timeout: timedelta
    poll: timedelta
    ami_id: str = ""
    instance_type: str = ""
    cache_gib: int = 0
    agent_reader_role_arns: Sequence[str] = ()


class ReplicationAppliance(MigrationServer):
    """A Windows instance that installs the appliance and that a person signs in, once.

    An appliance that is registered already gets no instance here, and stays registered when the
    stack is destroyed. The agents' secret is made for either; the person who signed the appliance
    in puts the agents' `config.json` into it.
    """

    def __init__(
        self, name: str, args: ReplicationApplianceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        settings = args.settings
        registered = settings.registered
        super().__init__(
            "ReplicationAppliance", name, registered.name if registered else settings.name, opts
        )
        requires: list[pulumi.Resource] = []
        if registered or settings.subnet_id is None:
            self.make_agent_secret(
                args.prefix, "replication-appliance", args.agent_reader_role_arns
            )
        else:
            requires.append(self.launch(_instance(args, settings.subnet_id)))
        # Registered after the instance is made, and so unregistered before it is terminated: the
        # vault would keep an appliance that nobody can reach any more.
        self.registration = FabricRegistration(
            "registration",
            vault_id=args.vault_id,
            server_name=self._name,
            experience="modernized",
            keep=registered is not None,
            region=args.region,
            status_parameter=self.status_parameter,
            timeout_seconds=args.registration_timeout.total_seconds(),
            poll_seconds=args.poll.total_seconds(),
            opts=pulumi.ResourceOptions(parent=self, depends_on=requires),
        )
        self.register_outputs({"instanceId": self.instance_id, "privateIp": self.private_ip})


def _instance(args: ReplicationApplianceArgs, subnet_id: str) -> ServerInstance:
    settings = args.settings
    return ServerInstance(
        role="replication-appliance",
        prefix=args.prefix,
        region=args.region,
        name=settings.name,
        subnet_id=subnet_id,
        private_ip=settings.private_ip,
        ami_id=args.ami_id,
        instance_type=args.instance_type,
        volumes_gib=[args.cache_gib],
        vault_id=args.vault_id,
        security_group_id=args.security_group_id,
        network_rules=args.network_rules,
        agent_reader_role_arns=args.agent_reader_role_arns,
        installer=settings.installer if settings.installation == "unattended" else None,
    )
