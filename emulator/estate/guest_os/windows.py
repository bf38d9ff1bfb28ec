"""PowerShell scripts of Windows guests that Run Command runs as administrator: the statements that
look into the machine, beside those that every PowerShell here has.

`A` is `Test-NetConnection [-ComputerName] H -Port P` with `-InformationLevel`, `-WarningAction`,
`-ErrorAction`, or `(A).TcpTestSucceeded`:

    A, "text $(A) text"
    function Test-NetConnection...  # one of its own, for a Windows that has none
    function Stop-TcpConnection...  # one that wraps SetTcpEntry
    [DateTime]::UtcNow.ToString('o')
    Get-NetTCPConnection -State Established | ForEach-Object { "$($_.LocalAddress) ..." }
    Stop-TcpConnection LOCAL-ADDRESS LOCAL-PORT REMOTE-ADDRESS REMOTE-PORT
    Get-Volume | Where-Object DriveLetter | ForEach-Object { Write-VolumeCache ... }
"""

from __future__ import annotations

import re
from datetime import UTC

from emulator.estate.guest_os import systems
from emulator.estate.guest_os.guest import Guest
from emulator.estate.shells import windows
from emulator.estate.shells.ran import Ran

_FUNCTION = re.compile(
    r"function (?P<name>Test-NetConnection|Stop-TcpConnection)\b.*\}", re.IGNORECASE
)
_MEMBER = re.compile(r"\((?P<attempt>[^()]*)\)\.TcpTestSucceeded", re.IGNORECASE)
_ATTEMPT = re.compile(r"(?:Test-NetConnection|tnc)\s(?P<given>.*)", re.IGNORECASE)
_STOP = re.compile(
    r"Stop-TcpConnection\s+(\S+)\s+(\d+)\s+(?P<address>\S+)\s+(?P<port>\d+)", re.IGNORECASE
)
_NEEDED = frozenset({"-computername", "-port", "-informationlevel"})
_QUIET_OPTIONS = frozenset({"-warningaction", "-erroraction"})
_CLOCK = "[DateTime]::UtcNow.ToString('o')"
_CONNECTIONS = (
    'Get-NetTCPConnection -State Established | ForEach-Object { "$($_.LocalAddress) '
    "$($_.LocalPort) $($_.RemoteAddress) $($_.RemotePort) "
    '$((Get-Process -Id $_.OwningProcess).ProcessName)" }'
)
_FLUSH = (
    "Get-Volume | Where-Object DriveLetter | ForEach-Object "
    "{ Write-VolumeCache -DriveLetter $_.DriveLetter }"
)


def run(script: str, guest: Guest) -> Ran:
    """Run a script on a machine."""
    return windows.run(script, guest.services, _Statements(guest), file=True)


class _Statements:
    """The statements that a script may have; it may define some of their cmdlets."""

    def __init__(self, guest: Guest) -> None:
        self._guest = guest
        self._defined: set[str] = set()

    def __call__(self, text: str) -> str | None:
        """What a statement prints; None if it is none of these.

        Raises:
            FailedError: this Windows does not have its cmdlet.
        """
        plain = " ".join(text.split())
        if function := _FUNCTION.fullmatch(text):
            self._defined.add(function["name"].lower())
            return ""
        if plain == _CLOCK:
            clock = self._guest.clock.astimezone(UTC)
            return clock.strftime("%Y-%m-%dT%H:%M:%S.") + f"{clock.microsecond * 10:07}Z"
        if plain == _CONNECTIONS:
            self._require("Get-NetTCPConnection")
            return "\n".join(
                f"{one.local} {one.local_port} {one.address} {one.port} {one.process}"
                for one in self._guest.connections()
            )
        if plain == _FLUSH:
            self._require("Get-Volume")
            self._guest.flush()
            return ""
        if stop := _STOP.fullmatch(plain):
            if "stop-tcpconnection" not in self._defined:
                raise windows.not_recognized("Stop-TcpConnection")
            self._guest.end(stop["address"], int(stop["port"]))
            return ""
        return self._attempt(plain)

    def _attempt(self, text: str) -> str | None:
        member = _MEMBER.fullmatch(text)
        attempt = _ATTEMPT.fullmatch(member["attempt"].strip() if member else text)
        given = _given(attempt["given"]) if attempt else None
        if given is None:
            return None
        self._require("Test-NetConnection")
        host, port, quiet = given
        succeeded = self._guest.connects(host, port)
        if member or quiet:
            return str(succeeded)
        return (
            f"ComputerName     : {host}\nRemotePort       : {port}\nTcpTestSucceeded : {succeeded}"
        )

    def _require(self, cmdlet: str) -> None:
        defined = cmdlet.lower() in self._defined
        if not defined and not systems.has_cmdlet(self._guest.system, cmdlet):
            raise windows.not_recognized(cmdlet)


def _given(text: str) -> tuple[str, int, bool] | None:
    """Host, port, and whether only the outcome is wanted; None for other options than those."""
    given, option = {"-informationlevel": "detailed"}, "-computername"
    for word in text.split():
        if word.lower() in _NEEDED | _QUIET_OPTIONS:
            option = word.lower()
        else:
            given[option], option = word.strip("'\""), "-computername"
    if set(given) - _QUIET_OPTIONS != _NEEDED or not given["-port"].isdecimal():
        return None
    if given["-computername"].startswith("-"):
        return None
    quiet = given["-informationlevel"].lower() == "quiet"
    return given["-computername"], int(given["-port"]), quiet
