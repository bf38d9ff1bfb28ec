"""The language host: service `pulumirpc.LanguageRuntime` for runtime `python`.

    python server.py [flags] <engine address>     serves one engine until it ends

Source: pulumi/pulumi `proto/pulumi/language.proto`. The engine reports what is not
implemented here as unsupported: code generation, `pulumi new`, a debugger.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

_FAILURE_WAS_SHOWN = 32
"""Exit code of child.py: the program failed, and its error has already been sent to the engine."""

_CHILD = str(Path(__file__).with_name("child.py"))
_CHUNK_BYTES = 65536
_GRACE_SECONDS = 1.0
_ENGINE_CHECK_SECONDS = 0.5
# The whole config of a stack travels in one message.
_UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Runs Python programs and plugins for one engine.

    Args:
        engine: the engine's address, for programs to log to.
    """

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._children: set[Process] = set()

    async def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's
        """The version of the SDK whose protocol this host uses."""
        return plugin_pb2.PluginInfo(version=version("pulumi"))

    async def GetRequiredPackages(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The plugins that the installed SDKs need."""
        folder = await _installed(request.info, context)
        return language_pb2.GetRequiredPackagesResponse(packages=_packages(folder))

    async def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Run the program to its end. The engine shows what it writes to standard output and error."""
        folder = await _installed(request.info, context)
        # On standard input: Linux limits a single argument or variable to 128 KiB, and other
        # processes could read those.
        message = {
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization,
            "root": request.info.root_directory,
            "directory": request.info.program_directory,
            "program": request.info.entry_point,
            "arguments": list(request.args),
            "config": dict(request.config),
            "secret_keys": list(request.configSecretKeys),
            "monitor": request.monitor_address,
            "engine": self._engine,
            "parallel": request.parallel,
            "dry_run": request.dryRun,
        }
        command = [_python(folder), "-u", _CHILD, "program"]
        environment = os.environ | _activated(folder)
        try:
            async with self._started(command, request.pwd, environment, stdin=PIPE) as program:
                await program.communicate(json.dumps(message).encode())
        except asyncio.CancelledError:
            # The engine has shown the user why it stopped. gRPC would add a traceback.
            return language_pb2.RunResponse(bail=True)
        return _run_response(program.returncode)

    async def RunPlugin(  # noqa: N802
        self, request: Any, context: Any
    ) -> AsyncIterator[Any]:
        """Run a policy pack or another plugin written in Python, and pass on its output.

        The plugin ends by itself, or when the engine cancels the call.
        """
        folder = await _installed(request.info, context)
        program = request.info.program_directory
        if request.kind == "analyzer":
            role = ["module", "pulumi.policy", *request.args, program]
        else:
            role = ["path", program, *request.args]
        command = [_python(folder), "-u", _CHILD, *role]
        environment = dict(item.split("=", 1) for item in request.env) | _activated(folder)
        async with self._started(command, request.pwd, environment, stdout=PIPE, stderr=PIPE) as it:
            async for response in _output(it, language_pb2.RunPluginResponse):
                yield response
            yield language_pb2.RunPluginResponse(exitcode=await it.wait())

    async def InstallDependencies(  # noqa: N802
        self, request: Any, context: Any
    ) -> AsyncIterator[Any]:
        """Create the virtual environment and install requirements.txt into it (`pulumi install`)."""
        root = request.info.root_directory
        for command in _install_commands(_virtual_environment(request.info), Path(root)):
            async with self._started(command, root, os.environ, stdout=PIPE, stderr=PIPE) as it:
                async for response in _output(it, language_pb2.InstallDependenciesResponse):
                    yield response
                if code := await it.wait():
                    await _refuse(context, f"`{' '.join(command)}` failed with exit code {code}")

    async def About(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Which Python runs the program (`pulumi about`)."""
        python = _python(await _installed(request.info, context))
        code = "import platform; print(platform.python_version())"
        return language_pb2.AboutResponse(executable=python, version=_printed(python, "-c", code))

    async def GetProgramDependencies(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The distributions installed for the program (`pulumi about`)."""
        python = _python(await _installed(request.info, context))
        options = [] if request.transitiveDependencies else ["--not-required"]
        listed = _printed(python, "-m", "pip", "list", "--format", "json", *options)
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[language_pb2.DependencyInfo(**one) for one in json.loads(listed)]
        )

    async def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        """End all children. The calls that wait for them then return."""
        self.stop()
        return empty_pb2.Empty()

    def stop(self) -> None:
        """Ask every running child to end."""
        for process in self._children:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()

    @contextlib.asynccontextmanager
    async def _started(
        self,
        command: list[str],
        directory: str,
        environment: Mapping[str, str],
        *,
        stdin: int = DEVNULL,
        stdout: int | None = None,
        stderr: int | None = None,
    ) -> AsyncIterator[Process]:
        """A process that ends with the call that it was started for."""
        process = await asyncio.create_subprocess_exec(
            *command, cwd=directory, env=environment, stdin=stdin, stdout=stdout, stderr=stderr
        )
        self._children.add(process)
        try:
            yield process
        finally:
            self._children.discard(process)
            if process.returncode is None:
                process.terminate()


def _virtual_environment(info: Any) -> Path:
    """The folder that `runtime.options.virtualenv` of Pulumi.yaml names, relative to that file."""
    return Path(info.root_directory, dict(info.options).get("virtualenv", "")).absolute()


async def _installed(info: Any, context: Any) -> Path:
    """The virtual environment, after a check that it exists."""
    folder = _virtual_environment(info)
    if not os.access(_python(folder), os.X_OK):
        await _refuse(
            context,
            f"There is no virtual environment at {folder} (runtime.options.virtualenv in "
            "Pulumi.yaml). Run `pulumi install` in the project to make it.",
        )
    return folder


async def _refuse(context: Any, why: str) -> None:
    """End the call with an error that the engine shows to the user."""
    await context.abort(grpc.StatusCode.FAILED_PRECONDITION, why)


def _python(folder: Path) -> str:
    return str(folder / "bin" / "python")


def _activated(folder: Path) -> dict[str, str]:
    """The variables of an activated virtual environment."""
    path = f"{folder / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {"PATH": path, "VIRTUAL_ENV": str(folder)}


def _packages(folder: Path) -> list[Any]:
    """The packages of the installed SDKs: those that contain a `pulumi-plugin.json`."""
    found = []
    for path in sorted(folder.glob("lib/python*/site-packages/*/pulumi-plugin.json")):
        about = json.loads(path.read_text("utf-8"))
        if about.get("resource"):
            name = about.get("name") or path.parent.name.removeprefix("pulumi_")
            found.append(
                plugin_pb2.PackageDependency(
                    name=name,
                    kind="resource",
                    version=about.get("version"),
                    server=about.get("server"),
                )
            )
    return found


def _install_commands(folder: Path, root: Path) -> Iterator[list[str]]:
    yield [sys.executable, "-m", "venv", str(folder)]
    if (root / "requirements.txt").exists():
        yield [_python(folder), "-m", "pip", "install", "-r", "requirements.txt"]


def _printed(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _run_response(code: int | None) -> Any:
    if code == 0:
        return language_pb2.RunResponse()
    if code == _FAILURE_WAS_SHOWN:
        return language_pb2.RunResponse(bail=True)
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return language_pb2.RunResponse(error=f"The program was ended by signal {name}")
    return language_pb2.RunResponse(error=f"The program ended with exit code {code}")


async def _output(process: Process, response: Callable[..., Any]) -> AsyncIterator[Any]:
    """The output of a process as responses, until it closes both streams."""
    queue: asyncio.Queue[Any] = asyncio.Queue()

    async def read(name: str) -> None:
        while data := await getattr(process, name).read(_CHUNK_BYTES):
            queue.put_nowait(response(**{name: data}))
        queue.put_nowait(None)

    readers = [asyncio.create_task(read(name)) for name in ("stdout", "stderr")]
    try:
        for _ in readers:
            while (item := await queue.get()) is not None:
                yield item
    finally:
        for reader in readers:
            reader.cancel()


async def _serve(engine: str) -> None:
    """Serve until the engine ends this process, or ends itself."""
    server = grpc.aio.server(options=_UNLIMITED)
    host = LanguageHost(engine)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()

    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    watch = asyncio.create_task(_engine_gone(os.getppid(), ended))

    print(port, flush=True)
    await ended.wait()
    host.stop()
    await server.stop(grace=None)
    # gRPC would print a traceback for each call that asyncio has to cancel.
    calls = asyncio.all_tasks() - {asyncio.current_task(), watch}
    if calls:
        await asyncio.wait(calls, timeout=_GRACE_SECONDS)


async def _engine_gone(engine: int, ended: asyncio.Event) -> None:
    """Set `ended` when process `engine`, our parent, has ended. A killed engine sends no signal."""
    while os.getppid() == engine:  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(_ENGINE_CHECK_SECONDS)
    ended.set()


if __name__ == "__main__":
    # Flags for tracing and logging come before the address. They have no effect here.
    asyncio.run(_serve(sys.argv[-1]))
