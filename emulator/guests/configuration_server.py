"""The configuration server of the classic experience.

Installing Unified Setup is a person's work in the classic procedure. Here that person is the
operator, who registers the server after 9 to 13 minutes.
"""

from __future__ import annotations

from emulator.guests.servers import Role

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
