"""Start, find and stop the emulator's two processes.

A directory holds everything: `clouds.json` (the record of what runs), `azure.sqlite` (Azure's
state) and a log for each process.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil

from emulator.aws.fleet import LEAST
from emulator.record import SERVICES, Clouds, ProcessError, Running

DEFAULT_SCALE = 360.0
_ROOT = Path(__file__).resolve().parent.parent
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_PAUSE_SECONDS = 0.05
_BACKLOG = 128
_LISTENING = "--listening"
_LENIENT = "--any-token"
_CERTIFICATE = "--certificate"
_MACHINES = "--machines"
_STATE_FILES = ("azure.sqlite", "azure.sqlite-wal", "azure.sqlite-shm", "azure.lock")


def up(
    directory: Path,
    *,
    scale: float | None = None,
    seed: int = 1,
    ports: dict[str, int] | None = None,
    tls: bool = False,
    any_token: bool = False,
    python: str = sys.executable,
    machines: int | None = None,
    say: Callable[[str], None] = print,
) -> Clouds:
    """Start what does not run yet, and wait until both clouds answer.

    Args:
        directory: created when it is not there.
        scale: virtual seconds per real second; None keeps the last one, or takes the default.
        seed: the seed of a new estate and a new world.
        ports: wanted TCP ports by service; 0 or absent takes the last one, or a free one.
        tls: let Azure speak https, with a certificate of an authority of its own.
        any_token: let Azure accept every bearer token.
        python: the interpreter that runs them.
        machines: how many machines that can be migrated the estate has; None keeps the number of
            an estate that was not stopped, or takes the default.
        say: called with a line for each thing that happens.

    Raises:
        ProcessError: a port is taken, a process ended or did not answer, or an estate of another
            number of machines runs.
    """
    with _alone(directory):
        clouds = Clouds.read(directory)
        machines = _machines(clouds.services.get("aws"), machines)
        moved = False
        for name in SERVICES:
            before = clouds.services.get(name)
            wanted = (ports or {}).get(name, 0)
            switches = _switches(clouds, tls, any_token) if name == "azure" else []
            # Azure learns the estate's address and its switches only when it starts.
            keeps = before is not None and _same_switches(before.arguments, switches)
            if before and wanted in (0, before.port) and not moved and keeps and before.healthy():
                say(f"{name}: runs at {before.endpoint}")
                if name == "azure" and scale is not None:
                    _set_scale(before, scale)
                continue
            if before is not None:
                _stop(before)
            listener = _listen(name, wanted, before)
            port = int(listener.getsockname()[1])
            moved = before is None or before.port != port
            arguments = ["-m", "emulator", name, "--port", str(port), _LISTENING]
            arguments += ["--seed", str(seed)]
            authority = None
            if name == "aws" and machines is not None:
                arguments += [_MACHINES, str(machines)]
            if name == "azure":
                arguments += ["--database", str(directory.resolve() / "azure.sqlite")]
                arguments += ["--aws-endpoint", clouds.services["aws"].endpoint, *switches]
                if scale is not None:
                    arguments += ["--scale", str(scale)]
                if tls:
                    authority = str(clouds.certificates.authority.resolve())
            say(f"{name}: starting")
            with listener:
                process = _start(directory, name, [python, *arguments], listener)
            started = Running(port, process.pid, arguments, authority)
            clouds.services[name] = started
            clouds.write()
            _wait(directory, name, process, started, _START_SECONDS + (machines or 0) / 10)
            say(f"{name}: started at {started.endpoint}")
            if name == "aws" and before is not None:
                say("aws: it was restarted with a new estate; what was created in it is gone")
        # What runs may have been recorded by an older version, which wrote less.
        clouds.write()
        return clouds


def down(directory: Path, *, remove: bool = False, say: Callable[[str], None] = print) -> None:
    """Stop exactly the processes that were started here.

    Args:
        directory: where they were started.
        remove: also remove what they wrote.
        say: called with a line for each thing that happens.

    Raises:
        ProcessError: a process would not end, or the record is unreadable.
    """
    if not directory.is_dir():
        say(f"nothing was started in {directory}")
        return
    with _alone(directory):
        clouds = Clouds.read(directory)
        for name, running in clouds.services.items():
            say(f"{name}: {'stopped' if _stop(running) else 'did not run'}")
            clouds.services[name] = Running(running.port)
        if remove:
            logs = tuple(f"{name}.log" for name in SERVICES)
            for file in (*_STATE_FILES, *logs, "clouds.json", "clouds.partial"):
                (directory / file).unlink(missing_ok=True)
            clouds.certificates.remove()
        elif clouds.services:
            clouds.write()
    if remove:
        (directory / "up.lock").unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # It holds files that are not ours.
            directory.rmdir()


def status(directory: Path) -> dict[str, str]:
    """For each service, where it answers or that it does not run."""
    clouds = Clouds.read(directory)
    found = {}
    for name in SERVICES:
        running = clouds.services.get(name)
        if running is None or not running.alive:
            found[name] = "stopped"
        else:
            state = "healthy" if running.healthy() else "does not answer"
            found[name] = f"{state} at {running.endpoint} (process {running.pid})"
    return found


@contextlib.contextmanager
def exclusively(path: Path, otherwise: str) -> Iterator[None]:
    """Hold a lock file for as long as the block runs; the system frees it when a process dies.

    Raises:
        ProcessError: with the text `otherwise`, when someone else holds it.
    """
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ProcessError(otherwise) from error
        yield


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ProcessError(f"{directory} cannot be created: {error.strerror}.") from error
    with exclusively(
        directory / "up.lock",
        f"Another `up` or `down` is at work in {directory}. Try again when it has ended.",
    ):
        yield


def _switches(clouds: Clouds, tls: bool, any_token: bool) -> list[str]:
    switches = [_LENIENT] if any_token else []
    if tls:
        clouds.certificates.ensure()
        switches += [_CERTIFICATE, str(clouds.certificates.server.resolve())]
    return switches


def _machines(before: Running | None, wanted: int | None) -> int | None:
    """The number of machines to start with; None for the default.

    Raises:
        ProcessError: an estate of another number runs.
    """
    arguments = [] if before is None else list(before.arguments)
    last = None
    if _MACHINES in arguments:
        last = int(arguments[arguments.index(_MACHINES) + 1])
    if wanted is None:
        return last
    if before is not None and before.alive and wanted != (last or LEAST):
        raise ProcessError(
            f"The local AWS runs with {last or LEAST} machines, not with {wanted}. Another number "
            "would be a new estate, without what was created in this one. Stop the local clouds "
            "first, with `down --remove` (`make down`)."
        )
    return wanted


def _same_switches(before: Sequence[str], now: Sequence[str]) -> bool:
    return all((switch in before) == (switch in now) for switch in (_LENIENT, _CERTIFICATE))


def _start(
    directory: Path, name: str, command: list[str], listener: socket.socket
) -> subprocess.Popen[bytes]:
    with (directory / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=_ROOT,
            stdin=listener.fileno(),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _wait(
    directory: Path, name: str, process: subprocess.Popen[bytes], running: Running, seconds: float
) -> None:
    end = time.monotonic() + seconds
    while not running.answers():
        problem = ""
        if process.poll() is not None:
            problem = "ended at once"
        elif time.monotonic() > end:
            problem = f"did not answer within {seconds:.0f} seconds"
            _stop(running)
        if problem:
            log = directory / f"{name}.log"
            last = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            raise ProcessError(f"The {name} process {problem}. The end of {log}:\n{last}")
        time.sleep(_PAUSE_SECONDS)


def _stop(running: Running) -> bool:
    """End a process, by force if it does not end otherwise; False if it did not run."""
    process = running.process
    if process is None:
        return False
    for end in (process.terminate, process.kill):
        with contextlib.suppress(psutil.TimeoutExpired, psutil.NoSuchProcess):
            end()
            process.wait(_STOP_SECONDS)
        if not running.alive:
            return True
    raise ProcessError(f"Process {running.pid} does not end. Stop it yourself.")


def _set_scale(running: Running, scale: float) -> None:
    body = json.dumps({"scale": scale}).encode()
    with running.open("/_emulator/clock", method="PUT", body=body):
        pass


def _listen(name: str, wanted: int, before: Running | None) -> socket.socket:
    """A socket that listens on the wanted port, else on the last one or on a free one.

    The process that is started inherits it. If it opened the port itself, another program could
    have taken it by then.
    """
    last = [] if before is None else [before.port]
    for port in [wanted] if wanted else [*last, 0]:
        # `create_server` reuses a port on which connections of an ended process linger.
        with contextlib.suppress(OSError, OverflowError):
            return socket.create_server(("127.0.0.1", port), backlog=_BACKLOG)
    raise ProcessError(
        f"Port {wanted}, wanted for {name}, is taken. Give another with --{name}-port, "
        "or none to take a free one."
    )
