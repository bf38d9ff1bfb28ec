"""Sets up everything that `make` needs, with nothing but Python 3.11. Does only what is missing.

    python3.11 -m toolchain.setup

Writes to standard error only, because `eval "$(make env)"` reads standard output.
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from toolchain import engine, logs, packages
from toolchain.layout import Layout, checkout

_PASSPHRASE = "local\n"  # noqa: S105 - guards nothing: local stacks have no secrets


_Step = Callable[[Layout, Callable[[str], None]], object]
_STEPS: tuple[_Step, ...] = (packages.ensure, engine.obtain)


class SetupError(Exception):
    """Set-up failed. The text says why, for every step that failed."""


def main() -> int:
    """Set up the checkout that this file is in. Returns the exit code."""
    try:
        set_up(checkout())
    except SetupError as error:
        print(f"Set-up failed.\n{error}", file=sys.stderr)
        return 1
    return 0


def set_up(layout: Layout) -> None:
    """Install packages, engine, stand-in providers and local settings, as far as they are missing.

    Raises:
        SetupError: with the text of every step that failed.
    """
    layout.local.mkdir(exist_ok=True)
    # State files and logs of local stacks may contain what the user put into a config.
    layout.local.chmod(0o700)
    layout.state.mkdir(exist_ok=True)
    with _only_one(layout):
        # In parallel: one waits for the network, the other for the compiler.
        with ThreadPoolExecutor() as pool:
            found = list(pool.map(lambda step: _problem(step, layout), _STEPS))
        problems = [problem for problem in found if problem is not None]
        if problems:
            raise SetupError("\n".join(problems))
        _install_stand_ins(layout)
        if not layout.passphrase.exists():
            layout.passphrase.write_text(_PASSPHRASE, "utf-8")
        logs.remove_old(layout)


def _problem(step: _Step, layout: Layout) -> str | None:
    """Run a step. Returns what went wrong, or None."""
    try:
        step(layout, _say)
    except (packages.PackagesError, engine.EngineError) as error:
        return str(error)
    return None


def _install_stand_ins(layout: Layout) -> None:
    """Install the providers that stand in for `aws` and `azure-native` on local stacks."""
    stamp = layout.pulumi_home / "stand-ins.sha256"
    digest = hashlib.sha256((layout.root / "requirements.lock").read_bytes())
    digest.update(str(layout.root).encode())
    for path in sorted((layout.root / "emulator" / "providers").rglob("*.*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.read_bytes())
    wanted = digest.hexdigest()
    plugins = layout.pulumi_home / "plugins"
    if plugins.exists() and stamp.exists() and stamp.read_text("utf-8") == wanted:
        return
    layout.pulumi_home.mkdir(exist_ok=True)
    module = [str(layout.python), "-m", "emulator.providers", "install"]
    options = ["--home", str(layout.pulumi_home), "--python", str(layout.python)]
    done = subprocess.run(
        [*module, *options], cwd=layout.root, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        printed = (done.stdout + done.stderr).strip()
        raise SetupError(f"The stand-in providers could not be installed:\n{printed}")
    stamp.write_text(wanted, "utf-8")


@contextmanager
def _only_one(layout: Layout) -> Iterator[None]:
    """Let several `make` run at the same time: one does the set-up, the others wait."""
    with Path(layout.local, "setup.lock").open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
