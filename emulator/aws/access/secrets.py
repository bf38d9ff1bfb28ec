"""The permissions that Secrets Manager's calls need."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.aws.access.calls import Call
from emulator.aws.access.facts import ANY, Facts, Need


def needs(call: Call, facts: Facts) -> Iterator[Need]:
    """The permissions of a call: on a secret, or on everything."""
    if call.operation == "CreateSecret":
        # Its ARN will end with a dash and six characters that are not known yet.
        made = facts.arn("secretsmanager", f"secret:{call.text('Name')}-??????")
        yield Need(call.action, made)
        if call.parameters.get("Tags"):
            yield Need("secretsmanager:TagResource", made)
    elif call.text("SecretId"):
        blocks = bool(call.parameters.get("BlockPublicPolicy"))
        yield Need(
            call.action,
            facts.secret(call.text("SecretId")),
            {"secretsmanager:blockpublicpolicy": str(blocks).lower()},
        )
    else:
        yield Need(call.action, ANY)
