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
"""What every machine sends to the server, by TCP port."""

PUSH_INSTALLATION = {
    "windows": {
        135: "push installation of the mobility service: RPC endpoint mapper and WMI",
        445: "push installation of the mobility service: file sharing",
    },
    "linux": {
        22: "push installation of the mobility service: SSH and SFTP",
    },
}
"""The ports that the server needs into a machine to install its agent, by platform."""

TO_THE_INTERNET = 443
"""What the server needs to reach Azure."""

TO_SERVER = "to server"
FROM_SERVER = "from server"
SERVER_OUT = "to internet"


@dataclass(frozen=True)
class Machine:
    """A machine as the check takes it; `platform` is `windows` or `linux`."""

    instance_id: str
    private_ip: str
    platform: str


@dataclass(frozen=True)
class Server:
    """The server that the machines replicate through, as far as it is known yet.

    Attributes:
        role: what a person calls it.
        subnet_id: where it is; empty for one that is there by another's hand, which is looked for
            in the VPC by its address, and whose own way out is its owner's.
        private_ip: None while it has none yet; its subnet stands for it then.
        group_ids: its security groups, of which its interface's own are used once it has one;
            None where groups are not to be judged, because they are not all there yet.
        instance_id: empty where it is not known: nothing is run on it then.
    """

    role: str
    subnet_id: str
    private_ip: str | None
    group_ids: frozenset[str] | None
    instance_id: str = ""


@dataclass(frozen=True)
class Check:
    """What is to be checked.

    Attributes:
        vpc_id: the VPC of machines and server.
        push: whether the server installs the machines' agents.
    """

    vpc_id: str
    server: Server
    machines: Mapping[str, Machine]
    push: bool


@dataclass(frozen=True, order=True)
class Connection:
    """A TCP connection: `machine` is a machine's name, or the server's role for its way out."""

    machine: str
    direction: str
    port: int

    def words(self, role: str) -> str:
        """The connection as a person reads it, without the machine."""
        match self.direction:
            case "to server":
                return f"tcp {self.port} to the {role}"
            case "from server":
                return f"tcp {self.port} from the {role}"
            case _:
                return f"tcp {self.port} from the {role} to the internet"


def needed(check: Check) -> Iterator[Connection]:
    """Every connection that must come about: the server's way out, then machine by machine."""
    if check.server.subnet_id:
        yield Connection(check.server.role, SERVER_OUT, TO_THE_INTERNET)
    for name, machine in check.machines.items():
        for port in TO_THE_SERVER:
            yield Connection(name, TO_SERVER, port)
        for port in PUSH_INSTALLATION[machine.platform] if check.push else ():
            yield Connection(name, FROM_SERVER, port)
