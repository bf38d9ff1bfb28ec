"""The plugin's process: `python -m emulator.providers.azure_native <engine address>`."""

from __future__ import annotations

import sys
from importlib.metadata import version

from emulator.providers.azure_native.provider import AzureNativeProvider
from emulator.providers.server import serve

if __name__ == "__main__":
    serve(AzureNativeProvider(), version("pulumi-azure-native"), sys.argv[1:])
