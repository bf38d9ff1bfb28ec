"""The Python packages of requirements.lock, in a virtual environment."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

from toolchain import byte_code, long_commands
from toolchain.layout import Layout, checkout


class PackagesError(Exception):
    """The packages could not be installed. The text says why."""


def ensure(layout: Layout, say: Callable[[str], None]) -> None:
    """Install the packages of requirements.lock, unless they are installed already.

    Args:
        layout: the checkout.
        say: shows a line to the user when there is something to do.

    Raises:
        PackagesError: venv or pip failed.
    """
    stamp = _stamp(layout)
    if layout.python.exists() and stamp.exists() and stamp.read_text("utf-8") == _wanted(layout):
        # An environment that an older checkout installed has no such line yet.
        byte_code.keep(layout)
        return
    say(f"Installing the packages of requirements.lock into {layout.virtual_environment}")
    stamp.unlink(missing_ok=True)
    # --upgrade: the interpreter that an older environment was made with may be gone.

    def run(command: list[str], still: Callable[[], str]) -> None:
        done = long_commands.run(command, checkout().root, still, say)
        if done.returncode != 0:
            raise PackagesError(f"`{' '.join(command)}` failed:\n{done.stdout.strip()}")

    making = [sys.executable, "-m", "venv", "--upgrade", str(layout.virtual_environment)]
    run(making, lambda: "still making the virtual environment")
    pip = [str(layout.python), "-m", "pip", "--disable-pip-version-check"]
    lock = str(layout.root / "requirements.lock")
    # Compiling the 600 MB of cloud SDKs takes minutes: byte_code compiles only what is imported.
    # The lock names every package, so there is nothing to resolve.
    run(
        [*pip, "install", "--quiet", "--no-deps", "--no-compile", "-r", lock],
        lambda: (
            f"still fetching and installing: {_installed(layout)} of {_locked(layout)} packages"
        ),
    )
    run([*pip, "check"], lambda: "still checking the packages")
    byte_code.keep(layout)
    run(
        [str(layout.python), "-m", "toolchain.byte_code", str(layout.root)],
        lambda: "still compiling what is imported",
    )
    mark(layout)


def mark(layout: Layout) -> None:
    """Note that the packages of requirements.lock are installed."""
    _stamp(layout).write_text(_wanted(layout), "utf-8")


def _stamp(layout: Layout) -> Path:
    return layout.virtual_environment / "requirements.sha256"


def _wanted(layout: Layout) -> str:
    """A digest of what the environment depends on. It includes the path: it cannot be moved."""
    digest = hashlib.sha256((layout.root / "requirements.lock").read_bytes())
    digest.update(f"{sys.version_info[:2]} {layout.root}".encode())
    return digest.hexdigest()


def _installed(layout: Layout) -> int:
    """How many packages are there, pip and its like apart."""
    found = layout.virtual_environment.glob("lib/python*/site-packages/*.dist-info")
    return len([one for one in found if not one.name.startswith(("pip-", "setuptools-"))])


def _locked(layout: Layout) -> int:
    lines = (layout.root / "requirements.lock").read_text("utf-8").splitlines()
    return len([line for line in lines if "==" in line and not line.startswith("#")])
