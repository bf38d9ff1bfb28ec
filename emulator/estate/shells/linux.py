"""A shell with lists, `&&`, `||`, `!`, subshells and `set -e`, and a few commands.

There are no pipes and no variables but `$?`. What is redirected to a file is not shown. Other
commands are not found, as on a machine that does not have them.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from emulator.estate.services import Running
from emulator.estate.shells import curl
from emulator.estate.shells.ran import Command, Ran, ScriptEnded

_OPENED = re.compile(r"[<>]\s*/dev/tcp/(?:localhost|127\.0\.0\.1)/(\d+)")
_SEPARATORS = (";", "\n")


def run(script: str, services: Running) -> Ran:
    """Run a script; its exit code is that of its last command, of `exit`, or 2 for bad syntax."""
    ran = Ran()
    try:
        _Shell(_tokens(script), services, ran).run()
    except ScriptEnded as end:
        ran.code = end.code
    except ValueError as error:
        ran.complains(f"bash: syntax error: {error}")
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
        services: the machine's services.
        ran: what is printed goes there.
        stops: whether a failing command ends the script (`set -e`).
    """

    def __init__(self, tokens: list[str], services: Running, ran: Ran, stops: bool = False) -> None:
        self._tokens = tokens
        self._at = 0
        self._services = services
        self._ran = ran
        self._stops = stops
        self._commands = _commands(services)

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
        return token

    def _list(self, skip: bool) -> None:
        while True:
            while self._peek() in _SEPARATORS:
                self._at += 1
            if self._peek() in (None, ")"):
                return
            self._and_or(skip)

    def _and_or(self, skip: bool) -> None:
        tested = self._command(skip)
        while (operator := self._peek()) in ("&&", "||"):
            self._at += 1
            while self._peek() == "\n":
                self._at += 1
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
        else:
            self._simple(skip)
        if inverted and not skip:
            self._ran.code = int(not self._ran.code)
        return inverted or self._peek() in ("&&", "||")

    def _subshell(self, skip: bool) -> None:
        self._take()
        stops = self._stops
        begin, depth = self._at, 1
        while depth:
            depth += {"(": 1, ")": -1}.get(self._take(), 0)
        inside = self._tokens[begin : self._at - 1]
        if skip:
            return
        try:
            _Shell(inside, self._services, self._ran, stops).run()
        except ScriptEnded as end:
            self._ran.code = end.code

    def _simple(self, skip: bool) -> None:
        words: list[str] = []
        streams: dict[str, str] = {}
        while (token := self._peek()) not in (None, *_SEPARATORS, "&&", "||", ")"):
            assert token is not None
            self._at += 1
            if token in ("|", "&", "("):
                raise ValueError(f"'{token}' is not run here")
            if token.strip("<>&"):
                words.append(token)
            else:
                streams |= self._redirection(token, words)
        if not words:
            raise ValueError(f"unexpected token '{(token or 'end of file').strip() or 'newline'}'")
        if not skip:
            self._ran.code = self._execute([self._expanded(word) for word in words], streams)

    def _redirection(self, operator: str, words: list[str]) -> dict[str, str]:
        """Where a stream goes: to the other one, or to a file, which is not shown."""
        stream = words.pop() if words and words[-1] in ("1", "2") else "1"
        target = self._take()
        if operator.startswith("<"):
            return {}
        if operator.startswith("&"):
            return dict.fromkeys("12", "file")
        return {stream: target if operator == ">&" else "file"}

    def _execute(self, words: list[str], streams: Mapping[str, str]) -> int:
        if words[0] == "exit":
            raise ScriptEnded(int(words[1]) % 256 if len(words) > 1 else self._ran.code)
        if words[0] == "timeout":
            words = words[2:] or ["true"]
        if words[0] == "set":
            for word in words[1:]:
                if "e" in word and word[0] in "-+":
                    self._stops = word[0] == "-"
            return 0
        printed = Ran()
        command = self._commands.get(words[0])
        if command is None:
            printed.complains(f"bash: {words[0]}: command not found")
            code = 127
        else:
            code = command(words, printed)
        shown = {"1": self._ran.out, "2": self._ran.err}
        for stream, lines in (("1", printed.out), ("2", printed.err)):
            shown.get(streams.get(stream, stream), []).extend(lines)
        return code

    def _expanded(self, word: str) -> str:
        if word.startswith("'"):
            return word.strip("'")
        return word.replace('"', "").replace("$?", str(self._ran.code)).replace("'", "")


def _commands(services: Running) -> Mapping[str, Command]:
    def echo(words: list[str], ran: Ran) -> int:
        ran.prints(" ".join(words[1:]))
        return 0

    def bash(words: list[str], ran: Ran) -> int:
        """`bash -c '</dev/tcp/localhost/80'`: whether something listens."""
        port = _OPENED.fullmatch(words[2].strip()) if words[1:2] == ["-c"] and words[2:] else None
        if port is None:
            inner = run(words[2] if words[1:2] == ["-c"] and words[2:] else "", services)
            ran.out, ran.err = [*ran.out, *inner.out], [*ran.err, *inner.err]
            return inner.code
        if services.listens(int(port[1])):
            return 0
        ran.complains(f"bash: connect: Connection refused\nbash: {words[2]}: Connection refused")
        return 1

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

    return {
        "echo": echo,
        "bash": bash,
        "systemctl": systemctl,
        "service": service,
        "curl": lambda words, ran: curl.run(words, services, ran),
        "hostname": lambda words, ran: echo([words[0], services.host], ran),
        "true": lambda words, ran: 0,
        ":": lambda words, ran: 0,
        "sync": lambda words, ran: 0,
        "sleep": lambda words, ran: 0,
        "false": lambda words, ran: 1,
    }


def _systemctl(verb: str, name: str, services: Running, ran: Ran) -> int:
    """One verb on one unit, with the texts and exit codes of systemctl(1)."""
    found = services.named(name)
    unit = f"{name.removesuffix('.service')}.service"
    if found is None:
        if verb == "is-active":
            ran.prints("inactive")
            return 3
        ran.complains(f"Unit {unit} could not be found.")
        return 4 if verb == "status" else 5
    if verb in ("start", "restart", "reload"):
        services.up.add(found.name)
    elif verb == "stop":
        services.up.discard(found.name)
    elif verb == "is-enabled":
        ran.prints("enabled")
    elif verb in ("is-active", "status"):
        active = found.name in services.up
        state = "active" if active else "inactive"
        ran.prints(state if verb == "is-active" else f"{unit}\n   Active: {state}")
        return 0 if active else 3
    else:
        ran.complains(f"Unknown command verb {verb}.")
        return 1
    return 0
