"""What Secrets Manager does with secrets' policies: checks them, and keeps whom they name.

Moto accepts any text, and answers with it.
"""

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


def keep_principals() -> None:
    """Let this process's moto keep the unique ids of the roles that a secret's policy names.

    As in AWS, a role that was deleted is named by its id from then on. One that is made again with
    the same name is another role: it gets no access until the policy is put anew.
    Source: IAM User Guide, "AWS JSON policy elements: Principal", IAM role principals.
    """
    from moto.secretsmanager.models import SecretsManagerBackend

    kind: Any = SecretsManagerBackend
    put, get = kind.put_resource_policy, kind.get_resource_policy

    def put_resource_policy(backend: Any, secret_id: str, policy: str) -> Any:
        answer = put(backend, secret_id, policy)
        backend.secrets[secret_id].role_ids = _role_ids(backend)
        return answer

    def get_resource_policy(backend: Any, secret_id: str) -> str:
        answer = json.loads(get(backend, secret_id))
        if "ResourcePolicy" in answer:
            then, now = backend.secrets[secret_id].role_ids, _role_ids(backend)
            other = {arn: its for arn, its in then.items() if now.get(arn) != its}
            answer["ResourcePolicy"] = _renamed(answer["ResourcePolicy"], other)
        return json.dumps(answer)

    kind.put_resource_policy, kind.get_resource_policy = put_resource_policy, get_resource_policy


def _role_ids(backend: Any) -> dict[str, str]:
    from moto.iam.models import iam_backends

    found: Any = iam_backends[backend.account_id][backend.partition]
    return {role.arn: role.id for role in found.roles.values()}


def _renamed(text: str, names: Mapping[str, str]) -> str:
    """A policy with other names of principals; its text stays as it is if it has none of them."""
    document = json.loads(text)
    found = policies.statements(document)
    if names.keys().isdisjoint(arn for statement in found for arn in _principals(statement)):
        return text
    for statement in found:
        for element in ("Principal", "NotPrincipal"):
            named = statement.get(element)
            if isinstance(named, dict) and "AWS" in named:
                one = isinstance(named["AWS"], str)
                new = [names.get(arn, arn) for arn in _principals({element: named})]
                named["AWS"] = new[0] if one else new
    return json.dumps(document)


def _principals(statement: Mapping[str, Any]) -> Iterator[str]:
    for element in ("Principal", "NotPrincipal"):
        named = statement.get(element, {})
        aws = named.get("AWS", []) if isinstance(named, Mapping) else []
        yield from aws if isinstance(aws, list) else [aws]


def _exists(iam: Any, arn: str) -> bool:
    """Whether a principal exists. Only roles and users of IAM can be missing."""
    if arn.startswith("AROA"):
        return False  # what AWS shows for a deleted role; no policy may be put with it
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
