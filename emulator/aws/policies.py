"""IAM's evaluation of policy documents for one request, within one account.

Source: IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements". A condition with
an unknown operator or key cannot be evaluated here. Such a statement never allows, and always
denies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

Verdict = Literal["allow", "deny"]


@dataclass(frozen=True)
class Request:
    """A request that IAM evaluates: the caller, the action and the resource.

    Attributes:
        principal: the ARN of the role or user that asks.
        action: such as `secretsmanager:GetSecretValue`.
        resource: the ARN of the resource.
        context: the values of the condition keys that are known, by key in lower case.
    """

    principal: str
    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)

    @property
    def account(self) -> str:
        """The caller's account."""
        return self.principal.split(":")[4]


def statements(policy: str | Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The statements of a policy, which has one or a list of them; a text is JSON.

    Raises:
        ValueError: a text is not a JSON object.
    """
    document = json.loads(policy) if isinstance(policy, str) else policy
    if not isinstance(document, Mapping):
        raise ValueError("a policy is a JSON object")
    found = document.get("Statement", [])
    return [found] if isinstance(found, Mapping) else list(found)


def of_identity(policies: Iterable[str | Mapping[str, Any]], request: Request) -> Verdict | None:
    """The verdict of the identity-based policies; None if no statement applies."""
    return _verdict(
        statement
        for policy in policies
        for statement in statements(policy)
        if _concerns(statement, request)
    )


def of_resource(policy: str | Mapping[str, Any], request: Request) -> Verdict | None:
    """The verdict of the resource-based policy; None if no statement applies.

    A statement for the whole account can deny, but does not allow by itself: that is left to the
    policies of the account's roles.
    """
    return _verdict(
        statement
        for statement in statements(policy)
        if _concerns(statement, request) and _names(statement, request)
    )


def _verdict(speaking: Iterable[Mapping[str, Any]]) -> Verdict | None:
    effects = {str(statement.get("Effect")) for statement in speaking}
    if "Deny" in effects:
        return "deny"
    return "allow" if "Allow" in effects else None


def _concerns(statement: Mapping[str, Any], request: Request) -> bool:
    return (
        _covers(statement, "Action", request.action, re.IGNORECASE)
        and _covers(statement, "Resource", request.resource)
        and _conditions_hold(statement, request)
    )


def _covers(
    statement: Mapping[str, Any], element: str, value: str, flags: re.RegexFlag = re.NOFLAG
) -> bool:
    if f"Not{element}" in statement:
        return not _matches(statement[f"Not{element}"], value, flags)
    return _matches(statement.get(element, []), value, flags)


def _matches(patterns: Any, value: str, flags: re.RegexFlag = re.NOFLAG) -> bool:
    return any(_compiled(pattern, flags).fullmatch(value) for pattern in _several(patterns))


def _several(value: Any) -> list[str]:
    return [str(one) for one in (value if isinstance(value, list) else [value])]


@lru_cache(maxsize=4096)
def _compiled(pattern: str, flags: re.RegexFlag) -> re.Pattern[str]:
    text = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(text, flags | re.DOTALL)


def _names(statement: Mapping[str, Any], request: Request) -> bool:
    """Whether the principal of a resource's statement is the caller."""
    denies = statement.get("Effect") == "Deny"
    if "NotPrincipal" in statement:
        # With Allow it would be open to the world, which IAM advises against. So it allows nobody.
        return denies and not _is_among(statement["NotPrincipal"], request, account=True)
    return _is_among(statement.get("Principal", {}), request, account=denies)


def _is_among(principal: Any, request: Request, account: bool) -> bool:
    if principal == "*":
        return True
    named = _several(principal.get("AWS", [])) if isinstance(principal, Mapping) else []
    partition = request.principal.split(":")[1]
    whole = {request.account, f"arn:{partition}:iam::{request.account}:root"}
    return "*" in named or request.principal in named or (account and not whole.isdisjoint(named))


def _conditions_hold(statement: Mapping[str, Any], request: Request) -> bool:
    known = {
        **request.context,
        "aws:principalarn": request.principal,
        "aws:principalaccount": request.account,
    }
    denies = statement.get("Effect") == "Deny"
    for operator, tests in (statement.get("Condition") or {}).items():
        for key, wanted in tests.items():
            value = known.get(key.lower())
            judge = _OPERATORS.get(operator)
            holds = denies if value is None or judge is None else judge(_several(wanted), value)
            if not holds:
                return False
    return True


def _equal(wanted: list[str], value: str) -> bool:
    return value in wanted


def _different(wanted: list[str], value: str) -> bool:
    return not _equal(wanted, value)


def _unlike(wanted: list[str], value: str) -> bool:
    return not _matches(wanted, value)


def _is(wanted: list[str], value: str) -> bool:
    return value.lower() in [one.lower() for one in wanted]


_OPERATORS: dict[str, Callable[[list[str], str], bool]] = {
    "StringEquals": _equal,
    "StringNotEquals": _different,
    "StringLike": _matches,
    "StringNotLike": _unlike,
    "Bool": _is,
    # IAM: "ArnEquals and ArnLike behave identically".
    "ArnEquals": _matches,
    "ArnLike": _matches,
    "ArnNotEquals": _unlike,
    "ArnNotLike": _unlike,
}
