"""Functions of the `azure-native` package that look things up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.providers.azure_native.cloud import Cloud
from emulator.providers.azure_native.resources import Row, decode
from emulator.providers.azure_native.table import ROWS
from emulator.providers.errors import ProviderError

Function = Callable[[dict[str, Any]], dict[str, Any]]

_LOOK_UPS = {
    "azure-native:network:getVirtualNetwork": "azure-native:network:VirtualNetwork",
    "azure-native:network:getSubnet": "azure-native:network:Subnet",
    "azure-native:network:getNetworkSecurityGroup": "azure-native:network:NetworkSecurityGroup",
    "azure-native:resources:getResourceGroup": "azure-native:resources:ResourceGroup",
    "azure-native:storage:getStorageAccount": "azure-native:storage:StorageAccount",
    "azure-native:recoveryservices:getVault": "azure-native:recoveryservices:Vault",
    "azure-native:recoveryservices:getReplicationPolicy": (
        "azure-native:recoveryservices:ReplicationPolicy"
    ),
}


def table(cloud: Cloud) -> dict[str, Function]:
    """The functions by token."""
    rows = {row.token: row for row in ROWS}
    functions: dict[str, Function] = {
        token: _look_up(cloud, token, rows[of]) for token, of in _LOOK_UPS.items()
    }
    functions["azure-native:authorization:getClientConfig"] = lambda _: cloud.identity()
    return functions


def _look_up(cloud: Cloud, token: str, row: Row) -> Function:
    """A function that gets the resource of a row."""

    def get(arguments: dict[str, Any]) -> dict[str, Any]:
        wanted = [name for name in row.parameters if name != "subscriptionId"]
        for name in arguments:
            if name not in wanted:
                raise ProviderError(
                    f"the local azure-native provider does not know argument {name} of {token}; "
                    f"it knows: {', '.join(wanted)}"
                )
        path = row.path.replace("{subscriptionId}", cloud.subscription)
        for name in wanted:
            if name not in arguments:
                raise ProviderError(f"{token} needs the argument {name}")
            path = path.replace(f"{{{name}}}", str(arguments[name]))
        body = cloud.get(path, row.api_version)
        if body is None:
            raise ProviderError(f"{token}: there is no {path}")
        return {
            **decode(body, row.inputs, flat=row.flat),
            "azureApiVersion": row.api_version,
        }

    return get
