"""The regions in both clouds, and the subscriptions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator

from settings.translation import suggestion
from site_recovery.aws import regions as aws_regions
from site_recovery.declared import azure_regions
from site_recovery.declared.model import broken, rule
from site_recovery.declared.wording import said


def _aws(value: str) -> str:
    known = aws_regions.partitions()
    if value in known:
        if known[value].startswith("aws-iso"):
            raise broken(
                f"{value} is a region of {known[value]}, an isolated partition, and no cloud of "
                "Azure that this program knows is reached from there",
                "Name a region of another partition",
            )
        return value
    if not value.strip():
        raise broken("it is empty", "Name an AWS region, such as eu-west-1")
    if azure_regions.normalized(value) in azure_regions.REGIONS:
        raise broken(f"{said(value)} is a region of Azure", "Name an AWS region, such as eu-west-1")
    raise broken(
        f"{said(value)} is not a region of AWS",
        _similar(value, known)
        or "Use one that `aws ec2 describe-regions` shows; one that is newer than the boto3 here "
        "needs a newer boto3",
    )


def _azure(value: str) -> str:
    name = azure_regions.normalized(value)
    if name in azure_regions.REGIONS:
        return name
    if not name:
        raise broken("it is empty", "Name an Azure region, such as westeurope")
    if value.strip().lower() in aws_regions.partitions():
        raise broken(
            f"{said(value)} is a region of AWS", "Name an Azure region, such as westeurope"
        )
    raise broken(
        f"{said(value)} is not a region of Azure",
        _similar(name, azure_regions.REGIONS)
        or "Use one that `az account list-locations` shows; a new one belongs into "
        "site_recovery/declared/azure_regions.py",
    )


def _similar(word: str, known: Iterable[str]) -> str:
    near = suggestion(word.strip(), known)
    return near if near.startswith("Write") else ""


AwsRegion = Annotated[str, AfterValidator(_aws)]
AzureLocation = Annotated[str, AfterValidator(_azure)]

_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

SubscriptionId = Annotated[
    str,
    rule(
        lambda value: _GUID.fullmatch(value) is not None,
        "{value} is not a subscription id",
        "Use the id that `az account show --query id` prints",
    ),
]
