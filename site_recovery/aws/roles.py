"""The role of another account that a run works in: `aws:assumeRoles`, which the plugin reads too.

Source: "AWS Classic: configuration options", `assumeRoles` (Pulumi registry); AssumeRole of AWS STS.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.session import Session

KEY = "aws:assumeRoles"
_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+", re.ASCII)
_FIELDS = ("roleArn", "externalId", "sessionName")
_SESSION_NAME = "ec2-to-azure"


@dataclass(frozen=True)
class Role:
    """A role to assume.

    Attributes:
        arn: its ARN.
        external_id: what its trust policy asks for, or an empty text.
        session_name: how its session is named in CloudTrail.
    """

    arn: str
    external_id: str = ""
    session_name: str = _SESSION_NAME

    @property
    def partition(self) -> str:
        """Its partition, the second part of the ARN."""
        return self.arn.split(":")[1]


class RoleError(Exception):
    """`aws:assumeRoles` is not what program and plugin can both use. The text says what is wrong."""


def read(configured: str) -> Role:
    """The role in the value of `aws:assumeRoles`, which is JSON text.

    Raises:
        RoleError: it is not a list of one role with only those fields that are read here.
    """
    try:
        roles = json.loads(configured)
    except ValueError:
        roles = None
    if not isinstance(roles, list) or len(roles) != 1 or not isinstance(roles[0], dict):
        raise RoleError("it is not a list of one role")
    [role] = roles
    other = sorted(set(role) - set(_FIELDS))
    if other:
        raise RoleError(f"the program's own clients do not read {', '.join(other)}")
    texts = {name: str(role.get(name) or "") for name in _FIELDS}
    if not _ARN.fullmatch(texts["roleArn"]):
        raise RoleError(f"roleArn {texts['roleArn'] or 'is missing, and'} is not the ARN of a role")
    return Role(texts["roleArn"], texts["externalId"], texts["sessionName"] or _SESSION_NAME)


_used: list[Role] = []


def use(configured: str | None) -> None:
    """Let all AWS clients of this process work in the role of the config, as the plugin does.

    Args:
        configured: the value of `aws:assumeRoles`. None, or one that is refused elsewhere, leaves
            the credentials of the environment.
    """
    _used.clear()
    if configured:
        try:
            _used.append(read(configured))
        except RoleError:
            return


def used() -> Role | None:
    """The role in use, or None."""
    return _used[0] if _used else None


def assume(session: Session, role: Role, region: str, trusted: str | None) -> None:
    """Let a session work in a role: its credentials are fetched when needed, and again in time.

    Args:
        session: with the credentials that may assume it.
        role: the role.
        region: whose STS is asked.
        trusted: a file of authorities, or None.
    """

    def client(service: str, **credentials: Any) -> Any:
        make: Callable[..., Any] = session.create_client
        return make(service, region_name=region, verify=trusted, **credentials)

    extra = {"RoleSessionName": role.session_name}
    if role.external_id:
        extra["ExternalId"] = role.external_id
    fetcher = AssumeRoleCredentialFetcher(client, session.get_credentials(), role.arn, extra)
    # botocore has no other way to give a session credentials that are fetched again.
    given = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
    session._credentials = given  # type: ignore[attr-defined]
