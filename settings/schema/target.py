"""The Azure side: where the machines go."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from settings.schema.places import SubscriptionId
from site_recovery.declared import own_names
from site_recovery.declared.addresses import NetworkPrefix
from site_recovery.declared.model import Model, broken, defaults_to
from site_recovery.declared.names import (
    RESOURCE_GROUP,
    NetworkName,
    NetworkSecurityGroupId,
    ResourceGroupName,
    StorageAccountName,
    SubnetName,
    VaultName,
)
from site_recovery.declared.tags import Tags
from site_recovery.declared.wording import another_kind, said

PARTS = (
    "resourceGroup",
    "vault",
    "network",
    "testNetwork",
    "cacheStorageAccount",
    "machinesResourceGroup",
)
"""Keys of the parts of the Azure side that may exist already."""

PARTS_THAT_OUTLIVE_THE_STACK = ("machinesResourceGroup", "network")
"""What `adopt: true` means: the parts that an earlier stack leaves behind."""


_GROUP_MAX = 90
"""The longest name of a resource group."""


def _adopted(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if not isinstance(value, list | tuple):
        what, _ = another_kind(value, "true or false or a list")
        raise broken(what, f"Use true, false, or a list of {', '.join(PARTS)}")
    # An entry without a value is reported at its own place.
    unknown = [part for part in value if part is not None and part not in PARTS]
    if unknown:
        raise broken(
            f"{' and '.join(map(said, unknown))} cannot be adopted",
            f"Use one of {', '.join(PARTS)}",
        )
    twice = [part for index, part in enumerate(value) if part in value[:index]]
    if twice:
        raise broken(f"it has {said(twice[0])} twice", "Remove one of the two")
    return tuple(part for part in value if part is not None)


_Adopted = Annotated[bool | tuple[str, ...], BeforeValidator(_adopted)]


class Subnet(Model):
    """A subnet of a virtual network."""

    name: SubnetName = Field(description="Subnet that the machines are put into.")
    address_prefix: NetworkPrefix = Field(
        description="Addresses of the subnet, inside those of the network."
    )
    network_security_group: NetworkSecurityGroupId | None = Field(
        default=None,
        description="An existing network security group for the subnet. It needs the network to "
        "be one that the program makes.",
        json_schema_extra=defaults_to("one that is made, with Azure's default rules"),
    )


class Network(Model):
    """A virtual network with the one subnet that machines are put in."""

    name: NetworkName = Field(description="Name of the virtual network.")
    address_space: NetworkPrefix = Field(description="Addresses of the network.")
    resource_group: ResourceGroupName | None = Field(
        default=None,
        description="An existing resource group for the network, which is neither created nor "
        "deleted.",
        json_schema_extra=defaults_to(
            "that of the machines, or of the migration for a test network in its subscription"
        ),
    )
    subnet: Subnet


class Target(Model):
    """The Azure side. Ask with `adopts` whether a part exists already."""

    resource_group: ResourceGroupName = Field(
        description="Resource group of what serves the migration: vault, cache storage account, "
        "test network. Deleted with the stack."
    )
    machines_subscription_id: SubscriptionId | None = Field(
        default=None,
        title="GUID",
        description="Azure subscription of the migrated machines, their resource group and both "
        "networks, in the tenant of the vault's: [accounts and subscriptions]"
        "(accounts.md#machines-in-another-subscription).",
        json_schema_extra=defaults_to("`azure-native:subscriptionId`"),
    )
    machines_resource_group: ResourceGroupName = Field(
        description="Resource group of the production network and the migrated machines. Kept "
        "when the stack is destroyed.",
        json_schema_extra=defaults_to("`<resourceGroup>-machines`"),
    )
    vault: VaultName = Field(description="Recovery Services vault.")
    network: Network = Field(description="The production network.")
    test_network: Network = Field(
        description="The isolated network of test failovers. Its addresses may not overlap with "
        "those of production."
    )
    cache_storage_account: StorageAccountName = Field(
        description="Storage account that the replication data passes through. The name is "
        "unique in all of Azure."
    )
    cache_resource_group: ResourceGroupName | None = Field(
        default=None,
        description="An existing resource group for the cache storage account, which is neither "
        "created nor deleted.",
        json_schema_extra=defaults_to("`target.resourceGroup`"),
    )
    adopt: _Adopted = Field(
        default=False,
        title=f"`true`, `false`, or a list of {', '.join(f'`{part}`' for part in PARTS)}",
        description="Parts that exist already. They are used as they are, neither created nor "
        "changed. `true` means the parts that an earlier stack leaves behind: "
        f"`[{', '.join(PARTS_THAT_OUTLIVE_THE_STACK)}]`.",
    )
    tags: Tags = Field(
        default_factory=dict, description="Tags of everything that is created in Azure."
    )

    @model_validator(mode="before")
    @classmethod
    def _name_the_machines_group(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and isinstance(raw.get("resourceGroup"), str):
            name = own_names.fitted(f"{raw['resourceGroup']}-machines", _GROUP_MAX)
            if not RESOURCE_GROUP.fullmatch(name):
                # The name that it is made of is refused, which is enough.
                name = "machines"
            return {"machinesResourceGroup": name, **raw}
        return raw

    def machines_elsewhere(self, subscription: str | None) -> bool:
        """Whether the machines are in another subscription than this one, the vault's."""
        own = self.machines_subscription_id
        return own is not None and subscription is not None and own.lower() != subscription.lower()

    def own_group(self, part: str) -> str | None:
        """The existing resource group that is declared for a part, one of `PARTS`, alone."""
        return {
            "network": self.network.resource_group,
            "testNetwork": self.test_network.resource_group,
            "cacheStorageAccount": self.cache_resource_group,
        }.get(part)

    def adopts(self, part: str) -> bool:
        """Whether a part, one of `PARTS`, exists already and is used as it is."""
        if isinstance(self.adopt, bool):
            return self.adopt and part in PARTS_THAT_OUTLIVE_THE_STACK
        return part in self.adopt
