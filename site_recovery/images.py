"""Which operating system an Amazon machine image holds, from the name its publisher gave it."""

from __future__ import annotations

import re

_NAMES: tuple[tuple[str, str], ...] = (
    (r"^Windows_Server-2008-R2[_-]SP1-.*64Bit", "windows-server-2008-r2-sp1"),
    (r"^Windows_Server-2008-R2[_-]RTM-", "windows-server-2008-r2"),
    (r"^Windows_Server-2012-R2", "windows-server-2012-r2"),
    (r"^Windows_Server-2012-", "windows-server-2012"),
    (
        r"^Windows_Server-(?P<version>2008|2016|2019|2022|2025)-",
        "windows-server-{version}",
    ),
    (r"^RHEL-(?P<version>\d+\.\d+)", "rhel-{version}"),
    (r"^(?:amzn2|al2023|amzn)-ami-", "amazon-linux"),
    (r"ubuntu-[a-z]+-(?P<version>\d+\.\d+)-", "ubuntu-{version}"),
    (r"^debian-(?P<version>\d+)-", "debian-{version}"),
    (r"^suse-sles-(?P<version>\d+-sp\d+|\d+)-", "sles-{version}"),
    (r"^CentOS-(?P<version>\d+(?:\.\d+)?)", "centos-{version}"),
)
"""Naming patterns of the publishers' own images (Amazon, Red Hat, Canonical, Debian, SUSE)."""


def operating_system(image_name: str) -> str | None:
    """The support matrix's key for an image, or None where the name does not tell.

    >>> operating_system("Windows_Server-2012-R2_RTM-English-64Bit-Base-2017.09.13")
    'windows-server-2012-r2'
    """
    for pattern, key in _NAMES:
        match = re.search(pattern, image_name, re.IGNORECASE)
        if match:
            return key.format(**{k: v.lower() for k, v in match.groupdict().items()})
    return None
