"""The permissions that IAM's calls need."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.aws.access.calls import Call
from emulator.aws.access.facts import ANY, Facts, Need

_MAKES = {
    "CreateRole": ("role", "RoleName", "iam:TagRole"),
    "CreateInstanceProfile": (
        "instance-profile",
        "InstanceProfileName",
        "iam:TagInstanceProfile",
    ),
}


def needs(call: Call, facts: Facts) -> Iterator[Need]:
    """The permissions of a call: on a profile, a role or a policy, or on everything."""
    context = {"iam:policyarn": call.text("PolicyArn")} if call.text("PolicyArn") else {}
    if call.operation in _MAKES:
        kind, parameter, tagging = _MAKES[call.operation]
        path = call.text("Path") or "/"
        made = facts.arn("iam", f"{kind}{path}{call.text(parameter)}")
        yield Need(call.action, made)
        if call.members("Tags.member"):
            yield Need(tagging, made)
    elif call.text("InstanceProfileName"):
        yield Need(call.action, facts.profile(call.text("InstanceProfileName")))
        if call.operation == "AddRoleToInstanceProfile":
            passed = {"iam:passedtoservice": facts.ec2}
            yield Need("iam:PassRole", facts.role(call.text("RoleName")), passed)
    elif call.text("RoleName"):
        yield Need(call.action, facts.role(call.text("RoleName")), context)
    else:
        yield Need(call.action, call.text("PolicyArn") or ANY, context)
