"""Checks of secrets' policies, as Secrets Manager makes them. Moto accepts any text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from emulator.aws import policies
from emulator.aws.refusals import Refusal

_PUT = "secretsmanager.PutResourcePolicy"


def check(target: str, body: bytes, iam: Any) -> None:
    """Refuse a policy that Secrets Manager would not accept.

    Args:
        target: the request's X-Amz-Target; every other request passes.
        body: its JSON.
        iam: a client of IAM, which knows the roles and users of the account.

    Raises:
        Refusal: `MalformedPolicyDocumentException` if it is not a policy, or names a role or user
            that does not exist; `PublicPolicyException` if it gives everyone access and the
            request blocks that.
    """
    if target != _PUT:
        return
    request = json.loads(body)
    try:
        statements = policies.statements(request.get("ResourcePolicy", ""))
    except ValueError as error:
        raise Refusal(
            "MalformedPolicyDocumentException", "The resource policy is not a JSON object."
        ) from error
    if not statements:
        raise Refusal("MalformedPolicyDocumentException", "The resource policy has no statement.")
    for statement in statements:
        if "Principal" not in statement and "NotPrincipal" not in statement:
            raise Refusal("MalformedPolicyDocumentException", "A statement has no principal.")
        for arn in _principals(statement):
            if not _exists(iam, arn):
                raise Refusal(
                    "MalformedPolicyDocumentException",
                    f"This resource policy contains an unsupported principal: {arn}.",
                )
        if request.get("BlockPublicPolicy") and _is_public(statement):
            raise Refusal(
                "PublicPolicyException", "The resource policy grants access to everybody."
            )


def _principals(statement: Mapping[str, Any]) -> Iterator[str]:
    for element in ("Principal", "NotPrincipal"):
        named = statement.get(element, {})
        aws = named.get("AWS", []) if isinstance(named, Mapping) else []
        yield from aws if isinstance(aws, list) else [aws]


def _exists(iam: Any, arn: str) -> bool:
    """Whether a principal exists. Only roles and users of IAM can be missing."""
    kind, _, path = arn.rpartition(":")[2].partition("/")
    name = path.rpartition("/")[2]
    try:
        if kind == "role":
            return bool(iam.get_role(RoleName=name)["Role"]["Arn"] == arn)
        if kind == "user":
            return bool(iam.get_user(UserName=name)["User"]["Arn"] == arn)
    except ClientError:
        return False
    return True


def _is_public(statement: Mapping[str, Any]) -> bool:
    if statement.get("Effect") != "Allow" or statement.get("Condition"):
        return False
    return statement.get("Principal") == "*" or "*" in _principals(statement)
