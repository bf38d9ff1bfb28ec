"""The plugin's process: `python -m emulator.providers.aws <engine address>`."""

from __future__ import annotations

import sys
from importlib.metadata import version

from emulator.providers.aws.provider import AwsProvider
from emulator.providers.server import serve

if __name__ == "__main__":
    serve(AwsProvider(), version("pulumi-aws"), sys.argv[1:])
