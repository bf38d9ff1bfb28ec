"""The regions of AWS and their partitions, as botocore lists them."""

from __future__ import annotations

from functools import cache

from botocore.loaders import Loader


@cache
def partitions() -> dict[str, str]:
    """The partition of each region, such as `aws-cn` of `cn-north-1`.

    Source: the table of partitions that botocore carries for its endpoint rules.
    """
    table = Loader().load_data("partitions")
    return {
        region: partition["id"]
        for partition in table["partitions"]
        for region in partition["regions"]
        if not region.startswith("aws-")  # `aws-global` and the like are no places
    }


def host_of(service: str, region: str) -> str:
    """The host of a service in a region, such as `secretsmanager.eu-west-1.amazonaws.com`.

    Raises:
        KeyError: there is no such region.
    """
    table = Loader().load_data("partitions")
    suffixes = {each["id"]: each["outputs"]["dnsSuffix"] for each in table["partitions"]}
    return f"{service}.{region}.{suffixes[partition_of(region)]}"


def ec2_principal(region: str) -> str:
    """The name by which policies know EC2 in the partition of a region.

    Source: "IAM in China" (Amazon Web Services in China), trust policies; everywhere else the name
    is the usual one ("AWS service principals", IAM User Guide).

    Raises:
        KeyError: there is no such region.
    """
    return f"ec2.amazonaws.com{'.cn' if partition_of(region) == 'aws-cn' else ''}"


def partition_of(region: str) -> str:
    """The partition of a region, which is the second part of every ARN there.

    Raises:
        KeyError: there is no such region.
    """
    return partitions()[region]
