"""The credentials file of a configuration server, as a resource whose output is a secret."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from dynamic_providers.adapter import Inputs, MigrationProvider, is_unknown, run
from site_recovery.arm_ids import VaultId, same
from site_recovery.azure import vault
from site_recovery.azure.servers import vault_credentials
from site_recovery.azure.servers.vault_credentials import Credentials
from site_recovery.errors import ServiceUnavailableError

SECRET_OUTPUTS = ["credentials_file"]


class VaultCredentialsInputs(Inputs):
    """Wire inputs, none of them a secret; the poll in seconds of real time."""

    vault_id: str
    server_name: str
    poll_seconds: float


class VaultCredentialsProvider(MigrationProvider):
    """Makes the file, and makes it anew as long as the server could still need it."""

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Another vault or server needs its own file; one about to end is renewed in place.

        Only a server that is not registered yet needs the file at all, so a file is left to
        expire once it is.
        """
        replaces = [
            name
            for name in ("vault_id", "server_name")
            if is_unknown(news.get(name)) or not same(olds.get(name), news.get(name))
        ]
        return DiffResult(changes=bool(replaces) or self._due(olds), replaces=replaces)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Make a certificate, upload its public half and write the file."""
        made = self._issue(props)
        inputs = VaultCredentialsInputs.model_validate(props)
        return CreateResult(
            f"{inputs.vault_id}/certificates/{made.certificate_name}",
            {**inputs.wire(), **_outputs(made)},
        )

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Make a new file; that the old one is about to end is the only reason to be here."""
        made = self._issue(news)
        return UpdateResult(
            {**VaultCredentialsInputs.model_validate(news).wire(), **_outputs(made)}
        )

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Gone with its vault; a vault does not show its certificates, so else as recorded."""
        inputs = VaultCredentialsInputs.model_validate(props)

        async def work() -> bool:
            where = VaultId.parse(inputs.vault_id)
            async with self.connect()(where.subscription) as connection:
                return await vault.read(connection, where) is not None

        if not run(work):
            return ReadResult("", {})
        return ReadResult(id_, props, inputs.wire())

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Forget the file. Azure deletes no certificate: it expires by itself in 120 hours.

        Nothing that uses it stays: the only copy of the private key is in the secret that is
        deleted with the stack.
        """

    def _issue(self, props: dict[str, Any]) -> Credentials:
        inputs = VaultCredentialsInputs.model_validate(props)

        async def work() -> Credentials:
            where = VaultId.parse(inputs.vault_id)
            async with self.connect()(where.subscription) as connection:
                return await vault_credentials.issue(connection, where)

        return run(work)

    def _due(self, olds: dict[str, Any]) -> bool:
        inputs = VaultCredentialsInputs.model_validate(olds)

        async def work() -> bool:
            where = VaultId.parse(inputs.vault_id)
            async with self.connect()(where.subscription) as connection:
                try:
                    return await vault_credentials.due(
                        connection,
                        where,
                        inputs.server_name,
                        datetime.fromisoformat(olds["expires"]),
                    )
                except ServiceUnavailableError:
                    # An offline preview must not fail here. In an update whatever else asks
                    # Azure says that it does not answer.
                    return False

        return run(work)


class VaultCredentials(Resource, module="site-recovery", name="VaultCredentials"):
    """A credentials file with which one server may register with one vault within 120 hours.

    Attributes:
        credentials_file: the file's text; a secret in the state, in outputs and wherever it goes.
        expires: when the vault takes it no longer (ISO 8601, the service's time).
        certificate_name: the name of its certificate in the vault.
    """

    credentials_file: pulumi.Output[str]
    expires: pulumi.Output[str]
    certificate_name: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        vault_id: pulumi.Input[str],
        server_name: pulumi.Input[str],
        poll_seconds: pulumi.Input[float],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            VaultCredentialsProvider(),
            name,
            {
                "vault_id": vault_id,
                "server_name": server_name,
                "poll_seconds": poll_seconds,
                "credentials_file": None,
                "expires": None,
                "certificate_name": None,
            },
            pulumi.ResourceOptions.merge(
                opts, pulumi.ResourceOptions(additional_secret_outputs=SECRET_OUTPUTS)
            ),
        )


def _outputs(made: Credentials) -> dict[str, str]:
    return {
        "credentials_file": made.file,
        "expires": made.expires.isoformat(),
        "certificate_name": made.certificate_name,
    }
