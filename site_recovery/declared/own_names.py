"""Names of what the program makes. They fit the service with the tightest limit.

They stay apart, too: for any two stacks of a project in one account and vault, and for any two waves.
IAM, security groups and Resource Manager do not tell letters apart by case.

Sources: "IAM and AWS STS quotas" (64 characters of a role), "IAM identifiers" (case), CreateDocument
and CreateAssociation (128), "Naming rules and restrictions for Azure resources" (90 of a resource
group, 64 of a virtual machine).
"""

from __future__ import annotations

import hashlib
import re

_DIGITS = 8
_NOT_IN_A_VAULT = re.compile(r"[^A-Za-z0-9-]")

ROLE_MAX = 64
LONGEST_ROLE = "-replication-appliance"
"""The longest ending of the name of an IAM role."""

PREFIX_MAX = ROLE_MAX - len(LONGEST_ROLE)
PLAN_MAX = 64
"""The service publishes no limit for recovery plans; the portal takes this many characters."""

POLICY_MAX = 64
WAVE_MAX = 63
"""The longest name of a wave (`names.MACHINE`); with the longest prefix, 123 of a document's 128."""

VIRTUAL_MACHINE_MAX = 64


def fitted(name: str, most: int) -> str:
    """The name; if it is longer than `most` characters, its beginning and a hash of all of it.

    >>> fitted("prod", 20)
    'prod'
    >>> len(fitted("prod" * 20, 20))
    20
    """
    return name if len(name) <= most else _marked(name, name, most)


def prefix(project: str, stack: str) -> str:
    """The beginning of all names that must be unique in an AWS account.

    A stack with capitals has a hash in it, because another may differ in case alone.
    """
    name = f"{project}-{stack}"
    if stack != stack.lower():
        return _marked(name, name, PREFIX_MAX)
    return fitted(name, PREFIX_MAX)


def agents(prefix: str, wave: str, platform: str, batch: int = 1) -> str:
    """The document that installs the agents of a wave, and the association of a batch of machines.

    The wave is last, behind the only full stop that cannot be one of the stack's. So no stack and
    wave make the name of another stack and wave, as `a-b` with `c` and `a` with `b-c` would.

    Args:
        prefix: that of the stack.
        wave: the wave; one with a full stop in its name is followed by a hash.
        platform: `windows` or `linux`.
        batch: the number of the batch, from 1.

    >>> agents("ec2-to-azure-prod", "wave-1", "linux")
    'ec2-to-azure-prod-agent-linux.wave-1'
    """
    number = f"-{batch}" if batch > 1 else ""
    shown = wave.replace(".", "-")
    own = wave if shown == wave else _marked(shown, wave, WAVE_MAX)
    return f"{prefix}-agent-{platform}{number}.{own}"


def plan(stack: str, wave: str) -> str:
    """The recovery plan of a wave: letters, digits and hyphens.

    It has a hash where another stack and wave of the vault could make the same name.

    >>> plan("prod", "wave-1")
    'prod-wave-1'
    """
    name = f"{stack}-{wave}"
    shown = _NOT_IN_A_VAULT.sub("-", name)
    # The first hyphen ends the stack, if the stack has none.
    apart = shown == name and "-" not in stack and stack == stack.lower()
    return (
        shown if apart and len(shown) <= PLAN_MAX else _marked(shown, f"{stack}/{wave}", PLAN_MAX)
    )


def policy(prefix: str) -> str:
    """The replication policy and its mapping: letters, digits and hyphens, no hyphen at the end.

    The service publishes no alphabet for them; backup policies of the same vaults have this one.
    """
    shown = _NOT_IN_A_VAULT.sub("-", prefix).rstrip("-")
    return prefix if shown == prefix else _marked(shown, prefix, POLICY_MAX)


def _marked(shown: str, whole: str, most: int) -> str:
    """As much as fits of what people read, and a hash of what makes it the only one."""
    digest = hashlib.sha256(whole.encode()).hexdigest()[:_DIGITS]
    return f"{shown[: most - _DIGITS - 1]}-{digest}"


def security_group(network: str) -> str:
    """The network security group of a network's subnet: a network has at most 64 of its 80 letters.

    >>> security_group("vnet-prod")
    'nsg-vnet-prod'
    """
    return f"nsg-{network}"
