"""Finds or makes a Pulumi engine for this checkout: an installed one, a download, or a build.

The first that works is used, in this order:

1. `pulumi` on PATH, of a suitable version, with its language host;
2. Pulumi's installer (https://get.pulumi.com), into `.local/engine`, at VERSION;
3. a build of the engine's Go modules, pinned in toolchain/engine (go.mod, go.sum), into
   `.local/engine`, with the language host of this checkout beside it.

`.local/engine.json` records which one is used.
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

from toolchain import files, long_commands
from toolchain.layout import Layout

VERSION = "3.259.0"
"""The version that is downloaded or built. It must match `pulumi` in requirements.txt."""

OLDEST = (3, 259, 0)
"""The oldest installed engine that is used. An engine supports older SDKs, but a newer SDK may
use calls that the engine does not have yet. The next major version may change the protocol."""

INSTALLER = "https://get.pulumi.com"
_REACHABLE_SECONDS = 5
_INSTALL_SECONDS = 600
_PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_LINKER_FLAGS = f"-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{VERSION}"
_LAUNCHERS = ("pulumi-language-python", "pulumi-resource-pulumi-python")

Say = Callable[[str], None]


class EngineError(Exception):
    """No engine is available. The text lists every way that was tried and why it failed."""


class _UnavailableError(Exception):
    """One way to get an engine failed. The text says why."""


@dataclass(frozen=True)
class Engine:
    """A Pulumi engine.

    Attributes:
        source: `installed`, `downloaded` or `built`.
        directory: the folder of `pulumi` and its language host, to put on PATH.
        key: identifies what it was made from. If the wanted key differs, it is made again.
    """

    source: str
    directory: str
    key: str = ""


def obtain(layout: Layout, say: Say, *, installer: str = INSTALLER) -> Engine:
    """Find an engine for this checkout, or make one.

    Args:
        layout: the checkout.
        say: shows a line to the user before something that takes time.
        installer: the URL of Pulumi's install script.

    Raises:
        EngineError: all three ways failed.
    """
    failures: list[str] = []
    ways: list[tuple[str, Callable[[], Engine]]] = [
        ("An installed pulumi", lambda: _installed(layout)),
        # An engine that was downloaded or built earlier is used again.
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
        # Commands that run meanwhile read it.
        files.write(layout.engine_record, json.dumps(asdict(engine), indent=2) + "\n")
        return engine
    raise EngineError(
        "There is no Pulumi engine. All three ways to get one failed; it is enough to mend one:\n"
        + "\n".join(failures)
    )


def recorded(layout: Layout) -> Engine | None:
    """The engine that set-up chose, or None before set-up, which mends a damaged record too."""
    try:
        return Engine(**json.loads(layout.engine_record.read_text("utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _installed(layout: Layout) -> Engine:
    # After `eval "$(make env)"` our own engine is on PATH too.
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    others = os.pathsep.join(f for f in folders if Path(f) != layout.engine)
    pulumi = shutil.which("pulumi", path=others)
    if pulumi is None:
        raise _UnavailableError("there is no `pulumi` on PATH")
    printed = _output([pulumi, "version"])
    match = re.search(r"(\d+)\.(\d+)\.(\d+)", printed)
    version = tuple(int(part) for part in match.groups()) if match else (0, 0, 0)
    if not OLDEST <= version < (OLDEST[0] + 1, 0, 0):
        raise _UnavailableError(
            f"{pulumi} is {printed.strip() or 'of an unknown version'}; it must be "
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
                raise _UnavailableError(f"it did not install `{name}`")
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
        folder_of_modules = layout.root / "toolchain" / "engine"
        try:
            done = long_commands.run(
                [*build, *target], folder_of_modules, lambda: "still building the engine", say
            )
        except OSError as error:
            raise _UnavailableError(str(error)) from None
        _raise_unless_done(done)
        _output([str(binaries / "pulumi"), "version"])
        _replace(layout.engine, binaries)
    _link_language_host(layout)
    return Engine("built", str(layout.engine), _build_key(layout))


def _build_key(layout: Layout) -> str:
    """A digest of what a build depends on: the pinned modules, the flags and the compiler."""
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
    """Run a command and return its standard output.

    Raises:
        _UnavailableError: the command failed. The text has the end of its output.
    """
    try:
        done = subprocess.run(
            command, cwd=directory, timeout=seconds, capture_output=True, text=True, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _UnavailableError(str(error)) from None
    _raise_unless_done(done)
    return done.stdout


def _raise_unless_done(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode != 0:
        last = ((done.stderr or "").strip() or done.stdout.strip()).splitlines()[-5:]
        raise _UnavailableError(
            f"`{' '.join(done.args[:2])}` failed with exit code {done.returncode}: "
            + "\n     ".join(last)
        )
