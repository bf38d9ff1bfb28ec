"""The operating system of a machine: by the name of its image, or by what the SSM agent reports."""

from __future__ import annotations

import re

_WINDOWS = r"^(?:(?:EC2LaunchV2|TPM|BIOS|UEFI)-)?Windows_Server-"
"""How Amazon's images of Windows begin; some say how they boot, or which agent they have."""

_NAMES: tuple[tuple[str, str], ...] = (
    (_WINDOWS + r"2008-R2[_-]SP1-.*64Bit", "windows-server-2008-r2-sp1"),
    (_WINDOWS + r"2008-R2[_-]RTM-", "windows-server-2008-r2"),
    (_WINDOWS + r"2012-R2", "windows-server-2012-r2"),
    (_WINDOWS + r"2012-", "windows-server-2012"),
    (_WINDOWS + r"(?P<version>2008|2016|2019|2022|2025)-", "windows-server-{version}"),
    (r"^RHEL(?:[-_](?:HA|SAP))?-(?P<version>\d+\.\d+)", "rhel-{version}"),
    (r"^(?:amzn2?|al20\d\d)-(?:ami|x86_64|arm64)-|^amazon-eks-(?:arm64-)?node-", "amazon-linux"),
    (r"ubuntu-[a-z]+-(?P<version>\d+\.\d+)-", "ubuntu-{version}"),
    (r"^debian-(?P<version>\d+)-", "debian-{version}"),
    (r"^debian-wheezy-", "debian-7"),
    (r"^debian-jessie-", "debian-8"),
    (r"^debian-stretch-", "debian-9"),
    (r"^suse-sles-(?:sap-)?(?P<version>\d+-sp\d+|\d+)-", "sles-{version}"),
    (r"^CentOS[ -]Stream[ -](?P<version>\d+)", "centosstream-{version}"),
    (r"^CentOS(?:[ -]Linux)?[ -](?P<version>\d+(?:\.\d+)?)", "centos-{version}"),
    (r"^OL(?P<version>\d+\.\d+)-", "oracle-{version}"),
    (r"^Rocky-\d+-EC2-(?:Base-|LVM-)?(?P<version>\d+\.\d+)-", "rocky-{version}"),
    (r"^AlmaLinux OS (?P<version>\d+\.\d+)", "alma-{version}"),
)
"""The naming patterns of the publishers' images (Amazon, Red Hat, Canonical, Debian, SUSE, CentOS,
Oracle, Rocky Linux, AlmaLinux). A copy keeps the name, so the owner does not count."""

_REPORTED_LINUX: tuple[tuple[str, str], ...] = (
    (r"^Red Hat Enterprise Linux", "rhel-{version}"),
    (r"^Amazon Linux", "amazon-linux"),
    (r"^Ubuntu", "ubuntu-{version}"),
    (r"^Debian", "debian-{version}"),
    (r"^(?:SLES|SUSE Linux Enterprise Server)", "sles-{version}"),
    (r"^CentOS Stream", "centosstream-{version}"),
    (r"^CentOS", "centos-{version}"),
    (r"^Oracle Linux", "oracle-{version}"),
    (r"^Rocky Linux", "rocky-{version}"),
    (r"^AlmaLinux", "alma-{version}"),
)
"""`PlatformName` of DescribeInstanceInformation, which is from /etc/os-release."""

_WINDOWS_2008_R2_SP1 = "6.1.7601"
"""The version number of Windows; its name does not include the service pack."""


def operating_system(image_name: str) -> str | None:
    """The key in the support matrix for the name of an image, or None if the name does not say.

    >>> operating_system("Windows_Server-2012-R2_RTM-English-64Bit-Base-2017.09.13")
    'windows-server-2012-r2'
    """
    for pattern, key in _NAMES:
        match = re.search(pattern, image_name, re.IGNORECASE)
        if match:
            return key.format(**{k: v.lower() for k, v in match.groupdict().items()})
    return None


def agree(one: str, other: str) -> bool:
    """Whether two keys may mean the same system: a version may leave out what the other has.

    >>> agree("rhel-8", "rhel-8.4"), agree("sles-15.3", "sles-15-sp3"), agree("rhel-8.4", "rhel-8.10")
    (True, True, False)
    """
    if one.startswith("windows") or other.startswith("windows"):
        return one == other
    family, version = _family(one)
    other_family, other_version = _family(other)
    length = min(len(version), len(other_version))
    return family == other_family and version[:length] == other_version[:length]


def _family(key: str) -> tuple[str, tuple[str, ...]]:
    """The name and the numbers of a key."""
    return re.split(r"-\d", key, maxsplit=1)[0], tuple(re.findall(r"\d+", key))


def reported_operating_system(name: str, version: str) -> str | None:
    """The key in the support matrix for what the SSM agent reports, or None if it does not say.

    >>> reported_operating_system("Microsoft Windows Server 2019 Datacenter", "10.0.17763")
    'windows-server-2019'
    >>> reported_operating_system("Red Hat Enterprise Linux Server", "7.9")
    'rhel-7.9'

    Args:
        name: `PlatformName` of DescribeInstanceInformation.
        version: `PlatformVersion`.
    """
    windows = re.search(r"Windows Server (\d{4})( R2)?", name)
    if windows:
        key = f"windows-server-{windows[1]}{'-r2' if windows[2] else ''}"
        return f"{key}-sp1" if version.startswith(_WINDOWS_2008_R2_SP1) else key
    for pattern, key in _REPORTED_LINUX:
        if re.search(pattern, name, re.IGNORECASE):
            return key.format(version=version.split(" ")[0])
    return None
