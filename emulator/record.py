"""The record of a directory: which processes of the emulator run, and where they answer.

The record is the file `clouds.json`. It names a process by its id and its command line, because the
system may give the id of an ended process to another program, and that one must not be signalled.
"""

from __future__ import annotations

import http.client
import json
import shlex
import ssl
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from emulator.aws.estate import REGION
from emulator.certificates import Certificates
from emulator.overriding import PATTERNS

SERVICES = ("aws", "azure")
_PORTS = 65536


class ProcessError(Exception):
    """The clouds cannot be started or stopped; the text says why and what to do."""


@dataclass(frozen=True)
class Running:
    """One process as recorded.

    Attributes:
        port: its TCP port on loopback.
        pid: its process id; None while it is stopped.
        arguments: the end of its command line, after the Python that runs it; empty while it is
            stopped.
        authority: the PEM file of the authority of its certificate; None if it speaks plain http.
    """

    port: int
    pid: int | None = None
    arguments: Sequence[str] = ()
    authority: str | None = None

    @classmethod
    def recorded(cls, content: Mapping[str, Any]) -> Running:
        """The process that a part of the record describes.

        Raises:
            KeyError: the part lacks a key.
            ValueError: a value is none that is ever written.
        """
        port, pid, arguments = content["port"], content["pid"], content["arguments"]
        authority = content.get("authority")
        for name, value, fits in (
            ("port", port, _is_number(port) and port < _PORTS),
            ("pid", pid, pid is None or _is_number(pid)),
            ("arguments", arguments, _are_texts(arguments)),
            ("authority", authority, authority is None or isinstance(authority, str)),
        ):
            if not fits:
                raise ValueError(f"{name}: {value!r}")
        return cls(port, pid, arguments, authority)

    @property
    def endpoint(self) -> str:
        """The URL of the emulator."""
        scheme = "https" if self.authority else "http"
        return f"{scheme}://127.0.0.1:{self.port}"

    @property
    def process(self) -> psutil.Process | None:
        """The process; None if it has ended, whatever has its id now."""
        if self.pid is None:
            return None
        try:
            process = psutil.Process(self.pid)
            # An ended child whose exit code nobody has read has no command line any more.
            found = process.cmdline()
        except psutil.NoSuchProcess:
            return None
        except psutil.AccessDenied:  # It belongs to another user, so it is not ours.
            return None
        return process if found[-len(self.arguments) :] == list(self.arguments) else None

    @property
    def alive(self) -> bool:
        """Whether that very process still runs."""
        return self.process is not None

    def answers(self) -> bool:
        """Whether a healthy service answers at its endpoint."""
        try:
            with self.open("/_emulator/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, ValueError, http.client.HTTPException):
            return False

    def open(
        self, path: str, *, method: str = "GET", body: bytes | None = None, timeout: float = 10
    ) -> Any:
        """The answer to a request, as `urllib.request.urlopen` gives it.

        Raises:
            OSError: there is no answer, or it is an error.
        """
        request = urllib.request.Request(f"{self.endpoint}{path}", body, method=method)  # noqa: S310
        trusted = ssl.create_default_context(cafile=self.authority) if self.authority else None
        return urllib.request.urlopen(request, timeout=timeout, context=trusted)  # noqa: S310

    def healthy(self) -> bool:
        """Whether it runs and answers."""
        return self.alive and self.answers()


@dataclass
class Clouds:
    """The processes that were started in a directory.

    Args:
        directory: where the record, the state and the logs are.
        services: the processes by service.
    """

    directory: Path
    services: dict[str, Running] = field(default_factory=dict)

    @classmethod
    def read(cls, directory: Path) -> Clouds:
        """The record of a directory; an empty one when nothing was ever started.

        Raises:
            ProcessError: the record is unreadable.
        """
        path = directory / "clouds.json"
        try:
            content = json.loads(path.read_text())
            services = {
                name: Running.recorded(one) for name, one in content.items() if name in SERVICES
            }
        except FileNotFoundError:
            return cls(directory)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ProcessError(
                f"{path} is not a record of the emulator ({error!r}). Stop the processes that "
                "still run yourself (`pgrep -af 'emulator (aws|azure)'` lists them), then remove "
                "the file."
            ) from error
        return cls(directory, services)

    @property
    def certificates(self) -> Certificates:
        """The certificates of a start with TLS."""
        return Certificates(self.directory / "tls")

    def write(self) -> None:
        """Write the record, all of it or nothing."""
        content: dict[str, Any] = {
            name: {**asdict(one), "endpoint": one.endpoint} for name, one in self.services.items()
        }
        if set(self.services) == set(SERVICES):
            content["environment"] = self.environment()
            content["overriding"] = PATTERNS
        path = self.directory / "clouds.json"
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(content, indent=2) + "\n")
        partial.replace(path)

    def environment(self) -> dict[str, str]:
        """The environment variables with which SDKs and Pulumi reach these clouds.

        Raises:
            ProcessError: nothing was ever started here.
        """
        if set(self.services) != set(SERVICES):
            raise ProcessError(
                f"No clouds are known in {self.directory}. Start them: "
                f"python -m emulator up --directory {shlex.quote(str(self.directory))}"
            )
        azure = self.services["azure"].endpoint
        trust = self.certificates.environment() if self.services["azure"].authority else {}
        return {
            "AWS_ENDPOINT_URL": self.services["aws"].endpoint,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": REGION,
            # boto3 knows the region by this name only.
            "AWS_DEFAULT_REGION": REGION,
            "AZURE_RESOURCE_MANAGER_ENDPOINT": azure,
            "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
            "IDENTITY_ENDPOINT": f"{azure}/_identity/token",
            "IDENTITY_HEADER": "local",
            **trust,
        }


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
