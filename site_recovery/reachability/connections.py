"""Which connections a migration needs.

Source: "Migrate Amazon Web Services (AWS) VMs to Azure" and "Troubleshoot Mobility Service push
installation" (Microsoft Learn).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network

TO_THE_SERVER = {
    443: "replication control",
    9443: "replication data",
}
"""The data that every machine sends to the server, by TCP port of the server."""

PUSH_INSTALLATION = {
    "windows": {
        135: "push installation of the mobility service: RPC endpoint mapper and WMI",
        445: "push installation of the mobility service: file sharing",
    },
    "linux": {
        22: "push installation of the mobility service: SSH and SFTP",
    },
}
"""The TCP ports of a machine that the server needs to install the agent, by platform."""

TO_THE_INTERNET = 443
"""The TCP port with which the server reaches Azure."""

TO_SERVER = "to server"
FROM_SERVER = "from server"
SERVER_OUT = "to internet"
TO_PROXY = "to proxy"
SERVER_TO_PROXY = "server to proxy"
PROXY_OUT = "proxy to internet"

BLOCKS_ALL = frozenset({SERVER_OUT, SERVER_TO_PROXY})
"""Connections without which no machine replicates."""

OF_ALL = BLOCKS_ALL | {PROXY_OUT}
"""Connections that are not those of one machine. That of the proxy blocks nothing: it may go on to
another proxy, which EC2 does not show, and the registration of the server proves that it does."""

THE_PROXY = "proxy"


@dataclass(frozen=True)
class Machine:
    """A machine of a check.

    Attributes:
        platform: `windows` or `linux`.
        proxied: whether the installation of its agent goes through the proxy.
    """

    instance_id: str
    private_ip: str
    platform: str
    proxied: bool = False


@dataclass(frozen=True)
class Server:
    """The server through which the machines replicate, as far as it is known.

    Attributes:
        role: its name for people, such as `configuration server`.
        subnet_id: where it is; empty for a server that was not made by this stack, which is looked up
            in the VPC by its address, and whose own way out is its owner's.
        private_ip: None as long as it has no address; its subnet is checked instead.
        group_ids: its security groups; those of its interface are used once it has one. None if
            groups are not checked, because some of them do not exist yet.
        instance_id: empty if it is not known; then no attempt runs on it.
    """

    role: str
    subnet_id: str
    private_ip: str | None
    group_ids: frozenset[str] | None
    instance_id: str = ""


@dataclass(frozen=True)
class Proxy:
    """The proxy of the config; `host` is an IPv4 address or a name."""

    host: str
    port: int

    @property
    def address(self) -> IPv4Network | None:
        """Its address; None if it has a name, which only a resolver of the VPC knows."""
        try:
            return IPv4Network(IPv4Address(self.host))
        except AddressValueError:
            return None


@dataclass(frozen=True)
class Check:
    """The machines and the server to check.

    Attributes:
        vpc_id: the VPC of machines and server.
        push: whether the server installs the machines' agents.
        proxy: the proxy through which the server goes out; None if it goes out by itself.
    """

    vpc_id: str
    server: Server
    machines: Mapping[str, Machine]
    push: bool
    proxy: Proxy | None = None


@dataclass(frozen=True, order=True)
class Connection:
    """A TCP connection of a machine, or one without which no machine replicates.

    Attributes:
        machine: the name of the machine; the role of the server, or `proxy`, for one of theirs.
    """

    machine: str
    direction: str
    port: int

    def words(self, role: str) -> str:
        """The connection for people, without the machine."""
        match self.direction:
            case "to server":
                return f"tcp {self.port} to the {role}"
            case "from server":
                return f"tcp {self.port} from the {role}"
            case "to proxy":
                return f"tcp {self.port} to the proxy"
            case "server to proxy":
                return f"tcp {self.port} from the {role} to the proxy"
            case "proxy to internet":
                return f"tcp {self.port} from the proxy to the internet"
            case _:
                return f"tcp {self.port} from the {role} to the internet"


def needed(check: Check, *, proxy_here: bool = False) -> Iterator[Connection]:
    """All connections that a migration needs: first those that are not of one machine.

    Args:
        check: the machines and the server.
        proxy_here: whether the proxy is an instance whose own way to the internet can be judged.
    """
    if check.server.subnet_id and check.proxy is None:
        yield Connection(check.server.role, SERVER_OUT, TO_THE_INTERNET)
    elif check.server.subnet_id and check.proxy is not None:
        yield Connection(check.server.role, SERVER_TO_PROXY, check.proxy.port)
    if proxy_here:
        yield Connection(THE_PROXY, PROXY_OUT, TO_THE_INTERNET)
    for name, machine in check.machines.items():
        if machine.proxied and check.proxy is not None:
            yield Connection(name, TO_PROXY, check.proxy.port)
        for port in TO_THE_SERVER:
            yield Connection(name, TO_SERVER, port)
        for port in PUSH_INSTALLATION[machine.platform] if check.push else ():
            yield Connection(name, FROM_SERVER, port)
