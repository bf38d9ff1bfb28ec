"""A shell with lists, `&&`, `||`, `!`, `if`, subshells and `set -e`, and a few commands.

There are no pipes and no variables but `$?`. What is redirected to a file is not shown; a redirection
to or from `/dev/tcp/HOST/PORT` tries to connect. Other commands are not found, as on a machine that
does not have them.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from emulator.estate.services import Running
from emulator.estate.shells import curl
from emulator.estate.shells.ran import Command, Ran, ScriptEnded

_SEPARATORS = (";", "\n")
_IF_PARTS = ("then", "else", "fi")
_SOCKET = re.compile(r"/dev/tcp/(?P<host>[\w.-]+)/(?P<port>\d+)")


@dataclass(frozen=True)
class Machine:
    """What a shell runs on.

    Attributes:
        services: the machine's services.
        connects: whether a connection from it to a host's port is established; None if only its own
            services are reached.
        commands: commands that it has beside the usual ones, or in place of them; None for one that
            it does not have.
    """

    services: Running
    connects: Callable[[str, int], bool] | None = None
    commands: Mapping[str, Command | None] = field(default_factory=dict)

    def reaches(self, host: str, port: int) -> bool:
        """Whether a connection is established."""
        if self.connects is not None:
            return self.connects(host, port)
        return host in curl.LOCAL and self.services.listens(port)


def run(script: str, machine: Machine, name: str = "bash") -> Ran:
    """Run a script.

    Args:
        script: its text.
        machine: where it runs.
        name: how the shell calls itself in its messages.

    Returns:
        Its exit code is that of its last command, of `exit`, or 2 for bad syntax.
    """
    ran = Ran()
    try:
        _Shell(_tokens(script), machine, ran, name).run()
    except ScriptEnded as end:
        ran.code = end.code
    except ValueError as error:
        ran.complains(f"{name}: syntax error: {error}")
        ran.code = 2
    return ran


def _tokens(script: str) -> list[str]:
    found: list[str] = []
    for line in script.splitlines():
        lexer = shlex.shlex(line, posix=False, punctuation_chars="();<>|&")
        lexer.whitespace_split = True
        lexer.commenters = "#"
        found += [*lexer, "\n"]
    return found


class _Shell:
    """Parses and runs tokens in one pass.

    Args:
        tokens: words and operators; lines end with a newline.
        machine: where it runs.
        ran: what is printed goes there.
        name: how it calls itself.
        stops: whether a failing command ends the script (`set -e`).
        line: the number of the first line.
    """

    def __init__(
        self,
        tokens: list[str],
        machine: Machine,
        ran: Ran,
        name: str,
        stops: bool = False,
        line: int = 1,
    ) -> None:
        self._tokens = tokens
        self._at = 0
        self._machine = machine
        self._ran = ran
        self._name = name
        self._stops = stops
        self._line = line
        self._commands = {**_commands(machine, name), **machine.commands}

    def run(self) -> None:
        """Run to the end of the tokens."""
        self._list(skip=False)
        if self._at < len(self._tokens):
            raise ValueError(f"unexpected token '{self._tokens[self._at]}'")

    def _peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self) -> str:
        token = self._peek()
        if token is None:
            raise ValueError("unexpected end of file")
        self._at += 1
        self._line += token.count("\n")
        return token

    def _list(self, skip: bool, ends: Collection[str] = ()) -> None:
        while True:
            while self._peek() in _SEPARATORS:
                self._take()
            if self._peek() in (None, ")", *ends):
                return
            self._and_or(skip)

    def _and_or(self, skip: bool) -> None:
        tested = self._command(skip)
        while (operator := self._peek()) in ("&&", "||"):
            self._at += 1
            while self._peek() == "\n":
                self._take()
            wanted = (self._ran.code == 0) == (operator == "&&")
            tested = self._command(skip or not wanted) or not wanted
        if not skip and not tested and self._ran.code and self._stops:
            raise ScriptEnded(self._ran.code)

    def _command(self, skip: bool) -> bool:
        """Run one command. Returns whether its failure is one that the script tested for."""
        inverted = False
        while self._peek() == "!":
            self._at += 1
            inverted = not inverted
        if self._peek() == "(":
            self._subshell(skip)
        elif self._peek() == "if":
            self._branch(skip)
        else:
            self._simple(skip)
        if inverted and not skip:
            self._ran.code = int(not self._ran.code)
        return inverted or self._peek() in ("&&", "||")

    def _branch(self, skip: bool) -> None:
        """Run `if LIST; then LIST; [else LIST;] fi`."""
        self._take()
        stops, self._stops = self._stops, False
        self._list(skip, _IF_PARTS)
        self._stops = stops
        holds = self._ran.code == 0
        if self._take() != "then":
            raise ValueError("'then' is missing")
        if not skip:
            self._ran.code = 0
        self._list(skip or not holds, _IF_PARTS)
        end = self._take()
        if end == "else":
            self._list(skip or holds, _IF_PARTS)
            end = self._take()
        if end != "fi":
            raise ValueError("'fi' is missing")

    def _subshell(self, skip: bool) -> None:
        self._take()
        stops, line = self._stops, self._line
        begin, depth = self._at, 1
        while depth:
            depth += {"(": 1, ")": -1}.get(self._take(), 0)
        inside = self._tokens[begin : self._at - 1]
        streams = self._streams_of_subshell()
        if skip:
            return
        printed = Ran()
        try:
            _Shell(inside, self._machine, printed, self._name, stops, line).run()
        except ScriptEnded as end:
            printed.code = end.code
        self._show(printed, streams)
        self._ran.code = printed.code

    def _streams_of_subshell(self) -> dict[str, str]:
        streams: dict[str, str] = {}
        words: list[str] = []
        while (token := self._peek()) is not None and (token in ("1", "2") or token[0] in "<>&"):
            if token in ("&&", "&"):
                break
            self._at += 1
            if token in ("1", "2"):
                words.append(token)
            else:
                self._redirect(token, words, streams, [])
        return streams

    def _simple(self, skip: bool) -> None:
        words: list[str] = []
        streams: dict[str, str] = {}
        sockets: list[tuple[str, int]] = []
        while (token := self._peek()) not in (None, *_SEPARATORS, "&&", "||", ")"):
            assert token is not None
            self._at += 1
            if token in ("|", "&", "("):
                raise ValueError(f"'{token}' is not run here")
            if token.strip("<>&"):
                words.append(token)
            else:
                self._redirect(token, words, streams, sockets)
        if not words and not streams and not sockets:
            raise ValueError(f"unexpected token '{(token or 'end of file').strip() or 'newline'}'")
        if not skip:
            self._ran.code = self._execute(
                [self._expanded(word) for word in words] or [":"], streams, sockets
            )

    def _redirect(
        self,
        operator: str,
        words: list[str],
        streams: dict[str, str],
        sockets: list[tuple[str, int]],
    ) -> None:
        """Let a stream go to the other one, or to a file, which is not shown."""
        stream = words.pop() if words and words[-1] in ("1", "2") else "1"
        target = self._take()
        if socket := _SOCKET.fullmatch(target):
            sockets.append((socket["host"], int(socket["port"])))
        elif operator.startswith("<"):
            streams["0"] = "file"
        elif operator.startswith("&"):
            streams |= dict.fromkeys("12", "file")
        else:
            streams[stream] = streams.get(target, target) if operator == ">&" else "file"

    def _execute(
        self, words: list[str], streams: Mapping[str, str], sockets: list[tuple[str, int]]
    ) -> int:
        if words[0] == "exit":
            raise ScriptEnded(int(words[1]) % 256 if len(words) > 1 else self._ran.code)
        if words[0] == "set":
            for word in words[1:]:
                if "e" in word and word[0] in "-+":
                    self._stops = word[0] == "-"
            return 0
        printed = Ran()
        command = self._commands.get(words[0])
        refused = [one for one in sockets if not self._machine.reaches(*one)]
        if refused:
            for host, port in refused:
                printed.complains(f"{self._name}: connect: Connection refused")
                printed.complains(f"{self._name}: /dev/tcp/{host}/{port}: Connection refused")
            code = 1
        elif command is None:
            printed.complains(f"{self._name}: line {self._line}: {words[0]}: command not found")
            code = 127
        else:
            code = command(words, printed)
        self._show(printed, streams)
        return code

    def _show(self, printed: Ran, streams: Mapping[str, str]) -> None:
        shown = {"1": self._ran.out, "2": self._ran.err}
        for stream, lines in (("1", printed.out), ("2", printed.err)):
            shown.get(streams.get(stream, stream), []).extend(lines)

    def _expanded(self, word: str) -> str:
        if word.startswith("'") and word.count("'") == 2:
            return word.strip("'")
        expanded = word.replace('"', "").replace("$?", str(self._ran.code))
        if "$" in expanded or "`" in expanded:
            raise ValueError(f"{word} is not run here")
        return expanded if word.startswith('"') else expanded.replace("'", "")


def _commands(machine: Machine, name: str) -> Mapping[str, Command | None]:
    services = machine.services

    def echo(words: list[str], ran: Ran) -> int:
        ran.prints(" ".join(words[1:]))
        return 0

    def systemctl(words: list[str], ran: Ran) -> int:
        arguments = [word for word in words[1:] if not word.startswith("-")]
        quiet = {"--quiet", "-q"} & set(words)
        if len(arguments) < 2:
            ran.complains("Too few arguments.")
            return 1
        verb, *names = arguments
        codes = [_systemctl(verb, name, services, Ran() if quiet else ran) for name in names]
        return max(codes)

    def service(words: list[str], ran: Ran) -> int:
        return systemctl([words[0], *reversed(words[1:3])], ran)

    def bash(words: list[str], ran: Ran) -> int:
        if len(words) != 3 or words[1] != "-c":
            raise ValueError("only -c is run here")
        inside = run(words[2], machine, name)
        ran.out += inside.out
        ran.err += inside.err
        return inside.code

    def timeout(words: list[str], ran: Ran) -> int:
        command = commands.get(words[2]) if len(words) > 2 else None
        if command is None:
            ran.complains(f"timeout: failed to run command '{' '.join(words[2:3])}'")
            return 127
        return command(words[2:], ran)

    commands: dict[str, Command | None] = {
        "echo": echo,
        "systemctl": systemctl,
        "service": service,
        "curl": lambda words, ran: curl.run(words, services, ran),
        "hostname": lambda words, ran: echo([words[0], services.host], ran),
        "true": lambda words, ran: 0,
        ":": lambda words, ran: 0,
        "sync": lambda words, ran: 0,
        "sleep": lambda words, ran: 0,
        "false": lambda words, ran: 1,
        "exec": lambda words, ran: 0,
        "bash": bash,
        "/bin/bash": bash,
        "timeout": timeout,
    }
    return commands


def _systemctl(verb: str, name: str, services: Running, ran: Ran) -> int:
    """One verb on one unit, with the texts and exit codes of systemctl(1)."""
    found = services.named(name)
    unit = f"{name.removesuffix('.service')}.service"
    if found is None:
        if verb == "is-active":
            ran.prints("inactive")
            return 3
        if verb == "status":
            ran.complains(f"Unit {unit} could not be found.")
            return 4
        known = "found" if verb == "start" else "loaded"
        ran.complains(f"Failed to {verb} {unit}: Unit {unit} not {known}.")
        return 5
    if verb in ("stop", "restart") and not services.stop(found):
        ran.complains(f"Failed to {verb} {unit}: Connection timed out")
        ran.complains(f"See system logs and 'systemctl status {unit}' for details.")
        return 1
    if verb in ("start", "restart", "reload"):
        services.start(found)
    elif verb == "is-enabled":
        ran.prints("enabled")
    elif verb in ("is-active", "status"):
        active = found.name in services.up
        state = "active" if active else "inactive"
        ran.prints(state if verb == "is-active" else f"{unit}\n   Active: {state}")
        return 0 if active else 3
    elif verb != "stop":
        ran.complains(f"Unknown command verb {verb}.")
        return 1
    return 0
