"""How this checkout gets a Pulumi engine: an installed one, Pulumi's installer, or a build.

The first that works is used, in this order:

1. `pulumi` on PATH, of a suitable version, with its language host;
2. Pulumi's installer (https://get.pulumi.com), into `.local/engine`, at VERSION;
3. the engine's Go modules, pinned in toolchain/engine (go.mod, go.sum), into `.local/engine`,
   with the language host of this checkout beside it.

What was decided is recorded in `.local/engine.json`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from toolchain.layout import Layout

VERSION = "3.259.0"
"""The engine that is installed or built. It pairs with `pulumi` of requirements.txt."""

OLDEST = (3, 259, 0)
"""The oldest installed engine that is used: an engine serves SDKs up to its own age, while a newer
SDK may ask it for what it does not have yet. The next major version may change the protocol."""

INSTALLER = "https://get.pulumi.com"
_REACHABLE_SECONDS = 5
_INSTALL_SECONDS = 600
_PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_LINKER_FLAGS = f"-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{VERSION}"
_LAUNCHERS = ("pulumi-language-python", "pulumi-resource-pulumi-python")

Say = Callable[[str], None]


class EngineError(Exception):
    """No engine could be had; the text names every way and why it failed."""


class _UnavailableError(Exception):
    """One way did not work; the text says why."""


@dataclass(frozen=True)
class Engine:
    """A Pulumi engine.

    Attributes:
        source: `installed`, `downloaded` or `built`.
        directory: the folder of `pulumi` and its language host, to be on PATH.
        key: what it was made from; one with another key is made again.
    """

    source: str
    directory: str
    key: str = ""


def obtain(layout: Layout, say: Say, *, installer: str = INSTALLER) -> Engine:
    """An engine for this checkout, found or made.

    Args:
        layout: the checkout.
        say: takes a line for the user, before something that takes time.
        installer: where Pulumi's install script is.

    Raises:
        EngineError: none of the three ways works.
    """
    failures: list[str] = []
    ways: list[tuple[str, Callable[[], Engine]]] = [
        ("An installed pulumi", lambda: _installed(layout)),
        # Before the installer is asked: what it or a build left earlier.
        ("", lambda: _kept(layout)),
        (f"Pulumi's installer ({installer})", lambda: _downloaded(layout, say, installer)),
        (
            f"A build from Go modules ({layout.root / 'toolchain/engine'})",
            lambda: _built(layout, say),
        ),
    ]
    for name, way in ways:
        try:
            engine = way()
        except _UnavailableError as why:
            if name:
                failures.append(f"  {len(failures) + 1}. {name}: {why}")
            continue
        layout.engine_record.write_text(json.dumps(asdict(engine), indent=2) + "\n", "utf-8")
        return engine
    raise EngineError(
        "There is no Pulumi engine. Each of three ways was tried; one is enough:\n"
        + "\n".join(failures)
    )


def recorded(layout: Layout) -> Engine | None:
    """The engine that set-up decided for, or None before set-up."""
    try:
        return Engine(**json.loads(layout.engine_record.read_text("utf-8")))
    except FileNotFoundError:
        return None


def _installed(layout: Layout) -> Engine:
    # Ours may be on PATH too, after `eval "$(make env)"`.
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    others = os.pathsep.join(f for f in folders if Path(f) != layout.engine)
    pulumi = shutil.which("pulumi", path=others)
    if pulumi is None:
        raise _UnavailableError("there is no `pulumi` on PATH")
    said = _output([pulumi, "version"])
    match = re.search(r"(\d+)\.(\d+)\.(\d+)", said)
    version = tuple(int(part) for part in match.groups()) if match else (0, 0, 0)
    if not OLDEST <= version < (OLDEST[0] + 1, 0, 0):
        raise _UnavailableError(
            f"{pulumi} is {said.strip() or 'of no known version'}; it must be "
            f"{'.'.join(map(str, OLDEST))} or newer, and below {OLDEST[0] + 1}"
        )
    beside = Path(pulumi).resolve().parent
    if shutil.which("pulumi-language-python", path=f"{beside}{os.pathsep}{others}") is None:
        raise _UnavailableError(f"{pulumi} has no language host `pulumi-language-python`")
    return Engine("installed", str(Path(pulumi).parent))


def _kept(layout: Layout) -> Engine:
    engine = recorded(layout)
    if engine is None:
        raise _UnavailableError("none")
    wanted = {"downloaded": VERSION, "built": _build_key(layout)}.get(engine.source)
    if engine.key != wanted or not (layout.engine / "pulumi").exists():
        raise _UnavailableError("none")
    if engine.source == "built":
        _link_language_host(layout)
    return replace(engine, directory=str(layout.engine))


def _downloaded(layout: Layout, say: Say, installer: str) -> Engine:
    try:
        with urllib.request.urlopen(  # noqa: S310 - the scheme is ours
            installer, timeout=_REACHABLE_SECONDS
        ) as answer:
            script = answer.read()
    except (OSError, urllib.error.URLError) as error:
        raise _UnavailableError(f"not reachable ({getattr(error, 'reason', error)})") from None
    say(f"Installing Pulumi {VERSION} into {layout.engine}")
    with tempfile.TemporaryDirectory(dir=layout.local) as folder:
        path = Path(folder, "install.sh")
        path.write_bytes(script)
        _output(
            ["sh", str(path), "--version", VERSION, "--install-root", folder, "--no-edit-path"],
            seconds=_INSTALL_SECONDS,
        )
        binaries = Path(folder, "bin")
        for name in ("pulumi", "pulumi-language-python"):
            if not (binaries / name).exists():
                raise _UnavailableError(f"it installed no `{name}`")
        _replace(layout.engine, binaries)
    return Engine("downloaded", str(layout.engine), VERSION)


def _built(layout: Layout, say: Say) -> Engine:
    if shutil.which("go") is None:
        raise _UnavailableError("there is no `go` on PATH")
    say("Building the Pulumi engine from its Go modules: some minutes, this once")
    with tempfile.TemporaryDirectory(dir=layout.local) as folder:
        binaries = Path(folder, "bin")
        binaries.mkdir()
        build = ["go", "build", "-mod=readonly", "-trimpath", "-buildvcs=false"]
        target = ["-ldflags", _LINKER_FLAGS, "-o", str(binaries / "pulumi"), _PACKAGE]
        _output([*build, *target], directory=layout.root / "toolchain" / "engine")
        _output([str(binaries / "pulumi"), "version"])
        _replace(layout.engine, binaries)
    _link_language_host(layout)
    return Engine("built", str(layout.engine), _build_key(layout))


def _build_key(layout: Layout) -> str:
    """What a build depends on: the pinned modules, the flags and the compiler."""
    folder = layout.root / "toolchain" / "engine"
    digest = hashlib.sha256(_LINKER_FLAGS.encode())
    for name in ("go.mod", "go.sum"):
        digest.update((folder / name).read_bytes())
    if shutil.which("go") is not None:
        digest.update(_output(["go", "env", "GOVERSION"], directory=folder).encode())
    return digest.hexdigest()


def _link_language_host(layout: Layout) -> None:
    """Put our language host beside the engine, where an official Pulumi has its own."""
    for name in _LAUNCHERS:
        link = layout.engine / name
        target = Path("..", "..", "toolchain", "language_host", name)
        if not link.is_symlink() or link.readlink() != target:
            link.unlink(missing_ok=True)
            link.symlink_to(target)


def _replace(folder: Path, new: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.move(new, folder)


def _output(
    command: list[str], *, directory: Path | None = None, seconds: float | None = None
) -> str:
    """What a command writes to standard output.

    Raises:
        _UnavailableError: it failed, with the end of what it said.
    """
    try:
        done = subprocess.run(
            command, cwd=directory, timeout=seconds, capture_output=True, text=True, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _UnavailableError(str(error)) from None
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-5:]
        raise _UnavailableError(
            f"`{' '.join(command[:2])}` failed with exit code {done.returncode}: "
            + "\n     ".join(said)
        )
    return done.stdout
