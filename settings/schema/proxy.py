"""The proxy through which servers and machines in AWS reach Azure and AWS."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field

from site_recovery.declared.model import DISTINCT, Model, rule

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_BYPASSED = re.compile(r"\.?[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


def _is_proxy(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    host = parts.hostname or ""
    return bool(port) and _is_host(host) and url == f"http://{host}:{port}"


def _is_host(host: str) -> bool:
    """Whether it is a name, or an IPv4 address: what has only digits and full stops is no name."""
    if _HOST.fullmatch(host) is None or ".." in host:
        return False
    if re.fullmatch(r"[0-9.]+", host) is None:
        return True
    try:
        return not IPv4Address(host).is_unspecified
    except ValueError:
        return False


ProxyUrl = Annotated[
    str,
    rule(
        lambda value: "@" not in value,
        "it has a user name or a password in it, and nothing in the config is a secret",
        "Use a proxy without authentication, or one that knows the servers by their addresses: the "
        "replication appliance takes no other kind",
    ),
    rule(
        _is_proxy,
        "{value} is not the address of an HTTP proxy",
        "Write it like http://10.10.0.10:3128: http, a host in small letters, and a port",
    ),
    Field(title="`http://host:port`"),
]
BypassedHost = Annotated[
    str,
    rule(
        lambda value: _BYPASSED.fullmatch(value) is not None,
        "{value} is not a host",
        "Write a host such as s3.example.com, or .example.com for all hosts of a domain",
    ),
]


class Proxy(Model):
    """An HTTP proxy without authentication. The replication appliance takes no other kind.

    Source: "Deploy Azure Site Recovery replication appliance - Modernized", register appliance.
    """

    url: ProxyUrl = Field(
        description="Address of the HTTP proxy. A configuration server takes an IP address only."
    )
    bypass: Annotated[tuple[BypassedHost, ...], DISTINCT] = Field(
        default=(),
        description="Hosts that are reached without it, such as VPC endpoints. The metadata "
        "service and the server are anyway.",
    )

    @property
    def host(self) -> str:
        """Its host: a name or an address."""
        return str(urlsplit(self.url).hostname)

    @property
    def port(self) -> int:
        """Its port."""
        return urlsplit(self.url).port or 0

    def takes(self, host: str) -> bool:
        """Whether a host is reached through it, and not without it."""
        return not any(
            host == each or (each.startswith(".") and host.endswith(each)) for each in self.bypass
        )
