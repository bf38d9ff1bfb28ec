"""The scripts with which machines try to connect, and the parser of their output."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

SECONDS = 5
"""The timeout of one attempt."""

DOCUMENTS = {"windows": "AWS-RunPowerShellScript", "linux": "AWS-RunShellScript"}
"""The public document that runs a script, by platform."""


@dataclass(frozen=True, order=True)
class Target:
    """The target of an attempt: an address or a host name, and a TCP port."""

    host: str
    port: int


# Replaces the cmdlet of that name, which exists only since Windows Server 2012 R2 and takes half a
# minute to fail. It must work with PowerShell 2.0.
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
    """The lines of a script that tries to connect to each target and prints a line for each.

    Args:
        platform: `windows` or `linux`, of the machine that runs it.
        targets: what to connect to.
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
    """Whether each target was reached, by the output of a script; a missing one was not tried."""
    return {
        Target(found["host"], int(found["port"])): found["connected"] == "True"
        for found in _LINE.finditer(output)
    }
