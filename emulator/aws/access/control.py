"""Policies of access keys, set through the control API, and a record of their use."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from emulator import partitions
from emulator.aws import policies
from emulator.aws.access import needs
from emulator.aws.access.calls import Call
from emulator.aws.access.facts import Facts, Need
from emulator.aws.policies import Request

OWN_KEY = "emulator"
"""The access key with which the emulator itself asks its AWS."""

_SHAPE = {"accessKeyId": str, "user": str, "policies": list}


@dataclass
class _Caller:
    """A user with an access key.

    Attributes:
        user: the user's name.
        policies: identity-based policies, as JSON objects.
        used: actions that were allowed.
        denied: actions that were not, with their resource.
    """

    user: str
    policies: list[Mapping[str, Any]]
    used: set[str] = field(default_factory=set)
    denied: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Denied:
    """A denied call.

    Attributes:
        principal: the ARN of the caller.
        need: what was needed.
        explicit: whether a policy denies it.
    """

    principal: str
    need: Need
    explicit: bool


class Access:
    """Evaluates each call before it is answered. Keys without policies may do everything.

    Args:
        client: gives the client of a service in a region, by both names, which may do everything.
        account: the account's number.
    """

    def __init__(self, client: Callable[[str, str], Any], account: str) -> None:
        self._client = client
        self._account = account
        self._callers: dict[str, _Caller] = {}
        self._lock = threading.Lock()

    def put(self, body: bytes) -> dict[str, Any]:
        """Give an access key policies: `{"accessKeyId", "user"?, "policies"}`.

        Raises:
            ValueError: what is wrong with the body.
        """
        try:
            given = json.loads(body)
        except ValueError as error:
            raise ValueError("The body is not JSON.") from error
        if not isinstance(given, dict) or not {"accessKeyId", "policies"} <= given.keys():
            raise ValueError("'accessKeyId' and 'policies' are needed.")
        for name, value in given.items():
            if not isinstance(value, _SHAPE.get(name, ())):
                raise ValueError(f"'{name}' is not known, or of another type.")
        if given["accessKeyId"] == OWN_KEY:
            raise ValueError(f"'{OWN_KEY}' is the emulator's own key, and may do everything.")
        for policy in given["policies"]:
            if not isinstance(policy, Mapping) or not policies.statements(policy):
                raise ValueError("A policy is a JSON object with statements.")
        key = given["accessKeyId"]
        with self._lock:
            self._callers[key] = _Caller(given.get("user") or key, given["policies"])
        return self._told(key)

    def all(self) -> list[dict[str, Any]]:
        """Every key that has policies, with the actions that it `used` and that were `denied`."""
        with self._lock:
            keys = sorted(self._callers)
        return [self._told(key) for key in keys]

    def clear(self) -> None:
        """Remove all policies, so that every key may do everything."""
        with self._lock:
            self._callers.clear()

    def denies(self, call: Call) -> Denied | None:
        """The permission that a call's key does not have, or None."""
        with self._lock:
            caller = self._callers.get(call.key)
        if caller is None:
            return None
        facts = Facts(partial(self._in_region, call.region), call.region, self._account)
        wanted = needs.of(call, facts)
        principal = partitions.global_arn("iam", call.region, self._account, f"user/{caller.user}")
        for need in wanted:
            request = Request(principal, need.action, need.resource, need.context)
            verdict = policies.of_identity(caller.policies, request)
            if verdict != "allow":
                told = {"action": need.action, "resource": need.resource}
                with self._lock:
                    if told not in caller.denied:
                        caller.denied.append(told)
                return Denied(principal, need, verdict == "deny")
        with self._lock:
            caller.used.update(need.action for need in wanted)
        return None

    def _in_region(self, region: str, service: str) -> Any:
        return self._client(service, region)

    def _told(self, key: str) -> dict[str, Any]:
        with self._lock:
            caller = self._callers[key]
            return {
                "accessKeyId": key,
                "user": caller.user,
                "policies": caller.policies,
                "used": sorted(caller.used),
                "denied": list(caller.denied),
            }
