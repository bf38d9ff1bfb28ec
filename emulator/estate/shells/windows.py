"""A few statements of PowerShell: services, web requests, output, `if`, `throw` and `exit`.

    $ErrorActionPreference = 'Stop'         CMDLET ... -ErrorAction Stop | SilentlyContinue
    Get-Service NAME        (Get-Service NAME).Status        Start-Service, Stop-Service, Restart-Service
    Invoke-WebRequest -UseBasicParsing URL      (Invoke-WebRequest -UseBasicParsing URL).StatusCode
    (New-Object Net.Sockets.TcpClient).Connect('localhost', PORT)
    'text', "text $LASTEXITCODE $(VALUE)", Write-Output 'text'
    if (VALUE -ne VALUE) { ... } else { ... }
    throw 'text'            exit 1
    $request = [Net.WebRequest]::Create('URL')
    try { [int]$request.GetResponse().StatusCode } catch [Net.WebException]
        { if ($_.Exception.Response) { [int]$_.Exception.Response.StatusCode } else { throw } }
    powershell -NoProfile -EncodedCommand ...

Anything else is not recognized, as the name of an unknown cmdlet. A script that is run from a file
ends with it, because its exit code would not tell.
"""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias
from urllib.parse import urlsplit

from emulator.estate.services import Running, Service
from emulator.estate.shells.curl import LOCAL
from emulator.estate.shells.ran import Ran, ScriptEnded

_PREFERENCE = re.compile(r"\$(\w+Preference)\s*=\s*(['\"]?)(\w+)\2", re.IGNORECASE)
_IF = re.compile(
    r"if\s*\((?P<test>.*?)\)\s*\{(?P<yes>[^{}]*)\}(\s*else\s*\{(?P<no>[^{}]*)\})?", re.I
)
_COMPARED = re.compile(r"(?P<left>.+?)\s+-(?P<how>eq|ne)\s+(?P<right>.+)", re.IGNORECASE)
_MEMBER = re.compile(r"\((?P<of>[^()]+)\)\.(?P<name>\w+)")
_CONNECT = re.compile(
    r"\(New-Object\s+(?:System\.)?Net\.Sockets\.TcpClient\)\.Connect\(\s*"
    r"(['\"])(?P<host>[\w.-]+)\1\s*,\s*(?P<port>\d+)\s*\)",
    re.IGNORECASE,
)
_REQUEST = re.compile(r"\$\w+\s*=\s*\[Net\.WebRequest\]::Create\((['\"])(?P<url>.+)\1\)", re.I)
_IGNORED = re.compile(
    r"\$\w+\.(AllowAutoRedirect|Timeout)\s*=\s*\S+"
    r"|\[Net\.ServicePointManager\]::ServerCertificateValidationCallback\s*=\s*\{ \$true \}",
    re.IGNORECASE,
)
_RESPONSE = (
    "try { [int]$request.GetResponse().StatusCode } catch [Net.WebException] "
    "{ if ($_.Exception.Response) { [int]$_.Exception.Response.StatusCode } else { throw } }"
)
_OUTPUT = ("write-output", "write-host", "echo")
_PORTS = {"http": 80, "https": 443}


Statements: TypeAlias = Callable[[str], str | None]
"""Runs a statement and returns what it prints ("" for nothing), or None if it knows no such one."""


class FailedError(Exception):
    """A statement ended with an error, which is not the end of the script by itself."""

    def __init__(self, text: str, *, stops: bool = False) -> None:
        super().__init__(text)
        self.stops = stops


class _NotRunError(FailedError):
    """The emulator does not know what a statement would do."""


def not_recognized(name: str) -> FailedError:
    """The error of a cmdlet that a Windows does not have."""
    return FailedError(
        f"{name} : The term '{name}' is not recognized as the name of a cmdlet, function, script "
        "file, or operable program. Check the spelling of the name, or if a path was included, "
        "verify that the path is correct and try again.\n"
        f"    + CategoryInfo          : ObjectNotFound: ({name}:String) [], "
        "CommandNotFoundException\n"
        "    + FullyQualifiedErrorId : CommandNotFoundException"
    )


def run(
    script: str, services: Running, statements: Statements | None = None, *, file: bool = False
) -> Ran:
    """Run a script.

    Args:
        script: its text.
        services: those of the machine.
        statements: other statements that the machine knows.
        file: whether it is run as `powershell -File` does, and not as `-Command`: then the exit code
            is 0, unless `exit` or an error ends the script. Otherwise it is also 1 if the last
            statement failed. An error ends the script while `$ErrorActionPreference` is `Stop`.
    """
    ran = Ran()
    try:
        _Session(services, ran, statements, file=file).run(script)
    except ScriptEnded as end:
        ran.code = end.code
    return ran


class _Session:
    def __init__(
        self, services: Running, ran: Ran, statements: Statements | None, *, file: bool
    ) -> None:
        self._services = services
        self._ran = ran
        self._more = statements
        self._file = file
        self._stops = False
        self._last = 0
        self._requested = ""

    def run(self, script: str) -> None:
        for statement in _statements(script):
            self._ran.code = 0
            try:
                self._statement(statement)
            except FailedError as error:
                self._ran.complains(str(error))
                ends = self._stops or error.stops or statement.lower().startswith("throw")
                if ends or (self._file and isinstance(error, _NotRunError)):
                    raise ScriptEnded(1) from error
                self._ran.code = int(not self._file)

    def _statement(self, text: str) -> None:
        if preference := _PREFERENCE.fullmatch(text):
            if preference[1].lower() == "erroractionpreference":
                self._stops = preference[3].lower() == "stop"
        elif request := _REQUEST.fullmatch(text):
            self._requested = request["url"]
        elif _IGNORED.fullmatch(text):
            pass
        elif text == _RESPONSE:
            self._ran.prints(str(self._answered(self._requested)))
        elif branch := _IF.fullmatch(text):
            self.run(branch["yes" if self._holds(branch["test"].strip()) else "no"] or "")
        elif text.lower().startswith("exit"):
            raise ScriptEnded(int(text[4:].strip() or self._last))
        elif text.lower().startswith("throw"):
            raise FailedError(self._value(text[5:].strip()))
        else:
            shown = self._value(text)
            if shown:
                self._ran.prints(shown)

    def _holds(self, test: str) -> bool:
        compared = _COMPARED.fullmatch(test)
        if compared is None:
            return self._value(test).lower() not in ("", "0", "false")
        left, right = (self._value(compared[side].strip()) for side in ("left", "right"))
        return (left.lower() == right.lower()) == (compared["how"].lower() == "eq")

    def _value(self, text: str) -> str:
        if len(text) > 1 and text[0] == text[-1] == "'":
            return text[1:-1]
        if len(text) > 1 and text[0] == text[-1] == '"':
            return self._expanded(text[1:-1].replace("$LASTEXITCODE", str(self._last)))
        shown = self._more(text) if self._more else None
        if shown is not None:
            return shown
        if text.isdecimal():
            return text
        if connect := _CONNECT.fullmatch(text):
            return self._connect(connect["host"], int(connect["port"]))
        if member := _MEMBER.fullmatch(text):
            return self._member(member["of"].strip(), member["name"].lower())
        return self._cmdlet(text)

    def _expanded(self, text: str) -> str:
        """A string with `$(...)` replaced by its value."""
        before, opened, rest = text.partition("$(")
        if "$" in before or "`" in before:
            raise _NotRunError(f"The emulator does not run this: {text}")
        if not opened:
            return before
        depth = 1
        for place, letter in enumerate(rest):
            depth += {"(": 1, ")": -1}.get(letter, 0)
            if depth == 0:
                value = self._value(rest[:place].strip())
                return before + value + self._expanded(rest[place + 1 :])
        raise _NotRunError(f"The emulator does not run this: {text}")

    def _member(self, text: str, name: str) -> str:
        words = _words(text)
        if name == "status" and words[0].lower() == "get-service":
            return self._service(words[-1])[1]
        if name == "statuscode" and words[0].lower() in ("invoke-webrequest", "iwr"):
            return str(self._request(words))
        raise FailedError(f"The property '{name}' cannot be found on this object.")

    def _cmdlet(self, text: str) -> str:
        words = _words(text)
        name = words[0].lower()
        if name in _OUTPUT:
            return self._value(text[len(words[0]) :].strip())
        if name == "write-error":
            raise FailedError(self._value(text[len(words[0]) :].strip()))
        if name == "get-service":
            service, status = self._service(words[-1])
            return f"Status   Name\n------   ----\n{status:<8} {service}"
        if name in ("start-service", "stop-service", "restart-service"):
            return self._switch(words)
        if name in ("invoke-webrequest", "iwr"):
            return f"StatusCode        : {self._request(words)}"
        if name == "hostname":
            return self._services.host
        if name == "start-sleep":
            return ""
        if name in ("powershell", "powershell.exe"):
            return self._child(words)
        if self._file:
            raise _NotRunError(f"The emulator does not run this: {text}")
        raise not_recognized(words[0])

    def _switch(self, words: list[str]) -> str:
        """`Start-Service`, `Stop-Service` and `Restart-Service`, with `-Name` and `-ErrorAction`."""
        name, options = _options(words[1:])
        action = options.get("-erroraction", "").lower()
        try:
            found = self._found(name, words[0])
            if words[0].lower() != "start-service" and not self._services.stop(found):
                raise FailedError(
                    f"{words[0]} : Service '{found.name}' cannot be stopped due to the following "
                    f"error: Cannot stop {found.name} service on computer '.'."
                )
            if words[0].lower() != "stop-service":
                self._services.start(found)
        except FailedError as error:
            if action != "silentlycontinue":
                raise FailedError(str(error), stops=action == "stop") from error
        return ""

    def _child(self, words: list[str]) -> str:
        options = [word.lower() for word in words[1:]]
        if "-encodedcommand" not in options[:-1]:
            raise FailedError("Only -EncodedCommand is run here.")
        encoded = words[1 + options.index("-encodedcommand") + 1]
        try:
            script = base64.b64decode(encoded, validate=True).decode("utf-16-le")
        except ValueError as error:
            raise FailedError("The encoded command cannot be processed.") from error
        ran = run(script, self._services)
        self._ran.out += ran.out
        self._ran.err += ran.err
        self._last = ran.code
        return ""

    def _service(self, name: str) -> tuple[str, str]:
        found = self._found(name, "Get-Service")
        return found.name, "Running" if found.name in self._services.up else "Stopped"

    def _found(self, name: str, cmdlet: str) -> Service:
        found = self._services.named(name.strip("'\""))
        if found is None:
            text = f"{cmdlet} : Cannot find any service with service name '{name}'."
            raise FailedError(text)
        return found

    def _request(self, words: list[str]) -> int:
        status = self._answered(next((word.strip("'\"") for word in words if "://" in word), ""))
        if status >= 400:
            raise FailedError(f"The remote server returned an error: ({status}).")
        return status

    def _answered(self, url: str) -> int:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 80)
        self._connect(parts.hostname or "", port)
        return self._services.answer(port, parts.path or "/") or 0

    def _connect(self, host: str, port: int) -> str:
        if host.lower() not in (*LOCAL, self._services.host.lower()):
            raise FailedError(f"The remote name could not be resolved: '{host}'")
        if not self._services.listens(port):
            raise FailedError(f"Unable to connect to the remote server: {host}:{port}")
        return ""


def _statements(script: str) -> Iterator[str]:
    """The statements of a script: they end at a line's end or `;`, but not in quotes or braces."""
    depth, quote, begin = 0, "", 0
    script += "\n"
    for place, letter in enumerate(script):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "{}":
            depth += 1 if letter == "{" else -1
        elif letter in ";\n" and depth == 0:
            text = script[begin:place].strip()
            begin = place + 1
            if text and not text.startswith("#"):
                yield text
    if script[begin:].strip():
        yield script[begin:].strip()  # Something in it is not closed.


def _options(words: Iterable[str]) -> tuple[str, dict[str, str]]:
    """The value of `-Name` or of no option, and those of the other options."""
    name, options, option = "", {}, "-name"
    for word in words:
        if word.startswith("-"):
            option = "-name" if word.lower() in ("-force", "-name") else word.lower()
        elif option == "-name":
            name = word
        else:
            options[option], option = word, "-name"
    return name, options


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text, posix=False) or [""]
    except ValueError as error:
        raise _NotRunError(f"The string is missing the terminator: {error}") from error
