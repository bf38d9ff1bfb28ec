"""The tenant of a token. Two credentials of one run may belong to two."""

from __future__ import annotations

import base64
import json


def tenant_of(token: str) -> str:
    """The id of the tenant that issued a token for Resource Manager; empty if it does not say so.

    The plugin `azure-native` reads the same claim (`tid`; "Access token claims reference"). Nothing
    is decided from it but whether it is another one.
    """
    parts = token.split(".")
    if len(parts) != 3:
        return ""
    padded = parts[1] + "=" * (-len(parts[1]) % 4)
    try:
        claims = json.loads(base64.urlsafe_b64decode(padded))
    except ValueError:
        return ""
    return str(claims.get("tid") or "") if isinstance(claims, dict) else ""
