"""Reading scripts without running them: which programs they call, with which parameters. Quotes,
commas and brackets are removed, so that `@('/ServerMode', '"CS"')` reads as `/ServerMode CS`.
Comments are ignored.
"""

from __future__ import annotations

import re
from functools import lru_cache

_BLOCK_COMMENT = re.compile(r"<#.*?#>", re.DOTALL)
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)
_DRESSING = re.compile(r"[\"'`,()@\[\]]")
_BLANKS = re.compile(r"[ \t]+")
_LINE_GOES_ON = re.compile(r"[ \t]*[\\`]\r?\n[ \t]*")
_PARAMETER = re.compile(r"(?<!\S)/\w+")
_COMMAND_ENDS = re.compile(r"[\n;|&]+")


@lru_cache(maxsize=256)
def plain(script: str) -> str:
    """A script without comments, with single blanks between the words of each line."""
    text = _COMMENT.sub("", _BLOCK_COMMENT.sub("", script))
    return _BLANKS.sub(" ", _DRESSING.sub(" ", _LINE_GOES_ON.sub(" ", text)))


def calls(script: str, program: str) -> bool:
    """Whether a plain script names a program, in any folder."""
    return (
        re.search(rf"(?<![\w.-]){re.escape(program)}(?![\w-])", script, re.IGNORECASE) is not None
    )


def gives(script: str, parameter: str, value: str | None = None, within: str | None = None) -> bool:
    """Whether a plain PowerShell script gives a parameter, such as `/ServerMode`.

    Args:
        script: the plain script.
        parameter: with its slash; compared case-insensitively, as Windows' installers do.
        value: what must follow it, or a variable that is set to it somewhere in the script; None
            accepts any value that is not a parameter itself, "" only no value.
        within: the part of the script that gives it; None for all of it.
    """
    text = script if within is None else within
    name = rf"(?<![\w/]){re.escape(parameter)}(?![\w/])"
    if value == "":
        return re.search(name, text, re.IGNORECASE) is not None
    given = re.findall(rf"{name}\s+(?!/)(\S+)", text, re.IGNORECASE)
    return any(value is None or _is(script, one, value) for one in given)


def command_lines(script: str, *programs: str) -> list[str]:
    """The lines of a plain PowerShell script that call one of some programs.

    If none of them has a parameter, the parameters are given elsewhere: then it is the whole
    script.
    """
    lines = [
        line for line in script.splitlines() if any(calls(line, program) for program in programs)
    ]
    with_parameters = [line for line in lines if _PARAMETER.search(line)]
    return with_parameters or ([script] if lines else [])


def commands(script: str, program: str) -> list[list[str]]:
    """The words after a program's name in each command of a plain shell script that calls it."""
    found = []
    for command in _COMMAND_ENDS.split(script):
        words = command.split()
        places = [at for at, word in enumerate(words) if word.rpartition("/")[2] == program]
        found += [words[places[0] + 1 :]] if places else []
    return found


def option(script: str, words: list[str], name: str, value: str | None = None) -> bool:
    """Whether a shell command has an option, compared case-sensitively; `value` as in `gives`."""
    if name not in words:
        return False
    if value == "":
        return True
    rest = words[words.index(name) + 1 :]
    if not rest or rest[0].startswith("-"):
        return False
    return value is None or _is(script, rest[0], value)


def _is(script: str, given: str, value: str) -> bool:
    if given.lower() == value.lower():
        return True
    if not given.startswith("$"):
        return False
    name = re.escape(given.lstrip("$").strip("{}"))
    return (
        re.search(rf"\$?{name}\s*=\s*[^\n]*\b{re.escape(value)}\b", script, re.IGNORECASE)
        is not None
    )
