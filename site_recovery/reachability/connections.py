"""Which connections a migration needs.

Source: "Migrate Amazon Web Services (AWS) VMs to Azure" and "Troubleshoot Mobility Service push
installation" (Microsoft Learn).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Machine:
    """A machine of a check; `platform` is `windows` or `linux`."""

    instance_id: str
    private_ip: str
    platform: str


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
class Check:
    """The machines and the server to check.

    Attributes:
        vpc_id: the VPC of machines and server.
        push: whether the server installs the machines' agents.
        proxied: whether the server goes out through a proxy, whose way out is not known here.
    """

    vpc_id: str
    server: Server
    machines: Mapping[str, Machine]
    push: bool
    proxied: bool = False


@dataclass(frozen=True, order=True)
class Connection:
    """A TCP connection of a machine, or of the server to the internet.

    Attributes:
        machine: the name of the machine; the role of the server if it connects to the internet.
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
            case _:
                return f"tcp {self.port} from the {role} to the internet"


def needed(check: Check) -> Iterator[Connection]:
    """All connections that a migration needs: first that of the server to the internet."""
    if check.server.subnet_id and not check.proxied:
        yield Connection(check.server.role, SERVER_OUT, TO_THE_INTERNET)
    for name, machine in check.machines.items():
        for port in TO_THE_SERVER:
            yield Connection(name, TO_SERVER, port)
        for port in PUSH_INSTALLATION[machine.platform] if check.push else ():
            yield Connection(name, FROM_SERVER, port)
