"""Virtual networks, parsed from what Microsoft.Network answers."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from site_recovery.azure.answers.reading import Wire
from site_recovery.subnets import Holder, Network, Subnet

_PARTS = ("ipConfigurations", "frontendIPConfigurations")


class _ConfigurationProperties(Wire):
    private_ip_address: str | None = Field(None, alias="privateIPAddress")


class _Configuration(Wire):
    id: str
    properties: _ConfigurationProperties | None = None


class _SubnetProperties(Wire):
    address_prefix: str | None = None
    address_prefixes: list[str] | None = None
    ip_configurations: list[_Configuration] | None = None


class _Subnet(Wire):
    name: str
    properties: _SubnetProperties


class _NetworkProperties(Wire):
    subnets: list[_Subnet] | None = None


class _Network(Wire):
    id: str
    properties: _NetworkProperties


class _Availability(Wire):
    available: bool


def network(resource: Any) -> Network:
    """A network from its wire object.

    Args:
        resource: as VirtualNetworks_Get of Microsoft.Network answers it. Only with
            `$expand=subnets/ipConfigurations` it has the addresses that are held.

    Raises:
        ValueError: it is not as the service documents it.
    """
    shown = _Network.model_validate(resource)
    return Network(shown.id, tuple(map(_subnet, shown.properties.subnets or ())))


def available(answer: Any) -> bool:
    """Whether an address is free, from what VirtualNetworks_CheckIPAddressAvailability answers.

    Raises:
        ValueError: it is not as the service documents it.
    """
    return _Availability.model_validate(answer).available


def _subnet(shown: _Subnet) -> Subnet:
    properties = shown.properties
    one = [properties.address_prefix] if properties.address_prefix else []
    return Subnet(
        shown.name,
        tuple(properties.address_prefixes or one),
        tuple(map(_holder, properties.ip_configurations or ())),
    )


def _holder(shown: _Configuration) -> Holder:
    owner = shown.id
    for part in _PARTS:
        owner = owner.partition(f"/{part}/")[0]
    return Holder(owner, shown.properties.private_ip_address if shown.properties else None)
