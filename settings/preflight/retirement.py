"""Refuses what Azure has retired, before anything is created for it."""

from __future__ import annotations

from urllib.parse import urlsplit

from site_recovery.azure import clouds
from site_recovery.problems import Problem


def problems(*, endpoint: str, allowed: bool) -> list[Problem]:
    """Refuse the classic experience on Microsoft's clouds, where it has ended.

    Source: "Classic experience (deprecated)" of the Site Recovery documentation: enabling
    replication for the classic appliance is blocked as of 31 January 2026, and the experience is
    no longer supported as of March 2026.

    Args:
        endpoint: the Resource Manager endpoint that the run will use.
        allowed: the value of `allowRetiredClassic` in the config.
    """
    host = (urlsplit(endpoint).hostname or "").lower()
    if allowed or clouds.of_url(endpoint) is None:
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
