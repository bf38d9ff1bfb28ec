"""What a preview says of instances that can migrate, and lose or lack something that others have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from site_recovery.aws.ec2 import MachineFacts

_NAMED = 3
"""The most machines that one remark names."""


def remarks(facts: Mapping[str, MachineFacts]) -> Iterator[str]:
    """A line for each thing that is unusual, with the machines that it is about."""
    about: dict[str, list[str]] = {}
    for name, found in sorted(facts.items()):
        for text in _of(found):
            about.setdefault(text, []).append(name)
    for text, names in about.items():
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        yield f"{', '.join(names[:_NAMED])}{more}: {text}"


def _of(facts: MachineFacts) -> Iterator[str]:
    where = facts.placement
    if where.dedicated:
        host = "a dedicated host" if where.tenancy == "host" else "dedicated hardware"
        yield (
            f"runs on {host}, and in Azure on hardware that others use too. A licence that is "
            "bound to the hardware does not move along: set target.licenseType or "
            "target.sqlServerLicenseType for one that you may bring to Azure"
        )
    if where.shared_by is not None:
        yield (
            f"its subnet {facts.subnet_id} belongs to account {where.shared_by}, which shares it. "
            "Security groups are made in the instance's own account; routes, network ACLs and VPC "
            "endpoints only that account can change, if the check of the connections asks for it"
        )
