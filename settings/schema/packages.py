"""What is fetched to be installed: an address, and the sum by which it is known to be the one."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

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
]
Sha256 = Annotated[
    str,
    rule(
        lambda value: _SHA256.fullmatch(value) is not None,
        "{value!r} is no SHA-256 sum",
        "Use 64 hexadecimal digits, as `sha256sum` and `Get-FileHash` print them",
    ),
]


class Package(Model):
    """A file to fetch.

    Attributes:
        sha256: its sum; without one whatever the address answers is installed.
    """

    url: HttpsUrl
    sha256: Sha256 | None = None
