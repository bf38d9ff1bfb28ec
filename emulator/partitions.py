"""The partitions of AWS: the second part of each ARN, and what names of hosts end with.

Sources: "IAM ARNs" (IAM User Guide) for the partitions; `partitions.json` of the AWS SDKs for what
regions are in them (`regionRegex`) and for their suffixes (`dnsSuffix`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Partition:
    """A partition; `dns_suffix` such as `amazonaws.com.cn`."""

    name: str
    dns_suffix: str


_USUAL = Partition("aws", "amazonaws.com")
_BY_PREFIX = {
    "cn-": Partition("aws-cn", "amazonaws.com.cn"),
    "us-gov-": Partition("aws-us-gov", "amazonaws.com"),
    "us-iso-": Partition("aws-iso", "c2s.ic.gov"),
    "us-isob-": Partition("aws-iso-b", "sc2s.sgov.gov"),
    "eu-isoe-": Partition("aws-iso-e", "cloud.adc-e.uk"),
    "us-isof-": Partition("aws-iso-f", "csp.hci.ic.gov"),
    "eusc-": Partition("aws-eusc", "amazonaws.eu"),
}


def of(region: str) -> Partition:
    """The partition of a region."""
    return next((its for prefix, its in _BY_PREFIX.items() if region.startswith(prefix)), _USUAL)


def arn(service: str, region: str, account: str, resource: str) -> str:
    """The ARN of a resource of a region."""
    return f"arn:{of(region).name}:{service}:{region}:{account}:{resource}"


def global_arn(service: str, region: str, account: str, resource: str) -> str:
    """The ARN of a resource of a service without regions, as a caller in a region sees it."""
    return f"arn:{of(region).name}:{service}::{account}:{resource}"
