"""How all clients of a run reach the internet: the authorities they trust, and the proxy.

Sources: `SSL_CERT_FILE` is OpenSSL's, `REQUESTS_CA_BUNDLE` that of requests, which az uses, and
`AWS_CA_BUNDLE` botocore's. Whichever is set counts for the clients of both clouds. `HTTPS_PROXY` and
`NO_PROXY` are read by botocore itself, and by aiohttp with `trust_env`.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit
from urllib.request import getproxies_environment

from site_recovery.distrust import CA_VARIABLE
from site_recovery.errors import MigrationError
from site_recovery.problems import Problem

if TYPE_CHECKING:
    import ssl

    from aiohttp import ClientSession

VARIABLES = (CA_VARIABLE, "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE")


PROXY_WAY_OUT = "Check HTTPS_PROXY, and name in NO_PROXY what is reached without it"
_STATUS = re.compile(r"(\d{3}), message=|Tunnel connection failed: (\d{3})")


class AuthoritiesError(MigrationError):
    """A variable names no file of authorities, or two name different ones.

    Attributes:
        problems: each of them once.
    """

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(" ".join(str(problem) for problem in problems))
        self.problems = problems


def problems() -> list[Problem]:
    """What is wrong with the variables, each cause once."""
    try:
        file()
    except AuthoritiesError as error:
        return error.problems
    return []


def file() -> str | None:
    """The path of the file that the environment names, PEM; None if it names none.

    Raises:
        AuthoritiesError: it is no such file, or there are two.
    """
    return _file(tuple((name, os.environ[name]) for name in VARIABLES if os.environ.get(name)))


def context() -> ssl.SSLContext | Literal[True]:
    """What aiohttp takes for `ssl`: one context for all sessions; True is aiohttp's own.

    It trusts the file besides what the computer trusts.

    Raises:
        AuthoritiesError: see `file`.
    """
    path = file()
    return True if path is None else _context(path)


def session(**options: Any) -> ClientSession:
    """A session of aiohttp that trusts the file, and takes the proxy of the environment.

    It has to be made where an event loop runs.

    Args:
        options: those of aiohttp's `ClientSession`.

    Raises:
        AuthoritiesError: see `file`.
    """
    import aiohttp  # The program imports this module and sends nothing.

    connector = aiohttp.TCPConnector(ssl=context())
    return aiohttp.ClientSession(**{"connector": connector, "trust_env": True, **options})


def unproxied(error: BaseException) -> str | None:
    """What is wrong with the proxy; None if the error is another one.

    Args:
        error: an error of an SDK, whose text names the host to which no connection was made. The
            credential's error keeps nothing else of its cause.
    """
    proxy = urlsplit(getproxies_environment().get("https", ""))
    if not proxy.hostname:
        return None
    named = f"{proxy.hostname}:{proxy.port}" if proxy.port else proxy.hostname
    # botocore keeps the cause beside its text.
    text = f"{error} {getattr(error, 'kwargs', {}).get('error', '')}"
    if not re.search(rf"(?<![\w.-]){re.escape(named)}(?![\w.-])", text):
        return None
    status = _STATUS.search(text)
    why = f"it answered {status[1] or status[2]}" if status else "it does not answer"
    return f"the proxy {named} does not connect ({why})"


@lru_cache(maxsize=1)
def _file(named: tuple[tuple[str, str], ...]) -> str | None:
    by_path: dict[str, list[str]] = {}
    for name, path in named:
        by_path.setdefault(os.path.realpath(path), []).append(name)
    found = []
    contents: dict[bytes, tuple[str, str]] = {}
    for path, names in by_path.items():
        variables = " and ".join(names)
        wrong = _wrong(path)
        if wrong:
            found.append(
                Problem(
                    variables,
                    f"{path}: {wrong}",
                    "Name a PEM file with the public authorities and the one of your proxy or "
                    "firewall, or unset the variable",
                )
            )
        else:
            # A copy of a file is no other file.
            contents.setdefault(Path(path).read_bytes(), (variables, path))
    if len(contents) > 1:
        (first, its), *others = contents.values()
        for other, path in others:
            found.append(
                Problem(
                    other,
                    f"it names {path}, and {first} names {its}; the clients of both clouds trust "
                    "one file",
                    "Let both name one PEM file with all the authorities, or unset one",
                )
            )
    if found:
        raise AuthoritiesError(found)
    return next(iter(contents.values()))[1] if contents else None


def _wrong(path: str) -> str:
    """Why a file cannot be loaded, or empty."""
    import ssl

    if Path(path).exists() and not Path(path).is_file():
        return "it is no file"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        return "it holds no certificates in PEM that can be read"
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return ""


@lru_cache(maxsize=4)
def _context(path: str) -> ssl.SSLContext:
    import ssl

    made = ssl.create_default_context()
    made.load_verify_locations(path)
    made.set_alpn_protocols(["http/1.1"])
    return made
