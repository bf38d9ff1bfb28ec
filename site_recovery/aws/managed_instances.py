"""Which machines AWS Systems Manager manages, and what their agents say of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3

from site_recovery.aws.client import AWS_FAILURES, CLIENT_CONFIG, aws_problem
from site_recovery.batches import batches
from site_recovery.problems import Problem

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

PERMISSIONS = ("ssm:DescribeInstanceInformation",)

ONLINE = "Online"

_PAGE = 50
"""Instance ids in one question; the service takes 100 values a filter and answers 50 a page."""


@dataclass(frozen=True)
class ManagedInstance:
    """What Systems Manager says of an instance that it knows (DescribeInstanceInformation).

    Attributes:
        ping: `Online`, `ConnectionLost` or `Inactive`.
        platform_name: the operating system in its publisher's words.
        platform_version: its version.
    """

    instance_id: str
    ping: str
    platform_name: str
    platform_version: str


def managed_instances(
    instance_ids: Iterable[str], region: str, client: SSMClient | None = None
) -> tuple[dict[str, ManagedInstance], list[Problem]]:
    """Ask Systems Manager for instances.

    Args:
        instance_ids: the instances.
        region: the AWS region that they are in.
        client: an SSM client; by default one from the environment (credentials, endpoint).

    Returns:
        What it says, by instance id; those that it does not know are left out. Where AWS cannot
        be asked, nothing and one problem that says so.
    """
    found: dict[str, ManagedInstance] = {}
    try:
        ssm = client or boto3.client("ssm", region_name=region, config=CLIENT_CONFIG)
        paginator = ssm.get_paginator("describe_instance_information")
        for ids in batches(sorted(set(instance_ids)), _PAGE):
            for page in paginator.paginate(Filters=[{"Key": "InstanceIds", "Values": ids}]):
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


def why_not(instance_id: str, known: ManagedInstance | None) -> str | None:
    """Why nothing can be installed on an instance through Systems Manager, with the way out.

    Returns:
        None for one that answers.
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
