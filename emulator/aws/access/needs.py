"""The permissions that a call needs: actions, resources and condition keys.

Source: the Service Authorization Reference, for the actions, resource types and condition keys of
EC2, IAM, Secrets Manager, Systems Manager and STS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from emulator.aws.access import ec2, iam, secrets, ssm
from emulator.aws.access.calls import Call
from emulator.aws.access.facts import ANY, Facts, Need

_FREE = frozenset({"sts:GetCallerIdentity"})
"""Actions that need no permission. AWS answers them even if a policy denies them."""

_SERVICES: dict[str, Callable[[Call, Facts], Iterator[Need]]] = {
    "ec2": ec2.needs,
    "iam": iam.needs,
    "secretsmanager": secrets.needs,
    "ssm": ssm.needs,
}


def of(call: Call, facts: Facts) -> list[Need]:
    """The permissions of a call. For services that are not known here: its action on everything.

    Args:
        call: the call.
        facts: the facts about existing resources.
    """
    if call.action in _FREE:
        return []
    service = _SERVICES.get(call.service)
    return list(service(call, facts)) if service else [Need(call.action, ANY)]
