"""Established connections between machines, from the records of VPC flow logs.

Source: "Flow log records" (Amazon VPC user guide): the fields, their default order, and `tcp-flags`,
which are those of all packets of a record together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

DEFAULT_FIELDS = (
    *("version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport"),
    *("protocol", "packets", "bytes", "start", "end", "action", "log-status"),
)
"""The fields of a record whose log has no format of its own."""
NEEDED = ("srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "action")
"""The fields without which no connection can be told."""

_TCP = "6"
_SYN_ACK = 18
_PACKETS = 3
"""The least packets of one side: a connection that is refused takes one, a handshake two."""

End = tuple[str, int]
"""An address and a port."""


@dataclass(frozen=True, order=True)
class Connection:
    """Machines between which connections were established.

    Attributes:
        client: the machine that opened them.
        server: the machine that was connected to.
        port: of the server.
    """

    client: str
    server: str
    port: int


@dataclass(frozen=True)
class Flow:
    """One direction of a TCP connection that was accepted, within one aggregation interval."""

    source: End
    destination: End
    packets: int
    flags: int = 0


def flows(lines: Iterable[str], fields: Sequence[str]) -> Iterator[Flow]:
    """The accepted TCP flows of records.

    Args:
        lines: records, separated by spaces. Those without data, and those that are not as `fields`
            say, are left out.
        fields: what each column is; all of `NEEDED` are among them.
    """
    for line in lines:
        values = line.split()
        if len(values) != len(fields):
            continue
        record = dict(zip(fields, values, strict=True))
        if record["protocol"] != _TCP or record["action"] != "ACCEPT":
            continue
        try:
            yield Flow(
                (record["srcaddr"], int(record["srcport"])),
                (record["dstaddr"], int(record["dstport"])),
                int(record["packets"]),
                int(record.get("tcp-flags", "0").replace("-", "0")),
            )
        except ValueError:
            continue


def established(found: Iterable[Flow], machines: Mapping[str, str]) -> set[Connection]:
    """The connections that both sides accepted and that carried more than a handshake.

    The server is the side that answered with SYN and ACK, if a log has `tcp-flags`, and else the
    side with the lower port.

    Args:
        found: flows of any interfaces.
        machines: the machine of each private address.
    """
    packets: dict[tuple[End, End], int] = {}
    answered: set[tuple[End, End]] = set()
    for flow in found:
        if flow.source[0] not in machines or flow.destination[0] not in machines:
            continue
        way = (flow.source, flow.destination)
        packets[way] = packets.get(way, 0) + flow.packets
        if flow.flags & _SYN_ACK == _SYN_ACK:
            answered.add(way)
    connections = set()
    for (source, destination), sent in packets.items():
        back = packets.get((destination, source), 0)
        if not back or max(sent, back) < _PACKETS:
            continue
        if (destination, source) in answered or (
            (source, destination) not in answered
            and (destination[1], destination[0]) < (source[1], source[0])
        ):
            client, server = machines[source[0]], machines[destination[0]]
            if client != server:
                connections.add(Connection(client, server, destination[1]))
    return connections
