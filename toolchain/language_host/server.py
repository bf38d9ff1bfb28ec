"""The language host itself: service `pulumirpc.LanguageRuntime` for runtime `python`.

Source: pulumi/pulumi `proto/pulumi/language.proto`. What this service does not do (code
generation, `pulumi new`, a debugger) is left unimplemented, which the engine takes for just that.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from toolchain.language_host import interpreter
from toolchain.language_host.child import FAILURE_WAS_SHOWN
from toolchain.language_host.interpreter import Interpreter, InterpreterError

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

    async def Handshake(  # noqa: N802 - named by the protocol
        self, request: Any, context: Any
    ) -> Any:
        """The engine's address once more, when it was not on the command line."""
        self._engine = request.engine_address or self._engine
        return language_pb2.LanguageHandshakeResponse()

    async def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The version of the SDK that this host speaks with."""
        return plugin_pb2.PluginInfo(version=version("pulumi"))

    async def GetRequiredPackages(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Plugins for the SDKs that are installed for the program."""
        found = await _interpreter(request.info, context)
        return language_pb2.GetRequiredPackagesResponse(
            packages=[
                plugin_pb2.PackageDependency(
                    name=package.name,
                    kind="resource",
                    version=package.version,
                    server=package.server,
                )
                for package in found.packages()
            ]
        )

    async def GetRequiredPlugins(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The same for engines that do not know packages yet."""
        found = await _interpreter(request.info, context)
        return language_pb2.GetRequiredPluginsResponse(
            plugins=[
                plugin_pb2.PluginDependency(
                    name=package.name,
                    kind="resource",
                    version=package.version,
                    server=package.server,
                )
                for package in found.packages()
            ]
        )

    async def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Run the program to its end. It writes to this process's standard output and error,
        which the engine shows.
        """
        if request.attach_debugger:
            return language_pb2.RunResponse(
                error="This language host cannot attach a debugger; an official Pulumi can."
            )
        try:
            python = interpreter.find(Path(request.info.root_directory), _options(request.info))
        except InterpreterError as error:
            return language_pb2.RunResponse(error=str(error))
        # On standard input, not in the environment or arguments: a single one of those is
        # limited to 128 KiB by Linux, and they could be read by other processes.
        message = {
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization,
            "root": request.info.root_directory,
            "directory": request.info.program_directory or request.pwd,
            "program": request.info.entry_point or request.program,
            "arguments": list(request.args),
            "config": dict(request.config),
            "secret_keys": list(request.configSecretKeys),
            "monitor": request.monitor_address,
            "engine": self._engine,
            "parallel": request.parallel,
            "dry_run": request.dryRun,
        }
        try:
            async with self._child(python, ["program"], stdin=PIPE, cwd=request.pwd) as process:
                await process.communicate(json.dumps(message).encode())
        except asyncio.CancelledError:
            # The engine has told the user why it gave up; gRPC would add a traceback of its own.
            return language_pb2.RunResponse(bail=True)
        return _run_response(process.returncode)

    async def RunPlugin(  # noqa: N802
        self, request: Any, context: Any
    ) -> AsyncIterator[Any]:
        """Run a plugin or policy pack written in Python, and pass on what it writes.

        It ends when it ends, or when the engine cancels the call.
        """
        python = await _interpreter(request.info, context)
        program = request.info.program_directory
        if request.kind == "analyzer":
            arguments = ["module", "pulumi.policy", *request.args, program]
        else:
            arguments = ["path", program, *request.args]
        environment = dict(item.split("=", 1) for item in request.env if "=" in item)
        environment |= _changes(python.environment())
        async with self._child(
            python,
            arguments,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            cwd=request.pwd,
            environment=environment,
        ) as process:
            async for name, data in _output(process):
                if name == "stdout":
                    yield language_pb2.RunPluginResponse(stdout=data)
                else:
                    yield language_pb2.RunPluginResponse(stderr=data)
            yield language_pb2.RunPluginResponse(exitcode=await process.wait())

    async def InstallDependencies(  # noqa: N802
        self, request: Any, context: Any
    ) -> AsyncIterator[Any]:
        """Make the virtual environment and install requirements.txt into it (`pulumi install`)."""
        root = Path(request.info.root_directory or request.directory)
        for command in interpreter.install_commands(root, _options(request.info)):
            process = await asyncio.create_subprocess_exec(
                *command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, cwd=root
            )
            async with self._tracked(process):
                async for name, data in _output(process):
                    if name == "stdout":
                        yield language_pb2.InstallDependenciesResponse(stdout=data)
                    else:
                        yield language_pb2.InstallDependenciesResponse(stderr=data)
                code = await process.wait()
            if code != 0:
                await context.abort(
                    grpc.StatusCode.FAILED_PRECONDITION,
                    f"`{' '.join(command)}` failed with exit code {code}",
                )

    async def About(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Which Python runs the program (`pulumi about`)."""
        python = await _interpreter(request.info, context)
        return language_pb2.AboutResponse(
            executable=str(python.executable), version=python.version()
        )

    async def GetProgramDependencies(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The distributions installed for the program (`pulumi about`)."""
        python = await _interpreter(request.info, context)
        found = python.dependencies(transitive=request.transitiveDependencies)
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[
                language_pb2.DependencyInfo(name=name, version=number) for name, number in found
            ]
        )

    async def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        """End what runs; the calls that wait for it then return."""
        self.stop()
        return empty_pb2.Empty()

    def stop(self) -> None:
        """Ask every running child to end."""
        for process in self._children:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()

    @contextlib.asynccontextmanager
    async def _child(
        self,
        python: Interpreter,
        arguments: Sequence[str],
        *,
        stdin: int,
        cwd: str,
        stdout: int | None = None,
        stderr: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Process]:
        process = await asyncio.create_subprocess_exec(
            python.executable,
            "-u",
            _CHILD,
            *arguments,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=cwd,
            env=environment or python.environment(),
        )
        async with self._tracked(process):
            yield process

    @contextlib.asynccontextmanager
    async def _tracked(self, process: Process) -> AsyncIterator[None]:
        self._children.add(process)
        try:
            yield
        finally:
            self._children.discard(process)
            # Left early: the engine cancelled the call.
            if process.returncode is None:
                process.terminate()


def main() -> int:
    """Serve until the engine ends this process, or ends itself. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="pulumi-language-python")
    parser.add_argument("engine", nargs="?", default="")
    # The engine may add flags for tracing and logging, which have no meaning here.
    for flag in ("--tracing", "-v"):
        parser.add_argument(flag)
    parser.add_argument("--logtostderr", action="store_true")
    arguments, _ = parser.parse_known_args()
    return asyncio.run(_serve(arguments.engine))


async def _serve(engine: str) -> int:
    server = grpc.aio.server(options=_UNLIMITED)
    host = LanguageHost(engine)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()

    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    watch = asyncio.create_task(_engine_gone(os.getppid(), ended))

    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await ended.wait()
    watch.cancel()
    host.stop()
    await server.stop(grace=None)
    # Calls that are being cancelled come to their own end: gRPC prints a traceback for each that
    # asyncio would have to cancel.
    calls = asyncio.all_tasks() - {asyncio.current_task(), watch}
    if calls:
        await asyncio.wait(calls, timeout=_GRACE_SECONDS)
    return 0


async def _engine_gone(engine: int, ended: asyncio.Event) -> None:
    """Set `ended` when process `engine`, our parent, has gone: a killed one tells nobody."""
    while os.getppid() == engine:  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(_ENGINE_CHECK_SECONDS)
    ended.set()


async def _interpreter(info: Any, context: Any) -> Interpreter:
    try:
        return interpreter.find(Path(info.root_directory), _options(info))
    except InterpreterError as error:
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        raise


def _options(info: Any) -> dict[str, Any]:
    options: dict[str, Any] = json_format.MessageToDict(info.options)
    return options


def _changes(environment: Mapping[str, str]) -> dict[str, str]:
    """What a virtual environment sets, without what was there before."""
    return {key: environment[key] for key in ("PATH", "VIRTUAL_ENV") if key in environment}


def _run_response(code: int | None) -> Any:
    if code == 0:
        return language_pb2.RunResponse()
    if code == FAILURE_WAS_SHOWN:
        return language_pb2.RunResponse(bail=True)
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return language_pb2.RunResponse(error=f"The program was ended by signal {name}")
    return language_pb2.RunResponse(error=f"The program ended with exit code {code}")


async def _output(process: Process) -> AsyncIterator[tuple[str, bytes]]:
    """What a process writes, as ("stdout" or "stderr", bytes), until it closes both."""
    queue: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()

    async def read(name: str, stream: asyncio.StreamReader) -> None:
        while data := await stream.read(_CHUNK_BYTES):
            await queue.put((name, data))
        await queue.put((name, b""))

    assert process.stdout is not None
    assert process.stderr is not None
    readers = [
        asyncio.create_task(read("stdout", process.stdout)),
        asyncio.create_task(read("stderr", process.stderr)),
    ]
    try:
        for _ in readers:
            while (item := await queue.get())[1]:
                yield item
    finally:
        for reader in readers:
            reader.cancel()
