"""The record of the local clouds, which the emulator writes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from toolchain.layout import Layout, NotReadyError

START = "Start them with `make clouds`, or with `make up`, which also migrates the fleet."
_SERVICES = ("aws", "azure")


@dataclass(frozen=True)
class Recorded:
    """The local clouds that were started.

    Attributes:
        ports: their TCP ports on loopback, by service.
        environment: the variables by which SDKs and Pulumi reach them.
        patterns: the names of variables that would lead elsewhere all the same.
    """

    ports: Mapping[str, int]
    environment: Mapping[str, str]
    patterns: Iterable[str]

    def overriding(self, names: Iterable[str]) -> list[str]:
        """Those of the names that would lead elsewhere."""
        return [
            name for name in names if any(fnmatchcase(name, pattern) for pattern in self.patterns)
        ]


def read(layout: Layout) -> Recorded:
    """What is recorded.

    Raises:
        NotReadyError: the emulator has not started both, or the file is damaged.
    """
    path = layout.clouds / "clouds.json"
    try:
        found = json.loads(path.read_text("utf-8"))
        if not found.keys() >= {*_SERVICES, "environment"}:
            # A start was killed before both were there. Another one goes on.
            raise FileNotFoundError
        ports = {name: found[name]["port"] for name in _SERVICES}
        variables = dict(found["environment"].items())
        # The next start records them for clouds that an older version started.
        patterns = list(found.get("overriding", ()))
        if {type(port) for port in ports.values()} != {int}:
            raise TypeError(ports)
        if not all(isinstance(value, str) for value in (*variables.values(), *patterns)):
            raise TypeError(variables, patterns)
    except FileNotFoundError:
        raise NotReadyError(f"The local clouds do not run. {START}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotReadyError(
            f"{path} is not a record of the emulator ({error!r}). Stop the processes that still run "
            "yourself (`pgrep -af 'emulator (aws|azure)'` lists them), then remove the file. "
            f"{START}"
        ) from None
    return Recorded(ports, variables, patterns)
