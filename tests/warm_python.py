"""Forks Python processes that have the cloud SDKs and the project imported already.

Every `pulumi` command starts the language host and four other Python processes, which spend most of
their time on imports. In the tests a server imports once and forks a process for each of them. The
same code runs in a process of its own; only the imports are not repeated. A command that a test
kills uses the real virtual environment (`Stack.start`, `real`).

A second server does the same for the local clouds. It has created the estate too.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import marshal
import os
import re
import runpy
import select
import shlex
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, get_args

import boto3
import botocore.session

from toolchain import byte_code
from toolchain.layout import Layout, checkout

HOSTS = "hosts"
"""The folder of a warm virtual environment that has the language host of this checkout."""
_OF_AN_SDK = re.compile(r"\b([a-z0-9]+)\.([A-Z]\w+)")
"""A class of a package, as a module of the program names it."""
_CLIENT = Path(__file__).with_name("warm_client.py")
_PROGRAM = ("components", "dynamic_providers", "emulator/providers", "settings", "site_recovery")
"""The packages that the processes of a command import."""
_CLOUDS = ("emulator/arm", "emulator/aws", "emulator/guests", "emulator/recovery_services")
"""Those of the local clouds."""


class Request(NamedTuple):
    """What a process is to run, and where."""

    arguments: list[str]
    directory: str
    environment: dict[str, str]


@cache
def warm_program() -> Path:
    """A virtual environment whose Python processes start with the program imported.

    This and `warm_clouds` start their server at the first call. It ends with this process.
    """
    return _until_exit(_PROGRAM)


@cache
def warm_clouds() -> Path:
    """A Python whose processes start with the emulator imported and the estate created."""
    return _until_exit(_CLOUDS) / "bin" / "python"


def _until_exit(packages: Sequence[str]) -> Path:
    exit_ = contextlib.ExitStack()
    atexit.register(exit_.close)
    # A socket's path may have at most about a hundred characters.
    folder = exit_.enter_context(TemporaryDirectory())
    return exit_.enter_context(_warm_environment(checkout(), Path(folder), packages))


@contextlib.contextmanager
def _warm_environment(layout: Layout, folder: Path, packages: Sequence[str]) -> Iterator[Path]:
    """A virtual environment with the checkout's packages, whose `python` is a warm process.

    Args:
        layout: the checkout.
        folder: an empty folder with a short path, because a socket is made in it.
        packages: _PROGRAM or _CLOUDS.
    """
    address = folder / "socket"
    real = shlex.quote(str(layout.python))
    executable = folder / "venv" / "bin" / "python"
    host = shlex.quote(str(layout.root / "toolchain" / "language_host" / "server.py"))
    client = f"{real} -IS {shlex.quote(str(_CLIENT))} {shlex.quote(str(address))}"
    _launch(executable, f'exec {client} "$@"')
    (folder / "venv" / "lib").symlink_to(layout.virtual_environment / "lib")
    _launch(folder / "venv" / HOSTS / "pulumi-language-python", f'exec {client} {host} "$@"')
    server = subprocess.Popen(
        [layout.python, "-m", "tests.warm_python", address, *packages],
        cwd=layout.root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    # The server ends when its standard input is closed: after this block, or with this process.
    with server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n", "the server of warm Pythons did not start"
        yield folder / "venv"


def _launch(executable: Path, command: str) -> None:
    executable.parent.mkdir(parents=True)
    executable.write_text(f"#!/bin/sh\n{command}\n", "utf-8")
    executable.chmod(0o755)


def _serve(address: str) -> Request:
    """Fork a process for every request, until standard input is closed.

    Returns the request, in the process that was forked for it and in no other.
    """
    # The processes forked here are not waited for: each of them watches its own child (`_watch`).
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        print("ready", flush=True)
        while True:
            ready, _, _ = select.select([sys.stdin.fileno(), listener.fileno()], [], [])
            if sys.stdin.fileno() in ready:
                os._exit(0)
            connection, _ = listener.accept()
            if os.fork() == 0:
                break
            connection.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    return _watch(connection)


def _watch(connection: socket.socket) -> Request:
    """Fork the actual process, report its exit to the client, and kill it if the client is gone."""
    size, streams, _, _ = socket.recv_fds(connection, 4, 3)
    with connection.makefile("rb") as stream:
        # By the client, which has no time for JSON.
        arguments, directory, variables = marshal.loads(stream.read(int.from_bytes(size, "big")))
    request = Request(
        arguments,
        os.fsdecode(directory),
        {os.fsdecode(name): os.fsdecode(text) for name, text in variables.items()},
    )
    pid = os.fork()
    if pid == 0:
        connection.close()
        for number, stream_ in enumerate(streams):
            os.dup2(stream_, number)
            os.close(stream_)
        return request
    for stream_ in (0, 1, 2, *streams):
        # Whoever reads the child's output waits until all writers have closed it.
        os.close(stream_)
    connection.sendall(f"{pid}\n".encode())
    ended = os.pidfd_open(pid)
    ready, _, _ = select.select([ended, connection.fileno()], [], [])
    if ended not in ready:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(OSError):
        connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _become(request: Request) -> None:
    """Do what `python` does with these arguments, in this directory and environment."""
    os.environ.clear()
    os.environ.update(request.environment)
    os.chdir(request.directory)
    sys.stdin = io.TextIOWrapper(io.FileIO(0), encoding="utf-8")
    # Unbuffered, as with -u, which the engine passes: `pulumi.dynamic` relies on it.
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w"), encoding="utf-8", write_through=True)
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w"), encoding="utf-8", write_through=True)
    first, *rest = (one for one in request.arguments if one != "-u")
    paths = [one for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one]
    if first == "-c":
        sys.path[0:1] = ["", *paths]
        sys.argv = ["-c", *rest[1:]]
        exec(rest[0], {"__name__": "__main__"})
    elif first == "-m":
        sys.path[0:1] = [request.directory, *paths]
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.path[0:1] = [str(Path(first).parent), *paths]
        sys.argv = [first, *rest]
        runpy.run_path(first, run_name="__main__")


def _keep_descriptions() -> None:
    """Parse each description of an AWS service once, and not again for every client."""
    botocore.session.create_loader = cache(botocore.session.create_loader)
    for service in ("ec2", "iam", "secretsmanager", "ssm", "sts"):
        boto3.client(service, "eu-west-1", aws_access_key_id="none", aws_secret_access_key="none")


def _keep_types() -> None:
    """Make the classes of the Pulumi SDKs once, and read the types of their properties.

    The program makes a class when it uses it: those of arguments, and those that their properties
    and the outputs of resources have.
    """
    from pulumi import Resource, _types

    from components import sdk

    for module in Path("components").rglob("*.py"):
        for name, used in _OF_AN_SDK.findall(module.read_text("utf-8")):
            getattr(getattr(sdk, name, None), used, None)
    packages = [getattr(sdk, name) for name in sdk.__all__]
    for package in packages:
        # It imports its modules when it is asked for its names.
        dir(package)
    left = [
        found
        for package in packages
        for holder in (package, sys.modules[f"{package.__name__}._inputs"])
        for found in list(vars(holder).values())
        if isinstance(found, type)
    ]
    read: set[type] = set()
    while left:
        found = left.pop()
        if found in read:
            continue
        read.add(found)
        types: dict[str, Any] = {}
        if issubclass(found, Resource):
            types = _types.resource_types(found)
        elif _types.is_input_type(found):
            types = _types.input_type_types(found)
        elif _types.is_output_type(found):
            types = _types.output_type_types(found)
        left += [each for hint in types.values() for each in _classes(hint)]


def _classes(hint: Any) -> list[type]:
    """The classes in a type, such as `Mapping[str, Subnet]`."""
    inside = [each for argument in get_args(hint) for each in _classes(argument)]
    return [*inside, hint] if isinstance(hint, type) else inside


def _keep_estate() -> None:
    """Create the estate once. Every AWS that is forked from this process begins with it."""
    from emulator.aws import server

    first = server.AwsServer()
    seeded = first.start()
    first.stop()
    server.AwsServer = partial(server.AwsServer, seeded=seeded)  # type: ignore[assignment, misc]


def main(address: str, *packages: str) -> None:
    """Import everything, then serve. A forked process runs its command and exits here."""
    _keep_descriptions()
    if packages == _CLOUDS:
        # First: an AwsServer prepares moto before it is imported.
        _keep_estate()
    byte_code.load(byte_code.imported(Path.cwd(), packages))
    if packages == _PROGRAM:
        _keep_types()
    # Imported modules stay. Collecting garbage among them would copy their memory pages.
    gc.collect()
    gc.freeze()
    request = _serve(address)
    code: object = None
    try:
        _become(request)
    except SystemExit as ended:
        code = ended.code
    except Exception:  # noqa: BLE001 - as Python itself, which shows whatever was raised
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
    # Do what Python does at exit, except for freeing all objects, which takes longer than the run.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    main(*sys.argv[1:])
