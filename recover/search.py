"""Looks for what a run may have made, in the cloud of each resource, and decides about it."""

from __future__ import annotations

from collections.abc import Iterable

from recover import aws, azure
from recover.declared import Declared, Record
from recover.verdicts import Verdict, decide

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


def judge(state: Record, wanted: Iterable[Declared]) -> list[Verdict]:
    """Decide about resources that a run began to make, or would make.

    Raises:
        MigrationError: a cloud did not answer, or refused.
    """
    missing = [one for one in wanted if one.urn not in state.recorded]
    found = {
        **azure.find(one for one in missing if one.type in azure.KINDS),
        **aws.find(one for one in missing if one.type in aws.FINDERS),
    }
    return [
        decide(one, found.get(one.urn, ()), parent_recorded=one.parent in state.recorded)
        for one in missing
    ]
