"""Looks for what a run may have made, in the cloud of each resource, and decides about it."""

from __future__ import annotations

from collections.abc import Iterable

from recover import aws, azure
from recover.declared import Declared, Record
from recover.verdicts import Verdict, beside, decide

REPEATABLE = frozenset(
    {
        "aws:iam/rolePolicy:RolePolicy",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "aws:secretsmanager/secretPolicy:SecretPolicy",
        "aws:secretsmanager/secretVersion:SecretVersion",
    }
)
"""The types whose creation may be repeated: the second time replaces what the first one made. So may
that of every dynamic resource."""

_MADE_TWICE = frozenset({"aws:ec2/instance:Instance"})
"""The types of which a cloud makes another one if it is asked again, beside one that is recorded."""


def judge(state: Record, wanted: Iterable[Declared]) -> list[Verdict]:
    """Decide about resources that a run began to make, or would make.

    Raises:
        MigrationError: a cloud did not answer, or refused.
    """
    asked = [one for one in wanted if one.urn not in state.recorded or one.type in _MADE_TWICE]
    found = {
        **azure.find(one for one in asked if one.type in azure.KINDS),
        **aws.find(one for one in asked if one.type in aws.FINDERS),
    }
    verdicts = []
    for one in asked:
        its, recorded = found.get(one.urn, ()), state.recorded.get(one.urn)
        if recorded is None:
            verdicts.append(decide(one, its, parent_recorded=one.parent in state.recorded))
        elif others := [each for each in its if each.id not in recorded]:
            verdicts.append(beside(one, others, recorded))
    return verdicts
