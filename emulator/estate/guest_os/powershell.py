"""PowerShell scripts of Windows guests, one statement a line, run as administrator.

There is no PowerShell. These statements are run (`H` is a host, `P` a port; what is in brackets may
be left out), where `A` is `Test-NetConnection [-ComputerName] H -Port P` with `-InformationLevel`,
`-WarningAction`, `-ErrorAction`, or `(A).TcpTestSucceeded`:

    $name = 'value'                 # of $ErrorActionPreference, $ProgressPreference and the like
    function Test-NetConnection...  # one of its own, for a Windows that has none
    function Stop-TcpConnection...  # one that wraps SetTcpEntry
    A
    [Write-Output] "text $(A) text"
    Write-Output 'text'
    [DateTime]::UtcNow.ToString('o')
    Get-NetTCPConnection -State Established | ForEach-Object { "$($_.LocalAddress) ..." }
    Stop-TcpConnection LOCAL-ADDRESS LOCAL-PORT REMOTE-ADDRESS REMOTE-PORT
    Get-Volume | Where-Object DriveLetter | ForEach-Object { Write-VolumeCache ... }
    Stop-Service NAME, Start-Service NAME, (Get-Service NAME).Status
    exit N

An error of a cmdlet goes to standard error and the script goes on, with exit code 0, unless
`$ErrorActionPreference = 'Stop'` or `-ErrorAction Stop` ends it. Any other line ends the script,
with the line in the error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC

from emulator.estate.guest_os import systems
from emulator.estate.guest_os.guest import Guest
from emulator.estate.guest_os.scripts import NotRunnableError, Ran, not_run, words

_PREFERENCE = re.compile(r"\$(\w+)Preference\s*=\s*(['\"])(\w+)\2;?", re.IGNORECASE)
_FUNCTION = re.compile(
    r"function (?P<name>Test-NetConnection|Stop-TcpConnection)\b.*\}", re.IGNORECASE
)
_STRING = re.compile(r'(?:(?:Write-Output|Write-Host|echo)\s+)?"(?P<text>[^"]*)"', re.IGNORECASE)
_LITERAL = re.compile(r"(?:(?:Write-Output|Write-Host|echo)\s+)?'(?P<text>[^']*)'", re.IGNORECASE)
_MEMBER = re.compile(r"\((?P<attempt>[^()]*)\)\.TcpTestSucceeded", re.IGNORECASE)
_STATUS = re.compile(r"\(Get-Service\s+(?P<name>[^()]+)\)\.Status", re.IGNORECASE)
_EXIT = re.compile(r"exit(?:\s+(?P<code>\d+))?;?", re.IGNORECASE)
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
_DISPLAY_NAMES = {"w3svc": "World Wide Web Publishing Service (W3SVC)"}


class _CmdletError(Exception):
    """An error of a cmdlet; the text is PowerShell's.

    Args:
        text: what it says.
        stops: whether it ends the script whatever its preference says.
    """

    def __init__(self, text: str, *, stops: bool = False) -> None:
        super().__init__(text)
        self.stops = stops


class _ExitError(Exception):
    """The script ends."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code


def run(script: str, guest: Guest) -> Ran:
    """Run a script. Its exit code is 0, unless a line ends it."""
    running = _Script(guest)
    err: list[str] = []
    for line in (one.strip() for one in script.splitlines()):
        if not line or line.startswith("#"):
            continue
        try:
            running.line(line)
        except NotRunnableError:
            return Ran(running.printed, "".join([*err, not_run(line)]), 1)
        except _ExitError as ended:
            return Ran(running.printed, "".join(err), ended.code)
        except _CmdletError as error:
            err.append(f"{error}\n")
            if running.strict or error.stops:
                return Ran(running.printed, "".join(err), 1)
    return Ran(running.printed, "".join(err), 0)


class _Script:
    """A script that runs."""

    def __init__(self, guest: Guest) -> None:
        self._guest = guest
        self._printed: list[str] = []
        self._functions: set[str] = set()
        self.strict = False

    @property
    def printed(self) -> str:
        """Its standard output."""
        return "".join(f"{text}\n" for text in self._printed)

    def line(self, line: str) -> None:
        """Run one line.

        Raises:
            NotRunnableError: it is not supported here.
            _CmdletError: a cmdlet failed.
            _ExitError: it ends the script.
        """
        if preference := _PREFERENCE.fullmatch(line):
            if preference[1].lower() == "erroraction":
                self.strict = preference[3].lower() == "stop"
        elif function := _FUNCTION.fullmatch(line):
            self._functions.add(function["name"].lower())
        elif ended := _EXIT.fullmatch(line):
            raise _ExitError(int(ended["code"] or 0))
        else:
            self._printed += self._statement(line)

    def _statement(self, line: str) -> list[str]:
        guest = self._guest
        plain = " ".join(line.rstrip(";").split())
        if literal := _LITERAL.fullmatch(line):
            return [literal["text"]]
        if string := _STRING.fullmatch(line):
            return [self._expanded(string["text"])]
        if plain == _CLOCK:
            clock = guest.clock.astimezone(UTC)
            return [clock.strftime("%Y-%m-%dT%H:%M:%S.") + f"{clock.microsecond * 10:07}Z"]
        if plain == _CONNECTIONS:
            self._require("Get-NetTCPConnection")
            return [
                f"{one.local} {one.local_port} {one.address} {one.port} {one.process}"
                for one in guest.connections()
            ]
        if plain == _FLUSH:
            self._require("Get-Volume")
            guest.flush()
            return []
        if status := _STATUS.fullmatch(plain):
            self._service(status["name"].strip().strip("'\""), "Get-Service")
            return ["Running" if guest.serves else "Stopped"]
        name, *given = words(plain)
        if name.lower() == "stop-tcpconnection":
            return self._stop_connection(given)
        if name.lower() in ("stop-service", "start-service"):
            return self._switch(name, given)
        return [self._attempt(line)]

    # -- connections ------------------------------------------------------------------------

    def _expanded(self, text: str) -> str:
        """A string with the attempts in it replaced by their results."""
        before, opened, rest = text.partition("$(")
        if "$" in before or "`" in before:
            raise NotRunnableError
        if not opened:
            return before
        depth = 1
        for place, letter in enumerate(rest):
            depth += {"(": 1, ")": -1}.get(letter, 0)
            if depth == 0:
                value = self._attempt(rest[:place].strip())
                return before + value + self._expanded(rest[place + 1 :])
        raise NotRunnableError

    def _attempt(self, text: str) -> str:
        member = _MEMBER.fullmatch(text)
        host, port, quiet = _test_net_connection(member["attempt"].strip() if member else text)
        self._require("Test-NetConnection")
        succeeded = self._guest.connects(host, port)
        if member or quiet:
            return str(succeeded)
        return (
            f"ComputerName     : {host}\nRemotePort       : {port}\nTcpTestSucceeded : {succeeded}"
        )

    def _stop_connection(self, given: list[str]) -> list[str]:
        if "stop-tcpconnection" not in self._functions:
            raise _not_recognized("Stop-TcpConnection")
        if len(given) != 4 or not (given[1].isdecimal() and given[3].isdecimal()):
            raise NotRunnableError
        self._guest.end(given[2], int(given[3]))
        return []

    # -- services ---------------------------------------------------------------------------

    def _switch(self, cmdlet: str, given: list[str]) -> list[str]:
        options = " ".join(given).lower()
        stops = bool(re.search(r"-erroraction stop\b", options))
        quiet = bool(re.search(r"-erroraction silentlycontinue\b", options))
        names = _values(given)
        if len(names) != 1:
            raise NotRunnableError
        try:
            self._service(names[0], cmdlet)
            if cmdlet.lower() == "start-service":
                self._guest.start_service()
            elif not self._guest.stop_service():
                display = _DISPLAY_NAMES.get(names[0].lower(), names[0])
                raise _CmdletError(
                    f"{cmdlet} : Service '{display}' cannot be stopped due to the following error: "
                    f"Cannot stop {names[0]} service on computer '.'."
                )
        except _CmdletError as error:
            if quiet:
                return []
            raise _CmdletError(str(error), stops=stops) from error
        return []

    def _service(self, name: str, cmdlet: str) -> None:
        if name.lower() != self._guest.service.lower():
            raise _CmdletError(f"{cmdlet} : Cannot find any service with service name '{name}'.")

    def _require(self, cmdlet: str) -> None:
        known = cmdlet.lower() in self._functions
        if not known and not systems.has_cmdlet(self._guest.system, cmdlet):
            raise _not_recognized(cmdlet)


def _not_recognized(name: str) -> _CmdletError:
    return _CmdletError(
        f"{name} : The term '{name}' is not recognized as the name of a cmdlet, function, script "
        "file, or operable program. Check the spelling of the name, or if a path was included, "
        "verify that the path is correct and try again.\n"
        f"    + CategoryInfo          : ObjectNotFound: ({name}:String) [], "
        "CommandNotFoundException\n"
        "    + FullyQualifiedErrorId : CommandNotFoundException"
    )


def _values(given: Iterable[str]) -> list[str]:
    """The values of `-Name` and of no option."""
    found, option = [], "-name"
    for word in given:
        if word.startswith("-"):
            option = "-name" if word.lower() in ("-force", "-name") else word.lower()
            continue
        if option == "-name":
            found.append(word)
        option = "-name"
    return found


def _test_net_connection(text: str) -> tuple[str, int, bool]:
    """Host, port, and whether only the outcome is wanted."""
    name, *rest = words(text)
    if name.lower() not in ("test-netconnection", "tnc"):
        raise NotRunnableError
    given = {"-informationlevel": "detailed"}
    while rest:
        word = rest.pop(0)
        option = word.lower() if word.startswith("-") else "-computername"
        given[option] = rest.pop(0) if word.startswith("-") and rest else word
    known = {"-computername", "-port", "-informationlevel"}
    if set(given) - _QUIET_OPTIONS != known or not given["-port"].isdecimal():
        raise NotRunnableError
    return (
        given["-computername"],
        int(given["-port"]),
        given["-informationlevel"].lower() == "quiet",
    )
