"""A script on a machine, by its platform."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.estate.guest_os import linux, windows
from emulator.estate.guest_os.guest import Guest


@dataclass(frozen=True)
class Result:
    """The result of a script: its standard output, its standard error and its exit code."""

    out: str
    err: str
    code: int


def run(platform: str, script: str, guest: Guest) -> Result:
    """Run a script as the SSM agent does: PowerShell on "windows", shell on "linux"."""
    shells = {"windows": windows.run, "linux": linux.run}
    ran = shells[platform](script, guest)
    if ran.code:
        ran.complains(f"failed to run commands: exit status {ran.code}")
    return Result("".join(ran.out), "".join(ran.err), ran.code)
