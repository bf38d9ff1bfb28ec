"""The language host: service `pulumirpc.LanguageRuntime` for runtime `python`.

    python server.py [flags] <engine address>     serves one engine until it ends

Source: pulumi/pulumi `proto/pulumi/language.proto`. The engine reports what is not implemented here
as unsupported: code generation, `pulumi new`, `pulumi install`, a debugger.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from subprocess import DEVNULL, PIPE
from types import ModuleType
from typing import Any

import grpc
from google.protobuf import empty_pb2

# Every command starts this process twice, and the rest of the SDK takes longer to import than
# everything that is needed here. So its packages are made without running what is in them.
for _name in ("pulumi", "pulumi.runtime", "pulumi.runtime.proto"):
    _found = find_spec(_name)
    sys.modules[_name] = ModuleType(_name)
    sys.modules[_name].__path__ = list(_found.submodule_search_locations or ()) if _found else []

from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2  # noqa: E402

_FAILURE_WAS_SHOWN = 32
"""Exit code of child.py: the program failed, and its error has already been sent to the engine."""

_CHILD = str(Path(__file__).with_name("child.py"))
_CHUNK_BYTES = 65536
_ENGINE_CHECK_SECONDS = 0.5
_CALLS = 32
"""Calls served at once. Each plugin that runs takes one."""
# The whole config of a stack travels in one message.
_UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Runs Python programs and plugins for one engine.

    Args:
        engine: the engine's address, for programs to log to.
    """

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._children: list[subprocess.Popen[bytes]] = []

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's
        """The version of the SDK whose protocol this host uses."""
        return plugin_pb2.PluginInfo(version=version("pulumi"))

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The plugins that the installed SDKs need: those that contain a `pulumi-plugin.json`."""
        found = []
        folder = _virtual_environment(request.info, context)
        for path in sorted(folder.glob("lib/python*/site-packages/*/pulumi-plugin.json")):
            about = json.loads(path.read_text("utf-8"))
            if about.pop("resource", False):
                name = about.pop("name", None) or path.parent.name.removeprefix("pulumi_")
                kept = {key: about[key] for key in ("version", "server") if key in about}
                found.append(plugin_pb2.PackageDependency(name=name, kind="resource", **kept))
        return language_pb2.GetRequiredPackagesResponse(packages=found)

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Run the program to its end. The engine shows what it writes to standard output and error."""
        program = self._start(request, context, ["program", self._engine], os.environ, stdin=PIPE)
        # On standard input: Linux limits a single argument or variable to 128 KiB, and other
        # processes could read those.
        program.communicate(request.SerializeToString())
        code = program.returncode
        if code in (0, _FAILURE_WAS_SHOWN):
            return language_pb2.RunResponse(bail=code != 0)
        how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        return language_pb2.RunResponse(error=f"The program ended {how}")

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        """Run a policy pack or another plugin written in Python, and pass on its output.

        The plugin ends by itself, or when the engine cancels the call.
        """
        environment = dict(item.split("=", 1) for item in request.env)
        program = request.info.program_directory
        role = ["path", program, *request.args]
        if request.kind == "analyzer":
            role = ["module", "pulumi.policy", *request.args, program]
        response: Any = language_pb2.RunPluginResponse
        plugin = self._start(request, context, role, environment, output=PIPE)
        with selectors.DefaultSelector() as streams:
            for name in ("stdout", "stderr"):
                streams.register(getattr(plugin, name), selectors.EVENT_READ, name)
            while streams.get_map():
                for stream, _ in streams.select():
                    if data := os.read(stream.fd, _CHUNK_BYTES):
                        yield response(**{stream.data: data})
                    else:
                        streams.unregister(stream.fileobj)
        yield response(exitcode=plugin.wait())

    def About(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Which Python runs the program (`pulumi about`)."""
        folder = _virtual_environment(request.info, context)
        printed = _printed(folder, "-c", "import platform; print(platform.python_version())")
        return language_pb2.AboutResponse(executable=_python(folder), version=printed.strip())

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The distributions installed for the program (`pulumi about`)."""
        folder = _virtual_environment(request.info, context)
        options = [] if request.transitiveDependencies else ["--not-required"]
        listed = json.loads(_printed(folder, "-m", "pip", "list", "--format", "json", *options))
        found = [language_pb2.DependencyInfo(**one) for one in listed]
        return language_pb2.GetProgramDependenciesResponse(dependencies=found)

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        """End all children. The calls that wait for them then return."""
        self.stop()
        return empty_pb2.Empty()

    def stop(self) -> None:
        """Ask every running child to end."""
        for process in self._children:
            process.terminate()

    def _start(
        self,
        request: Any,
        context: Any,
        role: list[str],
        environment: Mapping[str, str],
        *,
        stdin: int = DEVNULL,
        output: int | None = None,
    ) -> subprocess.Popen[bytes]:
        """A process of child.py, which ends with the call that it was started for."""
        folder = _virtual_environment(request.info, context)
        path = f"{folder / 'bin'}{os.pathsep}{environment.get('PATH', os.defpath)}"
        process = subprocess.Popen(
            [_python(folder), "-u", _CHILD, *role],
            cwd=request.pwd,
            env={**environment, "PATH": path, "VIRTUAL_ENV": str(folder)},
            stdin=stdin,
            stdout=output,
            stderr=output,
        )
        self._children.append(process)
        if not context.add_callback(process.terminate):
            process.terminate()
        return process


def _virtual_environment(info: Any, context: Any) -> Path:
    """The folder that `runtime.options.virtualenv` of Pulumi.yaml names, relative to that file.

    Without one, ends the call with an error that the engine shows to the user.
    """
    folder = Path(info.root_directory, dict(info.options).get("virtualenv", "")).absolute()
    if not os.access(_python(folder), os.X_OK):
        context.abort(
            grpc.StatusCode.FAILED_PRECONDITION,
            f"There is no virtual environment at {folder} (runtime.options.virtualenv in "
            "Pulumi.yaml). Run `make setup` to make it.",
        )
    return folder


def _python(folder: Path) -> str:
    return str(folder / "bin" / "python")


def _printed(folder: Path, *arguments: str) -> str:
    command = [_python(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main(engine: str) -> None:
    """Serve until the engine ends this process, or ends itself."""
    parent = os.getppid()
    server = grpc.server(ThreadPoolExecutor(_CALLS), options=_UNLIMITED)
    host = LanguageHost(engine)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit())
    server.start()
    print(port, flush=True)
    try:
        # A killed engine sends no signal.
        while os.getppid() == parent:
            time.sleep(_ENGINE_CHECK_SECONDS)
    finally:
        host.stop()
        server.stop(grace=None)
        # Without waiting for the calls: a child that stays ends itself when this process is gone.
        os._exit(0)


if __name__ == "__main__":
    # Flags for tracing and logging come before the address. They have no effect here.
    main(sys.argv[-1])
