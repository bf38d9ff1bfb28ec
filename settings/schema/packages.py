"""What is fetched to be installed: an address, and the sum by which it is known to be the one."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field

from site_recovery.declared.model import Model, rule

_SHA256 = re.compile(r"[0-9A-Fa-f]{64}")


def _is_https(url: str) -> bool:
    # Quotes and spaces never stand in an address, and the url goes through a shell's arguments.
    if re.search(r"[\s'\"`$<>|;\\]", url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and parts.username is None


HttpsUrl = Annotated[
    str,
    rule(
        _is_https,
        "{value!r} is no https address that can be fetched as it stands",
        "Write one like https://example.com/package.zip: https, no user name, nothing that a "
        "shell would read",
    ),
    Field(title="https address"),
]
Sha256 = Annotated[
    str,
    rule(
        lambda value: _SHA256.fullmatch(value) is not None,
        "{value!r} is no SHA-256 sum",
        "Use 64 hexadecimal digits, as `sha256sum` and `Get-FileHash` print them",
    ),
    Field(title="64 hexadecimal digits"),
]


class Package(Model):
    """A file to fetch."""

    url: HttpsUrl = Field(description="Address that the file is fetched from.")
    sha256: Sha256 | None = Field(
        default=None,
        description="SHA-256 of the file. A file with another sum is not installed. Set it: "
        "without it, the file is taken as the address returns it.",
    )
