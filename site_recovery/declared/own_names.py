"""Names of what the program makes. They fit the service with the tightest limit.

Sources: "IAM and AWS STS quotas" (64 characters of a role), CreateDocument and CreateAssociation
(128), "Naming rules and restrictions for Azure resources" (90 of a resource group, 64 of a virtual
machine).
"""

from __future__ import annotations

import hashlib

_DIGITS = 8

ROLE_MAX = 64
LONGEST_ROLE = "-replication-appliance"
"""The longest ending of the name of an IAM role."""

PREFIX_MAX = ROLE_MAX - len(LONGEST_ROLE)
PLAN_MAX = 64
"""The service publishes no limit for recovery plans; the portal takes this many characters."""

VIRTUAL_MACHINE_MAX = 64


def fitted(name: str, most: int) -> str:
    """The name; if it is longer than `most` characters, its beginning and a hash of all of it.

    >>> fitted("prod", 20)
    'prod'
    >>> len(fitted("prod" * 20, 20))
    20
    """
    if len(name) <= most:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGITS]
    return f"{name[: most - _DIGITS - 1]}-{digest}"


def prefix(project: str, stack: str) -> str:
    """The beginning of all names that must be unique in an AWS account."""
    return fitted(f"{project}-{stack}", PREFIX_MAX)


def security_group(network: str) -> str:
    """The network security group of a network's subnet: a network has at most 64 of its 80 letters.

    >>> security_group("vnet-prod")
    'nsg-vnet-prod'
    """
    return f"nsg-{network}"
