"""Shell scripts of Linux guests, one list of commands a line, run as root.

There is no shell. These commands are run (`H` is a host, `P` a port; what is in brackets may be
left out), and joined by `&&`, `||` and `;`:

    [timeout N] bash -c 'R', (R)     a connect attempt: R redirects to or from /dev/tcp/H/P
    if A; then echo 'text'; [else echo 'text';] fi      with such an attempt
    date [-u] [+FORMAT]              the guest's own clock
    ss [-Htnp] [-K] [state established] [dst H[:P]]
    sync
    systemctl stop|start|restart|is-active NAME
    service NAME stop|start|restart|status
    echo 'text', true, false, exit N, set -e

Another command is not found (127), and the script goes on unless it says `set -e`. A line with more
of the shell's syntax ends the script, with the line in the error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from emulator.estate.guest_os import systems
from emulator.estate.guest_os.guest import Connection, Guest
from emulator.estate.guest_os.scripts import NotRunnableError, Ran, not_run, words

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
_ECHO = re.compile(rf"echo\s+(?P<text>{_TEXT})")
_BRANCHES = re.compile(
    rf"\s*;\s*then\s+echo\s+(?P<yes>{_TEXT})\s*;(?:\s*else\s+echo\s+(?P<no>{_TEXT})\s*;)?\s*fi\s*;?"
)
_JOINTS = re.compile(r"('[^']*'|\"[^\"]*\"|\([^)]*\))|(&&|\|\||;)")
_QUIET = re.compile(rf"{_SILENT}$")
_SYNTAX = re.compile(r"[$`|<>(){}*?&\\!\[\]]")
_EXITS = re.compile(r"set\s+-\w*e\w*(?:\s+\w+)*")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_FOUND = 127

_Done = tuple[str, str, int]
"""Standard output, standard error and the exit code of one command."""


class _ExitError(Exception):
    """The script ends."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code


def run(script: str, guest: Guest) -> Ran:
    """Run a script. Its exit code is that of its last command."""
    out: list[str] = []
    err: list[str] = []
    code, strict = 0, False
    for number, line in enumerate((one.strip() for one in script.splitlines()), 1):
        if not line or line.startswith("#"):
            continue
        if _EXITS.fullmatch(line):
            strict = True
            continue
        try:
            code, last = _line(line, number, guest, out, err)
        except NotRunnableError:
            return Ran("".join(out), "".join([*err, not_run(line)]), 1)
        except _ExitError as ended:
            return Ran("".join(out), "".join(err), ended.code)
        if code and last and strict:
            break
    return Ran("".join(out), "".join(err), code)


def _line(line: str, number: int, guest: Guest, out: list[str], err: list[str]) -> tuple[int, bool]:
    """The exit code of a line, and whether its last command gave it."""
    if line.startswith("if "):
        out.append(_branch(line, guest))
        return 0, True
    code, when = 0, ";"
    commands = _commands(line)
    last = False
    for place, (joint, command) in enumerate(commands):
        when = joint
        if (when == "&&" and code) or (when == "||" and not code):
            continue
        printed, told, code = _command(command, guest)
        out.append(printed)
        err.append(told.format(line=number) if code == _NOT_FOUND else told)
        last = place == len(commands) - 1
    return code, last


def _commands(line: str) -> list[tuple[str, str]]:
    """The commands of a line, each with what joins it to the one before."""
    found, joint, begin = [], ";", 0
    for match in _JOINTS.finditer(line):
        if match[2]:
            found.append((joint, line[begin : match.start()].strip()))
            joint, begin = match[2], match.end()
    found.append((joint, line[begin:].strip()))
    if found[-1] == (";", "") and len(found) > 1:
        found.pop()
    if any(not command for _, command in found):
        raise NotRunnableError
    return found


def _command(command: str, guest: Guest) -> _Done:
    if attempt := next(filter(None, (form.fullmatch(command) for form in _ATTEMPTS)), None):
        return "", "", int(not guest.connects(attempt["host"], int(attempt["port"])))
    if echo := _ECHO.fullmatch(command):
        return f"{_value(echo['text'])}\n", "", 0
    plain = _QUIET.sub("", command)
    if _SYNTAX.search(plain):
        raise NotRunnableError
    name, *given = words(plain)
    known = _COMMANDS.get(name)
    if known is None or (name == "systemctl" and not systems.has_systemd(guest.system)):
        return "", f"sh: line {{line}}: {name}: command not found\n", _NOT_FOUND
    printed, told, code = known(given, guest)
    silenced = command[len(plain) :]
    quiet = ">/dev/null" in silenced.replace(" ", "").replace("2>/dev/null", "")
    return "" if quiet else printed, "" if silenced else told, code


def _branch(line: str, guest: Guest) -> str:
    test = line.removeprefix("if ")
    attempt = next(filter(None, (form.match(test) for form in _ATTEMPTS)), None)
    branches = attempt and _BRANCHES.fullmatch(test[attempt.end() :])
    if not attempt or not branches:
        raise NotRunnableError
    succeeded = guest.connects(attempt["host"], int(attempt["port"]))
    text = branches["yes" if succeeded else "no"]
    return "" if text is None else f"{_value(text)}\n"


def _value(text: str) -> str:
    return text[1:-1] if text[0] in "'\"" else text


# -- commands -------------------------------------------------------------------------------


def _exit(given: list[str], guest: Guest) -> _Done:
    if len(given) > 1 or not all(one.isdecimal() for one in given):
        raise NotRunnableError
    raise _ExitError(int(given[0]) % 256 if given else 0)


def _date(given: list[str], guest: Guest) -> _Done:
    formats = [one for one in given if one.startswith("+")]
    if len(formats) > 1 or set(given) - set(formats) - {"-u", "--utc"}:
        raise NotRunnableError
    clock = guest.clock.astimezone(UTC)
    # %s and %N are GNU's own, and Python's %s would take the time of this computer's zone.
    seconds, rest = divmod(clock - _EPOCH, timedelta(seconds=1))
    form = formats[0][1:] if formats else "%a %b %e %H:%M:%S UTC %Y"
    form = form.replace("%s", str(seconds)).replace("%N", f"{rest.microseconds * 1000:09}")
    return clock.strftime(form) + "\n", "", 0


def _ss(given: list[str], guest: Guest) -> _Done:
    options = "".join(one[1:] for one in given if one.startswith("-"))
    rest = [one for one in given if not one.startswith("-")]
    if set(options) - set("HtnpaK"):
        raise NotRunnableError
    address, port = None, None
    while rest:
        word, *rest = rest
        if not rest or word not in ("state", "dst"):
            raise NotRunnableError
        value, *rest = rest
        if word == "dst":
            address, _, text = value.partition(":")
            port = _number(text)
        elif value != "established":
            raise NotRunnableError
    shown = [
        one
        for one in guest.connections()
        if address in (None, one.address) and port in (None, one.port)
    ]
    if "K" in options:
        shown = [one for each in shown for one in guest.end(each.address, each.port)]
    head = "" if "H" in options else f"Recv-Q Send-Q{'Local Address:Port':>26}  Peer Address:Port\n"
    return head + "".join(_socket(one, "p" in options) for one in shown), "", 0


def _number(text: str) -> int | None:
    if text in ("", "*"):
        return None
    if not text.isdecimal():
        raise NotRunnableError
    return int(text)


def _socket(one: Connection, processes: bool) -> str:
    ends = f"{f'{one.local}:{one.local_port}':>20} {f'{one.address}:{one.port}':>20}"
    user = f'users:(("{one.process}",pid={one.pid},fd={one.descriptor}))' if processes else ""
    return f"0      0      {ends} {user}".rstrip() + "\n"


def _sync(given: list[str], guest: Guest) -> _Done:
    if given:
        raise NotRunnableError
    guest.flush()
    return "", "", 0


def _systemctl(given: list[str], guest: Guest) -> _Done:
    verb, *units = [one for one in given if not one.startswith("-")] or [""]
    if verb not in ("stop", "start", "restart", "is-active") or len(units) != 1:
        raise NotRunnableError
    name = units[0].removesuffix(".service")
    if verb == "is-active":
        active = name == guest.service and guest.serves
        return ("active\n", "", 0) if active else ("inactive\n", "", 3)
    if name != guest.service:
        return "", f"Failed to {verb} {name}.service: Unit {name}.service not loaded.\n", 5
    if verb in ("stop", "restart") and not guest.stop_service():
        return (
            "",
            f"Failed to {verb} {name}.service: Connection timed out\n"
            f"See system logs and 'systemctl status {name}.service' for details.\n",
            1,
        )
    if verb != "stop":
        guest.start_service()
    return "", "", 0


def _service(given: list[str], guest: Guest) -> _Done:
    if len(given) != 2 or given[1] not in ("stop", "start", "restart", "status"):
        raise NotRunnableError
    name, verb = given
    if name != guest.service:
        return "", f"{name}: unrecognized service\n", 1
    if verb == "status":
        stands = f"{name} is running...\n" if guest.serves else f"{name} is stopped\n"
        return stands, "", 0 if guest.serves else 3
    printed = ""
    if verb in ("stop", "restart"):
        if not guest.stop_service():
            return f"Stopping {name}: [FAILED]\n", "", 1
        printed += f"Stopping {name}: [  OK  ]\n"
    if verb in ("start", "restart"):
        guest.start_service()
        printed += f"Starting {name}: [  OK  ]\n"
    return printed, "", 0


def _returns(code: int) -> Callable[[list[str], Guest], _Done]:
    def done(given: Iterable[str], guest: Guest) -> _Done:
        return "", "", code

    return done


_COMMANDS: dict[str, Callable[[list[str], Guest], _Done]] = {
    "exit": _exit,
    "date": _date,
    "ss": _ss,
    "sync": _sync,
    "systemctl": _systemctl,
    "service": _service,
    "true": _returns(0),
    ":": _returns(0),
    "false": _returns(1),
}
