"""The systems that the mobility agent of the modernized experience supports.

Source: "Support matrix for disaster recovery of VMware VMs and physical servers to Azure"
(azure-docs, the edition of agent 9.55): 64-bit Intel or AMD, Windows Server 2008 R2 SP1 to 2022,
and the versions of Linux below. Amazon Linux is not in it.
"""

from __future__ import annotations

import re

from emulator.estate.machines import Instance

_WINDOWS = frozenset(
    f"windows-server-{name}" for name in ("2008-r2-sp1", "2012", "2012-r2", "2016", "2019", "2022")
)
_LINUX: dict[str, tuple[tuple[tuple[int, int], tuple[int, int]], ...]] = {
    "rhel": (
        ((5, 2), (5, 11)),
        ((6, 1), (6, 10)),
        ((7, 0), (7, 9)),
        ((8, 0), (8, 8)),
        ((9, 0), (9, 1)),
    ),
    "centos": (((5, 2), (5, 11)), ((6, 1), (6, 10)), ((7, 0), (7, 9)), ((8, 0), (8, 7))),
    "oracle": (((6, 4), (6, 10)), ((7, 0), (7, 9)), ((8, 0), (8, 7))),
    "ubuntu": tuple(((year, 4), (year, 4)) for year in (14, 16, 18, 20, 22)),
    "debian": (((7, 0), (11, 99)),),
    "sles": (((11, 3), (11, 4)), ((12, 1), (12, 5)), ((15, 0), (15, 4))),
}
"""Ranges of versions (inclusive) by family; for SLES the second number is the service pack."""

_SYSTEM = re.compile(r"([a-z]+)-(\d+)(?:\.|-sp)?(\d*)")


def problem(machine: Instance) -> str | None:
    """The reason why the agent does not run on a machine; None if it does."""
    if machine.architecture != "x86_64":
        return f"its architecture is {machine.architecture}"
    if machine.platform == "windows":
        supported = machine.os in _WINDOWS
    else:
        supported = _is_supported_linux(machine.os)
    if not supported:
        return f"its operating system {machine.os} is not supported"
    if machine.platform == "linux" and machine.virtualization != "hvm":
        # The page: block devices of paravirtual drivers are not supported.
        return "it is no HVM instance"
    return None


def _is_supported_linux(system: str) -> bool:
    match = _SYSTEM.fullmatch(system)
    if match is None:
        return False
    version = (int(match[2]), int(match[3] or 0))
    return any(first <= version <= last for first, last in _LINUX.get(match[1], ()))
