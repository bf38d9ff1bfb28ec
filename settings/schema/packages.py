"""A file to download and install: its URL, and the checksum that it is verified by."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field

from site_recovery.declared.model import Model, rule

_SIGNATURES = frozenset(
    [
        "x-amz-signature",
        "x-amz-credential",
        "x-amz-security-token",
        "awsaccesskeyid",
        "signature",
        "sig",
        "x-goog-signature",
        "token",
        "access_token",
    ]
)
"""Parameters of presigned addresses: Amazon S3 (both versions of signing, CloudFront), shared access
signatures of Azure Storage, and Google Cloud Storage."""

_ADDRESS = re.compile(r"https://[A-Za-z0-9._~:/?#@!&*+,=%-]+")
"""What both shells and Systems Manager take between quotes. A URL has other characters as `%28`."""
_SHA256 = re.compile(r"[0-9A-Fa-f]{64}")


def _is_https(url: str) -> bool:
    if _ADDRESS.fullmatch(url) is None:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and parts.username is None


def _is_not_signed(url: str) -> bool:
    names = {name.lower() for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}
    return not names & _SIGNATURES


HttpsUrl = Annotated[
    str,
    rule(
        _is_https,
        "{value} is not an https address that can be fetched as it is",
        "Write one like https://example.com/package.zip: https, no user name, nothing that a "
        "shell would read, and other signs as in %28",
    ),
    rule(
        _is_not_signed,
        "the address is signed, and its signature is a secret that would stand in the config",
        "Put the file where the machines can fetch it without one: a bucket that lets the VPC's "
        "endpoint read it, or a web server inside the VPC",
    ),
    Field(title="https address"),
]
Sha256 = Annotated[
    str,
    rule(
        lambda value: _SHA256.fullmatch(value) is not None,
        "{value} is not a SHA-256 sum",
        "Use 64 hexadecimal digits, as `sha256sum` and `Get-FileHash` print them",
    ),
    Field(title="64 hexadecimal digits"),
]


class Package(Model):
    """A file to download."""

    url: HttpsUrl = Field(description="Address that the file is fetched from.")
    sha256: Sha256 | None = Field(
        default=None,
        description="SHA-256 of the file. A file with another sum is not installed. Set it: "
        "without it, the file is taken as the address returns it.",
    )
