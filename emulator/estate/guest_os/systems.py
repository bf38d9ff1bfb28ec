"""What operating systems can and cannot do.

Sources: `ss` has `-K` since iproute2 4.5, `-H` since 4.7, and pid and fd by name since 3.14 (its
history); RHEL 6 ships 2.6.32, RHEL 7.5 4.11 and those before it 3.10, Ubuntu 16.04 4.3, SLES 11 2.6.29,
Debian 8 3.16. `CONFIG_INET_DIAG_DESTROY` came with Linux 4.5; RHEL 7 runs 3.10, Ubuntu 16.04 4.4, SLES 11
3.0. systemd came with RHEL 7, Ubuntu 15.04, SLES 12 and Debian 8. Module documentation of
PowerShell: NetTCPIP and Storage came with Windows Server 2012, Test-NetConnection with 2012 R2.
"""

from __future__ import annotations

import re

from emulator.estate import operating_systems

_KERNEL_ENDS_NONE = re.compile(
    r"(rhel|centos|oracle)-[567](\.|$)|ubuntu-1[246]\.|sles-11|debian-[678]$"
)
_NO_SYSTEMD = re.compile(r"(rhel|centos|oracle)-[56](\.|$)|ubuntu-1[24]\.|sles-11|debian-[67]$")

_IPROUTES = (
    (re.compile(r"(rhel|centos|oracle)-[56](\.|$)|sles-11|debian-[67]$|ubuntu-12\."), (2, 6)),
    (re.compile(r"(rhel|centos|oracle)-7(\.[0-4])?$"), (3, 10)),
    (re.compile(r"ubuntu-14\."), (3, 12)),
    (re.compile(r"debian-8$"), (3, 16)),
    (re.compile(r"ubuntu-16\."), (4, 3)),
)
_RECENT = (4, 11)

_SINCE = {
    "Test-NetConnection": operating_systems.WINDOWS_2012_R2,
    "Get-NetTCPConnection": operating_systems.WINDOWS_2012,
    "Get-Volume": operating_systems.WINDOWS_2012,
    "Write-VolumeCache": operating_systems.WINDOWS_2012,
}
_WINDOWS = (
    operating_systems.WINDOWS_2008_R2_SP1,
    operating_systems.WINDOWS_2012,
    operating_systems.WINDOWS_2012_R2,
)


def ends_connections(system: str) -> bool:
    """Whether an administrator can end a connection of another process."""
    return _KERNEL_ENDS_NONE.match(system) is None


def iproute(system: str) -> tuple[int, int]:
    """The version of iproute2, to which `ss` belongs; that of RHEL 7.5 stands for all later ones."""
    return next((version for known, version in _IPROUTES if known.match(system)), _RECENT)


def has_systemd(system: str) -> bool:
    """Whether `systemctl` is there."""
    return _NO_SYSTEMD.match(system) is None


def has_cmdlet(system: str, name: str) -> bool:
    """Whether Windows has one of the cmdlets that came with some version."""
    since = next((at for known, at in _SINCE.items() if known.lower() == name.lower()), None)
    if since is None or system not in _WINDOWS:
        return True
    return _WINDOWS.index(system) >= _WINDOWS.index(since)
