"""The Recovery Services vault that the machines replicate through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from components.occupied import Occupied
from components.sdk import recoveryservices
from site_recovery.ownership import STACK_TAG


@dataclass(frozen=True)
class VaultArgs:
    """The inputs of the vault.

    Attributes:
        adopted_id: the ARM id of a vault that already exists; None for one that is made.
        occupied: keeps a vault with machines in it from being replaced.
    """

    vault_name: str
    resource_group_name: pulumi.Input[str]
    location: str
    tags: Mapping[str, str] = field(default_factory=dict)
    adopted_id: str | None = None
    occupied: Occupied | None = None


class Vault(pulumi.ComponentResource):
    """A vault of the standard tier.

    It is reached over its public endpoint, because the server is in another cloud. Azure roles and
    the registration key decide who may use it, not the network.

    Attributes:
        vault_id: the vault's ARM id.
        vault_name: its name.
    """

    vault_id: pulumi.Output[str]
    vault_name: pulumi.Output[str]

    def __init__(
        self, name: str, args: VaultArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("ec2-to-azure:components:Vault", name, None, opts)
        self.vault_id, self.vault_name = self._adopted(args) or self._made(args)
        self._args = args
        self.register_outputs({"vaultId": self.vault_id, "vaultName": self.vault_name})

    def _adopted(self, args: VaultArgs) -> tuple[pulumi.Output[str], pulumi.Output[str]] | None:
        if args.adopted_id is None:
            return None
        vault = recoveryservices.Vault.get(
            "vault", args.adopted_id, pulumi.ResourceOptions(parent=self)
        )
        return vault.id, vault.name

    def _made(self, args: VaultArgs) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        vault = recoveryservices.Vault(
            "vault",
            vault_name=args.vault_name,
            resource_group_name=args.resource_group_name,
            location=args.location,
            sku=recoveryservices.SkuArgs(name=recoveryservices.SkuName.RS0, tier="Standard"),
            properties=recoveryservices.VaultPropertiesArgs(
                public_network_access=recoveryservices.PublicNetworkAccess.ENABLED
            ),
            tags=args.tags,
            # A renamed stack keeps the tag of the name under which it made the vault.
            opts=pulumi.ResourceOptions(
                parent=self,
                ignore_changes=[f'tags["{STACK_TAG}"]'],
                hooks=args.occupied.hooks if args.occupied is not None else None,
            ),
        )
        return vault.id, vault.name

    def summary(self) -> dict[str, pulumi.Input[str]]:
        """The vault in the stack's outputs."""
        return {
            "name": self._args.vault_name,
            "id": self.vault_id,
            "resourceGroup": self._args.resource_group_name,
        }
