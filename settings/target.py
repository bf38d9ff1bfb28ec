"""Where the machines go."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StrictBool, model_validator

from settings.addresses import NetworkPrefix
from settings.base import Model, rule
from settings.names import (
    NetworkName,
    ResourceGroupName,
    StorageAccountName,
    SubnetName,
    VaultName,
)

_MAX_TAGS = 50
_FORBIDDEN_IN_TAG_NAMES = frozenset("<>%&\\?/")

Tags = Annotated[
    dict[str, Annotated[str, Field(max_length=256)]],
    rule(
        lambda tags: (
            len(tags) <= _MAX_TAGS
            and not any(_FORBIDDEN_IN_TAG_NAMES & set(name) or not name for name in tags)
        ),
        "Azure refuses these tags",
        f"Use at most {_MAX_TAGS}, and none of <>%&\\?/ in their names",
    ),
]


class Subnet(Model):
    """A subnet of a virtual network."""

    name: SubnetName
    address_prefix: NetworkPrefix


class Network(Model):
    """A virtual network with the one subnet that machines are put in."""

    name: NetworkName
    address_space: NetworkPrefix
    subnet: Subnet


class Target(Model):
    """The Azure side.

    Attributes:
        resource_group: holds what serves the migration and goes away with the stack: vault,
            cache storage, test network.
        machines_resource_group: holds what outlives the stack: the production network and the
            migrated virtual machines. `<resourceGroup>-machines` unless given.
        adopt: the machines' resource group and the production network exist already and are
            used as they are, neither created nor changed.
    """

    resource_group: ResourceGroupName
    machines_resource_group: ResourceGroupName
    vault: VaultName
    network: Network
    test_network: Network
    cache_storage_account: StorageAccountName
    adopt: StrictBool = False
    tags: Tags = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _name_the_machines_group(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and isinstance(raw.get("resourceGroup"), str):
            return {"machinesResourceGroup": f"{raw['resourceGroup']}-machines", **raw}
        return raw
