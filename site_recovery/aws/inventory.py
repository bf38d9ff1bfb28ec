"""The paravirtual drivers of Windows machines and the kernels of Ubuntu machines, from the inventory
of Systems Manager.

The inventory contains the programs of a machine (`AWS:Application`) once an association of the
document AWS-GatherSoftwareInventory has run on it.

Sources: GetInventory (AWS Systems Manager API reference); "Paravirtual drivers for Windows
instances" and "Upgrade PV drivers on EC2 Windows instances" (Amazon EC2 user guide), for which
drivers there are. They do not name the programs: that of Red Hat is in the read-me of the upgrade
package which the guide links (Citrix-Win_PV.zip), those of Citrix in the installer of XenServer's
Windows drivers (xenserver/win-installer; `Citrix Tools for Virtual Machines` before release 6.1),
that of AWS in the example of a Windows inventory in aws/amazon-ssm-agent. Ubuntu's packages of
kernels are named `linux-image-<release>`, where the release is what `uname -r` prints ("Kernel
variants", Ubuntu documentation).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal, TypeVar

from site_recovery.aws.client import AWS_FAILURES, aws_problem, connect
from site_recovery.batches import batches
from site_recovery.problems import Problem

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

PERMISSIONS = ("ssm:GetInventory",)

Driver = Literal["aws-pv", "citrix-pv", "redhat-pv"]

_PROGRAMS: tuple[tuple[Driver, re.Pattern[str]], ...] = (
    ("aws-pv", re.compile(r"AWS PV Drivers?\b", re.IGNORECASE)),
    (
        "citrix-pv",
        re.compile(
            r"Citrix (?:Tools for Virtual Machines|Xen Windows \w+ PV Drivers)\b", re.IGNORECASE
        ),
    ),
    ("redhat-pv", re.compile(r"Red ?Hat Paravirtualized Xen Drivers\b", re.IGNORECASE)),
)
"""How the program names of the drivers begin. Programs that only come with drivers do not count, such
as guest agents and snapshot providers."""

_KERNEL = re.compile(r"linux-image-(?:unsigned-)?(\d.*)")
"""The package of one kernel. Packages without a number only depend on the newest of a kind."""

_OF_A_CLOUD = ("aws", "gcp", "gke", "gkeop", "oracle", "kvm", "linode")
"""The kinds of Ubuntu kernels that are made for another cloud, or for none that boots on Azure."""

_T = TypeVar("_T", bound=str)

_PAGE = 20
"""How many ids are in one filter; the service accepts 40, in its older models 20."""

_TYPE = "AWS:Application"


def installed_drivers(
    instance_ids: Iterable[str], region: str, client: SSMClient | None = None
) -> tuple[dict[str, tuple[Driver, ...]], list[Problem]]:
    """Read from the inventory which paravirtual drivers are installed on instances.

    Args:
        instance_ids: the instances; the inventory has only those that Systems Manager manages.
        region: the AWS region that they are in.
        client: an SSM client; by default one from the environment (credentials, endpoint).

    Returns:
        The drivers by instance id, sorted by name. There may be more than one, because an upgrade
        can leave the old program in the list. An instance without inventory, or without drivers in
        it, is left out. If AWS did not answer, nothing and one problem that says so.
    """
    return _installed(instance_ids, region, client, driver_of)


def installed_kernels(
    instance_ids: Iterable[str], region: str, client: SSMClient | None = None
) -> tuple[dict[str, tuple[str, ...]], list[Problem]]:
    """Read from the inventory which kernels are installed on Ubuntu instances.

    Returns:
        The releases by instance id, such as `5.15.0-1051-aws`; otherwise as `installed_drivers`.
        Which of them runs the inventory does not say.
    """
    return _installed(instance_ids, region, client, kernel_of)


def _installed(
    instance_ids: Iterable[str],
    region: str,
    client: SSMClient | None,
    known: Callable[[str], _T | None],
) -> tuple[dict[str, tuple[_T, ...]], list[Problem]]:
    found: dict[str, set[_T]] = {}
    try:
        ssm = client or connect("ssm", region)
        paginator = ssm.get_paginator("get_inventory")
        for ids in batches(sorted(set(instance_ids)), _PAGE):
            for page in paginator.paginate(
                Filters=[
                    {
                        "Key": "AWS:InstanceInformation.InstanceId",
                        "Values": ids,
                        "Type": "Equal",
                    }
                ],
                ResultAttributes=[{"TypeName": _TYPE}],
            ):
                for entity in page.get("Entities", []):
                    listed = entity.get("Data", {}).get(_TYPE)
                    for program in listed["Content"] if listed else ():
                        what = known(program.get("Name", ""))
                        if what:
                            found.setdefault(entity["Id"], set()).add(what)
    except AWS_FAILURES as error:
        return {}, [aws_problem(error, "Systems Manager", region, PERMISSIONS)]
    return {name: tuple(sorted(drivers)) for name, drivers in found.items()}, []


def driver_of(program: str) -> Driver | None:
    """The drivers that a program is, by its name in the inventory; None if it is no driver.

    >>> driver_of("AWS PV Drivers")
    'aws-pv'
    """
    for driver, name in _PROGRAMS:
        if name.match(program.strip()):
            return driver
    return None


def kernel_of(program: str) -> str | None:
    """The release of the kernel that a package is; None if it is none.

    >>> kernel_of("linux-image-5.15.0-1051-aws")
    '5.15.0-1051-aws'
    """
    match = _KERNEL.fullmatch(program.strip())
    return match[1] if match else None


def is_of_a_cloud(kernel: str) -> bool:
    """Whether a kernel is one that the mobility service does not take.

    "Support matrix for disaster recovery of VMware VMs and physical servers to Azure": the stock
    kernels of a distribution only, of Ubuntu `-generic` and `-azure`.
    """
    # `5.15.0-1051-aws`, and variants of it such as `5.15.0-1051-aws-fips`.
    return not set(_OF_A_CLOUD).isdisjoint(kernel.split("-")[2:])
