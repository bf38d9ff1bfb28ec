"""Runs the program, its dynamic providers, policy packs and plugins in the program's Python.

It is run by path with the Python of the program's virtual environment, which has the `pulumi` package but
nothing of this checkout. So this file imports nothing from it.

    python child.py program <engine address>     the stack's program; see run_program for its input
    python child.py module <name> <argument>...  a module, as `python -m` runs it
    python child.py path <path> <argument>...    a file, or a folder with a __main__.py

It behaves as the official scripts `pulumi-language-python-exec` and `pulumi-resource-pulumi-python`
of pulumi/pulumi `sdk/python`.
"""

from __future__ import annotations

import asyncio
import atexit
import gc
import logging
import os
import runpy
import signal
import sys
import threading
import time
import traceback
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

_FAILURE_WAS_SHOWN = 32
"""As in server.py."""
_PARENT_CHECK_SECONDS = 0.5
_THREADS_PER_PARALLEL_OPERATION = 4
_COLLECTED_AFTER = (50_000, 20, 100)
"""Thresholds for `gc.set_threshold`; Python's defaults are (700, 10, 10)."""


def main(arguments: list[str]) -> int:
    """Run the role named by the first argument. Returns its exit code."""
    end_with(os.getppid())
    # The engine ends its plugins with SIGINT, which Python would report as a KeyboardInterrupt.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # The cloud SDKs are tens of thousands of classes that stay. Searching them for garbage again
    # and again takes a quarter of the time of importing them.
    gc.set_threshold(*_COLLECTED_AFTER)
    # At its end Python would search and free all of them, which takes a third as long as the run.
    atexit.register(gc.freeze)
    role, *rest = arguments
    if role == "program":
        return run_program(*rest)
    # A dynamic provider's class is pickled as a module and a name, so its module must be found.
    sys.argv = rest
    if role == "module":
        sys.path[0] = str(Path.cwd())
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.path.pop(0)
        runpy.run_path(rest[0], run_name="__main__")
    return 0


def end_with(parent: int) -> None:
    """End this process soon after its parent.

    A killed engine must not leave a program behind that goes on changing things.
    """

    def watch() -> NoReturn:
        while os.getppid() == parent:
            time.sleep(_PARENT_CHECK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def run_program(engine: str) -> int:
    """Run a Pulumi program as its stack.

    Args:
        engine: the engine's address. Standard input has the `pulumirpc.RunRequest`.

    Returns:
        The exit code: 0, _FAILURE_WAS_SHOWN, or the code that the program gave to sys.exit.
    """
    import pulumi
    import pulumi.runtime
    from pulumi.runtime.proto.language_pb2 import RunRequest

    request = RunRequest.FromString(sys.stdin.buffer.read())
    # A program that reads standard input gets none, as with the official host.
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    pulumi.runtime.set_all_config(dict(request.config), list(request.configSecretKeys))
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            project=request.project,
            stack=request.stack,
            organization=request.organization,
            root_directory=request.info.root_directory,
            monitor=request.monitor_address,
            engine=engine,
            parallel=request.parallel,
            dry_run=request.dryRun,
        )
    )
    folder = request.info.program_directory
    program = Path(folder, request.info.entry_point).resolve()
    if not (program.is_file() or (program / "__main__.py").is_file()):
        pulumi.log.error(f"There is no program __main__.py in {program}")
        return _FAILURE_WAS_SHOWN
    sys.argv = [str(program), *request.args]
    sys.path[0] = folder
    os.chdir(folder)

    # A program that fails half-way leaves outputs that nothing waits for. asyncio would complain
    # about each of them.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    threads = ThreadPoolExecutor(
        max_workers=max(request.parallel, 1) * _THREADS_PER_PARALLEL_OPERATION
    )
    loop.set_default_executor(threads)

    def body() -> Awaitable[None]:
        runpy.run_path(str(program), run_name="__main__")
        # The registrations begin when the event loop first runs. As long as the SDK knows of none,
        # it waits for all outputs, anew at every answer of the engine: thousands, hundreds of times.
        return asyncio.sleep(0)

    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(body))
    except pulumi.RunError as stopped:
        pulumi.log.error(str(stopped))
        return _FAILURE_WAS_SHOWN
    except SystemExit as stopped:
        if isinstance(stopped.code, str):
            pulumi.log.error(stopped.code)
            return _FAILURE_WAS_SHOWN
        return stopped.code or 0
    except Exception as error:  # noqa: BLE001 - whatever the program raised is the user's to read
        pulumi.log.error(
            "Program failed with an unhandled exception:\n" + _user_traceback(error, program)
        )
        return _FAILURE_WAS_SHOWN
    finally:
        threads.shutdown(wait=True)
        loop.close()
    return 0


def _user_traceback(error: BaseException, program: Path) -> str:
    """The error's traceback, starting at the program's first line.

    The whole traceback if the program is not in it.
    """
    entry_points = {str(program), str(program / "__main__.py")}
    own = error.__traceback__
    while own and str(Path(own.tb_frame.f_code.co_filename).resolve()) not in entry_points:
        own = own.tb_next
    if own is None and not (isinstance(error, SyntaxError) and error.filename in entry_points):
        own = error.__traceback__
    return "".join(traceback.format_exception(type(error), error, own))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
