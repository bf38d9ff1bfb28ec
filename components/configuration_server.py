"""The configuration server in the machines' VPC, and its registration with the vault."""

from __future__ import annotations

from typing import TypeAlias

import pulumi

from components.migration_server import CredentialSecret, MigrationServer, ServerArgs
from components.sdk import secretsmanager
from dynamic_providers.vault_credentials import VaultCredentials
from settings import ConfigurationServer as ServerSettings

ConfigurationServerArgs: TypeAlias = ServerArgs[ServerSettings]
"""The inputs of the configuration server."""


class ConfigurationServer(MigrationServer):
    """A Windows instance that is configuration server, process server and master target at once.

    It installs and registers itself with its own credentials file. If a person is to install it,
    no file is made, because the portal offers one to download.
    """

    def __init__(
        self, name: str, args: ConfigurationServerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        settings = args.settings
        super().__init__("ConfigurationServer", name, settings.name, opts)
        self.clear(args, "classic", keep=False)
        instance = self.launch(
            args.instance(
                "configuration-server",
                settings.subnet_id,
                [args.cache_gib, settings.retention_gib],
            ),
            self._credential(args) if settings.installation == "unattended" else None,
        )
        self.register(args, "classic", [instance], keep=False)

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
