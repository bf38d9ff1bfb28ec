"""A backend with one empty stack, as `pulumi stack init` makes it: made once in a process, and
copied for every stack."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import yaml

from toolchain import environment
from toolchain.layout import checkout

PROJECT = "ec2-to-azure"


def copy(state: Path, stack: str, passphrase: str, project: str = PROJECT) -> str:
    """Make a backend with an empty stack.

    Args:
        state: the folder of the backend, which is not there yet.
        stack: the stack's name.
        passphrase: of its secrets.
        project: the name of its project.

    Returns:
        The stack's `encryptionsalt`, which its file has to have.
    """
    made, salt = _made(stack, passphrase, project)
    shutil.copytree(made, state)
    return salt


@cache
def _made(stack: str, passphrase: str, project: str) -> tuple[Path, str]:
    folder = Path(mkdtemp(prefix="backend-"))
    atexit.register(shutil.rmtree, folder)
    for name in ("project", "state", "home"):
        (folder / name).mkdir()
    manifest = {"name": project, "runtime": "python"}
    (folder / "project" / "Pulumi.yaml").write_text(json.dumps(manifest), "utf-8")
    subprocess.run(
        ["pulumi", "stack", "init", stack, "--non-interactive"],
        cwd=folder / "project",
        env={
            **os.environ,
            **environment.tools(checkout(), os.environ),
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_BACKEND_URL": environment.backend(folder / "state"),
            "PULUMI_CONFIG_PASSPHRASE": passphrase,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    written = (folder / "project" / f"Pulumi.{stack}.yaml").read_text("utf-8")
    return folder / "state", str(yaml.safe_load(written)["encryptionsalt"])
