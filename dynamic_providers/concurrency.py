"""How many waves run at a time.

A wave is one call of the engine that may take hours. Two things limit how many calls there are at a
time: the engine makes as many as `--parallel` says, and the SDK serves a provider process with four
threads (`pulumi/dynamic/__main__.py`). This module lifts the second limit.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from types import ModuleType

_SERVED_BY_SDK = 4
_SERVED_AT_ONCE = 1000
"""A thread is started only when there is a call for it."""
_CALLS = ("Check", "Diff", "Create", "Update", "Read", "Delete")
_SERVICER = "DynamicResourceProviderServicer"


@cache
def lift() -> int:
    """Let this process serve many calls at a time. Returns how many it serves from now on."""
    return serve_by(sys.modules["__main__"], _SERVED_AT_ONCE)


def serve_by(module: ModuleType, threads: int) -> int:
    """Serve the calls of the SDK's servicer with a thread pool of their own.

    gRPC asks a method for its pool whenever it is called (attribute `experimental_thread_pool`, with
    which gRPC's own health service is set up), so this works while the server runs already.

    Args:
        module: the SDK's module that serves this process.
        threads: the size of the pool.

    Returns:
        How many calls are served at a time. It is the SDK's number if its servicer has changed.
    """
    servicer = getattr(module, _SERVICER, None)
    methods = [getattr(servicer, call, None) for call in _CALLS]
    if not all(map(callable, methods)):
        return _SERVED_BY_SDK
    pool = ThreadPoolExecutor(threads, thread_name_prefix="call")
    for method in methods:
        method.experimental_thread_pool = pool  # type: ignore[union-attr]
    return threads


def shortage(waves: int, served: int, parallel: int | None) -> str | None:
    """A line that says how many waves run at a time, if not all of them do.

    Args:
        waves: how many waves the stack has.
        served: how many calls a provider process serves at a time.
        parallel: the engine's `--parallel`; None if it is not known.
    """
    at_once = served if parallel is None else min(served, max(1, parallel))
    if waves <= at_once:
        return None
    what = f"only {at_once} of the stack's {waves} waves run at a time; the others wait for them"
    if at_once == served:
        return f"{what}. The installed version of Pulumi's SDK serves no more calls at once."
    return (
        f"{what}. The engine runs {at_once} operations at once: set PULUMI_PARALLEL={2 * waves}, or "
        f"run pulumi up --parallel {2 * waves}."
    )
