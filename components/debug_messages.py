"""Keeps the debug messages of Pulumi's SDK in the program."""

from __future__ import annotations

import os
from typing import Any

from pulumi import log

WANTED = "PULUMI_SDK_DEBUG"
"""The environment variable with which they are sent, for `pulumi up --debug`."""
_SENT = log.debug


def keep() -> None:
    """Do not send the SDK's debug messages to the engine, unless the environment asks for them.

    The SDK sends four for each resource, with a call of the engine that the program waits for. The
    engine throws them away unless it runs with `--debug`, which a program is not told.
    """
    # The SDK's modules look the function up in its module whenever they call it.
    log.debug = _SENT if os.environ.get(WANTED) else _dropped


def _dropped(*_: Any, **__: Any) -> None:
    """Take the place of `pulumi.log.debug`."""
