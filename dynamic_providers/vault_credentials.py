"""The resource for the credentials file of a configuration server. Its output is a secret."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias

import pulumi
from pulumi.dynamic import DiffResult

from dynamic_providers import adapter
from dynamic_providers.adapter import Inputs, MigrationProvider, Outputs
from dynamic_providers.declared import DeclaredResource
from site_recovery.arm_ids import VaultId
from site_recovery.azure import vault
from site_recovery.azure.servers import vault_credentials
from site_recovery.errors import ServiceUnavailableError


class VaultCredentialsInputs(Inputs):
    """The inputs. None is a secret; the poll is in seconds of real time."""

    vault_id: str
    server_name: str
    poll_seconds: float

    @property
    def vault(self) -> VaultId:
        """The parts of the vault's id."""
        return VaultId.parse(self.vault_id)


class VaultCredentialsOutputs(Outputs):
    """The outputs. The file is a secret.

    Attributes:
        credentials_file: the text of the file.
        expires: when the vault stops accepting it (ISO 8601, the service's time).
        certificate_name: the name of its certificate in the vault.
    """

    credentials_file: str
    expires: str
    certificate_name: str


Recorded: TypeAlias = adapter.Recorded[VaultCredentialsInputs, VaultCredentialsOutputs]


class VaultCredentialsProvider(MigrationProvider[VaultCredentialsInputs, VaultCredentialsOutputs]):
    """Creates the file, and renews it as long as the server may still need it."""

    async def on_diff(self, recorded: Recorded, news: dict[str, Any]) -> DiffResult:
        """Another vault or server needs its own file; one about to expire is renewed in place.

        Only a server that is not registered yet needs the file, so the file of a registered
        server is left to expire.
        """
        replaces = recorded.replaced(news, "vault_id", "server_name")
        changes = bool(replaces) or await self._is_due(recorded)
        return DiffResult(changes=changes, replaces=replaces)

    async def on_create(
        self, inputs: VaultCredentialsInputs
    ) -> tuple[str, VaultCredentialsOutputs]:
        """Make a certificate, upload its public half and write the file."""
        made = await self._issue(inputs)
        return f"{inputs.vault_id}/certificates/{made.certificate_name}", made

    async def on_update(
        self, recorded: Recorded, inputs: VaultCredentialsInputs
    ) -> VaultCredentialsOutputs:
        """Make a new file: only a file that is about to expire is updated."""
        return await self._issue(inputs)

    async def on_read(
        self, id_: str, recorded: Recorded
    ) -> tuple[VaultCredentialsInputs, VaultCredentialsOutputs] | None:
        """Gone with its vault; otherwise as recorded, because no vault shows its certificates."""
        inputs = recorded.inputs
        async with self.azure(inputs.vault) as connection:
            there = await vault.read(connection, inputs.vault) is not None
        return (inputs, recorded.outputs) if there else None

    async def on_delete(self, id_: str, recorded: Recorded) -> None:
        """Forget the file. Azure deletes no certificate: it expires by itself in 120 hours.

        The only copy of the private key is in the secret, which is deleted with the stack.
        """

    async def _issue(self, inputs: VaultCredentialsInputs) -> VaultCredentialsOutputs:
        async with self.azure(inputs.vault) as connection:
            made = await vault_credentials.issue(connection, inputs.vault)
        return VaultCredentialsOutputs(
            credentials_file=made.file,
            expires=made.expires.isoformat(),
            certificate_name=made.certificate_name,
        )

    async def _is_due(self, recorded: Recorded) -> bool:
        inputs = recorded.inputs
        expires = datetime.fromisoformat(recorded.outputs.expires)
        async with self.azure(inputs.vault) as connection:
            try:
                return await vault_credentials.due(
                    connection, inputs.vault, inputs.server_name, expires
                )
            except ServiceUnavailableError:
                # An offline preview must not fail here. In an update every other resource that
                # asks Azure says that it does not answer.
                return False


class VaultCredentials(
    DeclaredResource,
    name="Credentials",
    former="VaultCredentials",
    provider=VaultCredentialsProvider,
    secret_outputs=["credentials_file"],
):
    """A credentials file with which one server may register with one vault within 120 hours."""

    credentials_file: pulumi.Output[str]
    expires: pulumi.Output[str]
    certificate_name: pulumi.Output[str]
