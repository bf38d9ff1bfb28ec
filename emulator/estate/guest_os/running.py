"""A script on a machine, by its platform."""

from __future__ import annotations

from emulator.estate.guest_os import powershell, shell
from emulator.estate.guest_os.guest import Guest
from emulator.estate.guest_os.scripts import Ran


def run(platform: str, script: str, guest: Guest) -> Ran:
    """Run a script: PowerShell on "windows", shell on "linux"."""
    shells = {"windows": powershell.run, "linux": shell.run}
    ran = shells[platform](script, guest)
    if ran.code == 0:
        return ran
    # The SSM agent adds this line.
    return Ran(ran.out, f"{ran.err}failed to run commands: exit status {ran.code}\n", ran.code)
