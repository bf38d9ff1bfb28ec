"""Microsoft's clouds: where each has Resource Manager, and where tokens for it are issued.

Sources: "Azure Government: compare" and "Azure China 21Vianet developer guide", endpoints; the
clouds of azcore, by the names that `azure-native:environment` takes (`GetCloudByName` of the
provider).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from site_recovery.errors import MigrationError

NAMES = ("public", "usgovernment", "china")
"""The names of the clouds."""
CHOICE = f"{', '.join(NAMES[:-1])} or {NAMES[-1]}"

VARIABLES = ("ARM_ENVIRONMENT", "AZURE_ENVIRONMENT")
"""What the plugin reads without `azure-native:environment`, in this order."""
_AUTHORITY = "AZURE_AUTHORITY_HOST"
_ALIASES = {
    "azurecloud": "public",
    "azurepubliccloud": "public",
    "usgov": "usgovernment",
    "azureusgovernment": "usgovernment",
    "azureusgovernmentcloud": "usgovernment",
    "azurechinacloud": "china",
}
_REGIONS = {"usgov": "usgovernment", "usdod": "usgovernment", "china": "china"}


class UnknownCloudError(MigrationError):
    """The environment names a cloud that does not exist. The plugin would take the public one.

    Attributes:
        variable: the variable that names it.
    """

    def __init__(self, variable: str, name: str) -> None:
        super().__init__(
            f"{variable}={name}: there is no such cloud of Azure. Set it to {CHOICE}, or unset it."
        )
        self.variable = variable


@dataclass(frozen=True)
class AzureCloud:
    """One of Microsoft's clouds.

    Attributes:
        name: its name.
        endpoint: the URL of Resource Manager, which is also the audience of its tokens.
        authority: the host that issues tokens.
    """

    name: str
    endpoint: str
    authority: str


_CLOUDS = {
    "public": AzureCloud("public", "https://management.azure.com", "login.microsoftonline.com"),
    "usgovernment": AzureCloud(
        "usgovernment", "https://management.usgovcloudapi.net", "login.microsoftonline.us"
    ),
    "china": AzureCloud("china", "https://management.chinacloudapi.cn", "login.chinacloudapi.cn"),
}


def named(name: str) -> AzureCloud | None:
    """The cloud with a name that the plugin takes, in any case; None if there is none."""
    lower = name.lower()
    return _CLOUDS.get(_ALIASES.get(lower, lower))


def of_environment(environment: Mapping[str, str] | None = None) -> AzureCloud:
    """The cloud that the environment names; the public one if it names none.

    Args:
        environment: the variables; by default those of this process.

    Raises:
        UnknownCloudError: it names none that exists.
    """
    environment = os.environ if environment is None else environment
    for variable in VARIABLES:
        if name := environment.get(variable):
            cloud = named(name)
            if cloud is None:
                raise UnknownCloudError(variable, name)
            return cloud
    return _CLOUDS["public"]


def use(configured: str | None) -> None:
    """Let all clients of this process use the cloud of the config, as the plugin does.

    Args:
        configured: the value of `azure-native:environment`. None, or one that is refused elsewhere,
            leaves it to the environment.
    """
    if configured and named(configured):
        os.environ[VARIABLES[0]] = configured


def recorded(deployment: Mapping[str, Any]) -> str | None:
    """The cloud that the provider of a recorded stack was configured with, if it was.

    Args:
        deployment: the `deployment` that `pulumi stack export` prints.
    """
    for resource in deployment.get("resources") or ():
        if resource.get("type") == "pulumi:providers:azure-native":
            found = (resource.get("inputs") or {}).get("environment")
            return str(found) if found else None
    return None


def of_region(location: str) -> AzureCloud:
    """The cloud of a region, by how the names of its regions begin."""
    for beginning, name in _REGIONS.items():
        if location.startswith(beginning):
            return _CLOUDS[name]
    return _CLOUDS["public"]


def of_url(url: str) -> AzureCloud | None:
    """The cloud to whose Resource Manager a URL belongs; None for another one, as the emulator's."""
    host = urlsplit(url).hostname or ""
    for cloud in _CLOUDS.values():
        own = urlsplit(cloud.endpoint).hostname
        if host == own or host.endswith(f".{own}"):
            return cloud
    return None


def at(url: str) -> AzureCloud:
    """The cloud of a URL; for one of none of them, that of the environment."""
    return of_url(url) or of_environment()


def authority(url: str) -> str:
    """The host that issues tokens for the Resource Manager at a URL.

    `AZURE_AUTHORITY_HOST` takes precedence, as for all clients of azure-identity.
    """
    return os.environ.get(_AUTHORITY) or at(url).authority
