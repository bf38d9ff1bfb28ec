"""A stack of the real program on the real engine, run with the commands that users run."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

import yaml

from site_recovery import authorities
from tests import empty_backend, terminal
from tests.engine.clouds import SCALE, Clouds
from tests.terminal import Shown
from toolchain import environment
from toolchain.layout import checkout

STACK = "engine"
PASSPHRASE = "passphrase-of-this-test"
ACCESS_KEY = "AKIAOFTHISTEST"
SECRET_KEY = "secret-key-of-this-test"
GROUP = "rg-migration-dev"
MACHINES_GROUP = f"{GROUP}-machines"
VAULT = "rsv-migration-dev"

_COMMAND_SECONDS = 180
_LISTENER_SECONDS = 30
_INTERRUPTS, _INTERRUPT_SECONDS = 6, 10
_OWN = "pulumi-python:dynamic/asr:"

_OF_THE_FORKED_HOST = re.compile(
    r"^[^\n]*using pulumi-language-python from \$PATH[^\n]*(?:\n(?:[ \t]*\n)?|\Z)", re.MULTILINE
)
"""The engine's warning of a language host that is not beside it, which a user's is."""


class _Test(Protocol):
    row: str
    __call__: Callable[..., None]


def row(command: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Say which row of `docs/pulumi-commands.md` a test is about."""

    def mark(test: Callable[..., None]) -> Callable[..., None]:
        cast(_Test, test).row = command
        return test

    return mark


@dataclass(frozen=True)
class Pythons:
    """What the Python processes of a command run in.

    Attributes:
        virtual_environment: of the program and its dynamic providers.
        home: a PULUMI_HOME whose plugins are the stand-in providers.
        language_host: a folder with the language host; None for the one of the engine.
    """

    virtual_environment: Path
    home: Path
    language_host: Path | None = None


@dataclass(frozen=True)
class Result:
    """The result of a command.

    Attributes:
        code: its exit code.
        text: its standard output and error, as the user reads them.
        errors: error messages by resource name; those of the program itself under "".
        warnings: warnings, in the same way.
        lines: permanent lines below the row of a wave or machine, by resource name.
        changes: the operation on every dynamic resource that changed (`Wave pilot`).
        reviewed: what would happen to each machine, by its name, as the wave's review says it:
            `protected → failed-over: unplanned failover`.
    """

    code: int
    text: str
    errors: dict[str, list[str]] = field(default_factory=dict)
    warnings: dict[str, list[str]] = field(default_factory=dict)
    lines: dict[str, list[str]] = field(default_factory=dict)
    changes: dict[str, str] = field(default_factory=dict)
    reviewed: dict[str, str] = field(default_factory=dict)

    @property
    def error(self) -> str:
        """All error messages as one text."""
        return "\n".join(text for texts in self.errors.values() for text in texts)

    def line(self, resource: str) -> str:
        """The permanent lines below a resource's row, as one text."""
        return "\n".join(self.lines.get(resource, ()))


class Running:
    """A command that was started and may still run."""

    def __init__(self, process: subprocess.Popen[str], events: Path, real: bool = False) -> None:
        self.process = process
        self._real = real
        self._events = events
        self._read = ""
        self._more = threading.Condition()
        self._ended = False
        threading.Thread(target=self._listen, daemon=True).start()

    def until(self, text: str) -> None:
        """Wait until the command has printed a text."""
        assert self.said(text), self._read

    def said(self, text: str) -> bool:
        """Wait until the command has printed a text, or ends; returns whether it has."""
        with self._more:
            self._more.wait_for(lambda: text in self._read or self._ended, _COMMAND_SECONDS)
            return text in self._read

    def processes(self, named: str) -> list[int]:
        """The ids of the processes below the command whose command line has this text."""
        found = []
        for pid in _descendants(self.process.pid):
            with contextlib.suppress(OSError):
                if named in Path(f"/proc/{pid}/cmdline").read_text("utf-8"):
                    found.append(pid)
        return found

    def kill(self) -> None:
        """Kill the engine with SIGKILL, and wait until all processes that it started have ended."""
        assert self._real, "other Python processes are not below the engine"
        descriptors = [os.pidfd_open(pid) for pid in _descendants(self.process.pid)]
        assert descriptors, "the engine runs a program and providers"
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(_COMMAND_SECONDS)
        for descriptor in descriptors:
            # A process's descriptor becomes readable when the process ends.
            ended, _, _ = select.select([descriptor], [], [], _LISTENER_SECONDS)
            os.close(descriptor)
            assert ended, f"a process outlived its engine by {_LISTENER_SECONDS} s"

    def interrupt(self) -> None:
        """Press Ctrl-C until the command ends: the first may reach an update that has just ended."""
        for _ in range(_INTERRUPTS):
            self.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(_INTERRUPT_SECONDS)
                return

    def result(self) -> Result:
        """Wait until the command ends."""
        self.process.wait(_COMMAND_SECONDS)
        with self._more:
            self._more.wait_for(lambda: self._ended, _COMMAND_SECONDS)
        return _result(self.process.returncode, self._read, self._events)

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._more:
                self._read += line
                self._more.notify_all()
        with self._more:
            self._ended = True
            self._more.notify_all()


class Stack:
    """A stack with its own project folder, config, backend and clouds.

    Args:
        root: an empty folder.
        clouds: the local clouds that it is deployed to.
        usual: what commands run in.
        real: what a command runs in that is started with `real`.
        experience: `classic` or `modernized`.
        name: its name.

    Attributes:
        config: its config, which is written to the stack's file before every command.
        config_text: the text of that file instead, for invalid YAML.
        environment: the environment variables of every command.
    """

    def __init__(
        self,
        root: Path,
        clouds: Clouds,
        usual: Pythons,
        real: Pythons,
        experience: str,
        name: str = STACK,
    ) -> None:
        layout = checkout()
        self.name = name
        self._usual, self._real = usual, real
        self.experience = experience
        self._project = root / "project"
        self._events = root / "events"
        self._project.mkdir()
        self._events.mkdir()
        self._commands = 0
        self.clouds = clouds
        self.config_text = ""
        self.environment = _environment(clouds) | {
            "PULUMI_HOME": str(usual.home),
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            # Unique values, so that the tests can search for them where they must not be.
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            # Whatever runs the tests: some of them look at a status.
            "EC2_TO_AZURE_PROGRESS": "live",
            # For --event-log.
            "PULUMI_DEBUG_COMMANDS": "true",
        }
        self._manifest = yaml.safe_load((layout.root / "Pulumi.yaml").read_text("utf-8"))
        # The project has a folder of its own, because the stack's file is written into it.
        self._manifest["main"] = str(layout.root)
        dev = yaml.safe_load((layout.root / "Pulumi.dev.yaml").read_text("utf-8"))["config"]
        self.fleet: dict[str, Any] = {
            name: {key: value for key, value in machine.items() if key != "cutover"}
            for name, machine in dev["ec2-to-azure:machines"].items()
        }
        self.config: dict[str, Any] = {
            **dev,
            "ec2-to-azure:machines": {},
            "ec2-to-azure:waves": {},
            # On a slow machine much service time passes between two polls.
            "ec2-to-azure:replication": {"registrationTimeout": "24h"},
            "ec2-to-azure:convergence": {"poll": "100ms", "wait": "168h"},
        }
        if experience == "modernized":
            self.be_modernized(layout.root / "Pulumi.dev-modernized.yaml")
        self.start_over(root / "state")

    def start_over(self, state: Path) -> None:
        """Go on with a new stack in another, empty backend. The clouds stay as they are."""
        # Without a salt in the stack's file, every command would derive a new key.
        self._salt = {"encryptionsalt": empty_backend.copy(state, self.name, PASSPHRASE)}
        self._state = state
        self.environment["PULUMI_BACKEND_URL"] = environment.backend(state)

    def other(self, name: str, outputs: Mapping[str, Any]) -> None:
        """Let another stack of the project have these outputs, as if it was deployed."""
        listed = json.loads(self.succeeds("stack", "ls", "--json", "--stack", name))
        if name not in {each["name"] for each in listed}:
            self.succeeds("stack", "init", name)
        project = self._manifest["name"]
        kind = "pulumi:pulumi:Stack"
        urn = f"urn:pulumi:{name}::{project}::{kind}::{project}-{name}"
        root = {"urn": urn, "custom": False, "type": kind, "outputs": dict(outputs)}
        file = self.folder / f"{name}.state.json"
        file.write_text(json.dumps({"version": 3, "deployment": {"resources": [root]}}), "utf-8")
        self.succeeds("stack", "import", "--file", str(file), "--stack", name)

    def be_program(self, text: str) -> None:
        """Run another program than ours from now on."""
        folder = self.folder / "program"
        folder.mkdir()
        (folder / "__main__.py").write_text(text, "utf-8")
        self._manifest["main"] = str(folder)

    @property
    def folder(self) -> Path:
        """The folder of Pulumi.yaml."""
        return self._project

    # -- config -----------------------------------------------------------------------------

    @property
    def _file(self) -> Path:
        return self._project / f"Pulumi.{self.name}.yaml"

    def be_modernized(self, example: Path) -> None:
        """Take what differs in the modernized experience from an example file."""
        other = yaml.safe_load(example.read_text("utf-8"))["config"]
        replication = {"registrationTimeout": "24h", **other["ec2-to-azure:replication"]}
        self.config |= {
            "ec2-to-azure:experience": "modernized",
            "ec2-to-azure:source": other["ec2-to-azure:source"],
            "ec2-to-azure:replication": replication,
        }

    def first(self, *steps: str) -> list[str]:
        """The operations of a machine in this experience: the modernized one has no discovery."""
        asked = self.experience == "classic"
        return [step for step in steps if asked or step != "DiscoverProtectableItem"]

    def declare(self, **waves: tuple[str, list[str]]) -> None:
        """Declare waves, each with its phase and machines, and no other machines."""
        self.config["ec2-to-azure:waves"] = {
            # The portal's way, except in the tests of cutovers: most tests fail over something
            # that nobody could prove anything of.
            name: {"phase": phase, "machines": list(machines), "cutover": {"mode": "latest"}}
            for name, (phase, machines) in waves.items()
        }
        self.config["ec2-to-azure:machines"] = {
            machine: self.fleet[machine] for _, machines in waves.values() for machine in machines
        }

    @property
    def waves(self) -> dict[str, Any]:
        """The waves in the stack's file."""
        waves: dict[str, Any] = self.config["ec2-to-azure:waves"]
        return waves

    @property
    def machines(self) -> dict[str, Any]:
        """The machines in the stack's file."""
        machines: dict[str, Any] = self.config["ec2-to-azure:machines"]
        return machines

    @property
    def convergence(self) -> dict[str, Any]:
        """The section `convergence` of the stack's file."""
        convergence: dict[str, Any] = self.config["ec2-to-azure:convergence"]
        return convergence

    # -- commands ---------------------------------------------------------------------------

    def preview(self) -> Result:
        """Run `pulumi preview`."""
        return self.run("preview")

    def up(self, *options: str) -> Result:
        """Run `pulumi up` without a preview."""
        return self.run("up", "--yes", "--skip-preview", *options)

    def up_with_a_server_of(self, instance_type: str) -> Result:
        """Run the first `pulumi up`, and make the server's instance that small before it boots."""
        without = self.up("--exclude", "**:Instance::server", "--exclude-dependents")
        assert without.code == 0, without.text
        # While time stands still in Azure, no instance boots.
        self.clouds.set_scale(0)
        running = self.start("up", "--yes", "--skip-preview")
        self.clouds.resize(self.clouds.until_there_is_a_server(), instance_type)
        self.clouds.set_scale(SCALE)
        return running.result()

    def refresh(self) -> Result:
        """Run `pulumi refresh`."""
        return self.run("refresh", "--yes", "--skip-preview")

    def destroy(self) -> Result:
        """Run `pulumi destroy`."""
        return self.run("destroy", "--yes", "--skip-preview")

    def up_on_a_terminal(self, columns: int) -> Shown:
        """Run what `make up` runs, on a terminal."""
        command = [sys.executable, "-m", "toolchain.progress", "up", "--stack", self.name, "--yes"]
        variables = self._write_project(self._usual) | {"PYTHONPATH": str(checkout().root)}
        return terminal.run(command, columns, variables, self._project)

    def recover(self) -> Result:
        """Run what `make recover` runs."""
        return self.run_tool("recover", "--yes")

    def report(self, *command: str) -> str:
        """Run what `make status` and `make report` run, and return what it printed."""
        return self.tool("report", *command)

    def tool(self, module: str, *options: str) -> str:
        """Run a package of ours that reads the stack, and return what it printed."""
        done = self.run_tool(module, *options)
        assert done.code == 0, done.text
        return done.text

    def run_tool(self, module: str, *options: str) -> Result:
        """Run a package of ours on the stack, as `make` runs it."""
        variables = self._write_project(self._usual)
        done = subprocess.run(
            [sys.executable, "-m", module, *options, "--stack", self.name],
            cwd=self._project,
            env={**variables, "PYTHONPATH": str(checkout().root)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Result(done.returncode, done.stdout)

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, as `pulumi stack output --json` prints them: none is secret."""
        kind = "pulumi:pulumi:Stack"
        root = next(one for one in self.resources() if one["type"] == kind)
        found: dict[str, Any] = root["outputs"]
        return found

    def machine(self, name: str) -> dict[str, Any]:
        """A machine's row in the stack's outputs."""
        row: dict[str, Any] = self.outputs()["machines"][name]
        return row

    def logs(self) -> str:
        """The engine's events of every command so far."""
        return "\n".join(path.read_text("utf-8") for path in sorted(self._events.iterdir()))

    def exported(self) -> str:
        """The state as text, with its secrets decrypted."""
        return self.succeeds("stack", "export", "--show-secrets")

    def resources(self) -> list[dict[str, Any]]:
        """Every resource as `pulumi stack export` prints it, with its secrets encrypted.

        Read from the file of the backend: the command for it takes a third of a second.
        """
        file = self._state / ".pulumi" / "stacks" / empty_backend.PROJECT / f"{self.name}.json"
        latest = json.loads(file.read_text("utf-8"))["checkpoint"]["latest"]
        found: list[dict[str, Any]] = latest.get("resources") or []
        return found

    def recorded(self, machine: str) -> dict[str, Any] | None:
        """The machine's record in the state, which is current even after a run that failed."""
        for resource in self.resources():
            if resource["urn"].endswith(f"{_OWN}Machine::{machine}"):
                outputs: dict[str, Any] = resource["outputs"]
                return outputs
        return None

    def run(self, *command: str) -> Result:
        """Run a command that uses the engine, such as `up`."""
        return self.start(*command).result()

    def start(self, *command: str, real: bool = False, logged: bool = True) -> Running:
        """Start a command that uses the engine.

        Args:
            command: the command and its options.
            real: whether its Python processes start as a user's do, so that it may be killed.
            logged: whether it takes the option for a log of events.
        """
        self._commands += 1
        events = self._events / f"{self._commands}.json"
        pythons = self._real if real else self._usual
        log = ("--event-log", str(events)) if logged else ()
        process = self._pulumi(*command, *log, pythons=pythons)
        return Running(process, events, real=pythons is self._real)

    def succeeds(self, *command: str) -> str:
        """Run a command that only reads or writes the backend. Returns what it printed."""
        with self._pulumi(*command) as process:
            text, _ = process.communicate(timeout=_COMMAND_SECONDS)
        assert process.returncode == 0, text
        return text

    def _write_project(self, pythons: Pythons) -> dict[str, str]:
        """Write what a command reads; returns the environment of one that runs in `pythons`."""
        self._manifest["runtime"]["options"]["virtualenv"] = str(pythons.virtual_environment)
        (self._project / "Pulumi.yaml").write_text(json.dumps(self._manifest), "utf-8")
        content = {**self._salt, "config": self.config}
        text = self.config_text or yaml.safe_dump(content, sort_keys=False)
        self._file.write_text(text, "utf-8")
        path = self.environment["PATH"]
        if pythons.language_host is not None:
            path = f"{pythons.language_host}{os.pathsep}{path}"
        return self.environment | {"PULUMI_HOME": str(pythons.home), "PATH": path}

    def _pulumi(self, *command: str, pythons: Pythons | None = None) -> subprocess.Popen[str]:
        variables = self._write_project(pythons or self._usual)
        other = command[:2] in (("stack", "init"), ("state", "move")) or "--stack" in command
        named = [] if other else ["--stack", self.name]
        return subprocess.Popen(
            ["pulumi", *command, *named, "--non-interactive"],
            cwd=self._project,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def _environment(clouds: Clouds) -> dict[str, str]:
    """The environment of this process, with Pulumi on PATH and no clouds other than these."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "AZURE_", "ARM_", "IDENTITY_", "PULUMI_"))
        # Nothing here is reached over TLS, and each process would read the authorities again.
        and name not in authorities.VARIABLES
    }
    return {
        **kept,
        **environment.tools(checkout(), os.environ),
        **clouds.environment,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        # The SDK must not look for an instance role on this computer's network.
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def _result(code: int, text: str, events: Path) -> Result:
    result = Result(code, _OF_THE_FORKED_HOST.sub("", text))
    for event in _events(events):
        diagnostic = event.get("diagnosticEvent")
        if diagnostic is not None and _OF_THE_FORKED_HOST.match(diagnostic["message"]):
            continue
        if diagnostic is not None and not diagnostic.get("ephemeral"):
            kept = {"error": result.errors, "warning": result.warnings, "info": result.lines}
            kind = kept.get(diagnostic["severity"].removesuffix("#err"))
            if kind is not None:
                name = diagnostic.get("urn", "").rpartition("::")[2]
                kind.setdefault(name, []).append(_plain(diagnostic["message"]).strip())
        step = event.get("resourcePreEvent", {}).get("metadata")
        inputs = ((step or {}).get("new") or {}).get("inputs") or {}
        for row in inputs.get("review", {}).get("machines", ()):
            operations = ", ".join(each["operation"] for each in row["operations"])
            result.reviewed[row["machine"]] = f"{row['now']} → {row['then']}: {operations}"
        if step is not None and step["op"] != "same" and _OWN in step["type"]:
            name = f"{step['type'].removeprefix(_OWN)} {step['urn'].rpartition('::')[2]}"
            result.changes[name] = step["op"]
    return result


def _events(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        for line in path.read_text("utf-8").splitlines():
            yield json.loads(line)


def _plain(text: str) -> str:
    """Without the engine's colour marks."""
    return re.sub(r"<\{%.*?%\}>", "", text)


def _descendants(pid: int) -> list[int]:
    children: Mapping[int, list[int]] = _children()
    found, open_ = [], [pid]
    while open_:
        below = children.get(open_.pop(), [])
        found += below
        open_ += below
    return found


def _children() -> dict[int, list[int]]:
    listed = subprocess.run(
        ["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    )
    children: dict[int, list[int]] = {}
    for line in listed.stdout.splitlines():
        pid, parent = map(int, line.split())
        children.setdefault(parent, []).append(pid)
    return children
