"""Connect attempts as scripts for Run Command, and what their output says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

SECONDS = 5
"""What a Linux machine gives an attempt; PowerShell's own patience is about twenty."""

DOCUMENTS = {"windows": "AWS-RunPowerShellScript", "linux": "AWS-RunShellScript"}
"""The public document that runs a script, by platform."""


@dataclass(frozen=True, order=True)
class Target:
    """Where an attempt goes: an address or a host name, and a TCP port."""

    host: str
    port: int


# Defined on what is older than Windows Server 2012 R2, with which Test-NetConnection came. It has
# to do with PowerShell 2.0.
_BEFORE_2012_R2 = (
    "function Test-NetConnection([string]$ComputerName, [int]$Port) { "
    "$socket = New-Object Net.Sockets.TcpClient; "
    "try { $call = $socket.BeginConnect($ComputerName, $Port, $null, $null); "
    f"$ok = $call.AsyncWaitHandle.WaitOne({SECONDS}000) -and $socket.Connected }} "
    "catch { $ok = $false } finally { $socket.Close() }; "
    "New-Object PSObject -Property @{ TcpTestSucceeded = $ok } }"
)
_2012_R2 = (6, 3)


def script(platform: str, targets: Iterable[Target], version: str = "") -> tuple[str, ...]:
    """The lines of a script that tries to connect to each target, and tells of each in a line.

    Args:
        platform: `windows` or `linux`, of the machine that runs it.
        targets: where to.
        version: of Windows as Systems Manager reports it, such as `6.1.7601`; empty if unknown.
    """
    ordered = sorted(set(targets))
    if platform == "linux":
        return tuple(
            f"if timeout {SECONDS} bash -c '</dev/tcp/{t.host}/{t.port}' 2>/dev/null; "
            f"then echo '{t.host}:{t.port} True'; else echo '{t.host}:{t.port} False'; fi"
            for t in ordered
        )
    return (
        "$ProgressPreference = 'SilentlyContinue'",
        "$WarningPreference = 'SilentlyContinue'",
        *((_BEFORE_2012_R2,) if _older(version) else ()),
        *(
            f'"{t.host}:{t.port} '
            f'$((Test-NetConnection -ComputerName {t.host} -Port {t.port}).TcpTestSucceeded)"'
            for t in ordered
        ),
    )


def _older(version: str) -> bool:
    numbers = re.match(r"(\d+)\.(\d+)", version)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) < _2012_R2


_LINE = re.compile(r"^(?P<host>\S+):(?P<port>\d+) (?P<connected>True|False)\s*$", re.MULTILINE)


def results(output: str) -> dict[Target, bool]:
    """Which targets a script's output says it reached; one it does not name was not tried."""
    return {
        Target(found["host"], int(found["port"])): found["connected"] == "True"
        for found in _LINE.finditer(output)
    }
