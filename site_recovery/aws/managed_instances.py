"""The instances that AWS Systems Manager manages, and what their agents report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from site_recovery.aws.client import AWS_FAILURES, aws_problem, connect
from site_recovery.batches import batches
from site_recovery.problems import Problem

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_ssm.type_defs import InstanceInformationStringFilterTypeDef

PERMISSIONS = ("ssm:DescribeInstanceInformation",)

ONLINE = "Online"

_PAGE = 50
"""How many ids are in one filter; the service accepts 100, and answers 50 in a page."""


@dataclass(frozen=True)
class ManagedInstance:
    """A managed instance (DescribeInstanceInformation).

    Attributes:
        ping: `Online`, `ConnectionLost` or `Inactive`.
        platform_name: the operating system as its publisher names it.
        platform_version: its version.
    """

    instance_id: str
    ping: str
    platform_name: str
    platform_version: str


def managed_instances(
    instance_ids: Iterable[str], region: str, client: SSMClient | None = None
) -> tuple[dict[str, ManagedInstance], list[Problem]]:
    """Read which instances are managed.

    Args:
        instance_ids: the instances.
        region: the AWS region that they are in.
        client: an SSM client; by default one from the environment (credentials, endpoint).

    Returns:
        The managed instances by id. If AWS did not answer, nothing and one problem that says so.
    """
    pages: list[list[InstanceInformationStringFilterTypeDef]] = [
        [{"Key": "InstanceIds", "Values": ids}] for ids in batches(sorted(set(instance_ids)), _PAGE)
    ]
    return _read(pages, region, client)


def every_managed_instance(
    region: str, client: SSMClient | None = None
) -> tuple[dict[str, ManagedInstance], list[Problem]]:
    """Read all managed instances of a region; like `managed_instances`."""
    return _read([[]], region, client)


def _read(
    filters: Iterable[list[InstanceInformationStringFilterTypeDef]],
    region: str,
    client: SSMClient | None,
) -> tuple[dict[str, ManagedInstance], list[Problem]]:
    found: dict[str, ManagedInstance] = {}
    try:
        ssm = client or connect("ssm", region)
        paginator = ssm.get_paginator("describe_instance_information")
        for wanted in filters:
            for page in paginator.paginate(Filters=wanted, PaginationConfig={"PageSize": _PAGE}):
                for known in page["InstanceInformationList"]:
                    found[known["InstanceId"]] = ManagedInstance(
                        known["InstanceId"],
                        known.get("PingStatus", ""),
                        known.get("PlatformName", ""),
                        known.get("PlatformVersion", ""),
                    )
    except AWS_FAILURES as error:
        return {}, [aws_problem(error, "Systems Manager", region, PERMISSIONS)]
    return found, []


def unmanaged_reason(instance_id: str, known: ManagedInstance | None) -> str | None:
    """Why Systems Manager cannot install anything on an instance, with the way out.

    Returns:
        None if it can.
    """
    if known is None:
        return (
            f"AWS Systems Manager does not manage {instance_id}. It does once the SSM agent runs, "
            "the instance's role has AmazonSSMManagedInstanceCore, and port 443 is open to AWS"
        )
    if known.ping != ONLINE:
        return (
            f"the SSM agent of {instance_id} does not answer ({known.ping or 'never heard of'}). "
            "Start it, and let it reach AWS on port 443"
        )
    return None
