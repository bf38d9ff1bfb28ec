"""The installed programs of a guest, as far as they matter here.

Names and versions: "Paravirtual drivers for Windows instances" (Amazon EC2 user guide) for the
versions of drivers, the installers themselves for their names.
"""

from __future__ import annotations

from dataclasses import dataclass

AGENT_VERSION = "3.3.987.0"
"""The version of the SSM agent, which every managed guest has."""


@dataclass(frozen=True)
class Program:
    """One program."""

    name: str
    version: str
    publisher: str


_DRIVERS = {
    "aws-pv": Program("AWS PV Drivers", "8.3.5", "Amazon Web Services"),
    "citrix-pv": Program("Citrix Tools for Virtual Machines", "5.9.960", "Citrix Systems, Inc."),
    "redhat-pv": Program(
        "Red Hat Paravirtualized Xen Drivers for Windows(R)", "1.3.10", "Red Hat, Inc."
    ),
}


def of_guest(drivers: str | None, platform: str, kernel: str | None = None) -> list[Program]:
    """The programs of a managed guest.

    Args:
        drivers: its paravirtual drivers, as `operating_systems.drivers_of` names them.
        platform: `Windows` or `Linux`.
        kernel: the release of its kernel; None on Windows.
    """
    if platform != "Windows":
        agent = Program("amazon-ssm-agent", AGENT_VERSION, "Amazon.com, Inc.")
        if kernel is None:
            return [agent]
        packaged = (
            ("kernel", kernel) if kernel.endswith(".x86_64") else (f"linux-image-{kernel}", "1")
        )
        return [agent, Program(*packaged, "")]
    own = [_DRIVERS[drivers]] if drivers else []
    return [*own, Program("Amazon SSM Agent", AGENT_VERSION, "Amazon Web Services")]
