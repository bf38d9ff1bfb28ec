"""Which variables of a shell would lead SDKs elsewhere, in spite of those that `environment` prints.

Sources: "Service-specific endpoints" and "Environment variables" (AWS SDKs and Tools Reference Guide);
`ManagedIdentityCredential` of azure-identity, which asks for the identity of AZURE_CLIENT_ID, and takes Service Fabric
for the source of its tokens with IDENTITY_SERVER_THUMBPRINT.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

PATTERNS = (
    "ARM_METADATA_HOSTNAME",
    "AWS_DEFAULT_PROFILE",
    # One for each service of AWS, such as AWS_ENDPOINT_URL_EC2.
    "AWS_ENDPOINT_URL_*",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_PROFILE",
    "AWS_SESSION_TOKEN",
    "AZURE_CLIENT_ID",
    "IDENTITY_SERVER_THUMBPRINT",
)
"""Their names; `*` stands for any characters."""


def overriding(names: Iterable[str]) -> list[str]:
    """Those of the names that have to be unset, sorted."""
    return sorted(name for name in names if any(fnmatchcase(name, pattern) for pattern in PATTERNS))
