"""The services that machines run: a web server each, or those that a tag names.

The tag `services` of an instance lists them as `name:port`, such as `nginx:80 app:8080`. Each
answers on its port at `/` and `/healthz`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

TAG = "services"
PATHS = frozenset({"/", "/healthz"})
_WEB_SERVERS = {"windows": ("W3SVC", 80), "linux": ("nginx", 80)}


@dataclass(frozen=True)
class Service:
    """A service that starts with its machine.

    Attributes:
        name: the name that `systemctl` or `Get-Service` knows.
        port: the TCP port on which it answers by HTTP.
    """

    name: str
    port: int


@dataclass
class Running:
    """The services of one machine, and which of them run.

    Attributes:
        host: the machine's computer name.
        services: all that are installed.
        up: the names of those that run.
    """

    host: str
    services: tuple[Service, ...]
    up: set[str] = field(default_factory=set)

    def named(self, name: str) -> Service | None:
        """The installed service of a name, in any case and with or without `.service`."""
        wanted = name.lower().removesuffix(".service")
        return next((one for one in self.services if one.name.lower() == wanted), None)

    def start(self, service: Service) -> None:
        """Start an installed service."""
        self.up.add(service.name)

    def stop(self, service: Service) -> bool:
        """Stop an installed service; False if it does not stop."""
        self.up.discard(service.name)
        return True

    def listens(self, port: int) -> bool:
        """Whether a running service has a port."""
        return any(one.port == port and one.name in self.up for one in self.services)

    def answer(self, port: int, path: str) -> int | None:
        """The HTTP status of a GET from the machine itself; None if nothing listens."""
        if not self.listens(port):
            return None
        return 200 if path.partition("?")[0] in PATHS else 404


def installed(platform: str, tags: Mapping[str, str]) -> tuple[Service, ...]:
    """The services of an instance.

    Args:
        platform: "windows" or "linux".
        tags: its tags. A part of `services` that is no `name:port` names nothing.
    """
    named = tuple(_parsed(tags.get(TAG, "").replace(",", " ").split()))
    return named or (Service(*_WEB_SERVERS[platform]),)


def _parsed(parts: Iterable[str]) -> Iterable[Service]:
    for part in parts:
        name, colon, port = part.rpartition(":")
        if colon and name and port.isdecimal() and 0 < int(port) < 65536:
            yield Service(name, int(port))
