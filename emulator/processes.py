"""The emulator's two processes: started detached, found again, and stopped without a mistake.

A directory holds all there is: `clouds.json` (what runs, and where), `azure.sqlite` (Azure's
state) and a log for each process. A process is known by its id and the moment it started, so
that an id which the system has given to something else is never signalled.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from emulator.aws.estate import REGION

SERVICES = ("aws", "azure")
DEFAULT_SCALE = 360.0
_ROOT = Path(__file__).resolve().parent.parent
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_PAUSE_SECONDS = 0.05
_STATE_FILES = ("azure.sqlite", "azure.sqlite-wal", "azure.sqlite-shm", "azure.lock")


class ProcessError(Exception):
    """The clouds cannot be started or stopped; the text says why and what to do."""


@dataclass(frozen=True)
class Running:
    """One process as recorded.

    Attributes:
        port: its TCP port on loopback.
        pid: its process id; None while it is stopped.
        started: the moment it started, as the system tells it.
    """

    port: int
    pid: int | None = None
    started: str | None = None

    @property
    def endpoint(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def alive(self) -> bool:
        """Whether that very process still runs."""
        return self.pid is not None and _started(self.pid) == self.started

    def healthy(self) -> bool:
        """Whether it runs and answers."""
        return self.alive and _answers(self.endpoint)


@dataclass
class Clouds:
    """What runs in a directory.

    Args:
        directory: where the record, the state and the logs are.
    """

    directory: Path
    services: dict[str, Running] = field(default_factory=dict)

    @classmethod
    def read(cls, directory: Path) -> Clouds:
        """The record of a directory; an empty one when nothing was ever started.

        Raises:
            ProcessError: the record is unreadable.
        """
        path = directory / "clouds.json"
        try:
            content = json.loads(path.read_text())
            services = {
                name: Running(one["port"], one["pid"], one["started"])
                for name, one in content.items()
                if name in SERVICES
            }
        except FileNotFoundError:
            return cls(directory)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ProcessError(
                f"{path} is not a record of the emulator ({error!r}). Stop what still runs by "
                "hand and remove the file."
            ) from error
        return cls(directory, services)

    def write(self) -> None:
        """Make the record durable, all of it or none."""
        content: dict[str, Any] = {
            name: {**asdict(one), "endpoint": one.endpoint} for name, one in self.services.items()
        }
        if set(self.services) == set(SERVICES):
            content["environment"] = self.environment()
        path = self.directory / "clouds.json"
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(content, indent=2) + "\n")
        partial.replace(path)

    def environment(self) -> dict[str, str]:
        """The variables with which SDKs and Pulumi reach these clouds.

        Raises:
            ProcessError: nothing was ever started here.
        """
        if set(self.services) != set(SERVICES):
            raise ProcessError(
                f"No clouds are known in {self.directory}. Start them: "
                f"python -m emulator up --directory {shlex.quote(str(self.directory))}"
            )
        azure = self.services["azure"].endpoint
        return {
            "AWS_ENDPOINT_URL": self.services["aws"].endpoint,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": REGION,
            # boto3 knows the region by this name only.
            "AWS_DEFAULT_REGION": REGION,
            "AZURE_RESOURCE_MANAGER_ENDPOINT": azure,
            "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
            "IDENTITY_ENDPOINT": f"{azure}/_identity/token",
            "IDENTITY_HEADER": "local",
        }


def up(
    directory: Path,
    *,
    scale: float | None = None,
    seed: int = 1,
    ports: dict[str, int] | None = None,
    say: Callable[[str], None] = print,
) -> Clouds:
    """Start what does not run yet, and wait until both clouds answer.

    Args:
        directory: created when it is not there.
        scale: virtual seconds in a real one; None keeps the last, or takes the default.
        seed: of a new estate and a new world.
        ports: wanted TCP ports by service; 0 or absent takes the last one, or a free one.
        say: told what happens.

    Raises:
        ProcessError: a port is taken, or a process ended or did not answer.
    """
    with _alone(directory):
        clouds = Clouds.read(directory)
        moved = False
        for name in SERVICES:
            before = clouds.services.get(name)
            wanted = (ports or {}).get(name, 0)
            # Azure is started again when the estate has moved: it is told where it is only once.
            if before and wanted in (0, before.port) and not moved and before.healthy():
                say(f"{name}: runs at {before.endpoint}")
                if name == "azure" and scale is not None:
                    _set_scale(before, scale)
                continue
            if before is not None:
                _stop(before)
            port = _port(name, wanted, before)
            moved = before is None or before.port != port
            options = ["--port", str(port), "--seed", str(seed)]
            if name == "azure":
                options += ["--database", str(directory.resolve() / "azure.sqlite")]
                options += ["--aws-endpoint", clouds.services["aws"].endpoint]
                if scale is not None:
                    options += ["--scale", str(scale)]
            clouds.services[name] = _start(directory, name, port, options)
            clouds.write()
            _wait(directory, name, clouds.services[name])
            say(f"{name}: started at {clouds.services[name].endpoint}")
            if name == "aws" and before is not None:
                say("aws: its estate is new; what was created in it before is gone")
        return clouds


def down(directory: Path, *, remove: bool = False, say: Callable[[str], None] = print) -> None:
    """Stop exactly the processes that were started here.

    Args:
        directory: where they were started.
        remove: also remove what they wrote.
        say: told what happens.

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
        elif clouds.services:
            clouds.write()
    if remove:
        (directory / "up.lock").unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # Something of someone else's is in it.
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
        raise ProcessError(f"{directory} cannot be made: {error.strerror}.") from error
    with exclusively(
        directory / "up.lock",
        f"Another `up` or `down` is at work in {directory}. Try again when it has ended.",
    ):
        yield


def _start(directory: Path, name: str, port: int, options: list[str]) -> Running:
    with (directory / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "emulator", name, *options],
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return Running(port, process.pid, _started(process.pid))


def _wait(directory: Path, name: str, running: Running) -> None:
    end = time.monotonic() + _START_SECONDS
    while not _answers(running.endpoint):
        problem = ""
        if not running.alive:
            problem = "ended at once"
        elif time.monotonic() > end:
            problem = f"did not answer within {_START_SECONDS:.0f} seconds"
            _stop(running)
        if problem:
            log = directory / f"{name}.log"
            last = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            raise ProcessError(f"The {name} process {problem}. The end of {log}:\n{last}")
        time.sleep(_PAUSE_SECONDS)


def _stop(running: Running) -> bool:
    """End a process, by force in the end; False when it did not run."""
    if not running.alive or running.pid is None:
        return False
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(running.pid, number)
        end = time.monotonic() + _STOP_SECONDS
        while _started(running.pid) == running.started and time.monotonic() < end:
            time.sleep(_PAUSE_SECONDS)
        if _started(running.pid) != running.started:
            return True
    raise ProcessError(f"Process {running.pid} does not end. Look at it by hand.")


def _started(pid: int) -> str | None:
    """The moment a process started, in the system's own words; None when it does not run."""
    # A child of ours that ended stays in the process table until someone asks for it.
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    statistics = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            # The name, in parentheses, may hold anything; the fields after it are plain.
            fields = statistics.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[0] in "ZX" else fields[19]
    listed = subprocess.run(
        ["ps", "-p", str(pid), "-o", "lstart="], capture_output=True, text=True, check=False
    )
    return listed.stdout.strip() or None


def _answers(endpoint: str) -> bool:
    try:
        with urllib.request.urlopen(f"{endpoint}/_emulator/health", timeout=2) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def _set_scale(running: Running, scale: float) -> None:
    request = urllib.request.Request(  # noqa: S310
        f"{running.endpoint}/_emulator/clock", json.dumps({"scale": scale}).encode(), method="PUT"
    )
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310
        pass


def _port(name: str, wanted: int, before: Running | None) -> int:
    if wanted:
        if not _is_free(wanted):
            raise ProcessError(
                f"Port {wanted}, wanted for {name}, is taken. Give another with --{name}-port, "
                "or none to take a free one."
            )
        return wanted
    if before is not None and _is_free(before.port):
        return before.port
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        # As servers do: connections of an ended process that linger do not make a port taken.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True
