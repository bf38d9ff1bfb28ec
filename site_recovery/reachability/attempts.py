"""Connect attempts as scripts for Run Command, and what their output says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

SECONDS = 5
"""What a machine gives an attempt."""

DOCUMENTS = {"windows": "AWS-RunPowerShellScript", "linux": "AWS-RunShellScript"}
"""The public document that runs a script, by platform."""


@dataclass(frozen=True, order=True)
class Target:
    """Where an attempt goes: an address or a host name, and a TCP port."""

    host: str
    port: int


# Goes before the cmdlet of that name: that one came with Windows Server 2012 R2 only, and takes
# half a minute to say no. It has to do with PowerShell 2.0.
_TEST_NET_CONNECTION = (
    "function Test-NetConnection([string]$ComputerName, [int]$Port) { "
    "$socket = New-Object Net.Sockets.TcpClient; "
    "try { $call = $socket.BeginConnect($ComputerName, $Port, $null, $null); "
    f"$ok = $call.AsyncWaitHandle.WaitOne({SECONDS}000, $false); "
    "if ($ok) { $socket.EndConnect($call) } } "
    "catch { $ok = $false } finally { $socket.Close() }; "
    "New-Object PSObject -Property @{ TcpTestSucceeded = $ok } }"
)


def script(platform: str, targets: Iterable[Target]) -> tuple[str, ...]:
    """The lines of a script that tries to connect to each target, and tells of each in a line.

    Args:
        platform: `windows` or `linux`, of the machine that runs it.
        targets: where to.
    """
    ordered = sorted(set(targets))
    if platform == "linux":
        return tuple(
            f"if timeout {SECONDS} bash -c '</dev/tcp/{t.host}/{t.port}' 2>/dev/null; "
            f"then echo '{t.host}:{t.port} True'; else echo '{t.host}:{t.port} False'; fi"
            for t in ordered
        )
    return (
        _TEST_NET_CONNECTION,
        *(
            f'"{t.host}:{t.port} '
            f'$((Test-NetConnection -ComputerName {t.host} -Port {t.port}).TcpTestSucceeded)"'
            for t in ordered
        ),
    )


_LINE = re.compile(r"^(?P<host>\S+):(?P<port>\d+) (?P<connected>True|False)\s*$", re.MULTILINE)


def results(output: str) -> dict[Target, bool]:
    """Which targets a script's output says it reached; one it does not name was not tried."""
    return {
        Target(found["host"], int(found["port"])): found["connected"] == "True"
        for found in _LINE.finditer(output)
    }
