"""Whose credentials the program's own AWS clients use."""

from __future__ import annotations

from botocore.config import Config

from site_recovery.aws.client import AWS_FAILURES, connect
from site_recovery.errors import MigrationError

PERMISSIONS: tuple[str, ...] = ()
"""GetCallerIdentity needs none, and is answered even to who is denied it."""

_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=3)


def account(region: str) -> str:
    """The account of the credentials (STS, GetCallerIdentity).

    Empty if STS does not answer. What else asks AWS then says why.

    Args:
        region: the region whose STS is asked.
    """
    try:
        return str(connect("sts", region, _CONFIG).get_caller_identity()["Account"])
    except (*AWS_FAILURES, MigrationError):
        return ""
