"""What Azure has ended, told before anything is made for it."""

from __future__ import annotations

from urllib.parse import urlsplit

from site_recovery.problems import Problem

PUBLIC_CLOUDS = (
    "management.azure.com",
    "management.usgovcloudapi.net",
    "management.chinacloudapi.cn",
)
"""Hosts of the resource managers that Microsoft runs."""


def problems(*, endpoint: str, allowed: bool) -> list[Problem]:
    """Refuse classic protection where it has ended.

    Source: "Classic experience (deprecated)" of the Site Recovery documentation: enabling
    replication for the classic appliance is blocked as of 31 January 2026, and the experience is
    no longer supported as of March 2026.

    Args:
        endpoint: the resource manager that the run will talk to.
        allowed: what the config says with `allowRetiredClassic`.
    """
    host = (urlsplit(endpoint).hostname or "").lower()
    on_public_cloud = any(host == cloud or host.endswith(f".{cloud}") for cloud in PUBLIC_CLOUDS)
    if allowed or not on_public_cloud:
        return []
    return [
        Problem(
            "experience",
            f"Azure ({host}) refuses new classic protection since 31 January 2026 and ended the "
            "classic experience in March 2026",
            "Set experience: modernized and declare source.replicationAppliance; on the local "
            "clouds classic still runs (`make up`), and where a vault still takes it, set "
            "allowRetiredClassic: true",
        )
    ]
