"""The configuration server beside the machines, and its registration with the vault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import pulumi
from pulumi_aws import secretsmanager

from components.migration_server import CredentialSecret, MigrationServer, ServerInstance
from dynamic_providers.fabric_registration import FabricRegistration
from dynamic_providers.vault_credentials import VaultCredentials
from settings import ConfigurationServer as ServerSettings


@dataclass(frozen=True)
class ConfigurationServerArgs:
    """What the server is made from.

    Attributes:
        prefix: what names begin with that are unique in the AWS account.
        region: the AWS region.
        settings: its place, name, retention volume and installer.
        ami_id: its image.
        instance_type: its size.
        cache_gib: the process server's cache volume.
        vault_id: the vault that it serves; also a tag, by which whoever installs it knows.
        security_group_id: the server's group.
        network_rules: the rules that it needs from its first boot on.
        registration_timeout: how long it may take to show up in the vault.
        poll: between two looks at the vault.
        agent_reader_role_arns: roles of the machines, whose agents read `agent_secret_arn`.
    """

    prefix: str
    region: str
    settings: ServerSettings
    ami_id: str
    instance_type: str
    cache_gib: int
    vault_id: pulumi.Input[str]
    security_group_id: pulumi.Input[str]
    network_rules: Sequence[pulumi.Resource]
    registration_timeout: timedelta
    poll: timedelta
    agent_reader_role_arns: Sequence[str] = ()


class ConfigurationServer(MigrationServer):
    """A Windows instance that is configuration server, process server and master target at once.

    It installs and registers itself with a credentials file of its own, unless a person is to do
    so: then no file is made, because the portal has one to download.
    """

    def __init__(
        self, name: str, args: ConfigurationServerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        settings = args.settings
        super().__init__("ConfigurationServer", name, settings.name, opts)
        unattended = settings.installation == "unattended"
        instance = self.launch(
            ServerInstance(
                role="configuration-server",
                prefix=args.prefix,
                region=args.region,
                name=settings.name,
                subnet_id=settings.subnet_id,
                private_ip=settings.private_ip,
                ami_id=args.ami_id,
                instance_type=args.instance_type,
                volumes_gib=[args.cache_gib, settings.retention_gib],
                vault_id=args.vault_id,
                security_group_id=args.security_group_id,
                network_rules=args.network_rules,
                agent_reader_role_arns=args.agent_reader_role_arns,
                installer=settings.installer if unattended else None,
            ),
            self._credential(args) if unattended else None,
        )
        # Registered after the instance is made, and so unregistered before it is terminated: the
        # vault would keep a server that nobody can reach any more.
        self.registration = FabricRegistration(
            "registration",
            vault_id=args.vault_id,
            server_name=settings.name,
            experience="classic",
            keep=False,
            region=args.region,
            status_parameter=self.status_parameter,
            timeout_seconds=args.registration_timeout.total_seconds(),
            poll_seconds=args.poll.total_seconds(),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[instance]),
        )
        self.register_outputs({"instanceId": self.instance_id, "privateIp": self.private_ip})

    def _credential(self, args: ConfigurationServerArgs) -> CredentialSecret:
        credentials = VaultCredentials(
            "credentials",
            vault_id=args.vault_id,
            server_name=args.settings.name,
            poll_seconds=args.poll.total_seconds(),
            opts=pulumi.ResourceOptions(parent=self),
        )
        secret = self.make_secret(
            "credential",
            f"{args.prefix}-configuration-server-credential",
            "With it the configuration server registers with its vault, within 120 hours",
        )
        version = secretsmanager.SecretVersion(
            "credential",
            secret_id=secret.id,
            secret_string=credentials.credentials_file,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return CredentialSecret(secret.arn, version)
