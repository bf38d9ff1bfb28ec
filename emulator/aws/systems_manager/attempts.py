"""Scripts that guests run: they can contain connect attempts only, one per line.

There is no shell. A line that is not a connect attempt in one of these forms ends the script with
an error, with the line in it (`H` is a host, `P` a port; what is in brackets may be left out):

PowerShell, where `A` is `Test-NetConnection [-ComputerName] H -Port P` with `-InformationLevel`,
`-WarningAction`, `-ErrorAction`, or `(A).TcpTestSucceeded`:

    $name = 'value'                 # of $ProgressPreference, $WarningPreference and the like
    function Test-NetConnection...  # one of its own, for a Windows that has none
    A
    [Write-Output] "text $(A) text"

Shell, where `A` is `[timeout N] bash -c 'R'` or `(R)` with `R` a redirection to or from
`/dev/tcp/H/P` (`: >`, `exec 3<>`, `</dev/tcp/H/P`), each with redirections of its messages:

    echo 'text'
    A [&& echo 'text'] [|| echo 'text']
    if A; then echo 'text'; else echo 'text'; fi
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass

from emulator.estate import operating_systems

Connects = Callable[[str, int], bool]
"""Whether a connection from the guest to a host's port is established."""


# Test-NetConnection came with Windows Server 2012 R2 ("NetTCPIP").
_WITHOUT_TEST = frozenset({operating_systems.WINDOWS_2008_R2_SP1, operating_systems.WINDOWS_2012})


@dataclass(frozen=True)
class Guest:
    """The machine that a script runs on: its operating system, and its established connections."""

    system: str
    connects: Connects


@dataclass(frozen=True)
class Ran:
    """The result of a script: its standard output, its standard error and its exit code."""

    out: str
    err: str
    code: int


class _NotRunnableError(Exception):
    """The line is not supported here."""


def run_powershell(script: str, guest: Guest) -> Ran:
    """Run the connect attempts of a PowerShell script."""
    if guest.system in _WITHOUT_TEST and not _FUNCTION.search(script):
        return Ran("", "The term 'Test-NetConnection' is not recognized.\n", 1)
    return _run(script, guest.connects, _powershell_line)


def run_shell(script: str, guest: Guest) -> Ran:
    """Run the connect attempts of a shell script; its exit code is that of its last line."""
    return _run(script, guest.connects, _shell_line)


def _run(
    script: str, connects: Connects, line_of: Callable[[str, Connects], tuple[str | None, int]]
) -> Ran:
    printed: list[str] = []
    code = 0
    for line in (one.strip() for one in script.splitlines()):
        if not line or line.startswith("#"):
            continue
        try:
            text, code = line_of(line, connects)
        except _NotRunnableError:
            problem = f"Only connect attempts are run here, and this is none: {line}\n"
            return Ran(_lines(printed), problem, 1)
        if text is not None:
            printed.append(text)
    return Ran(_lines(printed), "", code)


def _lines(printed: list[str]) -> str:
    return "".join(f"{text}\n" for text in printed)


# -- PowerShell -----------------------------------------------------------------------------

_PREFERENCE = re.compile(r"\$\w+Preference\s*=\s*(['\"])\w+\1;?", re.IGNORECASE)
_FUNCTION = re.compile(r"^\s*function Test-NetConnection\b.*\}\s*$", re.IGNORECASE | re.MULTILINE)
_STRING = re.compile(r'(?:(?:Write-Output|Write-Host|echo)\s+)?"(?P<text>[^"]*)"', re.IGNORECASE)
_LITERAL = re.compile(r"(?:(?:Write-Output|Write-Host|echo)\s+)?'(?P<text>[^']*)'", re.IGNORECASE)
_MEMBER = re.compile(r"\((?P<attempt>[^()]*)\)\.TcpTestSucceeded", re.IGNORECASE)
_QUIET_OPTIONS = frozenset({"-warningaction", "-erroraction"})


def _powershell_line(line: str, connects: Connects) -> tuple[str | None, int]:
    if _PREFERENCE.fullmatch(line) or _FUNCTION.fullmatch(line):
        return None, 0
    if literal := _LITERAL.fullmatch(line):
        return literal["text"], 0
    if string := _STRING.fullmatch(line):
        return _expanded(string["text"], connects), 0
    return _powershell_attempt(line, connects), 0


def _expanded(text: str, connects: Connects) -> str:
    """A string with the attempts in it replaced by their results."""
    before, opened, rest = text.partition("$(")
    if "$" in before or "`" in before:
        raise _NotRunnableError
    if not opened:
        return before
    depth = 1
    for place, letter in enumerate(rest):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth == 0:
            value = _powershell_attempt(rest[:place].strip(), connects)
            return before + value + _expanded(rest[place + 1 :], connects)
    raise _NotRunnableError


def _powershell_attempt(text: str, connects: Connects) -> str:
    if member := _MEMBER.fullmatch(text):
        host, port, _ = _test_net_connection(member["attempt"].strip())
        return str(connects(host, port))
    host, port, quiet = _test_net_connection(text)
    succeeded = connects(host, port)
    if quiet:
        return str(succeeded)
    return f"ComputerName     : {host}\nRemotePort       : {port}\nTcpTestSucceeded : {succeeded}"


def _test_net_connection(text: str) -> tuple[str, int, bool]:
    """Host, port, and whether only the outcome is wanted."""
    name, *words = _words(text)
    if name.lower() not in ("test-netconnection", "tnc"):
        raise _NotRunnableError
    given = {"-informationlevel": "detailed"}
    while words:
        word = words.pop(0)
        option = word.lower() if word.startswith("-") else "-computername"
        given[option] = words.pop(0) if word.startswith("-") and words else word
    known = {"-computername", "-port", "-informationlevel"}
    if set(given) - _QUIET_OPTIONS != known or not given["-port"].isdecimal():
        raise _NotRunnableError
    return (
        given["-computername"],
        int(given["-port"]),
        given["-informationlevel"].lower() == "quiet",
    )


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text) or [""]
    except ValueError as error:
        raise _NotRunnableError from error


# -- shell ----------------------------------------------------------------------------------

_SILENT = r"(?:\s*(?:&?>\s*/dev/null|[12]>\s*/dev/null|2>&1))*"
_REDIRECTION = (
    r"\s*(?:exec\s+\d*|:|true|echo|cat)?\s*(?:<>|<|>)\s*/dev/tcp/"
    rf"(?P<host>[\w.-]+)/(?P<port>\d+){_SILENT}\s*;?\s*"
)
_ATTEMPTS = (
    re.compile(
        rf"(?:timeout\s+[\d.]+s?\s+)?(?:/bin/)?bash\s+-c\s+(?P<quote>['\"]){_REDIRECTION}"
        rf"(?P=quote){_SILENT}"
    ),
    re.compile(rf"\({_REDIRECTION}\){_SILENT}"),
)
_TEXT = r"'[^']*'|\"[^\"$`\\]*\"|[\w.:=/-]+(?: [\w.:=/-]+)*"
_ECHO = re.compile(rf"echo\s+(?P<text>{_TEXT})\s*;?")
_CHAIN = re.compile(rf"\s*(?P<when>&&|\|\|)\s*echo\s+(?P<text>{_TEXT})")
_BRANCHES = re.compile(
    rf"\s*;\s*then\s+echo\s+(?P<yes>{_TEXT})\s*;(?:\s*else\s+echo\s+(?P<no>{_TEXT})\s*;)?\s*fi\s*;?"
)


def _shell_line(line: str, connects: Connects) -> tuple[str | None, int]:
    if echo := _ECHO.fullmatch(line):
        return _value(echo["text"]), 0
    condition, _, test = line.rpartition("if ") if line.startswith("if ") else ("", "", line)
    attempt = next(filter(None, (form.match(test) for form in _ATTEMPTS)), None)
    if attempt is None or condition:
        raise _NotRunnableError
    rest = test[attempt.end() :]
    succeeded = connects(attempt["host"], int(attempt["port"]))
    if line.startswith("if "):
        return _branch(rest, succeeded), 0
    return _chain(rest, succeeded)


def _branch(rest: str, succeeded: bool) -> str | None:
    branches = _BRANCHES.fullmatch(rest)
    if branches is None:
        raise _NotRunnableError
    text = branches["yes" if succeeded else "no"]
    return None if text is None else _value(text)


def _chain(rest: str, succeeded: bool) -> tuple[str | None, int]:
    printed: list[str] = []
    place = 0
    while part := _CHAIN.match(rest, place):
        if succeeded == (part["when"] == "&&"):
            printed.append(_value(part["text"]))
            succeeded = True  # echo does
        place = part.end()
    if rest[place:].strip() not in ("", ";"):
        raise _NotRunnableError
    return "\n".join(printed) if printed else None, 0 if succeeded else 1


def _value(text: str) -> str:
    return text[1:-1] if text[0] in "'\"" else text
