"""What runs on an instance, told by the name of the image that it was started from."""

from __future__ import annotations

import re

WINDOWS_2008_R2_SP1 = "windows-server-2008-r2-sp1"
WINDOWS_2012 = "windows-server-2012"
WINDOWS_2012_R2 = "windows-server-2012-r2"
WINDOWS_2016 = "windows-server-2016"
RHEL_6_7 = "rhel-6.7"
AMAZON_LINUX_2 = "amazon-linux-2"
UNKNOWN = "unknown"

# Amazon and Red Hat name their images after the system in them.
_NAMES = (
    (re.compile(r"Windows_Server-2008-R2_SP1-"), WINDOWS_2008_R2_SP1),
    (re.compile(r"Windows_Server-2012-R2_"), WINDOWS_2012_R2),
    (re.compile(r"Windows_Server-2012-"), WINDOWS_2012),
    (re.compile(r"Windows_Server-2016-"), WINDOWS_2016),
    (re.compile(r"RHEL-6\.7[_-]"), RHEL_6_7),
    (re.compile(r"amzn2-ami-"), AMAZON_LINUX_2),
)

DRIVERS = ("aws-pv", "citrix-pv", "redhat-pv")


def of_image(name: str) -> str:
    """The operating system in an image of this name, or "unknown"."""
    return next((system for pattern, system in _NAMES if pattern.match(name)), UNKNOWN)


def drivers_of(system: str, tag: str | None) -> str | None:
    """The paravirtual drivers of a Windows guest; None elsewhere.

    Args:
        system: the operating system.
        tag: what the instance's `drivers` tag says, which wins over what its image brought:
            Citrix PV with 2008 R2, AWS PV with everything later.
    """
    if not system.startswith("windows"):
        return None
    if tag in DRIVERS:
        return tag
    return "citrix-pv" if system == WINDOWS_2008_R2_SP1 else "aws-pv"
