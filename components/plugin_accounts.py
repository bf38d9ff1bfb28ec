"""Asks the plugins in which accounts they work."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from typing import TypeVar

import pulumi
from pulumi.runtime.invoke import invoke_async
from pulumi.runtime.sync_await import _sync_await

import components.sdk  # noqa: F401  (takes the place of the packages)
from settings import Accounts, Draft, uncompared
from site_recovery.aws import caller

_AWS = "aws:index/getCallerIdentity:getCallerIdentity"
_AZURE = "azure-native:authorization:getClientConfig"
_T = TypeVar("_T")


def ask(
    draft: Draft, subscription: str, meanwhile: Callable[[], _T]
) -> tuple[Accounts, Accounts, _T]:
    """Ask the plugins and the program's own AWS client at once, and do something meanwhile.

    The plugins have to start for a run anyway, and what is done meanwhile waits for AWS too. So
    this takes no time of its own.

    Args:
        draft: the config. A plugin that it has no use for is not asked.
        subscription: the Azure subscription in which the program works; empty if the config does
            not say it.
        meanwhile: is called in another thread.

    Returns:
        What the program sees, apart from its tenant; what the plugins see; and what `meanwhile`
        returned.
    """
    region = None if draft.retired else draft.region

    async def together() -> tuple[Accounts, Accounts, _T]:
        loop = asyncio.get_running_loop()
        # As long as these are awaited, all of them run.
        working = loop.run_in_executor(None, meanwhile)
        own = loop.run_in_executor(None, caller.account, region) if region else None
        aws, azure = await asyncio.gather(
            _asked(_AWS, "pulumi_aws" if region else ""),
            _asked(_AZURE, "pulumi_azure_native" if subscription else ""),
        )
        program = Accounts(await own if own is not None else "", subscription)
        plugins = Accounts(
            aws.get("accountId", ""), azure.get("subscriptionId", ""), azure.get("tenantId", "")
        )
        silent = uncompared(program, plugins)
        if silent is not None:
            pulumi.log.warn(silent)
        return program, plugins, await working

    # As the SDK waits in its own synchronous form, which would ask one plugin after the other.
    found: tuple[Accounts, Accounts, _T] = _sync_await(together())
    return found


async def _asked(function: str, package: str) -> dict[str, str]:
    """What a plugin answers; nothing, with a warning, if it does not.

    A plugin without credentials fails by itself at its first resource, and says more then.

    Args:
        function: the function.
        package: the SDK of the plugin; empty if it is not to be asked.
    """
    if not package:
        return {}
    utilities = importlib.import_module(f"{package}._utilities")
    try:
        answer = await invoke_async(function, {}, utilities.get_invoke_opts_defaults())
    except Exception as error:  # noqa: BLE001 - the SDK raises nothing more specific
        pulumi.log.warn(f"in which account the plugin works is not known: {error}")
        return {}
    return {key: str(value) for key, value in dict(answer or {}).items()}
