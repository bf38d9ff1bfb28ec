"""The Python packages of requirements.lock, in a virtual environment."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from toolchain import byte_code
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
    _run([sys.executable, "-m", "venv", "--upgrade", str(layout.virtual_environment)])
    pip = [str(layout.python), "-m", "pip", "--disable-pip-version-check"]
    lock = str(layout.root / "requirements.lock")
    # Compiling the 600 MB of cloud SDKs takes minutes: byte_code compiles only what is imported.
    # The lock names every package, so there is nothing to resolve.
    _run([*pip, "install", "--quiet", "--no-deps", "--no-compile", "-r", lock])
    _run([*pip, "check"])
    byte_code.keep(layout)
    _run([str(layout.python), "-m", "toolchain.byte_code", str(layout.root)])
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


def _run(command: list[str]) -> None:
    done = subprocess.run(command, cwd=checkout().root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        printed = (done.stdout + done.stderr).strip()
        raise PackagesError(f"`{' '.join(command)}` failed:\n{printed}")
