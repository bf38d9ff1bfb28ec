"""The operating system of an instance, from the name of its image."""

from __future__ import annotations

import re

WINDOWS_2008_R2_SP1 = "windows-server-2008-r2-sp1"
WINDOWS_2012 = "windows-server-2012"
WINDOWS_2012_R2 = "windows-server-2012-r2"
WINDOWS_2016 = "windows-server-2016"
WINDOWS_2019 = "windows-server-2019"
WINDOWS_2022 = "windows-server-2022"
AMAZON_LINUX_2 = "amazon-linux-2"
UNKNOWN = "unknown"

# Vendors name images after their operating system; the captured version completes our name.
_NAMES = (
    (re.compile(r"Windows_Server-2008-R2_SP1-"), WINDOWS_2008_R2_SP1),
    (re.compile(r"Windows_Server-2012-R2_"), WINDOWS_2012_R2),
    (re.compile(r"Windows_Server-2012-"), WINDOWS_2012),
    (re.compile(r"Windows_Server-2016-"), WINDOWS_2016),
    (re.compile(r"Windows_Server-2019-"), WINDOWS_2019),
    (re.compile(r"Windows_Server-2022-"), WINDOWS_2022),
    (re.compile(r"RHEL-(\d+\.\d+)(?:\.\d+)?[_-]"), "rhel-{}"),
    (re.compile(r"ubuntu/images/.*ubuntu-[a-z]+-(\d\d\.04)-"), "ubuntu-{}"),
    (re.compile(r"debian-(?:[a-z]+-)?(\d+)-"), "debian-{}"),
    (re.compile(r"suse-sles-(\d+(?:-sp\d)?)-"), "sles-{}"),
    (re.compile(r"OL(\d+\.\d+)-"), "oracle-{}"),
    (re.compile(r"CentOS[ -](?:Linux )?(\d+\.\d+)"), "centos-{}"),
    (re.compile(r"amzn2-ami-"), AMAZON_LINUX_2),
)

DRIVERS = ("aws-pv", "citrix-pv", "redhat-pv")


def of_image(name: str) -> str:
    """The operating system in an image of this name, or "unknown"."""
    for pattern, system in _NAMES:
        match = pattern.match(name)
        if match is not None:
            return system.format(*match.groups())
    return UNKNOWN


def kernel_of(system: str, tag: str | None) -> str | None:
    """What `uname -r` prints on a Linux guest, as far as it matters here; None elsewhere.

    Canonical's images for EC2 run kernels named -aws; those of other vendors run stock ones.

    Args:
        system: the operating system.
        tag: the instance's `kernel` tag, such as `generic`, which overrides the kind.
    """
    if system.startswith("windows"):
        return None
    if system.startswith("ubuntu"):
        return f"5.15.0-1051-{tag or 'aws'}"
    return f"4.18.0-477.{tag or 'el8.x86_64'}"


def drivers_of(system: str, tag: str | None) -> str | None:
    """The paravirtual drivers of a Windows guest; None elsewhere.

    Args:
        system: the operating system.
        tag: the instance's `drivers` tag, which overrides the drivers of its image:
            Citrix PV with 2008 R2, AWS PV with everything later.
    """
    if not system.startswith("windows"):
        return None
    if tag in DRIVERS:
        return tag
    return "citrix-pv" if system == WINDOWS_2008_R2_SP1 else "aws-pv"
