"""`curl` to a service of the machine itself."""

from __future__ import annotations

from urllib.parse import urlsplit

from emulator.estate.services import Running
from emulator.estate.shells.ran import Ran

LOCAL = ("localhost", "127.0.0.1", "[::1]")
_PORTS = {"http": 80, "https": 443}
_WITH_VALUE = ("-o", "--output", "-w", "--write-out", "-m", "--max-time", "--connect-timeout")
_FLAGS = frozenset("fsSkL")


def run(words: list[str], services: Running, ran: Ran) -> int:
    """Run it; the exit code is as in curl(1): 6 no such host, 7 no connection, 22 with `-f`."""
    options: dict[str, str] = {}
    flags: set[str] = set()
    url = ""
    rest = iter(words[1:])
    for word in rest:
        if word in _WITH_VALUE:
            options[word.lstrip("-")[0]] = next(rest, "")
        elif word.startswith("--"):
            flags.add({"--fail": "f", "--silent": "s", "--show-error": "S"}.get(word, ""))
        elif word.startswith("-") and set(word[1:]) <= _FLAGS:
            flags |= set(word[1:])
        elif word.startswith("-"):
            ran.complains(f"curl: option {word}: is unknown")
            return 2
        else:
            url = word
    return _get(url, options, flags, services, ran)


def _get(url: str, options: dict[str, str], flags: set[str], services: Running, ran: Ran) -> int:
    loud = "s" not in flags or "S" in flags
    parts = urlsplit(url if "://" in url else f"http://{url}")
    host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 80)
    if host not in (*LOCAL, services.host.lower(), "::1"):
        return _fails(6, f"Could not resolve host: {host}", loud, ran)
    status = services.answer(port, parts.path or "/")
    if status is None:
        text = f"Failed to connect to {host} port {port}: Connection refused"
        return _fails(7, text, loud, ran, options)
    if "w" in options:
        ran.out.append(options["w"].replace("%{http_code}", str(status)).replace("\\n", "\n"))
    if "f" in flags and status >= 400:
        return _fails(22, f"The requested URL returned error: {status}", loud, ran)
    if "o" not in options:
        ran.prints("OK" if status == 200 else "Not Found")
    return 0


def _fails(
    code: int, text: str, loud: bool, ran: Ran, options: dict[str, str] | None = None
) -> int:
    if options and "w" in options:
        ran.out.append(options["w"].replace("%{http_code}", "000").replace("\\n", "\n"))
    if loud:
        ran.complains(f"curl: ({code}) {text}")
    return code
