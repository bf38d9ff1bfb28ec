"""The configuration server of the classic experience.

In the classic procedure a person installs Unified Setup, or a script in the server's user data
does. It takes 9 to 13 minutes.
"""

from __future__ import annotations

import string

from emulator.guests.servers import Role
from emulator.kernel.world import World

ROLE = Role(
    tag="configuration-server",
    title="configuration server",
    systems={
        "windows-server-2012-r2": "Windows Server 2012 R2",
        "windows-server-2016": "Windows Server 2016",
    },
    vcpus=8,
    memory_mib=16 * 1024,
    takes=(540, 780),
)

ACCOUNTS = {"1": ("WindowsAccount", "Windows"), "2": ("LinuxAccount", "Linux")}
"""Run-as accounts that the operator adds: id -> friendly name and the OS type it is good for."""

_PASSPHRASE_LENGTH = 16


def passphrase(world: World, instance_id: str) -> str:
    """The passphrase that agents must give to the configuration server on an instance."""
    chance = world.random("passphrase", instance_id)
    letters = string.ascii_letters + string.digits
    return "".join(chance.choice(letters) for _ in range(_PASSPHRASE_LENGTH))
