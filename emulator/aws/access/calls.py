"""Calls of AWS's services as they are signed and sent, in the protocols of forms and of JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl

_SIGNED = re.compile(r"Credential=(?P<key>[^/,]+)/\d+/(?P<region>[^/,]+)/(?P<service>[^/,]+)/")
_UNTOLD = "*"
"""The operation of a call in a protocol that is not parsed here; it needs permission for `*`."""


@dataclass(frozen=True)
class Call:
    """One call.

    Attributes:
        key: the id of the access key that signed it.
        region: the region that it is signed for.
        service: the service, by the prefix of its actions, such as `ec2`.
        operation: such as `RunInstances`.
        protocol: `query` for forms.
        parameters: of forms the flat names (`SecurityGroupId.1`), of JSON its members.
    """

    key: str
    region: str
    service: str
    operation: str
    protocol: Literal["query", "json"]
    parameters: Mapping[str, Any]

    @property
    def action(self) -> str:
        """The IAM action of the call, which has the same name in these services."""
        return f"{self.service}:{self.operation}"

    def text(self, name: str) -> str:
        """A parameter, or an empty text without one."""
        value = self.parameters.get(name)
        return value if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        """A list of texts, such as `SecurityGroupId.1` and `.2`, or a JSON list."""
        value = self.parameters.get(name)
        if isinstance(value, list):
            return [str(one) for one in value]
        return [str(text) for at, text in self._below(name) if "." not in at]

    def members(self, name: str) -> list[dict[str, str]]:
        """A list of structures, such as `Tag.1.Key` and `Tag.1.Value`, in its order."""
        found: dict[int, dict[str, str]] = {}
        for at, value in self._below(name):
            number, dot, inner = at.partition(".")
            if dot:
                found.setdefault(int(number), {})[inner] = value
        return [found[number] for number in sorted(found)]

    def _below(self, name: str) -> Iterator[tuple[str, str]]:
        for key, value in self.parameters.items():
            if key.startswith(f"{name}.") and key[len(name) + 1].isdigit():
                yield key[len(name) + 1 :], str(value)


def read(authorization: str, target: str, query: str, body: bytes) -> Call | None:
    """A call from its signature, its X-Amz-Target and its content; None if it is not signed.

    Args:
        authorization: the header of that name.
        target: X-Amz-Target, which the JSON protocol has.
        query: the query of the URL, which may contain the form instead of the body.
        body: the request's body.
    """
    signed = _SIGNED.search(authorization)
    if signed is None:
        return None
    who = (signed["key"], signed["region"], signed["service"])
    if target:
        return Call(*who, target.rpartition(".")[2], "json", _object(body))
    form = {
        **dict(parse_qsl(query, True)),
        **dict(parse_qsl(body.decode("utf-8", "replace"), True)),
    }
    return Call(*who, form.get("Action", _UNTOLD), "query", form)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        parsed = json.loads(body or b"{}")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
