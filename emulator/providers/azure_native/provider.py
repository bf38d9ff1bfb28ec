"""The `azure-native` provider: its types and functions over one Azure."""

from __future__ import annotations

from typing import Any

from emulator.providers.azure_native import cloud, functions
from emulator.providers.azure_native.resources import ArmResource
from emulator.providers.azure_native.table import ROWS
from emulator.providers.errors import ProviderError
from emulator.providers.provider import StandInProvider


class AzureNativeProvider(StandInProvider):
    """Stands in for `pulumi-azure-native`."""

    def __init__(self) -> None:
        self._cloud = cloud.Cloud()
        super().__init__(
            "azure-native",
            cloud.CONFIGURABLE,
            [ArmResource(self._cloud, row) for row in ROWS],
            functions.table(self._cloud),
        )

    def use(self, config: dict[str, Any]) -> None:
        """Take location and subscription."""
        self._cloud.use(config)

    def explain(self, error: Exception) -> ProviderError | None:
        """An error of azure-core, in one line."""
        return cloud.explain(error)
