"""Proves on a machine that its fence holds: no foreign connection is left, and its disks are flushed.

AWS does not interrupt connections that it tracks when the security groups of an interface change
("Security group connection tracking", EC2 User Guide). So the machine itself has to tell which
connections are established, and ends those that are left.

Without I/O: the script, and what its output says.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from site_recovery.fleet import Platform

_CONNECTIONS, _CLOCK = "-- connections", "-- clock"
_PROCESS = re.compile(r'"(?P<name>[^"]+)"')
_COMM_MAX = 15
"""The most characters of a process's name that Linux keeps (`comm`, proc(5))."""
_SYSTEMS_MANAGER = frozenset(
    shown
    for name in (
        "amazon-ssm-agent",
        "ssm-agent-worker",
        "ssm-document-worker",
        "ssm-session-worker",
    )
    for shown in (name, name[:_COMM_MAX])
)
"""Processes of the SSM agent, as Windows and Linux show them."""

_OF_THE_HOST = (ipaddress.ip_network("169.254.0.0/16"), ipaddress.ip_network("fd00:ec2::/112"))
"""Where AWS serves each instance by itself ("IPv6 on AWS", Supporting Amazon VPC services)."""

# MIB_TCPROW with state 12 (delete the connection) for SetTcpEntry of iphlpapi. No cmdlet does that.
_STOP_TCP_CONNECTION = (
    "function Stop-TcpConnection($local, $localPort, $remote, $remotePort) { "
    "if (-not ('SiteRecovery.Tcp' -as [type])) { "
    "Add-Type -Namespace SiteRecovery -Name Tcp -MemberDefinition '"
    "[StructLayout(LayoutKind.Sequential)] public struct Row "
    "{ public uint State, Local, LocalPort, Remote, RemotePort; } "
    '[DllImport("iphlpapi.dll")] public static extern uint SetTcpEntry(ref Row row);\' }; '
    "$row = New-Object SiteRecovery.Tcp+Row; $row.State = 12; "
    "$row.Local = [BitConverter]::ToUInt32([Net.IPAddress]::Parse($local).GetAddressBytes(), 0); "
    "$row.Remote = [BitConverter]::ToUInt32([Net.IPAddress]::Parse($remote).GetAddressBytes(), 0); "
    "$row.LocalPort = (([uint32]$localPort -band 255) * 256) + [math]::Floor($localPort / 256); "
    "$row.RemotePort = (([uint32]$remotePort -band 255) * 256) + [math]::Floor($remotePort / 256); "
    "[void][SiteRecovery.Tcp]::SetTcpEntry([ref]$row) }"
)
LIST_WINDOWS = (
    "Get-NetTCPConnection -State Established | ForEach-Object { "
    '"$($_.LocalAddress) $($_.LocalPort) $($_.RemoteAddress) $($_.RemotePort) '
    '$((Get-Process -Id $_.OwningProcess).ProcessName)" }'
)
_LIST_LINUX = "ss -t -n -p state established"
_HEADER = "Recv-Q"
"""How the first line of `ss` begins. The state is no column if it is in the filter."""
_FLUSH_WINDOWS = (
    "Get-Volume | Where-Object DriveLetter | "
    "ForEach-Object { Write-VolumeCache -DriveLetter $_.DriveLetter }"
)


@dataclass(frozen=True)
class Endpoint:
    """An address without brackets, and a port."""

    address: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"


@dataclass(frozen=True)
class Connection:
    """An established TCP connection of a machine; `process` is empty if it is not known."""

    local: Endpoint
    remote: Endpoint
    process: str = ""

    def __str__(self) -> str:
        return f"{self.remote} with port {self.local.port}" + (
            f" of {self.process}" if self.process else ""
        )


@dataclass(frozen=True)
class Proof:
    """What a machine said: its connections, and then, after the flush, the time of its clock."""

    connections: tuple[Connection, ...]
    clock: datetime


def script(platform: Platform, to_end: Iterable[Connection]) -> list[str]:
    """The lines that end connections, list those that are left, flush the disks and tell the time.

    The script fails as a whole if a list was not made or a disk not flushed: that must not look like
    a machine without connections. To end a connection may fail: `ss -K` came with iproute2 4.5 and
    needs a kernel with CONFIG_INET_DIAG_DESTROY (Linux 4.5). Then the list still has it. `-H` came
    with iproute2 4.7, so the list has its header.
    """
    if platform == "windows":
        ending = [
            f"Stop-TcpConnection {one.local.address} {one.local.port} "
            f"{one.remote.address} {one.remote.port}"
            for one in to_end
        ]
        return [
            "$ErrorActionPreference = 'Stop'",
            *([_STOP_TCP_CONNECTION] if ending else []),
            *ending,
            f"Write-Output '{_CONNECTIONS}'",
            LIST_WINDOWS,
            _FLUSH_WINDOWS,
            f"Write-Output '{_CLOCK}'",
            "[DateTime]::UtcNow.ToString('o')",
        ]
    return [
        "set -e",
        *(
            f"ss -K -t -n state established dst {one.remote} >/dev/null 2>&1 || true"
            for one in to_end
        ),
        f"echo '{_CONNECTIONS}'",
        _LIST_LINUX,
        "sync",
        f"echo '{_CLOCK}'",
        "date -u +%s.%N",
    ]


def read(platform: Platform, output: str) -> Proof | None:
    """What the output of the script says; None if it is not complete."""
    _, listed, rest = output.partition(f"{_CONNECTIONS}\n")
    lines, timed, clock = rest.partition(f"{_CLOCK}\n")
    if not listed or not timed:
        return None
    moment = _moment(platform, clock.strip())
    if moment is None:
        return None
    parse = _windows_line if platform == "windows" else _linux_line
    told = [line for line in lines.splitlines() if line.strip()]
    if platform == "linux":
        # Without its header the list was not made by `ss`.
        if not told or not told[0].startswith(_HEADER):
            return None
        told = told[1:]
    found = [parse(line) for line in told]
    if None in found:
        return None
    return Proof(tuple(one for one in found if one is not None), moment)


def foreign(
    connections: Iterable[Connection], servers: Collection[str], own: Collection[str] = ()
) -> list[Connection]:
    """The connections through which somebody could still write.

    An application that reaches the database beside it by the machine's own address is none: what it
    writes is on the machine's disks, and both ends would be ended again and again.

    Args:
        connections: the established ones.
        servers: addresses of the server that the machine replicates to.
        own: addresses of the machine itself.
    """
    return [
        one
        for one in connections
        if one.process.lower() not in _SYSTEMS_MANAGER
        and one.remote.address not in servers
        and one.remote.address != one.local.address
        and one.remote.address not in own
        and not _is_local(one.remote.address)
    ]


def later_than(proof: Proof, before: datetime, after: datetime) -> datetime:
    """The service's time after which a recovery point holds every write.

    The machine took its time between `before` and `after`. If its clock is ahead of that, points
    that it stamps are too late by as much, so the difference is added.

    Args:
        proof: what the machine said.
        before: the service's time when the script had not begun.
        after: the service's time when the script had ended.
    """
    ahead = proof.clock - before if proof.clock > after else timedelta()
    return after + ahead


def _is_local(address: str) -> bool:
    """Of the machine itself, or of its host: time, name resolution and metadata of AWS.

    A link-local address of IPv6 is of a neighbour in the subnet: AWS has no service there.
    """
    plain = ipaddress.ip_address(address)
    return plain.is_loopback or any(plain in network for network in _OF_THE_HOST)


def _linux_line(line: str) -> Connection | None:
    columns = line.split()
    if len(columns) < 4:
        return None
    local, remote = _endpoint(columns[2]), _endpoint(columns[3])
    process = _PROCESS.search(line)
    if local is None or remote is None:
        return None
    return Connection(local, remote, process["name"] if process else "")


def _windows_line(line: str) -> Connection | None:
    columns = line.split(maxsplit=4)
    if len(columns) < 4:
        return None
    local = _endpoint(f"{columns[0]}:{columns[1]}")
    remote = _endpoint(f"{columns[2]}:{columns[3]}")
    if local is None or remote is None:
        return None
    return Connection(local, remote, columns[4] if len(columns) > 4 else "")


def _endpoint(text: str) -> Endpoint | None:
    host, _, port = text.rpartition(":")
    # Linux writes a scope after the address, both write IPv4 in IPv6 as ::ffff:10.0.0.1.
    plain = host.strip("[]").partition("%")[0]
    try:
        address = ipaddress.ip_address(plain)
        mapped = getattr(address, "ipv4_mapped", None)
        return Endpoint(str(mapped or address), int(port))
    except ValueError:
        return None


def _moment(platform: Platform, text: str) -> datetime | None:
    try:
        if platform == "windows":
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo is not None else None
        return datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        return None
